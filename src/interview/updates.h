// SPDX-License-Identifier: Apache-2.0
//
// What the analysis of a frame means for an interview's sockets, whichever way it came: emotion_update, or
// FACE_NOT_DETECTED, and MULTIPLE_FACES.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_UPDATES_H
#define VIVA_INTERVIEW_UPDATES_H

#include "emotion.pb-c.h"
#include "events/events.h"
#include "interview/session.h"

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
};

struct interview_sighting interview_sighting_of_response(const Emotion__EmotionResponse *response);
// Members that the event's metadata lack are 0; a face without a box is possible.
struct interview_sighting interview_sighting_of_event(const struct viva_emotion_analyzed *event);

// {"emotion","confidence","timestamp","face","blink_count","attention"}; a new reference, NULL without memory.
json_t *interview_sighting_json(const struct interview_sighting *sighting);

// Tells the session's sockets. An update goes out for each frame with a face; a notice only when it is due, and not of
// what a frame out of the queue showed before one that was told already. Whether something was sent.
bool interview_announce_sighting(struct interview_session *session, const struct interview_sighting *sighting,
				 bool is_live, struct viva_arena *arena);

#endif
