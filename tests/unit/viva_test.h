// SPDX-License-Identifier: Apache-2.0
//
// What unit tests share: cmocka, checks of error codes, a clock that stands still, chance that repeats, memory that
// runs out on demand.
//
// What is not inline here is in the library of the dependency `viva_test`.
//
// Threads: one test at a time; a fake clock may be read from any thread.
#ifndef VIVA_TEST_H
#define VIVA_TEST_H

// cmocka.h wants these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"

// Checks what a function returned: success, or one error and no other.
#define assert_ok(call) viva_assert_code((call), 0, #call, __FILE__, __LINE__)
#define assert_error(call, code) viva_assert_code((call), (code), #call, __FILE__, __LINE__)
static inline void viva_assert_code(int got, int wanted, const char *what, const char *file, int line)
{
	if (got == wanted)
		return;
	print_error("%s gave %s, not %s\n", what, viva_error_name(got), viva_error_name(wanted));
	_fail(file, line);
}

// A clock that moves only when told. Starts at 2026-01-01T00:00:00Z, monotonic 1,000 s.
struct fake_clock {
	struct viva_clock clock;
	_Atomic int64_t unix_ms;
	_Atomic int64_t monotonic_us;
};
void fake_clock_init(struct fake_clock *clock);
void fake_clock_advance_ms(struct fake_clock *clock, int64_t ms);
void fake_clock_advance_us(struct fake_clock *clock, int64_t us);

// A new empty directory under $TMPDIR, mode 0700, in ret_path (PATH_MAX bytes). Removed by remove_test_directory.
void make_test_directory(char *ret_path, size_t size);
void remove_test_directory(const char *path);

// The next malloc, calloc or realloc by Viva's own code in this thread, after `skipped` others, gives NULL, once.
// jansson's allocations count, other libraries' don't, nor do strdup's.
void fail_next_allocation(unsigned skipped);

#endif
