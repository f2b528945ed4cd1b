// SPDX-License-Identifier: Apache-2.0
//
// The operator's commands: what waits on the bus, what died on it, and the question bank.
//
// Threads: the main thread of a process that has no other.
#ifndef VIVA_OPERATE_H
#define VIVA_OPERATE_H

// `viva queues`: the exit status of the process. Arguments without the program's and subcommand's names.
int viva_queues_main(int argument_count, char **arguments);
// `viva dead-letters list|show|replay|drop`.
int viva_dead_letters_main(int argument_count, char **arguments);
// `viva questions lint|list|import|export`.
int viva_questions_main(int argument_count, char **arguments);

#endif
