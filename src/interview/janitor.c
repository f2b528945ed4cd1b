// SPDX-License-Identifier: Apache-2.0
#include "interview/janitor.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "interview/announce.h"
#include "interview/answers.h"
#include "interview/erase.h"
#include "interview/life.h"
#include "interview/spread.h"
#include "interview/start.h"

enum {
	AT_A_TIME = 64,  // of each kind, in one round
	CALL_LIMIT_MS = 30000,
	CATCH_UP_MS = 10000,
};

struct interview_janitor {
	struct interview_service *service;
	struct viva_loop_timer *timer;
	atomic_bool is_busy;
};

static int64_t call_deadline_us(const struct interview_service *service)
{
	return interview_deadline_us(service, INT64_MAX, CALL_LIMIT_MS);
}

// Ids of interviews that a query with $1 = now, $2 = limit finds.
static int find_due(struct interview_service *service, const char *sql, struct viva_arena *arena,
		    struct viva_rows *ret_rows, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_int(interview_now_ms(service)), viva_value_int(AT_A_TIME)};
	return viva_store_query(service->store, arena, sql, values, VIVA_COUNT(values), ret_rows, error);
}

static int time_out_overdue(struct interview_service *service, struct viva_arena *arena, struct viva_error *error)
{
	struct viva_rows rows = {0};
	int status = find_due(service,
			      "SELECT id FROM interview_interviews WHERE state = 'in_progress' AND expires_at <= $1"
			      " ORDER BY expires_at LIMIT $2",
			      arena, &rows, error);
	for (size_t row = 0; row < rows.row_count && !status; row++)
		status = interview_time_out(service, viva_rows_text(&rows, row, 0), arena, error);
	return status;
}

// Whether the answer is this instance's to have analysed, until the call can't go on any more.
static bool claim_answer(struct interview_service *service, const struct interview_answer *answer)
{
	int64_t now_ms = interview_now_ms(service);
	struct viva_value values[] = {viva_value_int(now_ms + CALL_LIMIT_MS), viva_value_text(answer->interview_id),
				      viva_value_text(answer->question_id), viva_value_int(now_ms)};
	int64_t changed = 0;
	int status = viva_store_execute(service->store,
					"UPDATE interview_answers SET analysis_after = $1 WHERE interview_id = $2"
					" AND question_id = $3 AND analysis IS NULL AND analysis_after <= $4",
					values, VIVA_COUNT(values), &changed, NULL);
	return !status && changed > 0;
}

static int analyse_left_over(struct interview_service *service, struct viva_arena *arena, struct viva_error *error)
{
	struct interview_reader reader = {.store = service->store, .arena = arena};
	const struct interview_answer *answers = NULL;
	size_t count = 0;
	int status = interview_load_unanalysed(&reader, interview_now_ms(service), AT_A_TIME, &answers, &count, error);
	for (size_t i = 0; i < count && !status; i++) {
		const char *analysis = NULL;
		if (!claim_answer(service, &answers[i]))
			continue;
		status = interview_analyse_answer(service, &answers[i], call_deadline_us(service), arena, &analysis,
						  error);
		if (status)
			interview_put_answer_off(service, &answers[i]);
		else
			interview_spread(service, answers[i].interview_id, arena);
	}
	return status;
}

static int drop_old_keys(struct interview_service *service, struct viva_arena *arena, struct viva_error *error)
{
	(void)arena;
	struct viva_value values[] = {viva_value_int(interview_now_ms(service) - INTERVIEW_IDEMPOTENCY_MS)};
	return viva_store_execute(service->store, "DELETE FROM interview_idempotency WHERE created_at < $1", values,
				  VIVA_COUNT(values), NULL, error);
}

// What no hint told: hints are rarely lost.
static int catch_up_now_and_then(struct interview_service *service, struct viva_arena *arena, struct viva_error *error)
{
	(void)arena;
	int64_t now_us = viva_clock_monotonic_us(service->runtime.clock);
	if (now_us < service->catch_up_at_us)
		return 0;
	service->catch_up_at_us = now_us + CATCH_UP_MS * 1000;
	return interview_catch_up(service, error);
}

void interview_janitor_round(struct interview_service *service)
{
	static const struct {
		const char *name;
		int (*run)(struct interview_service *service, struct viva_arena *arena, struct viva_error *error);
	} duties[] = {
		{"timing interviews out", time_out_overdue},
		{"analysing answers that wait", analyse_left_over},
		{"announcing what an earlier version left", interview_announce_left_over},
		{"finishing erasures", interview_finish_erasures},
		{"dropping old idempotency keys", drop_old_keys},
		{"telling sockets what they missed", catch_up_now_and_then},
	};
	for (size_t i = 0; i < VIVA_COUNT(duties); i++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		struct viva_error error = {0};
		if (viva_arena_create(0, &arena))
			return;
		int status = duties[i].run(service, arena, &error);
		// A peer that is away is told by its breaker, once.
		if (status && !interview_peer_is_down(status))
			viva_log_warn("%s failed: %s", duties[i].name, viva_error_message(&error));
	}
}

static void run_round(void *context)
{
	struct interview_janitor *janitor = context;
	interview_janitor_round(janitor->service);
	atomic_store(&janitor->is_busy, false);
}

static void on_timer(void *context)
{
	struct interview_janitor *janitor = context;
	if (atomic_exchange(&janitor->is_busy, true))
		return;
	if (viva_pool_submit(janitor->service->runtime.pool, run_round, janitor))
		atomic_store(&janitor->is_busy, false);  // the pool is full or stopping; the next tick tries again
}

int interview_janitor_create(struct interview_service *service, uint32_t interval_ms,
			     struct interview_janitor **ret_janitor)
{
	struct interview_janitor *janitor = calloc(1, sizeof *janitor);
	if (!janitor)
		return VIVA_ENOMEM;
	janitor->service = service;
	int status = viva_loop_timer_create(service->runtime.loop, interval_ms, interval_ms, on_timer, janitor,
					    &janitor->timer);
	if (status) {
		free(janitor);
		return status;
	}
	*ret_janitor = janitor;
	return 0;
}

void interview_janitor_stop(struct interview_janitor *janitor)
{
	janitor->timer = viva_loop_timer_destroy(janitor->timer);
}

struct interview_janitor *interview_janitor_destroy(struct interview_janitor *janitor)
{
	if (!janitor)
		return NULL;
	if (janitor->timer)
		viva_loop_timer_destroy(janitor->timer);
	free(janitor);
	return NULL;
}
