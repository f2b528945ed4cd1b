// SPDX-License-Identifier: Apache-2.0
//
// The embedded bus's working parts in memory: consumers with their lanes, deliveries, the engine's turns.
//
// Threads: what is marked (lock) is protected by sqlite_bus.lock; a turn is the engine's own.
#ifndef VIVA_BUS_SQLITE_ENGINE_H
#define VIVA_BUS_SQLITE_ENGINE_H

#include "bus/sqlite_bus.h"

// A claimed message. Made by the engine, given to the handler, settled by any thread, freed by the engine once the file
// knows.
struct sqlite_bus_delivery {
	struct viva_bus_delivery delivery;  // first
	struct sqlite_bus_delivery *next;
	struct sqlite_bus_lane *lane;
	struct viva_arena *arena;  // of the message; gone once it is settled
	int64_t id, size;
	bool is_unwanted;  // it was not begun: back as if it had not been claimed
	enum viva_bus_verdict verdict;
	char reason[VIVA_BUS_MAX_REASON + 1];
};

struct sqlite_bus_deliveries {
	struct sqlite_bus_delivery *first, **end;
	size_t count;
};
void sqlite_bus_deliveries_init(struct sqlite_bus_deliveries *deliveries);
void sqlite_bus_deliveries_add(struct sqlite_bus_deliveries *deliveries, struct sqlite_bus_delivery *delivery);
struct sqlite_bus_delivery *sqlite_bus_deliveries_take(struct sqlite_bus_deliveries *deliveries);  // NULL: none

// A queue as one consumer sees it (lock).
struct sqlite_bus_lane {
	struct sqlite_bus_consumer *consumer;
	const struct sqlite_bus_queue *queue;
	size_t unsettled;
	int64_t unsettled_bytes;
	bool may_have_more;  // the next turn looks
	bool is_passive;     // another consumer has the queue, which keeps order
	bool is_holder;      // this one has
};

struct sqlite_bus_consumer {
	struct viva_bus_consumer consumer;  // first
	struct sqlite_bus_consumer *next;
	pthread_t thread;
	pthread_cond_t moved;                  // with sqlite_bus.lock
	struct sqlite_bus_deliveries waiting;  // not begun (lock)
	size_t outstanding;                    // claims that the file still has (lock)
	bool is_delivering;                    // its thread is in on_delivery (lock)
	bool is_stopped;                       // no delivery begins any more (lock)
	bool has_left;                         // the engine is done with it (lock)
	size_t lane_count;
	struct sqlite_bus_lane lanes[];
};

// The longest pause of a message that was retried or deferred, twice.
static inline int64_t sqlite_bus_max_pause_ms(const struct sqlite_bus *bus)
{
	int64_t longest_retry_ms = (int64_t)bus->bus.options.retry_ms << VIVA_BUS_MAX_RETRIES;
	return 2 * VIVA_MAX(longest_retry_ms, (int64_t)bus->bus.options.defer_ms);
}

// ---- sqlite_turn.c: one transaction of the engine

struct sqlite_bus_claim {
	struct sqlite_bus_lane *lane;
	int64_t id, size;
	int retries;
	bool is_redelivered;
};

// What a turn is to claim from a lane, and what came of it.
struct sqlite_bus_look {
	struct sqlite_bus_lane *lane;
	size_t room;
	int64_t room_bytes;
	bool takes_any;  // the first may be larger than that: the lane has none
	bool has_more, is_passive, is_holder;
};

struct sqlite_bus_turn {
	struct sqlite_bus *bus;
	int64_t now_ms;
	struct sqlite_bus_deliveries settled;
	const struct sqlite_bus_queue *left[SQLITE_BUS_MAX_QUEUES];  // queues that we give up
	size_t left_count;
	struct sqlite_bus_look looks[2 * SQLITE_BUS_MAX_QUEUES];
	size_t look_count;
	bool must_recover, releases_due;

	// What came of it.
	struct sqlite_bus_claim claims[SQLITE_BUS_TURN_MESSAGES];
	size_t claim_count;
	int64_t next_due_ms;  // of what it delayed; INT64_MAX = nothing
	int64_t freed_bytes;
	struct viva_peer_news news;
};

// The store's errors; then nothing was done.
VIVA_MUST_CHECK int sqlite_bus_run_turn(struct sqlite_bus_turn *turn, struct viva_error *error);

// ---- sqlite_engine.c

struct sqlite_bus_engine {
	struct sqlite_bus *bus;
	pthread_t thread;
	struct sqlite_bus_deliveries settled;  // not yet in the file (lock)
	bool is_stopping;                      // (lock)
	struct viva_error trouble;             // of the last turn; code 0 = none (lock)
	struct viva_metric *turns, *failed_turns;

	// The thread's own.
	struct sqlite_bus_deliveries spare;
	int64_t next_poll_us, next_clean_up_us, next_scrub_us, last_work_us;
	int64_t next_due_ms;  // Unix; INT64_MAX = nothing is delayed
	unsigned polls;
	uint32_t failures;      // turns in a row
	int64_t not_before_us;  // after a failure
	bool must_recover;      // somebody died
	bool has_deleted;       // since the last scrub
	struct sqlite_bus_turn turn;
};

// Starts the engine if there is none. With the lock held. VIVA_EINVAL (another number of partitions than others'),
// VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int sqlite_bus_engine_start(struct sqlite_bus *bus, struct viva_error *error);
// Without consumers and listeners. NULL is fine.
void sqlite_bus_engine_stop(struct sqlite_bus_engine *engine);

// The engine's waits are real ones, whatever clock the bus tells time by.
static inline int64_t sqlite_bus_now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

// ---- sqlite_dispatch.c

// Takes a turn if there is anything to do. Whether it did, and succeeded.
bool sqlite_bus_take_turn(struct sqlite_bus_engine *engine);

// ---- sqlite_listen.c

// Has the listeners of these keys look into the log. With the lock held.
void sqlite_bus_signal_listeners(struct sqlite_bus *bus, uint32_t keys);
// Removes from the log what all listeners had their time for; what fails can be done later. Whether it removed any.
bool sqlite_bus_trim_log(struct sqlite_bus *bus, struct viva_arena *arena);

#endif
