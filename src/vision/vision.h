// SPDX-License-Identifier: Apache-2.0
//
// Faces in pictures: where, how the head is held, what it expresses, and when it blinks. Pure computing: no net, no
// store.
//
// Threads: open and destroy an engine from one; analyze and detect from any, each on the caller's thread. A call waits
// while all contexts are taken. A tracker has one owner at a time.
#ifndef VIVA_VISION_H
#define VIVA_VISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "vision/tracker.h"

struct viva_vision;

struct viva_vision_options {
	const char *model_directory;  // with face_networks.json, viva_networks.json and the files they list
	size_t contexts;              // pictures in work at a time; each costs about 22 MB. Default 1, at most 64.
	uint32_t max_side;            // pixels; a wider or higher picture is refused unread. Default 4,096.
	uint64_t max_pixels;          // width × height likewise. Default 16,777,216.
	size_t max_bytes;             // of an encoded picture. Default 10 MiB.
};

struct viva_vision_options viva_vision_defaults(void);

// Checks the models against their sums and loads them: some hundredths of a second. VIVA_EMODEL (which file, and the
// cure), VIVA_EINVAL (a limit out of range), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_vision_open(const struct viva_vision_options *options, struct viva_vision **ret_vision,
				     struct viva_error *error);
struct viva_vision *viva_vision_destroy(struct viva_vision *vision);  // after the last call returned. Always NULL.
VIVA_DEFINE_AUTO(viva_vision)

// What a caller says a picture is. Only its signature decides; one that contradicts it is refused.
enum viva_image_format { VIVA_IMAGE_ANY, VIVA_IMAGE_JPEG, VIVA_IMAGE_PNG };
// "jpeg", "jpg", "image/jpeg", "png", "image/png" (any case); "" or NULL = ANY. VIVA_EFIELD ("format") for another.
VIVA_MUST_CHECK int viva_image_format_parse(const char *text, enum viva_image_format *ret_format,
					    struct viva_error *error);

// Pixels of the picture as it was sent, origin top left, within the picture.
struct viva_vision_box {
	int32_t x, y, width, height;
};

// Left and right are the person's own.
enum viva_landmark_type {
	VIVA_LANDMARK_LEFT_EYE,
	VIVA_LANDMARK_RIGHT_EYE,
	VIVA_LANDMARK_NOSE,
	VIVA_LANDMARK_MOUTH,
	VIVA_LANDMARK_MOUTH_LEFT,
	VIVA_LANDMARK_MOUTH_RIGHT,
	VIVA_LANDMARK_CHIN,
	VIVA_LANDMARK_LEFT_EAR,
	VIVA_LANDMARK_RIGHT_EAR,
	VIVA_LANDMARK_COUNT,
};
const char *viva_landmark_name(enum viva_landmark_type type);  // "left_eye"

struct viva_vision_point {
	int32_t x, y;  // pixels; may lie a little outside a picture that cuts the face
};

// Degrees. Yaw > 0: turned to the person's left; pitch > 0: up; roll > 0: tilted to the person's left shoulder.
struct viva_head_pose {
	float yaw, pitch, roll;
};

// Where the eyes look, seen from the camera: degrees, 0 at it, signs as of the head's pose.
struct viva_gaze {
	float yaw, pitch;
};

// What would help to see better; the first that applies.
enum viva_vision_hint {
	VIVA_HINT_NONE,
	VIVA_HINT_NO_FACE,
	VIVA_HINT_TOO_DARK,
	VIVA_HINT_FACE_TOO_SMALL,
	VIVA_HINT_TOO_BLURRED,
	VIVA_HINT_FACE_CUT_OFF,
	VIVA_HINT_TURNED_AWAY,
	VIVA_HINT_SEVERAL_FACES,
};
const char *viva_vision_hint_name(enum viva_vision_hint hint);  // "face_too_small"; "" for none

// Seconds spent on each step of one analysis; 0 for a step that was not needed.
struct viva_vision_timing {
	double decode, detect, landmarks, expression, total;
};

struct viva_vision_result {
	uint32_t width, height;  // of the picture as it was sent
	bool is_detected;        // false: what follows is 0, but for face_count and hint
	float confidence;        // that this is a face, 0–1
	struct viva_vision_box box;
	struct viva_vision_point landmarks[VIVA_LANDMARK_COUNT];
	struct viva_head_pose pose;
	bool has_gaze;  // false where the eyes are closed
	struct viva_gaze gaze;
	float attention;     // 0 = looking away … 1 = at the camera (docs/emotion.md)
	float eye_ratio;     // opening of the eyes: height by width of the lids' contour, mean of both eyes
	int32_t face_count;  // when the detector last ran
	enum viva_vision_hint hint;
	enum viva_emotion emotion;
	float emotion_confidence;                  // 0–1
	float expressions[VIVA_EXPRESSION_COUNT];  // by enum viva_emotion; sums to 1
	int64_t expression_age_ms;                 // since the network last looked; 0 in a frame in which it did
	float brightness, sharpness;               // of the face (docs/emotion.md); 0 without one
	bool is_new_expression;                    // false: carried over from an earlier frame
	struct viva_vision_timing timing;
};

// Analyses the picture as the next frame of the tracker's session. `timestamp_ms` is the frame's time (Unix
// milliseconds, ≥ 0); blinks are counted only when it is later than the tracker's last, so that a frame that comes
// twice counts once. A picture without a face is no failure. On failure the tracker is as it was.
// VIVA_EIMAGE (not a JPEG or PNG that can be read whole), VIVA_EFRAMESIZE (bytes, sides or pixels over the limit),
// VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_vision_analyze(struct viva_vision *vision, struct viva_bytes image,
					enum viva_image_format format, int64_t timestamp_ms,
					struct viva_tracker *tracker, struct viva_vision_result *ret_result,
					struct viva_error *error);

// The largest face of a single picture: confidence, box, landmarks, pose, face_count and hint; no expression.
// Fails as viva_vision_analyze.
VIVA_MUST_CHECK int viva_vision_detect(struct viva_vision *vision, struct viva_bytes image,
				       enum viva_image_format format, struct viva_vision_result *ret_result,
				       struct viva_error *error);

enum {
	VIVA_THUMBNAIL_MAX_SIDE = 320,         // pixels
	VIVA_THUMBNAIL_MAX_BYTES = 48 * 1024,  // of the file
};

struct viva_thumbnail {
	int32_t width, height;  // pixels, 1 to VIVA_THUMBNAIL_MAX_SIDE
};

// Appends to *out a small picture of the whole one: a baseline JPEG in proportion, no larger than it. Of what the file
// holds beside its pixels (place, time, camera) nothing goes along. VIVA_ELIMIT (it can't be made small enough, or *out
// is full); else fails as viva_vision_analyze; then *out is as it was.
VIVA_MUST_CHECK int viva_vision_thumbnail(struct viva_vision *vision, struct viva_bytes image,
					  enum viva_image_format format, struct viva_buffer *out,
					  struct viva_thumbnail *ret_thumbnail, struct viva_error *error);

// What a face expresses whose picture is cut already: square, upright, filled by it from the hair to the chin as in
// FER2013. No face is looked for. ret_expressions is by enum viva_emotion and sums to 1. Fails as viva_vision_analyze.
VIVA_MUST_CHECK int viva_vision_classify_face(struct viva_vision *vision, struct viva_bytes image,
					      enum viva_image_format format,
					      float ret_expressions[VIVA_EXPRESSION_COUNT], struct viva_error *error);
// How likely an eye is open (0–1) whose picture is cut already: about square, the eye filling two thirds of its width.
// Fails as viva_vision_analyze.
VIVA_MUST_CHECK int viva_vision_classify_eye(struct viva_vision *vision, struct viva_bytes image,
					     enum viva_image_format format, float *ret_open, struct viva_error *error);

#endif
