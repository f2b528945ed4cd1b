// SPDX-License-Identifier: Apache-2.0
//
// The real networks and, where it is there, a real face, for suites that look at whole pictures.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_VISION_FIXTURE_H
#define VIVA_TEST_VISION_FIXTURE_H

#include "vision/vision.h"

extern struct viva_vision *vision;
// As of read_astronaut().
extern uint8_t *astronaut;

// A suite's set-up and its end; two pictures may be in work at a time.
int open_vision(void **state);
int close_vision(void **state);

// Skips the test, and says so, where there is no face.
void need_face(void);

#endif
