// SPDX-License-Identifier: Apache-2.0
#include "interview/spread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "events/events.h"
#include "interview/erase.h"
#include "interview/meters.h"
#include "interview/news.h"
#include "interview/records.h"

enum {
	MAX_WAITING = 1024,
	PUBLISH_LIMIT_MS = 2000,
	AT_A_TIME = 64,  // interviews that one query looks at
};

struct interview_spreader {
	struct interview_service *service;
	struct viva_pool *pool;
	atomic_bool is_ending;
};

struct hint {
	struct interview_spreader *spreader;
	char id[VIVA_UUID_SIZE];
};

// ---- hints

static int publish(struct interview_service *service, const char *id, struct viva_error *error)
{
	const struct viva_interview_changed event = {.session_id = id, .changed_at_ms = interview_now_ms(service)};
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	int status = viva_event_write_interview_changed(&event, &body);
	const struct viva_bus_message message = {
		.routing_key = VIVA_KEY_INTERVIEW_CHANGED,
		.type = VIVA_EVENT_INTERVIEW_CHANGED,
		.session_id = id,
		.body = viva_bytes_of(body.data, body.size),
	};
	int64_t deadline_us = viva_clock_monotonic_us(service->queue.clock) + PUBLISH_LIMIT_MS * 1000;
	if (!status)
		status = viva_bus_publish(service->runtime.bus, &message, 1, deadline_us, error);
	viva_buffer_finish(&body);
	return status;
}

static void run_hint(void *context)
{
	struct hint *hint = context;
	struct viva_error error = {0};
	bool is_ending = atomic_load(&hint->spreader->is_ending);
	// A bus that is away says so elsewhere. The others catch up.
	if (is_ending || publish(hint->spreader->service, hint->id, &error)) {
		viva_metric_add(interview_meters()->hints_lost, 1);
		viva_log_debug("a hint was not published: %s", is_ending ? "the end" : viva_error_message(&error));
	} else {
		viva_metric_add(interview_meters()->hints_published, 1);
	}
	free(hint);
}

static void hint_at(struct interview_spreader *spreader, const char *id)
{
	// One listener is this instance itself.
	int64_t listeners = viva_bus_listeners(spreader->service->runtime.bus, VIVA_KEY_INTERVIEW_CHANGED);
	if (listeners == 0 || listeners == 1)
		return;
	struct hint *hint = calloc(1, sizeof *hint);
	if (hint) {
		hint->spreader = spreader;
		snprintf(hint->id, sizeof hint->id, "%s", id);
	}
	if (!hint || viva_pool_submit(spreader->pool, run_hint, hint)) {
		viva_metric_add(interview_meters()->hints_lost, 1);
		free(hint);
	}
}

void interview_spread(struct interview_service *service, const char *id, struct viva_arena *arena)
{
	if (service->spreader)
		hint_at(service->spreader, id);
	interview_tell_news(service, id, arena);
}

int interview_spreader_create(struct interview_service *service, struct interview_spreader **ret_spreader)
{
	struct interview_spreader *spreader = calloc(1, sizeof *spreader);
	if (!spreader)
		return VIVA_ENOMEM;
	spreader->service = service;
	struct viva_pool_options pool = viva_pool_defaults();
	pool.name = "hints";
	pool.threads = 1;
	pool.max_waiting = MAX_WAITING;
	int status = viva_pool_create(&pool, &spreader->pool);
	if (status) {
		free(spreader);
		return status;
	}
	*ret_spreader = spreader;
	return 0;
}

struct interview_spreader *interview_spreader_destroy(struct interview_spreader *spreader)
{
	if (!spreader)
		return NULL;
	atomic_store(&spreader->is_ending, true);
	viva_pool_destroy(spreader->pool);
	free(spreader);
	return NULL;
}

// ---- catching up

// What the store has of up to AT_A_TIME interviews, in any order.
static int look_at(struct interview_service *service, struct interview_session *const *sessions, size_t count,
		   struct viva_arena *arena, struct viva_rows *ret_rows, struct viva_error *error)
{
	char sql[1024] = "SELECT i.id, i.version, count(a.analysis) FROM interview_interviews i"
			 " LEFT JOIN interview_answers a ON a.interview_id = i.id WHERE i.id IN (";
	size_t size = strlen(sql);
	struct viva_value values[AT_A_TIME];
	// Always as many places, so that it is always the same statement.
	for (size_t i = 0; i < AT_A_TIME; i++) {
		values[i] = viva_value_text(sessions[VIVA_MIN(i, count - 1)]->id);
		size += (size_t)snprintf(sql + size, sizeof sql - size, "%s$%zu", i ? ", " : "", i + 1);
	}
	snprintf(sql + size, sizeof sql - size, ") GROUP BY i.id, i.version");
	return viva_store_query(service->store, arena, sql, values, AT_A_TIME, ret_rows, error);
}

static bool is_up_to_date(struct interview_session *session, const struct viva_rows *rows, size_t row)
{
	pthread_mutex_lock(&session->tell_lock);
	bool is = session->told.version == viva_rows_int(rows, row, 1) &&
		  session->told.judged_count == viva_rows_int(rows, row, 2);
	pthread_mutex_unlock(&session->tell_lock);
	return is;
}

static void bring_up_to_date(struct interview_service *service, struct interview_session *session,
			     const struct viva_rows *rows, struct viva_arena *arena)
{
	size_t row = 0;
	while (row < rows->row_count && strcasecmp(viva_rows_text(rows, row, 0), session->id) != 0)
		row++;
	interview_session_close_expired(session, interview_now_ms(service) / 1000);
	if (row == rows->row_count)
		interview_forget_erased(service, session->id, arena);
	else if (!is_up_to_date(session, rows, row))
		interview_tell_news(service, session->id, arena);
}

// With up to AT_A_TIME. They have an arena of their own, since thousands of others may have to be told, too.
static int catch_up_with(struct interview_service *service, struct interview_session *const *sessions, size_t count,
			 struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_rows rows = {0};
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to look at interviews");
	int status = look_at(service, sessions, count, arena, &rows, error);
	for (size_t i = 0; i < count && !status; i++)
		bring_up_to_date(service, sessions[i], &rows, arena);
	return status;
}

int interview_catch_up(struct interview_service *service, struct viva_error *error)
{
	struct interview_session **sessions = NULL;
	size_t count = 0;
	int status = interview_sessions_with_sockets(service->sessions, &sessions, &count, error);
	for (size_t from = 0; from < count && !status; from += AT_A_TIME)
		status = catch_up_with(service, &sessions[from], VIVA_MIN(count - from, (size_t)AT_A_TIME), error);
	for (size_t i = 0; i < count; i++)
		interview_session_unref(sessions[i]);
	free(sessions);
	return status;
}
