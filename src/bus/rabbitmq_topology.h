// SPDX-License-Identifier: Apache-2.0
//
// The topology as RabbitMQ holds it: durable exchanges and quorum queues.
//
//   interview.events (topic) ─ key ─▶ worker.frames, scoring.emotions, …
//        └ frame.accepted ─▶ emotion.frames (headers) ─ partition = N ─▶ emotion.frames.N
//                                 └ without a partition ─▶ emotion.frames.unpartitioned (fanout) ─▶ worker.frames
//   any queue ─ delivered too often ─▶ dead.letters
//   interview.delay.MS (fanout) ─▶ interview.delay.MS, a queue that nobody consumes: what has waited there goes, by its
//        routing key, back to the queue of that name
//
// Threads: any; declare() blocks on the broker.
#ifndef VIVA_BUS_RABBITMQ_TOPOLOGY_H
#define VIVA_BUS_RABBITMQ_TOPOLOGY_H

#include "bus/bus.h"
#include "bus/rabbitmq_link.h"

enum { VIVA_RABBITMQ_NAME_SIZE = 64 };

// How many queues there are behind the enum's name: its partitions, or 1.
size_t viva_rabbitmq_queue_parts(enum viva_bus_queue queue, size_t frame_partitions);
void viva_rabbitmq_queue_name(enum viva_bus_queue queue, size_t part, char ret_name[VIVA_RABBITMQ_NAME_SIZE]);
// The exchange that holds messages back for `step_ms` or up to twice as long.
void viva_rabbitmq_delay_name(uint32_t step_ms, char ret_name[VIVA_RABBITMQ_NAME_SIZE]);
// The step before the retry that comes after `retries` failures (1 – VIVA_BUS_MAX_RETRIES).
uint32_t viva_rabbitmq_retry_step_ms(const struct viva_bus_options *options, int retries);

// Makes what is not there yet. VIVA_ECONFLICT (something is there, but other than it must be), VIVA_EUNAVAILABLE.
VIVA_MUST_CHECK int viva_rabbitmq_declare(struct viva_rabbitmq_link *link, const struct viva_bus_options *options,
					  struct viva_error *error);

#endif
