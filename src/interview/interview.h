// SPDX-License-Identifier: Apache-2.0
//
// `viva interview`: interviews over REST and WebSocket, their life, and the calls to emotion and scoring.
//
// Threads: the main thread; returns after the service's orderly end.
#ifndef VIVA_INTERVIEW_H
#define VIVA_INTERVIEW_H

// Runs the service until SIGINT or SIGTERM: the exit status of the process. Arguments without the program's and
// subcommand's names.
int viva_interview_main(int argument_count, char **arguments);

#endif
