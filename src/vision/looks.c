// SPDX-License-Identifier: Apache-2.0
#include "vision/looks.h"

#include <math.h>

enum {
	MIN_LOOKS = 3,
	LOOKS_APART = 15,  // frames
};

static const float following = .2f;  // a look

static float logit(float probability)
{
	float value = logf(probability / (1 - probability));
	return fminf(fmaxf(value, -VIVA_LOOKS_SURE), VIVA_LOOKS_SURE);
}

bool viva_looks_are_known(const struct viva_tracker_eyes *eyes)
{
	return eyes->open_looks >= MIN_LOOKS;
}

bool viva_looks_are_due(const struct viva_tracker_eyes *eyes)
{
	return !viva_looks_are_known(eyes) || eyes->frames_since_look >= LOOKS_APART;
}

float viva_looks_fall(const struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen)
{
	bool is_known = seen->is_looked_at && viva_looks_are_known(eyes);
	return is_known ? eyes->open_logit - logit(seen->open) : 0;
}

void viva_looks_learn(struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen)
{
	if (!seen->is_looked_at)
		return;
	if (eyes->open_looks < UINT8_MAX)
		eyes->open_looks++;
	// The mean of the first ones.
	float follow = fmaxf(following, 1 / (float)eyes->open_looks);
	eyes->open_logit += follow * (logit(seen->open) - eyes->open_logit);
}

void viva_looks_count(struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen)
{
	if (seen->is_looked_at)
		eyes->frames_since_look = 0;
	else if (eyes->frames_since_look < UINT8_MAX)
		eyes->frames_since_look++;
}
