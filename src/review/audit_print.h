// SPDX-License-Identifier: Apache-2.0
//
// An audit's outcome on standard output: for people, as JSON, as CSV.
//
// Threads: main.
#ifndef VIVA_REVIEW_AUDIT_PRINT_H
#define VIVA_REVIEW_AUDIT_PRINT_H

#include "review/audit_rule.h"

struct audit_outcome {
	const char *score;     // "overall", …
	const char *group_by;  // as it was given
	struct audit_rule rule;
	struct audit_result result;
	size_t rows;           // of the file
	size_t not_scorable;   // interviews of which no answer could be scored
	size_t without_score;  // that have none, or are not known
};

VIVA_MUST_CHECK int audit_print_text(const struct audit_outcome *outcome, struct viva_arena *arena);  // VIVA_ENOMEM
VIVA_MUST_CHECK int audit_print_json(const struct audit_outcome *outcome);                            // VIVA_ENOMEM
VIVA_MUST_CHECK int audit_print_csv(const struct audit_outcome *outcome);                             // always 0

#endif
