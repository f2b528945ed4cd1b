// SPDX-License-Identifier: Apache-2.0
#include "interview/erase.h"

#include <unistd.h>

#include "base/log.h"
#include "interview/life.h"
#include "interview/messages.h"
#include "interview/meters.h"

enum {
	// The other services are swept once at the erasure, and once more when no call that was in flight then can
	// still write something.
	SWEEPS = 2,
	SECOND_SWEEP_AFTER_MS = 60 * 1000,
	SWEEPS_AT_A_TIME = 32,
	SCRUB_ATTEMPTS = 20,
	SCRUB_PAUSE_US = 50 * 1000,
};
// How long it is remembered that an interview was erased.
#define TOMBSTONE_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct erasing {
	const char *id;
	int64_t now_ms;
};

static int erase_rows(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct erasing *erasing = context;
	struct viva_value values[] = {viva_value_text(erasing->id), viva_value_int(erasing->now_ms),
				      viva_value_int(SWEEPS)};
	int64_t changed = 0;
	// Questions, answers and idempotency keys go with their interview.
	int status = viva_transaction_execute(transaction, "DELETE FROM interview_interviews WHERE id = $1", values, 1,
					      &changed, error);
	if (status)
		return status;
	if (changed == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no such interview");
	return viva_transaction_execute(transaction,
					"INSERT INTO interview_erasures (interview_id, erased_at, sweeps_left,"
					" sweep_after) VALUES ($1, $2, $3, $2)",
					values, VIVA_COUNT(values), NULL, error);
}

static void tell_sockets(struct interview_service *service, const char *id, struct viva_arena *arena)
{
	struct interview_session *session = interview_session_find(service->sessions, id);
	if (!session)
		return;
	struct viva_error gone = {0};
	viva_fail(&gone, VIVA_ENOTFOUND, NULL, "the interview was erased");
	const char *text = interview_error_message(arena, VIVA_ENOTFOUND, &gone);
	if (text)
		interview_session_broadcast(session, text);
	interview_session_close_sockets(session, 1000, "the interview was erased");
	interview_session_forget(session);
	interview_session_unref(session);
}

// 404 is as good as done: there is nothing.
static int erase_at(struct interview_service *service, enum interview_peer peer, const char *prefix, const char *id,
		    struct viva_arena *arena, struct viva_error *error)
{
	const char *path = viva_arena_printf(arena, "%s%s", prefix, id);
	if (!path)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the erasure");
	struct viva_http_reply reply;
	int status = interview_rest(service->peers, peer, "DELETE", path, id, arena, &reply, error);
	if (status)
		return status;
	bool is_done = (reply.status >= 200 && reply.status < 300) || reply.status == 404;
	return is_done ? 0
		       : viva_fail(error, VIVA_EBADGATEWAY, NULL, "a service answered an erasure with status %d",
				   reply.status);
}

static int erase_elsewhere(struct interview_service *service, const char *id, struct viva_arena *arena,
			   struct viva_error *error)
{
	int emotion = erase_at(service, INTERVIEW_PEER_EMOTION, "/api/v1/emotions/session/", id, arena, error);
	int scoring = erase_at(service, INTERVIEW_PEER_SCORING, "/api/v1/scores/session/", id, arena, error);
	return emotion ? emotion : scoring;
}

// Erased rows may still stand in the store's files until its log is emptied, which readers can delay for a moment.
static int scrub(struct interview_service *service, struct viva_error *error)
{
	int status = viva_store_scrub(service->store, error);
	for (int attempt = 1; status == VIVA_EOVERLOAD && attempt < SCRUB_ATTEMPTS; attempt++) {
		usleep(SCRUB_PAUSE_US);
		status = viva_store_scrub(service->store, error);
	}
	return status;
}

static int note_sweep(struct interview_service *service, const char *id, bool is_done, int attempts,
		      struct viva_error *error)
{
	int64_t wait_ms = is_done ? SECOND_SWEEP_AFTER_MS : interview_retry_after_ms(attempts);
	struct viva_value values[] = {viva_value_int(is_done), viva_value_int(is_done ? 0 : attempts + 1),
				      viva_value_int(interview_now_ms(service) + wait_ms), viva_value_text(id)};
	return viva_store_execute(service->store,
				  "UPDATE interview_erasures SET sweeps_left = sweeps_left - $1, attempts = $2,"
				  " sweep_after = $3 WHERE interview_id = $4 AND sweeps_left > 0",
				  values, VIVA_COUNT(values), NULL, error);
}

static int sweep(struct interview_service *service, const char *id, int attempts, struct viva_arena *arena,
		 struct viva_error *error)
{
	struct viva_error reason = {0};
	int status = erase_elsewhere(service, id, arena, &reason);
	if (!status)
		status = scrub(service, &reason);
	if (status)
		viva_log_warn("the erasure of %s is not done yet: %s", id, viva_error_message(&reason));
	return note_sweep(service, id, !status, attempts, error);
}

int interview_erase(struct interview_service *service, const char *id, struct viva_arena *arena,
		    struct viva_error *error)
{
	struct erasing erasing = {.id = id, .now_ms = interview_now_ms(service)};
	int status = viva_store_transact(service->store, erase_rows, &erasing, error);
	if (status)
		return status;
	viva_metric_add(interview_meters()->erased, 1);
	tell_sockets(service, id, arena);
	// The erasure is decided and written down: what fails from here on is tried again by the janitor.
	(void)!sweep(service, id, 0, arena, NULL);
	return 0;
}

int interview_sweep_erasures(struct interview_service *service, struct viva_arena *arena, struct viva_error *error)
{
	int64_t now_ms = interview_now_ms(service);
	struct viva_value values[] = {viva_value_int(now_ms), viva_value_int(SWEEPS_AT_A_TIME)};
	struct viva_rows rows = {0};
	int status = viva_store_query(service->store, arena,
				      "SELECT interview_id, attempts FROM interview_erasures"
				      " WHERE sweeps_left > 0 AND sweep_after <= $1 ORDER BY sweep_after LIMIT $2",
				      values, VIVA_COUNT(values), &rows, error);
	for (size_t row = 0; row < rows.row_count && !status; row++)
		status = sweep(service, viva_rows_text(&rows, row, 0), (int)viva_rows_int(&rows, row, 1), arena, error);
	if (status)
		return status;
	struct viva_value age[] = {viva_value_int(now_ms - TOMBSTONE_MS)};
	return viva_store_execute(service->store,
				  "DELETE FROM interview_erasures WHERE sweeps_left = 0 AND erased_at < $1", age,
				  VIVA_COUNT(age), NULL, error);
}
