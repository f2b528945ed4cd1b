// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"

enum { MAX_SERIES = 4096, SLOTS = 8192 /* a power of two above MAX_SERIES */ };

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

struct viva_metric {
	struct family *family;
	struct viva_metric *next_in_family;
	char *labels;
	_Atomic double value;                              // of a histogram: the sum
	_Atomic uint64_t buckets[VIVA_COUNT(bounds) + 1];  // not cumulated; the last is +Inf
};

struct family {
	struct family *next;
	char *name;
	const char *help;
	enum metric_kind kind;
	struct viva_metric *first, *last;
};

// The mutex guards the structure; values are atomic. What is registered is never freed.
static struct {
	pthread_mutex_t mutex;
	struct family *first, *last;
	size_t count;
	struct viva_metric *slots[SLOTS];  // open addressing by name and labels
} registry = {.mutex = PTHREAD_MUTEX_INITIALIZER};

// What is counted here is never shown.
static struct viva_metric uncounted;

static uint64_t hash_of(const char *name, const char *labels)
{
	uint64_t hash = viva_hash_more(VIVA_HASH_START, name, strlen(name) + 1);
	return viva_hash_more(hash, labels, strlen(labels));
}

static struct family *find_family(const char *name)
{
	struct family *family = registry.first;
	while (family && strcmp(family->name, name) != 0)
		family = family->next;
	return family;
}

static struct family *add_family(const char *name, const char *help, enum metric_kind kind)
{
	struct family *family = calloc(1, sizeof *family);
	char *copy = strdup(name);
	if (!family || !copy) {
		free(family);
		free(copy);
		return NULL;
	}
	*family = (struct family){.name = copy, .help = help, .kind = kind};
	if (registry.last)
		registry.last->next = family;
	else
		registry.first = family;
	registry.last = family;
	return family;
}

static struct viva_metric *add_metric(struct family *family, const char *labels)
{
	struct viva_metric *metric = calloc(1, sizeof *metric);
	char *copy = strdup(labels);
	if (!metric || !copy) {
		free(metric);
		free(copy);
		return NULL;
	}
	metric->family = family;
	metric->labels = copy;
	if (family->last)
		family->last->next_in_family = metric;
	else
		family->first = metric;
	family->last = metric;
	return metric;
}

static struct viva_metric *find_or_add_locked(const char *name, const char *labels, const char *help,
					      enum metric_kind kind)
{
	size_t slot = hash_of(name, labels) % SLOTS;
	for (; registry.slots[slot]; slot = (slot + 1) % SLOTS) {
		struct viva_metric *metric = registry.slots[slot];
		if (strcmp(metric->family->name, name) == 0 && strcmp(metric->labels, labels) == 0)
			return metric->family->kind == kind ? metric : NULL;
	}
	if (registry.count == MAX_SERIES)
		return NULL;
	struct family *family = find_family(name);
	if (!family)
		family = add_family(name, help, kind);
	if (!family || family->kind != kind)
		return NULL;
	struct viva_metric *metric = add_metric(family, labels);
	if (metric) {
		registry.slots[slot] = metric;
		registry.count++;
	}
	return metric;
}

static struct viva_metric *find_or_add(const char *name, const char *labels, const char *help, enum metric_kind kind)
{
	pthread_mutex_lock(&registry.mutex);
	struct viva_metric *metric = find_or_add_locked(name, labels, help, kind);
	pthread_mutex_unlock(&registry.mutex);
	return metric ? metric : &uncounted;
}

struct viva_metric *viva_counter(const char *name, const char *labels, const char *help)
{
	return find_or_add(name, labels, help, METRIC_COUNTER);
}

struct viva_metric *viva_gauge(const char *name, const char *labels, const char *help)
{
	return find_or_add(name, labels, help, METRIC_GAUGE);
}

struct viva_metric *viva_histogram(const char *name, const char *labels, const char *help)
{
	return find_or_add(name, labels, help, METRIC_HISTOGRAM);
}

void viva_metric_add(struct viva_metric *metric, double amount)
{
	double old = atomic_load_explicit(&metric->value, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&metric->value, &old, old + amount, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

void viva_metric_set(struct viva_metric *metric, double value)
{
	atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void viva_metric_observe(struct viva_metric *metric, double seconds)
{
	size_t bucket = 0;
	while (bucket < VIVA_COUNT(bounds) && seconds > bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&metric->buckets[bucket], 1, memory_order_relaxed);
	viva_metric_add(metric, seconds);
}

static int write_histogram(struct viva_buffer *out, const struct viva_metric *metric)
{
	const char *name = metric->family->name, *labels = metric->labels, *comma = *labels ? "," : "";
	uint64_t count = 0;
	int status = 0;
	for (size_t i = 0; i < VIVA_COUNT(bounds) && !status; i++) {
		count += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
		status = viva_buffer_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma, bounds[i],
					    (unsigned long long)count);
	}
	if (status)
		return status;
	count += atomic_load_explicit(&metric->buckets[VIVA_COUNT(bounds)], memory_order_relaxed);
	const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
	return viva_buffer_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum%s%s%s %.9g\n%s_count%s%s%s %llu\n",
				  name, labels, comma, (unsigned long long)count, name, open, labels, close,
				  atomic_load_explicit(&metric->value, memory_order_relaxed), name, open, labels, close,
				  (unsigned long long)count);
}

static int write_metric(struct viva_buffer *out, const struct viva_metric *metric)
{
	if (metric->family->kind == METRIC_HISTOGRAM)
		return write_histogram(out, metric);
	const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";
	return viva_buffer_printf(out, "%s%s%s%s %.17g\n", metric->family->name, open, metric->labels, close,
				  atomic_load_explicit(&metric->value, memory_order_relaxed));
}

static int write_family(struct viva_buffer *out, const struct family *family)
{
	int status = viva_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
					kind_names[family->kind]);
	for (const struct viva_metric *metric = family->first; metric && !status; metric = metric->next_in_family)
		status = write_metric(out, metric);
	return status;
}

static size_t count_open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	if (!directory)
		return 0;
	size_t count = 0;
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count - 1;  // without the directory's own
}

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long total, resident = 0;
	if (file && fscanf(file, "%llu %llu", &total, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double seconds_of(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Unix time at which the process began: proc(5), field 22 of stat, in clock ticks since boot.
static double start_time(void)
{
	char stat[1024] = "";
	FILE *file = fopen("/proc/self/stat", "re");
	if (file) {
		size_t size = fread(stat, 1, sizeof stat - 1, file);
		stat[size] = '\0';
		fclose(file);
	}
	// The name in field 2 may hold anything, also blanks and brackets.
	const char *at = strrchr(stat, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	double ticks = at ? strtod(at, NULL) : 0;
	return seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + ticks / (double)sysconf(_SC_CLK_TCK);
}

static int write_process(struct viva_buffer *out)
{
	return viva_buffer_printf(
		out,
		"# HELP process_cpu_seconds_total User and system CPU time\n# TYPE process_cpu_seconds_total counter\n"
		"process_cpu_seconds_total %.6f\n"
		"# HELP process_resident_memory_bytes Resident memory\n# TYPE process_resident_memory_bytes gauge\n"
		"process_resident_memory_bytes %.0f\n"
		"# HELP process_open_fds Open file descriptors\n# TYPE process_open_fds gauge\n"
		"process_open_fds %zu\n"
		"# HELP process_start_time_seconds Unix time of the start\n# TYPE process_start_time_seconds gauge\n"
		"process_start_time_seconds %.2f\n",
		seconds_of(CLOCK_PROCESS_CPUTIME_ID), resident_bytes(), count_open_fds(), start_time());
}

int viva_metrics_write(struct viva_buffer *out)
{
	int status = 0;
	pthread_mutex_lock(&registry.mutex);
	for (const struct family *family = registry.first; family && !status; family = family->next)
		status = write_family(out, family);
	pthread_mutex_unlock(&registry.mutex);
	return status ? status : write_process(out);
}
