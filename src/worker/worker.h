// SPDX-License-Identifier: Apache-2.0
//
// `viva worker`: passes frames on, has completed interviews scored and reported, and tells webhooks of scores.
// `viva webhooks`: its delivery log.
//
// Threads: main thread.
#ifndef VIVA_WORKER_H
#define VIVA_WORKER_H

// Runs the service until it is told to stop: the exit status of the process.
int viva_worker_main(int argument_count, char **arguments);
int viva_webhooks_main(int argument_count, char **arguments);

#endif
