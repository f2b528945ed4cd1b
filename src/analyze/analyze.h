// SPDX-License-Identifier: Apache-2.0
//
// `viva analyze`: what the vision engine sees in a picture, a folder or a film.
//
// Threads: the main thread of a process that has no other.
#ifndef VIVA_ANALYZE_H
#define VIVA_ANALYZE_H

// The exit status of the process. Arguments without the program's and subcommand's names.
int viva_analyze_main(int argument_count, char **arguments);

#endif
