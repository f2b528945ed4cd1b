// SPDX-License-Identifier: Apache-2.0
#include "interview/erase.h"

#include <unistd.h>

#include "base/log.h"
#include "interview/announce.h"
#include "interview/messages.h"
#include "interview/meters.h"
#include "interview/records.h"

enum {
	SCRUB_ATTEMPTS = 20,
	SCRUB_PAUSE_US = 50 * 1000,
};
// How long it is remembered that an interview was erased.
#define TOMBSTONE_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct erasing {
	struct interview_service *service;
	const char *id;
	const char *traceparent;
	int64_t now_ms;
};

static int erase_rows(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct erasing *erasing = context;
	struct viva_value values[] = {viva_value_text(erasing->id), viva_value_int(erasing->now_ms)};
	int64_t changed = 0;
	int status = interview_lock(transaction, erasing->id, error);
	// Questions, answers and idempotency keys go with their interview.
	if (!status)
		status = viva_transaction_execute(transaction, "DELETE FROM interview_interviews WHERE id = $1", values,
						  1, &changed, error);
	if (status)
		return status;
	if (changed == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no such interview");
	status = viva_transaction_execute(transaction,
					  "INSERT INTO interview_erasures (interview_id, erased_at, sweeps_left,"
					  " sweep_after) VALUES ($1, $2, 0, 0)",
					  values, VIVA_COUNT(values), NULL, error);
	if (status)
		return status;
	return interview_announce_erased(erasing->service, transaction, erasing->id, erasing->now_ms,
					 erasing->traceparent, error);
}

void interview_forget_erased(struct interview_service *service, const char *id, struct viva_arena *arena)
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

int interview_erase(struct interview_service *service, const char *id, const char *traceparent,
		    struct viva_arena *arena, struct viva_error *error)
{
	struct erasing erasing = {
		.service = service, .id = id, .traceparent = traceparent, .now_ms = interview_now_ms(service)};
	int status = interview_transact(service->store, erase_rows, &erasing, error);
	if (status)
		return status;
	viva_metric_add(interview_meters()->erased, 1);
	viva_outbox_wake(service->outbox);
	interview_forget_erased(service, id, arena);
	// The erasure is decided and written down: whoever can't be reached now hears of it by the event.
	struct viva_error reason = {0};
	if (erase_elsewhere(service, id, arena, &reason))
		viva_log_info("the erasure of %s reaches a service later: %s", id, viva_error_message(&reason));
	if (scrub(service, NULL))
		atomic_store(&service->needs_scrub, true);
	return 0;
}

int interview_finish_erasures(struct interview_service *service, struct viva_arena *arena, struct viva_error *error)
{
	(void)arena;
	// What readers of other processes are in the way of has its next chance in the next round.
	if (atomic_exchange(&service->needs_scrub, false) && viva_store_scrub(service->store, NULL))
		atomic_store(&service->needs_scrub, true);
	struct viva_value age[] = {viva_value_int(interview_now_ms(service) - TOMBSTONE_MS)};
	return viva_store_execute(service->store,
				  "DELETE FROM interview_erasures WHERE sweeps_left = 0 AND erased_at < $1", age,
				  VIVA_COUNT(age), NULL, error);
}
