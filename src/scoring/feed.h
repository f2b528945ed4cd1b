// SPDX-License-Identifier: Apache-2.0
//
// What the bus tells scoring: the emotions that were seen go into its copy of the timelines, many in one transaction;
// interviews that were erased are erased here, too.
//
// Threads: create and destroy from the main thread; stop from any but the loop's.
#ifndef VIVA_SCORING_FEED_H
#define VIVA_SCORING_FEED_H

#include "scoring/state.h"

struct scoring_feed;

struct scoring_feed_options {
	struct scoring_service *service;  // borrowed
	size_t batch;                     // messages kept in one transaction. > 0. Default 256.
	uint32_t linger_ms;               // how long the first of a batch waits for others. Default 50.
};

struct scoring_feed_options scoring_feed_defaults(void);
// Starts to consume. VIVA_EINVAL, VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int scoring_feed_create(const struct scoring_feed_options *options, struct scoring_feed **ret_feed,
					struct viva_error *error);
// None begins after it returned. Waits for the bus, not for the store.
void scoring_feed_stop(struct scoring_feed *feed);
// Stops, and waits for what is in work. NULL is fine. Always NULL.
struct scoring_feed *scoring_feed_destroy(struct scoring_feed *feed);

#endif
