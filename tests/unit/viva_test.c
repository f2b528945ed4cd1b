// SPDX-License-Identifier: Apache-2.0
#include "viva_test.h"

#include <ftw.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t fake_unix_ms(const struct viva_clock *clock)
{
	return ((const struct fake_clock *)clock)->unix_ms;
}

static int64_t fake_monotonic_us(const struct viva_clock *clock)
{
	return ((const struct fake_clock *)clock)->monotonic_us;
}

void fake_clock_init(struct fake_clock *clock)
{
	clock->clock = (struct viva_clock){.unix_ms = fake_unix_ms, .monotonic_us = fake_monotonic_us};
	atomic_init(&clock->unix_ms, 1767225600000);
	atomic_init(&clock->monotonic_us, 1000000000);
}

void fake_clock_advance_ms(struct fake_clock *clock, int64_t ms)
{
	fake_clock_advance_us(clock, ms * 1000);
	clock->unix_ms += ms;
}

void fake_clock_advance_us(struct fake_clock *clock, int64_t us)
{
	clock->monotonic_us += us;
}

void make_test_directory(char *ret_path, size_t size)
{
	const char *parent = getenv("TMPDIR");
	snprintf(ret_path, size, "%s/viva-test-XXXXXX", parent ? parent : "/tmp");
	assert_non_null(mkdtemp(ret_path));
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

void remove_test_directory(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// The linker sends what Viva's own code allocates through these (--wrap in tests/unit/meson.build), with any sanitizer.
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static _Thread_local unsigned until_failure;  // 0 = none is due

static bool is_failing(void)
{
	return until_failure > 0 && --until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
	return is_failing() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_failing() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return is_failing() ? NULL : __real_realloc(memory, size);
}

void fail_next_allocation(unsigned skipped)
{
	until_failure = skipped + 1;
}
