// SPDX-License-Identifier: Apache-2.0
#include "emotion/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"

struct emotion_gate {
	size_t room;
	uint32_t patience_ms;
	pthread_mutex_t lock;  // of all below
	pthread_cond_t has_room;
	size_t live, queued;  // in work
	size_t waiting;
	bool is_closed;
};

int emotion_gate_create(size_t room, uint32_t patience_ms, struct emotion_gate **ret_gate)
{
	if (room == 0)
		return VIVA_EINVAL;
	struct emotion_gate *gate = calloc(1, sizeof *gate);
	if (!gate)
		return VIVA_ENOMEM;
	gate->room = room;
	gate->patience_ms = patience_ms;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->has_room, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret_gate = gate;
	return 0;
}

struct emotion_gate *emotion_gate_destroy(struct emotion_gate *gate)
{
	if (!gate)
		return NULL;
	pthread_cond_destroy(&gate->has_room);
	pthread_mutex_destroy(&gate->lock);
	free(gate);
	return NULL;
}

// With the lock held.
static void leave(struct emotion_gate *gate, size_t *count)
{
	(*count)--;
	if (gate->waiting > 0 && gate->live + gate->queued < gate->room)
		pthread_cond_signal(&gate->has_room);
}

void emotion_gate_enter_live(struct emotion_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->live++;
	pthread_mutex_unlock(&gate->lock);
}

void emotion_gate_leave_live(struct emotion_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	leave(gate, &gate->live);
	pthread_mutex_unlock(&gate->lock);
}

static struct timespec patience_ends(const struct emotion_gate *gate)
{
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	int64_t nanoseconds = end.tv_nsec + (int64_t)gate->patience_ms * 1000000;
	end.tv_sec += nanoseconds / 1000000000;
	end.tv_nsec = nanoseconds % 1000000000;
	return end;
}

bool emotion_gate_enter_queued(struct emotion_gate *gate)
{
	const struct timespec end = patience_ends(gate);
	int result = 0;
	pthread_mutex_lock(&gate->lock);
	gate->waiting++;
	while (!gate->is_closed && gate->live + gate->queued >= gate->room && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&gate->has_room, &gate->lock, &end);
	gate->waiting--;
	bool may_enter = !gate->is_closed;
	if (may_enter)
		gate->queued++;
	pthread_mutex_unlock(&gate->lock);
	return may_enter;
}

void emotion_gate_leave_queued(struct emotion_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	leave(gate, &gate->queued);
	pthread_mutex_unlock(&gate->lock);
}

void emotion_gate_close(struct emotion_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_closed = true;
	pthread_cond_broadcast(&gate->has_room);
	pthread_mutex_unlock(&gate->lock);
}
