// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

struct task {
	viva_task_function *run;
	void *context;
};

// A ring of at most `limit` waiting tasks, whose memory grows with need: there may be a strand for each of many
// sessions, and most are idle.
struct ring {
	size_t limit, capacity, first, count;
	struct task *tasks;
};

enum { FIRST_CAPACITY = 4 };

static bool ring_grow(struct ring *ring)
{
	size_t capacity = VIVA_MIN(ring->limit, VIVA_MAX(2 * ring->capacity, (size_t)FIRST_CAPACITY));
	struct task *tasks = calloc(capacity, sizeof tasks[0]);
	if (!tasks)
		return false;
	for (size_t i = 0; i < ring->count; i++)
		tasks[i] = ring->tasks[(ring->first + i) % ring->capacity];
	free(ring->tasks);
	ring->tasks = tasks;
	ring->capacity = capacity;
	ring->first = 0;
	return true;
}

// False: full, or no memory to wait in, which callers treat the same.
static bool ring_put(struct ring *ring, struct task task)
{
	if (ring->count == ring->limit || (ring->count == ring->capacity && !ring_grow(ring)))
		return false;
	ring->tasks[(ring->first + ring->count++) % ring->capacity] = task;
	return true;
}

static bool ring_take(struct ring *ring, struct task *ret_task)
{
	if (ring->count == 0)
		return false;
	*ret_task = ring->tasks[ring->first];
	ring->first = (ring->first + 1) % ring->capacity;
	ring->count--;
	return true;
}

struct viva_pool {
	struct viva_pool_options options;
	pthread_mutex_t lock;  // of all below
	pthread_cond_t has_work;
	struct ring waiting;
	bool is_stopping;
	size_t started;
	pthread_t threads[];
};

struct viva_pool_options viva_pool_defaults(void)
{
	return (struct viva_pool_options){.name = "worker", .threads = 8, .max_waiting = 1024};
}

static void *work_until_stopped(void *context)
{
	struct viva_pool *pool = context;
	pthread_mutex_lock(&pool->lock);
	char name[16];
	snprintf(name, sizeof name, "%.10s-%zu", pool->options.name, pool->started++ % 1000);
	pthread_setname_np(pthread_self(), name);
	for (;;) {
		struct task task;
		if (ring_take(&pool->waiting, &task)) {
			pthread_mutex_unlock(&pool->lock);
			task.run(task.context);
			pthread_mutex_lock(&pool->lock);
		} else if (pool->is_stopping) {
			break;
		} else {
			pthread_cond_wait(&pool->has_work, &pool->lock);
		}
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void join(struct viva_pool *pool, size_t threads)
{
	pthread_mutex_lock(&pool->lock);
	pool->is_stopping = true;
	pthread_cond_broadcast(&pool->has_work);
	pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->has_work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->waiting.tasks);
	free(pool);
}

int viva_pool_create(const struct viva_pool_options *options, struct viva_pool **ret_pool)
{
	if (options->threads == 0 || options->max_waiting == 0)
		return VIVA_EINVAL;
	struct viva_pool *pool = calloc(1, sizeof *pool + options->threads * sizeof pool->threads[0]);
	if (!pool)
		return VIVA_ENOMEM;
	pool->options = *options;
	if (!pool->options.name)
		pool->options.name = "worker";
	pool->waiting.limit = options->max_waiting;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->has_work, NULL);
	for (size_t i = 0; i < options->threads; i++) {
		if (pthread_create(&pool->threads[i], NULL, work_until_stopped, pool)) {
			join(pool, i);
			return VIVA_EINTERNAL;
		}
	}
	*ret_pool = pool;
	return 0;
}

struct viva_pool *viva_pool_destroy(struct viva_pool *pool)
{
	if (pool)
		join(pool, pool->options.threads);
	return NULL;
}

int viva_pool_submit(struct viva_pool *pool, viva_task_function *run, void *context)
{
	pthread_mutex_lock(&pool->lock);
	int status = 0;
	if (pool->is_stopping)
		status = VIVA_ECLOSED;
	else if (!ring_put(&pool->waiting, (struct task){run, context}))
		status = VIVA_EOVERLOAD;
	else
		pthread_cond_signal(&pool->has_work);
	pthread_mutex_unlock(&pool->lock);
	return status;
}

size_t viva_pool_waiting(struct viva_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	size_t count = pool->waiting.count;
	pthread_mutex_unlock(&pool->lock);
	return count;
}

struct viva_strand {
	struct viva_pool *pool;
	pthread_mutex_t lock;  // of all below
	struct ring waiting;
	bool is_scheduled;  // run_strand is queued on the pool or running
	bool is_released;   // the owner's hold is gone
};

int viva_strand_create(struct viva_pool *pool, size_t max_waiting, struct viva_strand **ret_strand)
{
	if (max_waiting == 0)
		return VIVA_EINVAL;
	struct viva_strand *strand = calloc(1, sizeof *strand);
	if (!strand)
		return VIVA_ENOMEM;
	strand->waiting.limit = max_waiting;
	strand->pool = pool;
	pthread_mutex_init(&strand->lock, NULL);
	*ret_strand = strand;
	return 0;
}

static void free_strand(struct viva_strand *strand)
{
	pthread_mutex_destroy(&strand->lock);
	free(strand->waiting.tasks);
	free(strand);
}

// Runs one task, then queues up behind other work for the next; goes on at once where the pool takes no more.
static void run_strand(void *context)
{
	struct viva_strand *strand = context;
	do {
		struct task task;
		pthread_mutex_lock(&strand->lock);
		bool has_task = ring_take(&strand->waiting, &task);
		pthread_mutex_unlock(&strand->lock);
		if (has_task)
			task.run(task.context);

		pthread_mutex_lock(&strand->lock);
		bool has_more = strand->waiting.count > 0;
		strand->is_scheduled = has_more;
		bool is_over = !has_more && strand->is_released;
		pthread_mutex_unlock(&strand->lock);
		if (is_over)
			free_strand(strand);
		if (!has_more)
			return;
	} while (viva_pool_submit(strand->pool, run_strand, strand));
}

int viva_strand_submit(struct viva_strand *strand, viva_task_function *run, void *context)
{
	pthread_mutex_lock(&strand->lock);
	int status = 0;
	if (!ring_put(&strand->waiting, (struct task){run, context})) {
		status = VIVA_EOVERLOAD;
	} else if (!strand->is_scheduled) {
		status = viva_pool_submit(strand->pool, run_strand, strand);
		strand->is_scheduled = !status;
		if (status)
			strand->waiting.count--;
	}
	pthread_mutex_unlock(&strand->lock);
	return status;
}

struct viva_strand *viva_strand_destroy(struct viva_strand *strand)
{
	if (!strand)
		return NULL;
	pthread_mutex_lock(&strand->lock);
	strand->is_released = true;
	bool is_idle = !strand->is_scheduled;
	pthread_mutex_unlock(&strand->lock);
	if (is_idle)
		free_strand(strand);
	return NULL;
}
