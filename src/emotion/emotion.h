// SPDX-License-Identifier: Apache-2.0
//
// `viva emotion`: faces, expressions and blinks in frames, over gRPC and REST on one port, and their timeline.
//
// Threads: main thread.
#ifndef VIVA_EMOTION_H
#define VIVA_EMOTION_H

// Runs the service until it is told to stop: the exit status of the process.
int viva_emotion_main(int argument_count, char **arguments);

#endif
