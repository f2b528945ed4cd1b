// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/text.h"

static int64_t system_unix_ms(const struct viva_clock *clock)
{
	(void)clock;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_monotonic_us(const struct viva_clock *clock)
{
	(void)clock;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const struct viva_clock *viva_system_clock(void)
{
	static const struct viva_clock clock = {.unix_ms = system_unix_ms, .monotonic_us = system_monotonic_us};
	return &clock;
}

// Keys are made of these bytes: without them there is nothing sensible left to do.
static void system_fill(struct viva_random *random, void *ret_bytes, size_t size)
{
	(void)random;
	uint8_t *bytes = ret_bytes;
	while (size > 0) {
		ssize_t got = getrandom(bytes, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		bytes += got;
		size -= (size_t)got;
	}
}

struct viva_random *viva_system_random(void)
{
	static struct viva_random random = {.fill = system_fill};
	return &random;
}

uint64_t viva_random_below(struct viva_random *random, uint64_t bound)
{
	if (bound == 0)
		return 0;
	// Draws below 2^64 mod bound would favour small results: they are thrown away.
	uint64_t unfair = -bound % bound;
	uint64_t drawn;
	do {
		random->fill(random, &drawn, sizeof drawn);
	} while (drawn < unfair);
	return drawn % bound;
}

// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
static uint64_t next_of(struct viva_seeded_random *random)
{
	random->state += 0x9e3779b97f4a7c15u;
	uint64_t mixed = random->state;
	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
	return mixed ^ (mixed >> 31);
}

static void seeded_fill(struct viva_random *random, void *ret_bytes, size_t size)
{
	struct viva_seeded_random *seeded = (struct viva_seeded_random *)random;  // its first member
	uint8_t *bytes = ret_bytes;
	while (size > 0) {
		uint64_t word = next_of(seeded);
		size_t part = size < sizeof word ? size : sizeof word;
		memcpy(bytes, &word, part);
		bytes += part;
		size -= part;
	}
}

void viva_seeded_random_init(struct viva_seeded_random *random, uint64_t seed)
{
	*random = (struct viva_seeded_random){.random = {.fill = seeded_fill}, .state = seed};
}

// The 48 bits of time and 12 bits of counter of the last UUID (RFC 9562 §6.2, method 1): a full counter borrows the
// next millisecond.
static struct {
	pthread_mutex_t mutex;
	uint64_t last;
} uuids = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void viva_uuid7(const struct viva_clock *clock, struct viva_random *random, char ret_uuid[VIVA_UUID_SIZE])
{
	uint8_t bytes[16];
	random->fill(random, bytes, sizeof bytes);

	// A counter that starts in the lower half leaves room for the rest of the millisecond.
	uint64_t start = (uint64_t)(bytes[0] & 0x07) << 8 | bytes[1];
	uint64_t stamp = ((uint64_t)viva_clock_unix_ms(clock) & 0xffffffffffffu) << 12 | start;
	pthread_mutex_lock(&uuids.mutex);
	// A clock that jumped back by more than a minute was set: then order with the past is lost, not time.
	bool is_same_millisecond_or_earlier = stamp >> 12 <= uuids.last >> 12;
	bool was_set_back = (uuids.last >> 12) > (stamp >> 12) + 60000;
	if (is_same_millisecond_or_earlier && !was_set_back)
		stamp = uuids.last + 1;
	uuids.last = stamp;
	pthread_mutex_unlock(&uuids.mutex);

	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(stamp >> (12 + 8 * (5 - i)));
	bytes[6] = (uint8_t)(0x70 | (stamp >> 8 & 0x0f));
	bytes[7] = (uint8_t)stamp;
	bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f));

	char digits[33];
	viva_hex_encode(bytes, sizeof bytes, digits);
	static const size_t parts[] = {8, 4, 4, 4, 12};
	const char *from = digits;
	char *to = ret_uuid;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (i > 0)
			*to++ = '-';
		memcpy(to, from, parts[i]);
		to += parts[i];
		from += parts[i];
	}
	*to = '\0';
}

bool viva_uuid_is_valid(const char *text)
{
	for (size_t i = 0; i < VIVA_UUID_SIZE - 1; i++) {
		bool wants_dash = i == 8 || i == 13 || i == 18 || i == 23;
		char c = text[i];
		bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		if (wants_dash ? c != '-' : !is_digit)
			return false;
	}
	return text[VIVA_UUID_SIZE - 1] == '\0';
}
