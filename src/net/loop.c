// SPDX-License-Identifier: Apache-2.0
#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "net/loop_internal.h"

struct viva_loop {
	uv_loop_t uv;
	uv_async_t wake_up;
	pthread_mutex_t lock;  // guards the four below
	struct viva_loop_post *first;
	struct viva_loop_post **last;
	bool is_stopping;
	bool is_closed;
	_Atomic(pthread_t) runner;
	_Atomic bool is_running;
	uint8_t scratch[VIVA_LOOP_SCRATCH_BYTES];
};

struct viva_loop_timer {
	uv_timer_t uv;
	void (*run)(void *context);
	void *context;
};

static struct viva_loop_post *take_posted(struct viva_loop *loop, bool *ret_is_stopping)
{
	pthread_mutex_lock(&loop->lock);
	struct viva_loop_post *first = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	*ret_is_stopping = loop->is_stopping;
	pthread_mutex_unlock(&loop->lock);
	return first;
}

void viva_loop_run_posted(struct viva_loop *loop)
{
	bool is_stopping = false;
	struct viva_loop_post *posted = take_posted(loop, &is_stopping);
	while (posted) {
		struct viva_loop_post post = *posted;
		if (post.is_owned_by_loop)
			free(posted);
		post.run(post.context);
		posted = post.next;
	}
	if (is_stopping)
		uv_stop(&loop->uv);
}

static void on_wake_up(uv_async_t *async)
{
	viva_loop_run_posted(async->data);
}

int viva_loop_create(struct viva_loop **ret_loop)
{
	// libuv writes to sockets by write(2): a peer that has gone must be an error, not the end of the process.
	signal(SIGPIPE, SIG_IGN);
	struct viva_loop *loop = calloc(1, sizeof *loop);
	if (!loop)
		return VIVA_ENOMEM;
	if (uv_loop_init(&loop->uv) != 0) {
		free(loop);
		return VIVA_ENOMEM;
	}
	loop->uv.data = loop;
	loop->last = &loop->first;
	pthread_mutex_init(&loop->lock, NULL);
	if (uv_async_init(&loop->uv, &loop->wake_up, on_wake_up) != 0) {
		uv_loop_close(&loop->uv);
		pthread_mutex_destroy(&loop->lock);
		free(loop);
		return VIVA_ENOMEM;
	}
	loop->wake_up.data = loop;
	*ret_loop = loop;
	return 0;
}

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

struct viva_loop *viva_loop_destroy(struct viva_loop *loop)
{
	if (!loop)
		return NULL;
	// What was posted may own memory: it must run, and may post once more itself.
	for (int round = 0; round < 16; round++)
		viva_loop_run_posted(loop);
	pthread_mutex_lock(&loop->lock);
	loop->is_closed = true;
	pthread_mutex_unlock(&loop->lock);
	viva_loop_run_posted(loop);

	uv_walk(&loop->uv, close_handle, NULL);
	// A stop asked for above would end the first run before the handles are closed.
	while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
		uv_walk(&loop->uv, close_handle, NULL);
	uv_loop_close(&loop->uv);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
	return NULL;
}

void viva_loop_run(struct viva_loop *loop)
{
	atomic_store(&loop->runner, pthread_self());
	atomic_store(&loop->is_running, true);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	viva_loop_run_posted(loop);
	pthread_mutex_lock(&loop->lock);
	loop->is_stopping = false;
	pthread_mutex_unlock(&loop->lock);
	atomic_store(&loop->is_running, false);
}

void viva_loop_stop(struct viva_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->is_stopping = true;
	pthread_mutex_unlock(&loop->lock);
	uv_async_send(&loop->wake_up);
}

static bool append_post(struct viva_loop *loop, struct viva_loop_post *post)
{
	post->next = NULL;
	pthread_mutex_lock(&loop->lock);
	bool is_open = !loop->is_closed;
	if (is_open) {
		bool was_empty = loop->first == NULL;
		*loop->last = post;
		loop->last = &post->next;
		// Inside the lock: a destroy on the loop's thread can't free the handle between the two.
		if (was_empty)
			uv_async_send(&loop->wake_up);
	}
	pthread_mutex_unlock(&loop->lock);
	return is_open;
}

int viva_loop_post(struct viva_loop *loop, void (*run)(void *context), void *context)
{
	struct viva_loop_post *post = malloc(sizeof *post);
	if (!post)
		return VIVA_ENOMEM;
	*post = (struct viva_loop_post){.run = run, .context = context, .is_owned_by_loop = true};
	if (append_post(loop, post))
		return 0;
	free(post);
	return VIVA_ECLOSED;
}

void viva_loop_post_embedded(struct viva_loop *loop, struct viva_loop_post *post)
{
	append_post(loop, post);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_timer(uv_timer_t *handle)
{
	struct viva_loop_timer *timer = handle->data;
	timer->run(timer->context);
}

int viva_loop_timer_create(struct viva_loop *loop, uint64_t delay_ms, uint64_t repeat_ms, void (*run)(void *context),
			   void *context, struct viva_loop_timer **ret_timer)
{
	struct viva_loop_timer *timer = calloc(1, sizeof *timer);
	if (!timer)
		return VIVA_ENOMEM;
	timer->run = run;
	timer->context = context;
	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	uv_update_time(&loop->uv);
	uv_timer_start(&timer->uv, on_timer, delay_ms, repeat_ms);
	*ret_timer = timer;
	return 0;
}

struct viva_loop_timer *viva_loop_timer_destroy(struct viva_loop_timer *timer)
{
	if (timer)
		uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
	return NULL;
}

uv_loop_t *viva_loop_uv(struct viva_loop *loop)
{
	return &loop->uv;
}

bool viva_loop_is_current(struct viva_loop *loop)
{
	return atomic_load(&loop->is_running) && pthread_equal(atomic_load(&loop->runner), pthread_self());
}

uint8_t *viva_loop_scratch(uv_loop_t *uv)
{
	struct viva_loop *loop = uv->data;
	return loop->scratch;
}
