// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viva_test.h"

// All series as text; for free().
static char *written(void)
{
	struct viva_buffer buffer;
	viva_buffer_init(&buffer, 4 << 20);
	assert_ok(viva_metrics_write(&buffer));
	assert_ok(viva_buffer_append(&buffer, "", 1));
	return (char *)buffer.data;
}

static void assert_written(const char *line)
{
	VIVA_AUTO_FREE char *text = written();
	char whole[256];
	snprintf(whole, sizeof whole, "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("\"%s\" is missing in:\n%s", line, text);
}

static void test_metrics__a_counter_adds_up(void **state)
{
	(void)state;
	struct viva_metric *metric = viva_counter("viva_test_total", "code=\"200\"", "Tests");
	viva_metric_add(metric, 1);
	viva_metric_add(metric, 2);
	assert_ptr_equal(viva_counter("viva_test_total", "code=\"200\"", "Tests"), metric);
	viva_metric_add(viva_counter("viva_test_total", "code=\"404\"", "Tests"), 1);
	viva_metric_add(viva_counter("viva_plain_total", "", "Plain"), 1);
	assert_written("# TYPE viva_test_total counter");
	assert_written("viva_test_total{code=\"200\"} 3");
	assert_written("viva_test_total{code=\"404\"} 1");
	assert_written("viva_plain_total 1");
}

static void test_metrics__series_of_one_name_stand_together(void **state)
{
	(void)state;
	viva_metric_set(viva_gauge("viva_together", "a=\"1\"", "Together"), 1);
	viva_metric_set(viva_gauge("viva_between", "", "Between"), 1);
	viva_metric_set(viva_gauge("viva_together", "a=\"2\"", "Together"), -2.5);
	assert_written("viva_together{a=\"1\"} 1\nviva_together{a=\"2\"} -2.5");
	VIVA_AUTO_FREE char *text = written();
	const char *first = strstr(text, "# HELP viva_together ");
	assert_non_null(first);
	assert_null(strstr(first + 1, "# HELP viva_together "));
}

static void test_metrics__a_histogram_has_cumulated_buckets(void **state)
{
	(void)state;
	struct viva_metric *metric = viva_histogram("viva_test_seconds", "", "Durations");
	viva_metric_observe(metric, 0.0005);
	viva_metric_observe(metric, 0.25);
	viva_metric_observe(metric, 99);
	assert_written("viva_test_seconds_bucket{le=\"0.0005\"} 1");
	assert_written("viva_test_seconds_bucket{le=\"0.1\"} 1");
	assert_written("viva_test_seconds_bucket{le=\"0.25\"} 2");
	assert_written("viva_test_seconds_bucket{le=\"10\"} 2");
	assert_written("viva_test_seconds_bucket{le=\"+Inf\"} 3");
	assert_written("viva_test_seconds_sum 99.2505");
	assert_written("viva_test_seconds_count 3");
	viva_metric_observe(viva_histogram("viva_test_seconds", "m=\"x\"", "Durations"), 1);
	assert_written("viva_test_seconds_bucket{m=\"x\",le=\"1\"} 1");
	assert_written("viva_test_seconds_count{m=\"x\"} 1");
}

static void test_metrics__a_name_has_one_kind(void **state)
{
	(void)state;
	viva_metric_add(viva_counter("viva_kind_total", "", "Kind"), 1);
	struct viva_metric *other = viva_gauge("viva_kind_total", "", "Kind");
	assert_non_null(other);
	viva_metric_set(other, 77);
	assert_written("viva_kind_total 1");
}

static void *add_often(void *context)
{
	for (int i = 0; i < 20000; i++)
		viva_metric_add(context, 1);
	return NULL;
}

static void test_metrics__nothing_is_lost_between_threads(void **state)
{
	(void)state;
	struct viva_metric *metric = viva_counter("viva_threads_total", "", "Threads");
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_often, metric), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_written("viva_threads_total 80000");
}

static void test_metrics__the_process_tells_of_itself(void **state)
{
	(void)state;
	VIVA_AUTO_FREE char *text = written();
	static const char *const names[] = {"\nprocess_cpu_seconds_total ", "\nprocess_resident_memory_bytes ",
					    "\nprocess_open_fds ", "\nprocess_start_time_seconds "};
	double values[VIVA_COUNT(names)];
	for (size_t i = 0; i < VIVA_COUNT(names); i++) {
		const char *at = strstr(text, names[i]);
		assert_non_null(at);
		values[i] = strtod(at + strlen(names[i]), NULL);
	}
	assert_true(values[1] > 100000);
	assert_true(values[2] >= 3 && values[2] < 1000);
	double now = (double)viva_clock_unix_ms(viva_system_clock()) / 1000;
	assert_true(values[3] > 1.7e9 && values[3] <= now + 1);
}

static void test_metrics__a_page_too_large_for_its_buffer_is_an_error(void **state)
{
	(void)state;
	viva_metric_set(viva_gauge("viva_some", "", "Some"), 1);
	struct viva_buffer small;
	viva_buffer_init(&small, 100);
	assert_error(viva_metrics_write(&small), VIVA_ELIMIT);
	viva_buffer_finish(&small);
}

// Last: it leaves no room.
static void test_metrics__a_full_registry_counts_no_more_and_breaks_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		char labels[32];
		snprintf(labels, sizeof labels, "i=\"%d\"", i);
		viva_metric_add(viva_counter("viva_many_total", labels, "Many"), 1);
	}
	assert_written("viva_many_total{i=\"0\"} 1");
	VIVA_AUTO_FREE char *text = written();
	assert_null(strstr(text, "viva_many_total{i=\"4999\"}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics__a_counter_adds_up),
		cmocka_unit_test(test_metrics__series_of_one_name_stand_together),
		cmocka_unit_test(test_metrics__a_histogram_has_cumulated_buckets),
		cmocka_unit_test(test_metrics__a_name_has_one_kind),
		cmocka_unit_test(test_metrics__nothing_is_lost_between_threads),
		cmocka_unit_test(test_metrics__the_process_tells_of_itself),
		cmocka_unit_test(test_metrics__a_page_too_large_for_its_buffer_is_an_error),
		cmocka_unit_test(test_metrics__a_full_registry_counts_no_more_and_breaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
