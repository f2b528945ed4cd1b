// SPDX-License-Identifier: Apache-2.0
//
// `viva up`: one child process per service on this machine, watched, restarted, and stopped in order.
//
// Threads: the main thread of a process that has no other.
#ifndef VIVA_UP_H
#define VIVA_UP_H

// Runs the platform until SIGINT, SIGTERM or SIGHUP: the exit status of the process. Arguments without the program's
// and subcommand's names.
int viva_up_main(int argument_count, char **arguments);

#endif
