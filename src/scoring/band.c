// SPDX-License-Identifier: Apache-2.0
#include "scoring/band.h"

#include <math.h>

void scoring_sample_add(struct scoring_sample *sample, double score)
{
	sample->count++;
	sample->sum += score;
	sample->square_sum += score * score;
}

double scoring_sample_mean(const struct scoring_sample *sample)
{
	return sample->count > 0 ? sample->sum / (double)sample->count : 0;
}

double scoring_sample_error(const struct scoring_sample *sample)
{
	if (sample->count == 0)
		return 0;
	double count = (double)sample->count;
	double spread = fmax(0, sample->square_sum - sample->sum * sample->sum / count);
	double expected = SCORING_DEVIATION_WEIGHT * SCORING_ANSWER_DEVIATION * SCORING_ANSWER_DEVIATION;
	return sqrt((expected + spread) / (SCORING_DEVIATION_WEIGHT + count - 1) / count);
}

struct scoring_band scoring_band_around(double score, double standard_error)
{
	double half = SCORING_BAND_WIDTH * standard_error;
	return (struct scoring_band){.low = fmax(0, score - half), .high = fmin(100, score + half)};
}
