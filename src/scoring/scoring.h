// SPDX-License-Identifier: Apache-2.0
//
// `viva scoring`: answers judged, interviews scored, reports made, over gRPC and REST on one port.
//
// Threads: main thread.
#ifndef VIVA_SCORING_H
#define VIVA_SCORING_H

// Runs the service until it is told to stop: the exit status of the process.
int viva_scoring_main(int argument_count, char **arguments);

#endif
