// SPDX-License-Identifier: Apache-2.0
#include "vision/expression.h"

#include <math.h>
#include <string.h>

enum {
	SIDE = 44,
	// The network runs on every third frame of a face at rest, on fewer where many come a second, and in any case
	// on every twelfth, as times may stand still.
	FRAMES_BETWEEN = 3,
	MS_BETWEEN = 120,
	MAX_FRAMES_BETWEEN = 12,
	SMOOTHING_MS = 250,  // time in which the old answer's weight falls to 1/e
	STEADY_MS = 2000,    // before a bearing counts as confident
};

// The crop as FER2013's, which the network was trained on: its frame is 1.084 times as large as the mesh of the face in
// it, and lies .044 of the mesh's size above the mesh's middle (medians; tools/train/framing.py). Of that frame's 48
// pixels the network sees the middle 44.
static const float frame_scale = 1.084f;
static const float frame_lift = .044f;
static const float view_share = 44.f / 48;
static const float moved = .05f;  // of the distance between the eyes

// The network is calibrated on FER2013's faces of 48 pixels, and less sure than it could be of photos and cameras'
// frames, which show more. Its answer's temperature therefore falls with the size of the face's frame: from 1 at
// FER2013's to one fitted on photos that it was not trained on (tools/train/measure.py).
static const float coarse_side = 48, fine_side = 96;  // pixels
static const float fine_temperature = .6f;

// The rule of `confident`: at ease, facing the camera, and so for a while. See docs/emotion.md.
static const float ease_probability = .85f;
static const float neutral_at_least = .3f;
static const float happy_at_least = .12f;
static const float attention_at_least = .75f;
static const float steady_degrees = 8;

// Its classes are in the order of enum viva_emotion.
const struct viva_network_shape viva_expression_network = {
	.file = "viva_expressions.net", .side = SIDE, .outputs = VIVA_EXPRESSION_COUNT};

const char *viva_emotion_name(enum viva_emotion emotion)
{
	static const char *const names[VIVA_EMOTION_COUNT] = {
		[VIVA_EMOTION_NEUTRAL] = "neutral",   [VIVA_EMOTION_HAPPY] = "happy",
		[VIVA_EMOTION_SAD] = "sad",           [VIVA_EMOTION_ANGRY] = "angry",
		[VIVA_EMOTION_FEAR] = "fear",         [VIVA_EMOTION_DISGUST] = "disgust",
		[VIVA_EMOTION_SURPRISE] = "surprise", [VIVA_EMOTION_CONFIDENT] = "confident",
	};
	return (unsigned)emotion < VIVA_EMOTION_COUNT ? names[emotion] : "";
}

static float between(struct viva_point a, struct viva_point b)
{
	return hypotf(a.x - b.x, a.y - b.y);
}

static struct viva_point mesh_point(const struct viva_face *face, enum viva_mesh_point point)
{
	return (struct viva_point){face->mesh[point].x, face->mesh[point].y};
}

// Mouth's width and opening, and the brows' height over the eyes, in distances between the eyes.
static void measure(const struct viva_face *face, float ret_geometry[VIVA_TRACKER_GEOMETRY])
{
	struct viva_point right_eye = mesh_point(face, VIVA_MESH_RIGHT_EYE_OUTER);
	struct viva_point left_eye = mesh_point(face, VIVA_MESH_LEFT_EYE_OUTER);
	float unit = fmaxf(between(right_eye, left_eye), 1);
	ret_geometry[0] =
		between(mesh_point(face, VIVA_MESH_MOUTH_RIGHT), mesh_point(face, VIVA_MESH_MOUTH_LEFT)) / unit;
	ret_geometry[1] = between(mesh_point(face, VIVA_MESH_UPPER_LIP), mesh_point(face, VIVA_MESH_LOWER_LIP)) / unit;
	ret_geometry[2] = between(mesh_point(face, VIVA_MESH_RIGHT_BROW), right_eye) / unit;
	ret_geometry[3] = between(mesh_point(face, VIVA_MESH_LEFT_BROW), left_eye) / unit;
}

bool viva_expression_is_stale(const struct viva_tracker_expression *expression, const struct viva_face *face,
			      int64_t now_ms)
{
	int frames = expression->frames_since + 1;
	bool is_due = frames >= FRAMES_BETWEEN && now_ms - expression->updated_ms >= MS_BETWEEN;
	if (!expression->is_known || is_due || frames >= MAX_FRAMES_BETWEEN)
		return true;
	float geometry[VIVA_TRACKER_GEOMETRY];
	measure(face, geometry);
	for (int i = 0; i < VIVA_TRACKER_GEOMETRY; i++) {
		if (fabsf(geometry[i] - expression->geometry[i]) > moved)
			return true;
	}
	return false;
}

// What the network's answer is multiplied by before it becomes probabilities: 1 / temperature.
static float sharpness(float side)
{
	float detail = fminf(fmaxf((side - coarse_side) / (fine_side - coarse_side), 0), 1);
	return 1 / (1 + detail * (fine_temperature - 1));
}

// Adds what the network makes of what it was shown, of which `side` is the size of the face's frame in pixels.
static void look(struct viva_network *network, float side, float ret_probabilities[VIVA_EXPRESSION_COUNT])
{
	const float *answer = viva_network_run(network), sharp = sharpness(side);
	float shares[VIVA_EXPRESSION_COUNT], sum = 0, largest = answer[0];
	for (int i = 1; i < VIVA_EXPRESSION_COUNT; i++)
		largest = fmaxf(largest, answer[i]);
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++) {
		shares[i] = expf((answer[i] - largest) * sharp);
		sum += shares[i];
	}
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++)
		ret_probabilities[i] += shares[i] / sum;
}

// The square of the picture that FER2013 would show of the face.
static struct viva_region frame_of(const struct viva_face *face)
{
	struct viva_region region = viva_face_region(face, 1);
	region.x += sinf(region.angle) * region.size * frame_lift;
	region.y -= cosf(region.angle) * region.size * frame_lift;
	region.size *= frame_scale;
	return region;
}

void viva_expression_look(struct viva_network *network, const struct viva_picture *picture,
			  const struct viva_region *region, float ret_probabilities[VIVA_EXPRESSION_COUNT])
{
	struct viva_region seen = *region;
	seen.size *= view_share;
	memset(ret_probabilities, 0, VIVA_EXPRESSION_COUNT * sizeof *ret_probabilities);
	viva_network_show(network, picture, &seen);
	look(network, region->size, ret_probabilities);
}

void viva_expression_update(struct viva_network *network, const struct viva_picture *picture,
			    const struct viva_face *face, int64_t now_ms, struct viva_tracker_expression *expression)
{
	struct viva_region region = frame_of(face);
	float fresh[VIVA_EXPRESSION_COUNT], sum = 0;
	viva_expression_look(network, picture, &region, fresh);
	// A first look counts for all of a new face's first frames, so it takes the mirrored face in as well.
	if (!expression->is_known) {
		viva_network_show_mirrored(network);
		look(network, region.size, fresh);
	}

	float keep = 0;
	if (expression->is_known && now_ms > expression->updated_ms)
		keep = expf(-(float)(now_ms - expression->updated_ms) / SMOOTHING_MS);
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++)
		sum += fresh[i];
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++) {
		float share = fresh[i] / sum;
		expression->probabilities[i] = share + keep * (expression->probabilities[i] - share);
	}
	measure(face, expression->geometry);
	expression->is_known = true;
	expression->frames_since = 0;
	expression->updated_ms = now_ms;
}

static bool is_at_ease(const struct viva_tracker_expression *expression, float attention)
{
	float neutral = expression->probabilities[VIVA_EMOTION_NEUTRAL];
	float happy = expression->probabilities[VIVA_EMOTION_HAPPY];
	return expression->is_known && attention >= attention_at_least && neutral + happy >= ease_probability &&
	       neutral >= neutral_at_least && happy >= happy_at_least;
}

void viva_expression_observe(struct viva_tracker_expression *expression, int64_t now_ms,
			     const struct viva_head_pose *pose, float attention)
{
	bool has_moved = fabsf(pose->yaw - expression->steady_yaw) > steady_degrees ||
			 fabsf(pose->pitch - expression->steady_pitch) > steady_degrees;
	bool is_steady = is_at_ease(expression, attention);
	if (!expression->is_steady || !is_steady || has_moved) {
		expression->steady_since_ms = now_ms;
		expression->steady_yaw = pose->yaw;
		expression->steady_pitch = pose->pitch;
	}
	expression->is_steady = is_steady;
}

enum viva_emotion viva_expression_label(const struct viva_tracker_expression *expression, int64_t now_ms,
					float attention, float *ret_confidence)
{
	const float *probabilities = expression->probabilities;
	if (expression->is_steady && now_ms - expression->steady_since_ms >= STEADY_MS) {
		float ease = probabilities[VIVA_EMOTION_NEUTRAL] + probabilities[VIVA_EMOTION_HAPPY];
		*ret_confidence = fminf(fmaxf(ease * attention, 0), 1);
		return VIVA_EMOTION_CONFIDENT;
	}
	int best = 0;
	for (int i = 1; i < VIVA_EXPRESSION_COUNT; i++) {
		if (probabilities[i] > probabilities[best])
			best = i;
	}
	*ret_confidence = fminf(fmaxf(probabilities[best], 0), 1);
	return (enum viva_emotion)best;
}
