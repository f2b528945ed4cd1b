// SPDX-License-Identifier: Apache-2.0
#include "review/audit_rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

// What is not known comes last.
static int compare_persons(const void *a, const void *b)
{
	const struct audit_person *x = a, *y = b;
	int known = (x->group[0] == '\0') - (y->group[0] == '\0');
	return known != 0 ? known : strcmp(x->group, y->group);
}

static int find_cut(const struct audit_person *persons, size_t count, const struct audit_rule *rule,
		    struct viva_arena *arena, double *ret_cut)
{
	if (rule->has_threshold || count == 0) {
		*ret_cut = rule->has_threshold ? rule->threshold : 0;
		return 0;
	}
	double *scores = viva_arena_alloc(arena, count * sizeof *scores);
	if (!scores)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++)
		scores[i] = persons[i].score;
	qsort(scores, count, sizeof *scores, compare_numbers);
	*ret_cut = (scores[(count - 1) / 2] + scores[count / 2]) / 2;
	return 0;
}

static bool is_selected(const struct audit_rule *rule, double cut, double score)
{
	return rule->has_threshold ? score >= cut : score > cut;
}

// The group that begins at *at, which is stepped over.
static struct audit_group sum_up(const struct audit_person *persons, size_t count, size_t *at,
				 const struct audit_rule *rule, double cut)
{
	struct audit_group group = {.name = persons[*at].group};
	double sum = 0;
	for (; *at < count && strcmp(persons[*at].group, group.name) == 0; (*at)++) {
		group.count++;
		group.selected += is_selected(rule, cut, persons[*at].score);
		sum += persons[*at].score;
	}
	group.mean = sum / (double)group.count;
	group.rate = (double)group.selected / (double)group.count;
	group.is_suppressed = group.name[0] == '\0' || group.count < rule->min_count ||
			      (double)group.count < rule->min_share * (double)count;
	return group;
}

static const struct audit_group *find_best(const struct audit_result *result)
{
	const struct audit_group *best = NULL;
	size_t compared = 0;
	for (size_t i = 0; i < result->group_count; i++) {
		const struct audit_group *group = &result->groups[i];
		if (group->is_suppressed)
			continue;
		compared++;
		if (!best || group->rate > best->rate)
			best = group;
	}
	return compared >= 2 && best->rate > 0 ? best : NULL;
}

static double log_choose(double n, double k)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

double audit_exact_p(size_t selected_a, size_t count_a, size_t selected_b, size_t count_b)
{
	size_t selected = selected_a + selected_b;
	size_t least = selected > count_b ? selected - count_b : 0;
	size_t most = selected < count_a ? selected : count_a;
	double all = log_choose((double)(count_a + count_b), (double)selected);
	double observed =
		log_choose((double)count_a, (double)selected_a) + log_choose((double)count_b, (double)selected_b) - all;
	double sum = 0;
	for (size_t k = least; k <= most; k++) {
		double log_p = log_choose((double)count_a, (double)k) +
			       log_choose((double)count_b, (double)(selected - k)) - all;
		// Tables that are as unlikely count, whatever rounding makes of them.
		if (log_p <= observed + 1e-7)
			sum += exp(log_p);
	}
	return fmin(sum, 1);
}

int audit_judge(struct audit_person *persons, size_t count, const struct audit_rule *rule, struct viva_arena *arena,
		struct audit_result *ret_result)
{
	struct audit_result result = {.count = count};
	int status = find_cut(persons, count, rule, arena, &result.cut);
	if (status)
		return status;
	qsort(persons, count, sizeof *persons, compare_persons);
	size_t groups = 0;
	for (size_t i = 0; i < count; i++)
		groups += i == 0 || strcmp(persons[i].group, persons[i - 1].group) != 0;
	result.groups = viva_arena_alloc(arena, (groups + 1) * sizeof *result.groups);
	if (!result.groups)
		return VIVA_ENOMEM;
	for (size_t at = 0; at < count;)
		result.groups[result.group_count++] = sum_up(persons, count, &at, rule, result.cut);
	const struct audit_group *best = find_best(&result);
	for (size_t i = 0; i < result.group_count && best; i++) {
		struct audit_group *group = &result.groups[i];
		if (group->is_suppressed)
			continue;
		group->has_ratio = true;
		group->ratio = group->rate / best->rate;
		group->is_flagged = group->ratio < AUDIT_FOUR_FIFTHS;
		group->p_value =
			group == best ? 1 : audit_exact_p(group->selected, group->count, best->selected, best->count);
	}
	result.best = best ? best->name : NULL;
	*ret_result = result;
	return 0;
}
