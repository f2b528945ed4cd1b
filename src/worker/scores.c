// SPDX-License-Identifier: Apache-2.0
#include "worker/scores.h"

#include <string.h>

#include "base/log.h"
#include "events/events.h"
#include "worker/deliveries.h"
#include "worker/frame_store.h"
#include "worker/message.h"
#include "worker/webhook_message.h"

struct scored {
	struct worker_service *service;
	struct viva_arena *arena;
	const char *event_id;
	struct viva_score_calculated event;
	const char *body;
	int64_t now_ms;
};

static int read_event(const struct viva_bus_message *message, struct scored *scored, struct viva_error *reason)
{
	int status = viva_event_check_type(message->type, VIVA_EVENT_SCORE_CALCULATED, reason);
	if (status)
		return status;
	status = viva_event_read_score_calculated(message->body, scored->arena, &scored->event, reason);
	if (status)
		return status;
	// A message without an id is known by what it tells.
	const char *message_id = worker_message_id(message);
	scored->event_id = message_id[0] ? message_id
					 : viva_arena_printf(scored->arena, "score-%s-%lld", scored->event.session_id,
							     (long long)scored->event.calculated_at_ms);
	VIVA_AUTO_JSON members = NULL;
	status = scored->event_id
			 ? viva_json_parse_object_last_wins(message->body, VIVA_EVENT_MAX_SMALL_BYTES, &members, reason)
			 : VIVA_ENOMEM;
	if (!status)
		status = worker_webhook_body(scored->event_id, scored->event.calculated_at_ms, members, scored->arena,
					     &scored->body);
	return status;
}

static int add_delivery(struct viva_store_transaction *transaction, const struct scored *scored, const char *url,
			struct viva_error *error)
{
	char id[WORKER_DELIVERY_ID_SIZE];
	if (worker_delivery_id(scored->event_id, url, id))
		return VIVA_ENOMEM;
	const struct worker_delivery delivery = {
		.id = id,
		.event_id = scored->event_id,
		.session_id = scored->event.session_id,
		.url = url,
		.body = scored->body,
		.created_at = scored->now_ms,
		.expires_at = scored->now_ms + scored->service->webhook_max_age_ms,
	};
	return worker_delivery_add(transaction, &delivery, error);
}

static int take_in(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct scored *scored = context;
	const struct worker_service *service = scored->service;
	bool is_new = false, is_erased = false;
	int status = viva_inbox_accept(&service->inbox, transaction, scored->event_id, scored->now_ms, &is_new, error);
	if (status || !is_new)
		return status;
	status = worker_session_is_erased(transaction, scored->event.session_id, scored->now_ms, &is_erased, error);
	for (size_t i = 0; i < service->targets.count && !status && !is_erased; i++)
		status = add_delivery(transaction, scored, service->targets.items[i].url, error);
	return status;
}

void worker_scores_on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct worker_service *service = context;
	struct viva_error reason = {0};
	VIVA_AUTO(viva_arena) arena = NULL;
	struct scored scored = {.service = service, .now_ms = worker_now_ms(service)};
	int status = viva_arena_create(0, &arena);
	scored.arena = arena;
	if (!status)
		status = read_event(viva_bus_delivery_message(delivery), &scored, &reason);
	if (status && status != VIVA_ENOMEM) {
		viva_bus_settle(delivery, VIVA_BUS_DEAD, viva_error_message(&reason));
		return;
	}
	if (!status && service->targets.count > 0)
		status = viva_store_transact(service->store, take_in, &scored, &reason);
	if (status) {
		viva_log_warn("a score can't be taken in now: %s", viva_error_message(&reason));
		viva_bus_settle(delivery, VIVA_BUS_DEFER, NULL);
		return;
	}
	viva_bus_settle(delivery, VIVA_BUS_ACK, NULL);
	worker_webhooks_wake(service->webhooks);
}
