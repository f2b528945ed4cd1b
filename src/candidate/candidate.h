// SPDX-License-Identifier: Apache-2.0
//
// `viva candidate`: takes a whole interview at any Viva from the terminal, with frames and answers from files.
//
// Threads: the main thread of a process that has no other.
#ifndef VIVA_CANDIDATE_H
#define VIVA_CANDIDATE_H

// Runs one interview to its score: the exit status of the process (0, 1 = failed, 2 = wrong usage). Arguments without
// the program's and subcommand's names.
int viva_candidate_main(int argument_count, char **arguments);

#endif
