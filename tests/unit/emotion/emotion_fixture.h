// SPDX-License-Identifier: Apache-2.0
//
// An emotion service without its process: the real models, a store, an embedded bus and keys in a folder of its own, a
// clock that stands still, and an ear that hears the events it publishes.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_EMOTION_FIXTURE_H
#define VIVA_TEST_EMOTION_FIXTURE_H

#include <limits.h>

#include "bus_probe.h"
#include "emotion/analysis.h"
#include "emotion/timeline.h"
#include "pictures.h"
#include "store_place.h"
#include "viva_test.h"

struct emotion_fixture {
	struct emotion_service service;
	struct bus_probe probe;  // hears EmotionAnalyzed
	struct fake_clock clock;
	char directory[PATH_MAX];
	struct store_place place;  // of the service's store
	struct viva_arena *arena;  // of the group
	struct viva_bytes room;    // a picture without a face
	uint8_t *astronaut;        // NULL where it is not; see pictures.h
};
extern struct emotion_fixture emotion_fixture;

// Of a group of tests.
int emotion_fixture_open(void **state);
int emotion_fixture_close(void **state);
// Forgets what this process knows of sessions, as if it had just been started.
void emotion_fixture_forget_memory(void);

struct emotion_frame emotion_fixture_frame(const char *session_id, struct viva_bytes image, int64_t time_ms,
					   int64_t number);
Emotion__EmotionResponse *emotion_fixture_analyze(const struct emotion_frame *frame);
enum emotion_queued_outcome emotion_fixture_analyze_queued(const char *session_id, struct viva_bytes image,
							   int64_t time_ms, int64_t number);
// A tracker sealed for a session as the service seals it.
struct viva_bytes emotion_fixture_seal(const char *session_id, const struct viva_tracker *tracker);
// The session's summary: frames, blinks, …
int64_t emotion_fixture_summary(const char *session_id, const char *member);
int64_t emotion_fixture_count(const char *sql);

// Publishes a FrameCaptured, as the worker does once it has accepted it.
void emotion_fixture_publish_frame(const char *session_id, struct viva_bytes image, int64_t time_ms, int64_t number,
				   const char *traceparent);

#endif
