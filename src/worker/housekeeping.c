// SPDX-License-Identifier: Apache-2.0
#include "worker/housekeeping.h"

#include <stdio.h>

#include "base/log.h"
#include "worker/deliveries.h"
#include "worker/frame_store.h"

// Longer than any message can still come, and than the interview service remembers its erasures.
#define SESSION_RETENTION_MS (INT64_C(31) * 24 * 60 * 60 * 1000)
#define INBOX_RETENTION_MS (INT64_C(31) * 24 * 60 * 60 * 1000)

static void set_queue_gauge(const char *name, const char *queue, double value, const char *help)
{
	char labels[96];
	snprintf(labels, sizeof labels, "queue=\"%s\"", queue);
	viva_metric_set(viva_gauge(name, labels, help), value);
}

static int measure_queues(struct worker_service *service, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	int status = viva_arena_create(0, &arena);
	if (!status)
		status = viva_bus_queues(service->runtime.bus, arena, &queues, &count, error);
	for (size_t i = 0; i < count && !status; i++) {
		const struct viva_bus_queue_status *queue = &queues[i];
		set_queue_gauge("viva_bus_queue_waiting", queue->name, (double)queue->waiting,
				"Messages that wait in a queue");
		set_queue_gauge("viva_bus_queue_consumers", queue->name, (double)queue->consumers,
				"Consumers of a queue, of all processes");
		if (queue->unsettled >= 0)
			set_queue_gauge("viva_bus_queue_unsettled", queue->name, (double)queue->unsettled,
					"Messages of a queue that are worked on");
		set_queue_gauge("viva_bus_queue_oldest_seconds", queue->name,
				queue->oldest_age_ms < 0 ? 0 : (double)queue->oldest_age_ms / 1000,
				"Age of the first message that waits; 0 = none, or unknown");
	}
	return status;
}

static int measure_deliveries(struct worker_service *service, struct viva_error *error)
{
	struct worker_deliveries_pending pending;
	int status = worker_deliveries_pending(service->store, &pending, error);
	if (status)
		return status;
	int64_t age_ms = pending.count > 0 ? worker_now_ms(service) - pending.oldest_created_at : 0;
	viva_metric_set(worker_meters()->deliveries_pending, (double)pending.count);
	viva_metric_set(worker_meters()->oldest_undelivered_seconds, (double)VIVA_MAX(age_ms, INT64_C(0)) / 1000);
	return 0;
}

static int forget_frames(struct worker_service *service, struct viva_error *error)
{
	int64_t now_ms = worker_now_ms(service);
	return worker_frames_expire(service->store, now_ms - service->frame_retention_ms, now_ms - SESSION_RETENTION_MS,
				    error);
}

static int forget_deliveries(struct worker_service *service, struct viva_error *error)
{
	int64_t now_ms = worker_now_ms(service);
	return worker_deliveries_expire(service->store, now_ms, now_ms - service->delivery_retention_ms, error);
}

static int forget_messages(struct worker_service *service, struct viva_error *error)
{
	return viva_inbox_expire(&service->inbox, service->store, worker_now_ms(service) - INBOX_RETENTION_MS, error);
}

void worker_housekeeping_round(void *context)
{
	struct worker_service *service = context;
	static const struct {
		const char *name;
		int (*run)(struct worker_service *service, struct viva_error *error);
	} duties[] = {
		{"measuring the queues", measure_queues},     {"measuring the deliveries", measure_deliveries},
		{"forgetting old frames", forget_frames},     {"forgetting old deliveries", forget_deliveries},
		{"forgetting old messages", forget_messages},
	};
	for (size_t i = 0; i < VIVA_COUNT(duties); i++) {
		struct viva_error error = {0};
		if (duties[i].run(service, &error))
			viva_log_warn("%s failed: %s", duties[i].name, viva_error_message(&error));
	}
}
