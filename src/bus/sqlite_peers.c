// SPDX-License-Identifier: Apache-2.0
#include "bus/sqlite_peers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Changes with the layout below and with the numbering of the queues.
#define MAGIC UINT64_C(0x3130307372656570)

// Written by its owner (token … partitions, beats) and by those who tell (the rest).
struct slot {
	alignas(128) _Atomic int64_t token;  // 0 = free
	_Atomic uint32_t beats;
	_Atomic uint32_t partitions;
	_Atomic uint16_t consumers[VIVA_QUEUE_COUNT];
	_Atomic uint16_t listeners[VIVA_QUEUE_COUNT];
	_Atomic uint32_t sequence;  // the futex
	_Atomic uint32_t queues;
	_Atomic uint32_t keys;
	_Atomic uint32_t holders;
	_Atomic uint64_t in_partitions;
	// At the end, where earlier versions, which may use the file at the same time, have nothing.
	_Atomic uint16_t other_listeners[VIVA_BUS_KEY_COUNT - VIVA_QUEUE_COUNT];  // of keys without a queue
};

struct shared {
	_Atomic uint64_t magic;
	struct slot slots[VIVA_PEERS_MAX];
};

// What this process has seen of a slot.
struct sight {
	int64_t token;
	uint32_t beats;
	int64_t beat_at_us;
	bool was_alive;
};

struct viva_peers {
	const struct viva_clock *clock;
	struct shared *shared;
	int fd;
	int own;               // slot, −1 before join
	pthread_mutex_t lock;  // of sights and joining
	struct sight sights[VIVA_PEERS_MAX];
};

// ---- opening

static int map_file(struct viva_peers *peers, const char *path, struct viva_error *error)
{
	peers->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat file;
	if (peers->fd < 0 || fstat(peers->fd, &file))
		return viva_fail(error, VIVA_EIO, "bus-url", "cannot open %s: %s", path, strerror(errno));
	// Two that make it at once make the same of it. Its blocks are taken now: a page that a full disk has no place
	// for would end the process when it is touched.
	int reason = file.st_size == 0 ? posix_fallocate(peers->fd, 0, sizeof *peers->shared) : 0;
	if (reason)
		return viva_fail(error, VIVA_EIO, "bus-url", "cannot make %s: %s", path, strerror(reason));
	if (file.st_size != 0 && file.st_size != sizeof *peers->shared)
		return viva_fail(error, VIVA_EIO, "bus-url", "%s was made by another version of Viva", path);
	void *shared = mmap(NULL, sizeof *peers->shared, PROT_READ | PROT_WRITE, MAP_SHARED, peers->fd, 0);
	if (shared == MAP_FAILED)
		return viva_fail(error, VIVA_EIO, "bus-url", "cannot map %s: %s", path, strerror(errno));
	peers->shared = shared;
	uint64_t magic = 0;
	if (!atomic_compare_exchange_strong(&peers->shared->magic, &magic, MAGIC) && magic != MAGIC)
		return viva_fail(error, VIVA_EIO, "bus-url", "%s was made by another version of Viva", path);
	return 0;
}

int viva_peers_open(const char *path, const struct viva_clock *clock, struct viva_peers **ret_peers,
		    struct viva_error *error)
{
	struct viva_peers *peers = calloc(1, sizeof *peers);
	if (!peers)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	peers->clock = clock;
	peers->own = -1;
	pthread_mutex_init(&peers->lock, NULL);
	int status = map_file(peers, path, error);
	if (status) {
		viva_peers_destroy(peers);
		return status;
	}
	*ret_peers = peers;
	return 0;
}

// Locks of the open file description: they end with the last descriptor of it, and two buses of one process are two.
static struct flock byte_of_slot(int slot)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = slot, .l_len = 1};
}

static void leave(struct viva_peers *peers)
{
	struct flock byte = byte_of_slot(peers->own);
	atomic_store(&peers->shared->slots[peers->own].token, 0);
	byte.l_type = F_UNLCK;
	fcntl(peers->fd, F_OFD_SETLK, &byte);
	peers->own = -1;
}

struct viva_peers *viva_peers_destroy(struct viva_peers *peers)
{
	if (!peers)
		return NULL;
	if (peers->own >= 0)
		leave(peers);
	if (peers->shared)
		munmap(peers->shared, sizeof *peers->shared);
	if (peers->fd >= 0)
		close(peers->fd);
	pthread_mutex_destroy(&peers->lock);
	free(peers);
	return NULL;
}

// ---- who lives

static bool is_locked(struct viva_peers *peers, int slot)
{
	struct flock byte = byte_of_slot(slot);
	return fcntl(peers->fd, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
}

// With the lock held. A process that is stopped or stuck keeps the kernel's lock, but not its lease. The lease is
// measured by the observer's own clock, as nobody else's is known to run as it does.
static bool is_slot_alive(struct viva_peers *peers, int index)
{
	struct slot *slot = &peers->shared->slots[index];
	struct sight *sight = &peers->sights[index];
	int64_t token = atomic_load(&slot->token);
	if (index == peers->own)
		return true;
	if (token == 0 || !is_locked(peers, index))
		return false;
	uint32_t beats = atomic_load(&slot->beats);
	int64_t now_us = viva_clock_monotonic_us(peers->clock);
	if (sight->token != token || sight->beats != beats) {
		sight->token = token;
		sight->beats = beats;
		sight->beat_at_us = now_us;
	}
	return now_us - sight->beat_at_us < (int64_t)VIVA_PEERS_LEASE_MS * 1000;
}

bool viva_peers_is_alive(struct viva_peers *peers, int64_t token)
{
	bool is_alive = false;
	pthread_mutex_lock(&peers->lock);
	for (int i = 0; i < VIVA_PEERS_MAX && !is_alive; i++)
		is_alive = atomic_load(&peers->shared->slots[i].token) == token && is_slot_alive(peers, i);
	pthread_mutex_unlock(&peers->lock);
	return is_alive;
}

bool viva_peers_has_lost_any(struct viva_peers *peers)
{
	bool has_lost = false;
	pthread_mutex_lock(&peers->lock);
	for (int i = 0; i < VIVA_PEERS_MAX; i++) {
		struct sight *sight = &peers->sights[i];
		int64_t before = sight->token;
		bool is_alive = is_slot_alive(peers, i);
		bool is_same = is_alive && sight->token == before;
		has_lost = has_lost || (sight->was_alive && !is_same);
		sight->was_alive = is_alive && i != peers->own;
	}
	pthread_mutex_unlock(&peers->lock);
	return has_lost;
}

static _Atomic uint16_t *listeners_of(struct slot *slot, size_t key)
{
	return viva_bus_key_has_queue(key) ? &slot->listeners[key] : &slot->other_listeners[key - VIVA_QUEUE_COUNT];
}

// ---- joining

static void clear_slot(struct slot *slot)
{
	for (size_t i = 0; i < VIVA_QUEUE_COUNT; i++)
		atomic_store(&slot->consumers[i], 0);
	for (size_t key = 0; key < VIVA_BUS_KEY_COUNT; key++)
		atomic_store(listeners_of(slot, key), 0);
	atomic_store(&slot->queues, 0);
	atomic_store(&slot->keys, 0);
	atomic_store(&slot->holders, 0);
	atomic_store(&slot->in_partitions, 0);
}

static int check_partitions(struct viva_peers *peers, size_t partitions, struct viva_error *error)
{
	for (int i = 0; i < VIVA_PEERS_MAX; i++) {
		uint32_t others = atomic_load(&peers->shared->slots[i].partitions);
		if (i != peers->own && others != partitions && is_slot_alive(peers, i))
			return viva_fail(error, VIVA_EINVAL, "frame-partitions",
					 "other processes of this bus have %u frame partitions, not %zu", others,
					 partitions);
	}
	return 0;
}

int viva_peers_check_partitions(struct viva_peers *peers, size_t partitions, struct viva_error *error)
{
	pthread_mutex_lock(&peers->lock);
	int status = check_partitions(peers, partitions, error);
	pthread_mutex_unlock(&peers->lock);
	return status;
}

void viva_peers_leave(struct viva_peers *peers)
{
	pthread_mutex_lock(&peers->lock);
	if (peers->own >= 0)
		leave(peers);
	pthread_mutex_unlock(&peers->lock);
}

int viva_peers_join(struct viva_peers *peers, int64_t token, size_t partitions, struct viva_error *error)
{
	pthread_mutex_lock(&peers->lock);
	for (int i = 0; i < VIVA_PEERS_MAX && peers->own < 0; i++) {
		struct flock byte = byte_of_slot(i);
		if (fcntl(peers->fd, F_OFD_SETLK, &byte))
			continue;
		clear_slot(&peers->shared->slots[i]);
		atomic_store(&peers->shared->slots[i].partitions, (uint32_t)partitions);
		atomic_store(&peers->shared->slots[i].token, token);
		peers->own = i;
	}
	int status = 0;
	if (peers->own < 0)
		status = viva_fail(error, VIVA_EINTERNAL, NULL, "%d processes use this bus already", VIVA_PEERS_MAX);
	// After joining, so that of two that join at once at least one sees the other.
	else if ((status = check_partitions(peers, partitions, error)))
		leave(peers);
	pthread_mutex_unlock(&peers->lock);
	return status;
}

void viva_peers_consume(struct viva_peers *peers, enum viva_bus_queue queue, int change)
{
	atomic_fetch_add(&peers->shared->slots[peers->own].consumers[queue], (uint16_t)change);
}

void viva_peers_listen(struct viva_peers *peers, size_t key, int change)
{
	atomic_fetch_add(listeners_of(&peers->shared->slots[peers->own], key), (uint16_t)change);
}

// ---- telling and waiting

static void wake(struct slot *slot)
{
	atomic_fetch_add(&slot->sequence, 1);
	syscall(SYS_futex, &slot->sequence, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void viva_peers_tell(struct viva_peers *peers, const struct viva_peer_news *news)
{
	for (int i = 0; i < VIVA_PEERS_MAX; i++) {
		struct slot *slot = &peers->shared->slots[i];
		if (atomic_load(&slot->token) == 0)
			continue;
		uint32_t queues = 0, keys = 0;
		for (size_t bit = 0; bit < VIVA_QUEUE_COUNT; bit++)
			queues |= atomic_load(&slot->consumers[bit]) ? news->queues & UINT32_C(1) << bit : 0;
		for (size_t bit = 0; bit < VIVA_BUS_KEY_COUNT; bit++)
			keys |= atomic_load(listeners_of(slot, bit)) ? news->keys & UINT32_C(1) << bit : 0;
		if (!queues && !keys)
			continue;
		if (queues) {
			atomic_fetch_or(&slot->in_partitions, news->partitions);
			atomic_fetch_or(&slot->queues, queues);
			atomic_fetch_or(&slot->holders, news->holders);
		}
		atomic_fetch_or(&slot->keys, keys);
		wake(slot);
	}
}

uint32_t viva_peers_listened(struct viva_peers *peers)
{
	uint32_t keys = 0;
	for (int i = 0; i < VIVA_PEERS_MAX; i++) {
		struct slot *slot = &peers->shared->slots[i];
		uint32_t listened = 0;
		for (size_t bit = 0; bit < VIVA_BUS_KEY_COUNT; bit++)
			listened |= atomic_load(listeners_of(slot, bit)) ? UINT32_C(1) << bit : 0;
		// The kernel is asked only about those who would change the answer.
		if (atomic_load(&slot->token) != 0 && (listened & ~keys) && (i == peers->own || is_locked(peers, i)))
			keys |= listened;
	}
	return keys;
}

int64_t viva_peers_listeners(struct viva_peers *peers, size_t key)
{
	int64_t listeners = 0;
	for (int i = 0; i < VIVA_PEERS_MAX; i++) {
		struct slot *slot = &peers->shared->slots[i];
		uint16_t its = atomic_load(listeners_of(slot, key));
		if (its > 0 && atomic_load(&slot->token) != 0 && (i == peers->own || is_locked(peers, i)))
			listeners += its;
	}
	return listeners;
}

int64_t viva_peers_consumers(struct viva_peers *peers, enum viva_bus_queue queue)
{
	int64_t consumers = 0;
	pthread_mutex_lock(&peers->lock);
	for (int i = 0; i < VIVA_PEERS_MAX; i++)
		if (is_slot_alive(peers, i))
			consumers += atomic_load(&peers->shared->slots[i].consumers[queue]);
	pthread_mutex_unlock(&peers->lock);
	return consumers;
}

struct viva_peer_news viva_peers_take_news(struct viva_peers *peers)
{
	struct slot *slot = &peers->shared->slots[peers->own];
	return (struct viva_peer_news){
		.queues = atomic_exchange(&slot->queues, 0),
		.partitions = atomic_exchange(&slot->in_partitions, 0),
		.keys = atomic_exchange(&slot->keys, 0),
		.holders = atomic_exchange(&slot->holders, 0),
	};
}

uint32_t viva_peers_ticket(struct viva_peers *peers)
{
	return atomic_load(&peers->shared->slots[peers->own].sequence);
}

void viva_peers_wait(struct viva_peers *peers, uint32_t ticket, int64_t timeout_us)
{
	struct slot *slot = &peers->shared->slots[peers->own];
	atomic_fetch_add(&slot->beats, 1);
	if (timeout_us <= 0)
		return;
	struct timespec timeout = {.tv_sec = timeout_us / 1000000, .tv_nsec = timeout_us % 1000000 * 1000};
	syscall(SYS_futex, &slot->sequence, FUTEX_WAIT, ticket, &timeout, NULL, 0);
}

void viva_peers_wake(struct viva_peers *peers)
{
	wake(&peers->shared->slots[peers->own]);
}
