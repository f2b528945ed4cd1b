// SPDX-License-Identifier: Apache-2.0
//
// What the analysis of a frame means for an interview's sockets, whichever way it came: emotion_update, or
// FACE_NOT_DETECTED, MULTIPLE_FACES, and hints at what would help to see better.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_UPDATES_H
#define VIVA_INTERVIEW_UPDATES_H

#include "emotion.pb-c.h"
#include "events/events.h"
#include "interview/session.h"

// What would help to see better, in the emotion service's word and in one for the candidate. Constants.
struct interview_hint {
	const char *code;     // "" = none
	const char *message;  // "" where nothing is to be said, or another message says it
};

// A frame as its analysis describes it. Texts are borrowed.
struct interview_sighting {
	int64_t timestamp;  // Unix ms
	bool has_face;
	bool has_box;
	int x, y, width, height;  // of the face, pixels
	const char *emotion;      // "" without a face
	double confidence;        // 0–1
	int64_t blink_count;
	double attention;  // 0–1
	int face_count;
	bool has_pose;
	double yaw, pitch, roll;  // of the head, degrees
	bool has_gaze;
	double gaze_yaw, gaze_pitch;  // degrees, 0 = at the camera
	const struct interview_hint *hint;
};

struct interview_sighting interview_sighting_of_response(const Emotion__EmotionResponse *response);
// Members that the event's metadata lack are 0; a face without a box is possible. A hint that is not known is none.
struct interview_sighting interview_sighting_of_event(const struct viva_emotion_analyzed *event);

// {"emotion","confidence","timestamp","face","blink_count","attention","face_count","head_pose","gaze","hint"}; a new
// reference, NULL without memory.
json_t *interview_sighting_json(const struct interview_sighting *sighting);

// Tells the session's sockets. An update goes out for each frame with a face; a notice or hint only when it is due, and
// not of what a frame out of the queue showed before one that was told already. Whether something was sent.
bool interview_announce_sighting(struct interview_session *session, const struct interview_sighting *sighting,
				 bool is_live, struct viva_arena *arena);

#endif
