// SPDX-License-Identifier: Apache-2.0
//
// What people who decide by scores ask of a running platform: the report of an interview, and whether scores fall
// evenly on groups.
//
// Threads: the main thread of a process that has no other.
#ifndef VIVA_REVIEW_H
#define VIVA_REVIEW_H

// `viva report ID`: the exit status of the process. Arguments without the program's and subcommand's names.
int viva_report_main(int argument_count, char **arguments);
// `viva audit --group-by COLUMN FILE.csv`.
int viva_audit_main(int argument_count, char **arguments);

#endif
