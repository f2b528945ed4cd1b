// SPDX-License-Identifier: Apache-2.0
//
// An embedded bus beside the worker's store: messages to publish, and what comes out of its queues.
//
// Threads: the test's; what comes out is collected by the consumers' threads.
#ifndef VIVA_TEST_WORKER_BUS_H
#define VIVA_TEST_WORKER_BUS_H

#include <pthread.h>

#include "bus/bus.h"
#include "worker_fixture.h"

// Short pauses.
struct viva_bus *worker_bus_open(const struct worker_fixture *fixture);

// Publishes a JPEG of a session. message_id may be NULL; age_ms is how long ago it was published.
void worker_bus_publish_frame(struct viva_bus *bus, const char *session_id, int64_t number, const char *message_id,
			      int64_t age_ms);
void worker_bus_publish(struct viva_bus *bus, const char *routing_key, const char *type, const char *session_id,
			const char *body);

struct worker_bus_frame {
	char session_id[64], message_id[64];
	int64_t number;
};
// Takes what was passed on to the emotion service.
struct worker_bus_frames {
	struct viva_bus_consumer *consumer;
	pthread_mutex_t lock;
	size_t count;
	struct worker_bus_frame frames[1024];
};
struct worker_bus_frames *worker_bus_take_frames(struct viva_bus *bus);
// How many came until now; those can be read afterwards.
size_t worker_bus_frames_count(struct worker_bus_frames *frames);
struct worker_bus_frames *worker_bus_frames_destroy(struct worker_bus_frames *frames);
VIVA_DEFINE_AUTO(worker_bus_frames)

// Waits until condition(context) holds; fails the test when it never does.
void wait_until(bool (*condition)(void *context), void *context, const char *what);
// Waits until so many messages wait in the queue and (−1 = whatever) so many are unsettled.
void worker_bus_wait_for_queue(struct viva_bus *bus, const char *name, int64_t waiting, int64_t unsettled);
// Waits for that many dead letters; the reason of the first is put into ret_reason.
void worker_bus_wait_for_dead_letters(struct viva_bus *bus, size_t count, char ret_reason[256]);

#endif
