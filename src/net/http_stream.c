// SPDX-License-Identifier: Apache-2.0
//
// Answers in parts: a worker appends, the loop sends, and the worker waits while the client reads slowly.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/http_exchange.h"

enum { MAX_HEAD_BYTES = 128 * 1024 };

struct stream_part {
	struct stream_part *next;
	struct http_stream *stream;
	size_t size;
	char chunk_head[20];
	uint8_t data[];
};

struct http_stream {
	_Atomic unsigned references;  // the response, and each part on its way
	struct http_exchange *exchange;
	struct viva_loop_post wake_up;
	uint32_t write_timeout_ms;
	bool has_written;  // the worker's
	bool has_head;     // the loop's, as is_ended
	bool is_ended;
	pthread_mutex_t lock;  // guards what follows
	pthread_cond_t changed;
	struct stream_part *first, **last;
	size_t unsent_bytes;
	bool is_posted;
	bool is_cancelled;
};

void http_stream_unref(struct http_stream *stream)
{
	if (!stream || atomic_fetch_sub(&stream->references, 1) != 1)
		return;
	while (stream->first) {
		struct stream_part *part = stream->first;
		stream->first = part->next;
		free(part);
	}
	pthread_cond_destroy(&stream->changed);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
}

void http_stream_cancel(struct http_stream *stream)
{
	if (!stream)
		return;
	pthread_mutex_lock(&stream->lock);
	stream->is_cancelled = true;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
}

bool http_stream_has_written(const struct http_stream *stream)
{
	return stream->has_written;
}

void http_stream_end(struct http_stream *stream)
{
	stream->is_ended = true;
}

// On the loop, after the worker appended to an empty list.
static void on_wake_up(void *context)
{
	struct http_stream *stream = context;
	struct http_exchange *exchange = stream->exchange;
	pthread_mutex_lock(&stream->lock);
	stream->is_posted = false;
	pthread_mutex_unlock(&stream->lock);
	if (!exchange->connection) {
		http_stream_cancel(stream);
		return;
	}
	exchange->stream = stream;
	if (exchange->answer == ANSWER_PENDING)
		exchange->answer = ANSWER_STREAMING;
	http_connection_flush(exchange->connection);
}

int viva_http_begin_stream(struct viva_http_response *response, int status, const char *content_type)
{
	if (response->stream)
		return VIVA_EINVAL;
	VIVA_AUTO(viva_blob) empty = NULL;
	int code = viva_blob_create(NULL, 0, &empty);
	if (code == 0)
		code = viva_http_respond_blob(response, status, content_type, empty);
	if (code != 0)
		return code;
	struct http_stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return VIVA_ENOMEM;
	atomic_init(&stream->references, 1);
	stream->exchange = response->exchange;
	stream->wake_up = (struct viva_loop_post){.run = on_wake_up, .context = stream};
	stream->write_timeout_ms = response->exchange->server->options.write_timeout_ms;
	stream->last = &stream->first;
	pthread_mutex_init(&stream->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&stream->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	response->stream = stream;
	return 0;
}

static struct timespec time_after(uint32_t ms)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += ms / 1000;
	time.tv_nsec += (long)(ms % 1000) * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

// With the lock held: until there is room in the window.
static int wait_for_room(struct http_stream *stream)
{
	struct timespec until = time_after(stream->write_timeout_ms);
	while (!stream->is_cancelled && stream->unsent_bytes > HTTP_STREAM_WINDOW_BYTES)
		if (pthread_cond_timedwait(&stream->changed, &stream->lock, &until) != 0)
			return VIVA_EDEADLINE;
	return stream->is_cancelled ? VIVA_ECANCELLED : 0;
}

int viva_http_write(struct viva_http_response *response, const void *data, size_t size)
{
	struct http_stream *stream = response->stream;
	if (!stream)
		return VIVA_EINVAL;
	if (viva_http_is_cancelled(response) && size == 0)
		return VIVA_ECANCELLED;
	if (size == 0)
		return 0;
	struct stream_part *part = malloc(sizeof *part + size);
	if (!part)
		return VIVA_ENOMEM;
	*part = (struct stream_part){.stream = stream, .size = size};
	memcpy(part->data, data, size);
	snprintf(part->chunk_head, sizeof part->chunk_head, "%zx\r\n", size);

	pthread_mutex_lock(&stream->lock);
	int code = wait_for_room(stream);
	if (code == 0) {
		stream->has_written = true;
		*stream->last = part;
		stream->last = &part->next;
		stream->unsent_bytes += size;
		part = NULL;
		if (!stream->is_posted) {
			stream->is_posted = true;
			viva_loop_post_embedded(response->exchange->server->options.loop, &stream->wake_up);
		}
	}
	pthread_mutex_unlock(&stream->lock);
	free(part);
	return code;
}

static void release_part(void *context)
{
	struct stream_part *part = context;
	struct http_stream *stream = part->stream;
	pthread_mutex_lock(&stream->lock);
	stream->unsent_bytes -= part->size;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
	free(part);
	http_stream_unref(stream);
}

static bool has_content(const struct http_exchange *exchange)
{
	int status = exchange->response.status;
	return !exchange->is_head_method && status >= 200 && status != 204 && status != 304;
}

static bool send_head(struct http_exchange *exchange)
{
	if (exchange->is_http10)
		exchange->keeps_alive = false;
	int64_t framing = !has_content(exchange) && !exchange->is_head_method ? HTTP_NO_FRAMING
			  : exchange->is_http10                               ? HTTP_UNTIL_CLOSE
									      : HTTP_CHUNKED;
	struct viva_buffer head;
	viva_buffer_init(&head, MAX_HEAD_BYTES);
	int code = http_response_head(exchange, framing, &head);
	if (code == 0)
		transport_write_copy(&exchange->connection->transport, head.data, head.size);
	else
		transport_close(&exchange->connection->transport, UV_ENOMEM);
	viva_buffer_finish(&head);
	return code == 0;
}

static void send_part(struct http_exchange *exchange, struct stream_part *part)
{
	atomic_fetch_add(&part->stream->references, 1);
	struct viva_bytes parts[] = {
		viva_bytes_of(part->chunk_head, exchange->is_http10 ? 0 : strlen(part->chunk_head)),
		viva_bytes_of(part->data, part->size),
		viva_bytes_of("\r\n", exchange->is_http10 ? 0 : 2),
	};
	size_t count = has_content(exchange) ? VIVA_COUNT(parts) : 0;
	transport_write(&exchange->connection->transport, parts, count, release_part, part);
}

bool http_stream_send(struct http_exchange *exchange)
{
	struct http_stream *stream = exchange->stream;
	if (!stream->has_head) {
		stream->has_head = true;
		if (!send_head(exchange))
			return false;
	}
	pthread_mutex_lock(&stream->lock);
	struct stream_part *part = stream->first;
	stream->first = NULL;
	stream->last = &stream->first;
	pthread_mutex_unlock(&stream->lock);
	while (part) {
		struct stream_part *next = part->next;
		send_part(exchange, part);
		part = next;
	}
	if (stream->is_ended && !exchange->is_http10 && has_content(exchange))
		transport_write_copy(&exchange->connection->transport, "0\r\n\r\n", 5);
	return stream->is_ended;
}
