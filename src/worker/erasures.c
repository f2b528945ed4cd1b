// SPDX-License-Identifier: Apache-2.0
#include "worker/erasures.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "events/events.h"
#include "worker/deliveries.h"
#include "worker/frame_store.h"

enum {
	SCRUB_ATTEMPTS = 20,
	SCRUB_PAUSE_US = 50 * 1000,
	MAX_DEAD_LETTERS = 1000000,  // that are looked through
};

struct erasing {
	const char *session_id;
	int64_t now_ms;
	bool is_new;
};

static int erase(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct erasing *erasing = context;
	int status = worker_frames_erase(transaction, erasing->session_id, erasing->now_ms, &erasing->is_new, error);
	return status ? status : worker_deliveries_erase(transaction, erasing->session_id, erasing->now_ms, error);
}

// Erased rows may still stand in the store's files until its log is emptied, which readers can delay for a moment.
static int scrub(struct worker_service *service, struct viva_error *error)
{
	int status = viva_store_scrub(service->store, error);
	for (int attempt = 1; status == VIVA_EOVERLOAD && attempt < SCRUB_ATTEMPTS; attempt++) {
		usleep(SCRUB_PAUSE_US);
		status = viva_store_scrub(service->store, error);
	}
	return status;
}

// An erasure that died in another service's queue is still to be replayed there.
static enum viva_bus_dead_letter_action drop_if_erased(const struct viva_bus_dead_letter *letter, void *context)
{
	const struct erasing *erasing = context;
	bool is_erasure = strcmp(letter->message.routing_key, VIVA_KEY_INTERVIEW_ERASED) == 0;
	bool is_of_session = strcmp(letter->message.session_id, erasing->session_id) == 0;
	return is_of_session && !is_erasure ? VIVA_BUS_DROP : VIVA_BUS_KEEP;
}

// Nobody consumes dead letters, so what a candidate said or showed would stay there.
static int erase_dead_letters(struct worker_service *service, struct erasing *erasing, struct viva_error *error)
{
	size_t count = 0;
	return viva_bus_visit_dead_letters(service->runtime.bus, MAX_DEAD_LETTERS, drop_if_erased, erasing, &count,
					   error);
}

static int read_event(const struct viva_bus_message *message, struct viva_arena *arena,
		      struct viva_interview_erased *ret_event, struct viva_error *reason)
{
	int status = viva_event_check_type(message->type, VIVA_EVENT_INTERVIEW_ERASED, reason);
	if (status)
		return status;
	return viva_event_read_interview_erased(message->body, arena, ret_event, reason);
}

void worker_erasures_on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct worker_service *service = context;
	struct viva_error reason = {0};
	struct viva_interview_erased event;
	VIVA_AUTO(viva_arena) arena = NULL;
	int status = viva_arena_create(0, &arena);
	if (!status)
		status = read_event(viva_bus_delivery_message(delivery), arena, &event, &reason);
	if (status && status != VIVA_ENOMEM) {
		viva_bus_settle(delivery, VIVA_BUS_DEAD, viva_error_message(&reason));
		return;
	}
	struct erasing erasing = {.now_ms = worker_now_ms(service)};
	if (!status) {
		erasing.session_id = event.session_id;
		status = viva_store_transact(service->store, erase, &erasing, &reason);
	}
	if (!status && erasing.is_new)
		viva_metric_add(worker_meters()->erasures, 1);
	if (!status)
		status = scrub(service, &reason);
	if (!status)
		status = erase_dead_letters(service, &erasing, &reason);
	if (status)
		viva_log_warn("an erasure is not done yet: %s", viva_error_message(&reason));
	viva_bus_settle(delivery, status ? VIVA_BUS_DEFER : VIVA_BUS_ACK, NULL);
}
