// SPDX-License-Identifier: Apache-2.0
#include "review/audit_rule.h"

#include <math.h>
#include <string.h>

#include "viva_test.h"

enum { MAX_PERSONS = 400 };

static struct viva_arena *arena;
static struct audit_person persons[MAX_PERSONS];
static size_t person_count;
static struct audit_result result;

static int begin(void **state)
{
	(void)state;
	person_count = 0;
	return viva_arena_create(0, &arena);
}

static int end(void **state)
{
	(void)state;
	arena = viva_arena_destroy(arena);
	return 0;
}

static void add(const char *group, size_t count, double score)
{
	for (size_t i = 0; i < count; i++)
		persons[person_count++] = (struct audit_person){.group = group, .score = score};
}

static const struct audit_group *judge(const struct audit_rule *rule, const char *group)
{
	assert_ok(audit_judge(persons, person_count, rule, arena, &result));
	for (size_t i = 0; i < result.group_count; i++) {
		if (strcmp(result.groups[i].name, group) == 0)
			return &result.groups[i];
	}
	fail();
	return NULL;
}

static void assert_near(double got, double wanted)
{
	if (fabs(got - wanted) < 1e-6)
		return;
	print_error("%.9f is not %.9f\n", got, wanted);
	fail();
}

static const struct audit_rule sixty = {.has_threshold = true, .threshold = 60, .min_count = 10, .min_share = .02};
static const struct audit_rule median = {.min_count = 10, .min_share = .02};

static void test_audit__flags_a_rate_below_four_fifths_of_the_highest(void **state)
{
	(void)state;
	add("b", 30, 60);
	add("b", 20, 59.99);
	add("a", 23, 70);
	add("a", 27, 10);
	const struct audit_group *group = judge(&sixty, "a");
	assert_int_equal(group->selected, 23);
	assert_near(group->rate, .46);
	assert_near(group->ratio, .46 / .6);
	assert_true(group->is_flagged && group->has_ratio);
	assert_string_equal(result.best, "b");
	group = judge(&sixty, "b");
	assert_near(group->ratio, 1);
	assert_near(group->p_value, 1);
	assert_false(group->is_flagged);
	assert_near(group->mean, (30 * 60 + 20 * 59.99) / 50);
}

static void test_audit__four_fifths_itself_is_not_flagged(void **state)
{
	(void)state;
	add("a", 40, 80);
	add("a", 60, 20);
	add("b", 50, 80);
	add("b", 50, 20);
	assert_near(judge(&sixty, "a")->ratio, .8);
	assert_false(judge(&sixty, "a")->is_flagged);
}

static void test_audit__without_a_threshold_the_median_of_all_decides(void **state)
{
	(void)state;
	add("a", 10, 40);
	add("b", 10, 60);
	add("a", 10, 50);
	add("b", 10, 50);
	const struct audit_group *group = judge(&median, "b");
	assert_near(result.cut, 50);
	assert_int_equal(group->selected, 10);
	assert_int_equal(judge(&median, "a")->selected, 0);
	assert_true(judge(&median, "a")->is_flagged);
}

static void test_audit__what_is_too_small_or_not_known_is_only_counted(void **state)
{
	(void)state;
	add("a", 200, 80);
	add("few", 9, 0);
	add("", 50, 0);
	add("c", 100, 80);
	assert_true(judge(&sixty, "few")->is_suppressed && !judge(&sixty, "few")->has_ratio);
	assert_true(judge(&sixty, "")->is_suppressed);
	assert_int_equal(judge(&sixty, "")->count, 50);
	assert_string_equal(result.groups[result.group_count - 1].name, "");
	const struct audit_rule by_share = {.has_threshold = true, .threshold = 60, .min_count = 1, .min_share = .03};
	assert_true(judge(&by_share, "few")->is_suppressed);
	assert_false(judge(&by_share, "c")->is_suppressed);
}

static void test_audit__nothing_to_compare_gives_no_ratio(void **state)
{
	(void)state;
	assert_ok(audit_judge(persons, 0, &median, arena, &result));
	assert_int_equal(result.group_count, 0);
	add("a", 20, 10);
	assert_false(judge(&sixty, "a")->has_ratio);
	add("b", 20, 10);
	assert_false(judge(&sixty, "b")->has_ratio);
	assert_null(result.best);
}

static void test_audit__the_exact_test_gives_known_values(void **state)
{
	(void)state;
	// Fisher's tea: 3 of 4 beside 1 of 4; and by hand 10 of 10 beside none of 10: 2 ÷ C(20, 10).
	assert_near(audit_exact_p(3, 4, 1, 4), 34. / 70);
	assert_near(audit_exact_p(10, 10, 0, 10), 2. / 184756);
	assert_near(audit_exact_p(5, 10, 5, 10), 1);
	assert_near(audit_exact_p(0, 10, 0, 30), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_audit__flags_a_rate_below_four_fifths_of_the_highest, begin, end),
		cmocka_unit_test_setup_teardown(test_audit__four_fifths_itself_is_not_flagged, begin, end),
		cmocka_unit_test_setup_teardown(test_audit__without_a_threshold_the_median_of_all_decides, begin, end),
		cmocka_unit_test_setup_teardown(test_audit__what_is_too_small_or_not_known_is_only_counted, begin, end),
		cmocka_unit_test_setup_teardown(test_audit__nothing_to_compare_gives_no_ratio, begin, end),
		cmocka_unit_test_setup_teardown(test_audit__the_exact_test_gives_known_values, begin, end),
	};
	return cmocka_run_group_tests_name("audit_rule", tests, NULL, NULL);
}
