// SPDX-License-Identifier: Apache-2.0
//
// Whether scores fall evenly on groups: selection rates, impact ratios with the four-fifths rule (29 CFR § 1607.4 D),
// and how easily chance alone would do it.
//
// Threads: any; pure functions.
#ifndef VIVA_REVIEW_AUDIT_RULE_H
#define VIVA_REVIEW_AUDIT_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/macros.h"

// Below it a group's impact ratio is flagged.
#define AUDIT_FOUR_FIFTHS .8

struct audit_person {
	const char *group;  // "" = not known; borrowed
	double score;
};

struct audit_rule {
	bool has_threshold;
	double threshold;  // selected: at least so much. Without one: above the median of all, as New York City's rules
			   // for scored systems have it (6 RCNY § 5-300, "scoring rate")
	size_t min_count;  // a smaller group,
	double min_share;  // or one with a smaller share of all, 0–1, is only counted
};

struct audit_group {
	const char *name;  // "" = not known
	size_t count;
	size_t selected;
	double mean;         // of its scores
	bool is_suppressed;  // only counted: too small, or not known
	double rate;         // selected ÷ count
	bool has_ratio;
	double ratio;    // rate ÷ that of the group with the highest one
	double p_value;  // two-sided exact test (Fisher) beside that group; 1 for itself
	bool is_flagged;
};

struct audit_result {
	struct audit_group *groups;  // by name, the unknown one last
	size_t group_count;
	size_t count;
	double cut;        // the threshold or median
	const char *best;  // the group with the highest rate; NULL = there are no two groups to compare
};

// Everything in the arena; `persons` are sorted by group on return. VIVA_ENOMEM.
VIVA_MUST_CHECK int audit_judge(struct audit_person *persons, size_t count, const struct audit_rule *rule,
				struct viva_arena *arena, struct audit_result *ret_result);

// Fisher's exact test, two-sided: how likely a table at least as unlikely as this one is by chance, if both rates are
// the same.
double audit_exact_p(size_t selected_a, size_t count_a, size_t selected_b, size_t count_b);

#endif
