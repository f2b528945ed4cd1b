// SPDX-License-Identifier: Apache-2.0
//
// Time and chance as parameters, so that no test sleeps and every run can be repeated.
//
// Threads: any; nothing blocks.
#ifndef VIVA_BASE_CLOCK_H
#define VIVA_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A source of time. Unix time may jump; monotonic time only grows.
struct viva_clock {
	int64_t (*unix_ms)(const struct viva_clock *clock);
	int64_t (*monotonic_us)(const struct viva_clock *clock);
};

const struct viva_clock *viva_system_clock(void);
static inline int64_t viva_clock_unix_ms(const struct viva_clock *clock)
{
	return clock->unix_ms(clock);
}
static inline int64_t viva_clock_monotonic_us(const struct viva_clock *clock)
{
	return clock->monotonic_us(clock);
}
static inline int64_t viva_clock_now_ms(const struct viva_clock *clock)
{
	return clock->monotonic_us(clock) / 1000;
}

// A source of chance. fill() writes `size` random bytes; the system's is fit for keys.
struct viva_random {
	void (*fill)(struct viva_random *random, void *ret_bytes, size_t size);
};

struct viva_random *viva_system_random(void);
// Uniform in [0, bound), without bias; 0 when bound is 0.
uint64_t viva_random_below(struct viva_random *random, uint64_t bound);

// A repeatable source for tests and simulations (SplitMix64); not for keys.
struct viva_seeded_random {
	struct viva_random random;
	uint64_t state;
};
void viva_seeded_random_init(struct viva_seeded_random *random, uint64_t seed);

enum { VIVA_UUID_SIZE = 37 };  // 36 characters and a terminator

// A new UUID version 7 (RFC 9562 §5.7): sorts by time; monotonic within one millisecond of one process.
void viva_uuid7(const struct viva_clock *clock, struct viva_random *random, char ret_uuid[VIVA_UUID_SIZE]);
// Whether the text is a UUID in its canonical lower- or upper-case form.
bool viva_uuid_is_valid(const char *text);

#endif
