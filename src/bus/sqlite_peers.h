// SPDX-License-Identifier: Apache-2.0
//
// The processes that share an embedded bus: who lives, who waits for what, and a tap on the shoulder.
//
// One small file beside the database, mapped by all of them. A process that consumes or listens has a slot in it and
// holds the kernel's lock on the slot's byte, which ends with the process however it ends. Publishers flag what they
// added in the slots of those who wait for it and wake them (futex), so that nobody has to poll. Nothing in the file
// matters after all processes ended.
//
// Threads: any, after join only wait() from one at a time. Nothing blocks but wait().
#ifndef VIVA_BUS_SQLITE_PEERS_H
#define VIVA_BUS_SQLITE_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"
#include "bus/topology.h"

enum {
	VIVA_PEERS_MAX = 64,          // processes that consume or listen at a time
	VIVA_PEERS_LEASE_MS = 30000,  // of one that lives, but does nothing any more
};

// What there is to look at. Bits by queue (topology.h), by partition of partitioned queues, by listened routing key.
struct viva_peer_news {
	uint32_t queues;
	uint64_t partitions;
	uint32_t keys;
	bool holders;  // somebody gave a queue up that has one consumer at a time
};

struct viva_peers;

// Opens or makes the file. No slot is taken yet. VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_peers_open(const char *path, const struct viva_clock *clock, struct viva_peers **ret_peers,
				    struct viva_error *error);
// Leaves, if joined. NULL is fine. Always NULL.
struct viva_peers *viva_peers_destroy(struct viva_peers *peers);

// VIVA_EINVAL when somebody who lives has another number of partitions.
VIVA_MUST_CHECK int viva_peers_check_partitions(struct viva_peers *peers, size_t partitions, struct viva_error *error);
// Takes a slot under `token`, a number > 0 that no other process has or had. Once. `partitions` must be the same for
// all: VIVA_EINVAL. VIVA_EINTERNAL (no slot is free).
VIVA_MUST_CHECK int viva_peers_join(struct viva_peers *peers, int64_t token, size_t partitions,
				    struct viva_error *error);
void viva_peers_leave(struct viva_peers *peers);
// From now on others tell of this queue, or of this key's messages; `change` is +1 or −1.
void viva_peers_consume(struct viva_peers *peers, enum viva_bus_queue queue, int change);
void viva_peers_listen(struct viva_peers *peers, size_t key, int change);

// Tells those who wait for it, also this process.
void viva_peers_tell(struct viva_peers *peers, const struct viva_peer_news *news);
// The keys that anybody who lives listens to; bits by key.
uint32_t viva_peers_listened(struct viva_peers *peers);
// How many listeners to the key all processes that live have.
int64_t viva_peers_listeners(struct viva_peers *peers, size_t key);
// How many consumers of the queue all processes have.
int64_t viva_peers_consumers(struct viva_peers *peers, enum viva_bus_queue queue);
// Whether the process with this token lives: holds its slot, and has waited within the lease, as far as this process
// has seen.
bool viva_peers_is_alive(struct viva_peers *peers, int64_t token);

// ---- after join

// What others told since the last call.
struct viva_peer_news viva_peers_take_news(struct viva_peers *peers);
// To be read before the news; wait() with it returns at once when something was told since.
uint32_t viva_peers_ticket(struct viva_peers *peers);
// Waits until something is told, wake() or the time is over. Renews this process's lease.
void viva_peers_wait(struct viva_peers *peers, uint32_t ticket, int64_t timeout_us);
// Ends wait().
void viva_peers_wake(struct viva_peers *peers);
// Whether somebody who lived at the last call does no more.
bool viva_peers_has_lost_any(struct viva_peers *peers);

#endif
