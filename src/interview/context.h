// SPDX-License-Identifier: Apache-2.0
//
// What all parts of the interview service share.
//
// Threads: made and freed on the main thread, before and after the loop; read-only in between but for atomics.
#ifndef VIVA_INTERVIEW_CONTEXT_H
#define VIVA_INTERVIEW_CONTEXT_H

#include <stdatomic.h>

#include "bus/outbox.h"
#include "interview/peers.h"
#include "interview/queue.h"
#include "interview/session.h"
#include "questions/question_bank.h"
#include "service/service.h"
#include "store/store.h"

struct interview_janitor;
struct interview_listener;
struct interview_spreader;

struct interview_service {
	struct viva_service_runtime runtime;  // a copy; what it points to is borrowed
	struct viva_store *store;
	struct viva_question_bank *bank;
	struct interview_peers *peers;
	struct viva_pool
		*frame_pool;  // live frames have workers of their own: waiting for emotion, they hold nobody up
	struct interview_sessions *sessions;
	struct viva_outbox *outbox;
	struct interview_queue queue;  // of frames
	struct interview_listener *listener;
	struct interview_spreader *spreader;  // NULL: other instances are not told
	struct interview_janitor *janitor;
	int64_t catch_up_at_us;   // monotonic; the janitor's own
	atomic_bool needs_scrub;  // something was erased and may still stand in the store's files
	int64_t timeout_ms;       // of an interview, from its start
	bool is_order_fixed;      // no interview is adaptive
	double confidence_floor;  // below it an answer can't be scored
};

static inline int64_t interview_now_ms(const struct interview_service *service)
{
	return viva_clock_unix_ms(service->runtime.clock);
}

// When a piece of work that may take `limit_ms` must be done, but no later than `deadline_us` (monotonic).
static inline int64_t interview_deadline_us(const struct interview_service *service, int64_t deadline_us,
					    int64_t limit_ms)
{
	int64_t own_us = viva_clock_monotonic_us(service->runtime.clock) + limit_ms * 1000;
	return VIVA_MIN(own_us, deadline_us);
}

#endif
