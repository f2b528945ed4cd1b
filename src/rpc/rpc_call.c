// SPDX-License-Identifier: Apache-2.0
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "rpc/rpc_server_core.h"
#include "rpc/wire.h"

enum {
	// An unpacked message takes more room than its bytes; past this factor it is made to exhaust us.
	ARENA_BYTES_PER_MESSAGE_BYTE = 4,
	MIN_ARENA_BYTES = 1 << 20,
	MAX_METADATA_VALUE = 16 << 10,
};

// gRFC A6: when a client that retries may come back, in milliseconds.
static const char pushback_ms[] = "250";

static void free_call(struct viva_rpc_call *call)
{
	struct viva_rpc_server *server = call->slot->server;

	if (call->reply)
		grpc_byte_buffer_destroy(call->reply);
	if (call->payload)
		grpc_byte_buffer_destroy(call->payload);
	grpc_slice_unref(call->request_slice);
	grpc_metadata_array_destroy(&call->metadata);
	grpc_call_details_destroy(&call->details);
	if (call->call)
		grpc_call_unref(call->call);
	viva_arena_destroy(call->arena);
	pthread_cond_destroy(&call->written);
	pthread_mutex_destroy(&call->mutex);
	free(call);

	pthread_mutex_lock(&server->mutex);
	server->alive--;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->mutex);
}

void rpc_call_unref(struct viva_rpc_call *call)
{
	if (atomic_fetch_sub(&call->references, 1) == 1)
		free_call(call);
}

static void on_close(struct rpc_tag *tag, bool is_ok)
{
	struct viva_rpc_call *call = rpc_owner_of(tag, struct viva_rpc_call, on_close);
	if (!is_ok || call->was_cancelled)
		atomic_store(&call->is_gone, true);
	if (!call->slot->method.handle)
		rpc_stream_unlist(call);
	rpc_call_unref(call);
}

static void on_finish(struct rpc_tag *tag, bool is_ok)
{
	(void)is_ok;  // a caller that is gone does not miss it
	rpc_call_unref(rpc_owner_of(tag, struct viva_rpc_call, on_finish));
}

static void on_write(struct rpc_tag *tag, bool is_ok)
{
	struct viva_rpc_call *call = rpc_owner_of(tag, struct viva_rpc_call, on_write);
	pthread_mutex_lock(&call->mutex);
	call->write = is_ok ? RPC_WRITE_IDLE : RPC_WRITE_FAILED;
	pthread_cond_signal(&call->written);
	pthread_mutex_unlock(&call->mutex);
	rpc_call_unref(call);
}

static void begin(struct viva_rpc_call *call)
{
	const struct viva_rpc_server_options *options = &call->slot->server->options;
	call->has_begun = true;
	call->began_us = rpc_now_us();
	call->deadline_us = rpc_us_of_timespec(call->slot->method.path ? call->deadline : call->details.deadline);
	if (call->deadline_us == INT64_MAX && call->slot->method.handle && options->default_timeout_ms > 0)
		call->deadline_us = call->began_us + (int64_t)options->default_timeout_ms * 1000;
	rpc_metrics_begin(&call->slot->metrics);

	// A batch of its own, so that a cancellation is seen while the handler works.
	grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
	op.data.recv_close_on_server.cancelled = &call->was_cancelled;
	atomic_fetch_add(&call->references, 1);
	if (!rpc_start_batch(call->call, &op, 1, &call->on_close))
		rpc_call_unref(call);
}

static void on_request(struct rpc_tag *tag, bool is_ok)
{
	struct viva_rpc_call *call = rpc_owner_of(tag, struct viva_rpc_call, on_request);
	if (!is_ok) {  // the server stops
		rpc_call_unref(call);
		return;
	}
	rpc_call_arm(call->slot);  // first of all: a method with no armed request hangs its next caller
	begin(call);
	call->slot->on_call(call);
}

static void init_written(pthread_cond_t *written)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(written, &attributes);
	pthread_condattr_destroy(&attributes);
}

void rpc_call_arm(struct rpc_slot *slot)
{
	struct viva_rpc_server *server = slot->server;
	struct viva_rpc_call *call = calloc(1, sizeof *call);
	if (!call) {
		viva_log_error("no memory to take one more call of %s", slot->method.path ? slot->method.path : "*");
		return;
	}
	call->slot = slot;
	call->on_request.on_event = on_request;
	call->on_close.on_event = on_close;
	call->on_write.on_event = on_write;
	call->on_finish.on_event = on_finish;
	call->request_slice = grpc_empty_slice();
	call->stream.sent_status = -1;
	atomic_init(&call->references, 1);
	grpc_metadata_array_init(&call->metadata);
	grpc_call_details_init(&call->details);
	pthread_mutex_init(&call->mutex, NULL);
	init_written(&call->written);

	pthread_mutex_lock(&server->mutex);
	server->alive++;
	pthread_mutex_unlock(&server->mutex);

	rpc_tag_is_handed_over(&call->on_request);
	grpc_call_error result;
	if (slot->method.path)
		result = grpc_server_request_registered_call(
			server->server, slot->registered, &call->call, &call->deadline, &call->metadata,
			slot->reads_itself ? NULL : &call->payload, server->queue, server->queue, &call->on_request);
	else
		result = grpc_server_request_call(server->server, &call->call, &call->details, &call->metadata,
						  server->queue, server->queue, &call->on_request);
	if (result != GRPC_CALL_OK)
		rpc_call_unref(call);
}

static void copy_message(const struct viva_error *error, int code, char *ret_text, size_t size)
{
	const char *message = error && error->message[0] ? error->message : viva_error_text(code);
	bool names_field = !error || !error->field[0] || strstr(message, error->field);
	if (names_field)
		snprintf(ret_text, size, "%s", message);
	else
		snprintf(ret_text, size, "%s: %s", error->field, message);
}

static void end_metrics(struct viva_rpc_call *call, int status)
{
	if (call->slot->method.handle)
		atomic_fetch_sub(&call->slot->server->calls, 1);
	rpc_metrics_end(&call->slot->metrics, status, rpc_now_us() - call->began_us);
}

void rpc_call_finish(struct viva_rpc_call *call, int code, const struct viva_error *error)
{
	char text[sizeof error->message + sizeof error->field + 2] = "";
	if (code < 0)
		copy_message(error, code, text, sizeof text);
	grpc_slice details = grpc_slice_from_copied_string(text);
	grpc_metadata pushback = {.key = grpc_slice_from_static_string("grpc-retry-pushback-ms"),
				  .value = grpc_slice_from_static_string(pushback_ms)};

	grpc_op ops[3] = {0};
	size_t count = 0;
	if (!call->has_sent_metadata)
		ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
	if (code == 0 && call->reply) {
		ops[count].op = GRPC_OP_SEND_MESSAGE;
		ops[count++].data.send_message.send_message = call->reply;
	}
	grpc_op *last = &ops[count++];
	last->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	last->data.send_status_from_server.status = (grpc_status_code)viva_error_grpc_status(code);
	last->data.send_status_from_server.status_details = text[0] ? &details : NULL;
	if (code == VIVA_EOVERLOAD || code == VIVA_ERATE) {
		last->data.send_status_from_server.trailing_metadata = &pushback;
		last->data.send_status_from_server.trailing_metadata_count = 1;
	}

	end_metrics(call, viva_error_grpc_status(code));
	atomic_fetch_add(&call->references, 1);
	if (!rpc_start_batch(call->call, ops, count, &call->on_finish))
		rpc_call_unref(call);
	grpc_slice_unref(details);
}

bool rpc_call_start_write(struct viva_rpc_call *call, grpc_byte_buffer *message)
{
	grpc_op ops[2] = {0};
	size_t count = 0;
	if (!call->has_sent_metadata)
		ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[count].op = GRPC_OP_SEND_MESSAGE;
	ops[count++].data.send_message.send_message = message;
	call->has_sent_metadata = true;
	if (call->reply)
		grpc_byte_buffer_destroy(call->reply);
	call->reply = message;

	atomic_fetch_add(&call->references, 1);
	bool is_started = rpc_start_batch(call->call, ops, count, &call->on_write);
	if (!is_started)
		rpc_call_unref(call);
	return is_started;
}

void rpc_call_refuse_unknown(struct viva_rpc_call *call)
{
	struct viva_error error = {0};
	struct viva_bytes method = rpc_slice_bytes(&call->details.method);
	bool is_text = viva_utf8_is_valid(method.data, method.size);
	(void)viva_fail(&error, VIVA_EUNIMPLEMENTED, NULL, "there is no method %.*s",
			is_text ? (int)VIVA_MIN(method.size, (size_t)160) : 0, (const char *)method.data);
	rpc_call_finish(call, VIVA_EUNIMPLEMENTED, &error);
	rpc_call_unref(call);
}

// What a handler may do with its call.

struct viva_bytes viva_rpc_request(const struct viva_rpc_call *call)
{
	return call->request;
}

struct viva_arena *viva_rpc_arena(struct viva_rpc_call *call)
{
	return call->arena;
}

int64_t viva_rpc_deadline_us(const struct viva_rpc_call *call)
{
	return call->deadline_us;
}

bool viva_rpc_is_cancelled(const struct viva_rpc_call *call)
{
	return atomic_load(&call->is_gone) || rpc_now_us() >= call->deadline_us;
}

const char *viva_rpc_metadata(const struct viva_rpc_call *call, const char *key)
{
	for (size_t i = 0; i < call->metadata.count; i++) {
		const grpc_metadata *entry = &call->metadata.metadata[i];
		if (grpc_slice_str_cmp(entry->key, key) != 0)
			continue;
		struct viva_bytes value = rpc_slice_bytes(&entry->value);
		if (value.size > MAX_METADATA_VALUE || (value.size > 0 && memchr(value.data, 0, value.size)))
			return NULL;
		return viva_arena_text(call->arena, (const char *)value.data, value.size);
	}
	return NULL;
}

int viva_rpc_unpack(struct viva_rpc_call *call, const ProtobufCMessageDescriptor *descriptor,
		    ProtobufCMessage **ret_message, struct viva_error *error)
{
	return wire_unpack(descriptor, call->request, call->arena, ret_message, error);
}

// Blocks until the transport took the message. A caller that reads nothing holds a worker no longer than its deadline.
static int write_and_wait(struct viva_rpc_call *call, grpc_byte_buffer *message)
{
	call->write = RPC_WRITE_PENDING;
	if (!rpc_call_start_write(call, message))
		return VIVA_ECANCELLED;

	struct timespec deadline = {.tv_sec = call->deadline_us / 1000000,
				    .tv_nsec = call->deadline_us % 1000000 * 1000};
	bool is_cut = call->deadline_us == INT64_MAX;
	pthread_mutex_lock(&call->mutex);
	while (call->write == RPC_WRITE_PENDING) {
		if (is_cut) {
			pthread_cond_wait(&call->written, &call->mutex);
		} else if (pthread_cond_timedwait(&call->written, &call->mutex, &deadline) != 0) {
			is_cut = true;  // the cancelled write now comes back at once
			grpc_call_cancel_with_status(call->call, GRPC_STATUS_DEADLINE_EXCEEDED,
						     "the caller read too slowly", NULL);
		}
	}
	bool is_ok = call->write == RPC_WRITE_IDLE;
	pthread_mutex_unlock(&call->mutex);
	return is_ok ? 0 : VIVA_ECANCELLED;
}

int viva_rpc_reply(struct viva_rpc_call *call, const ProtobufCMessage *message)
{
	bool is_streaming = call->slot->method.is_server_streaming;
	if (!is_streaming && call->reply)
		return VIVA_EINTERNAL;
	if (atomic_load(&call->is_gone))
		return VIVA_ECANCELLED;
	grpc_byte_buffer *packed = rpc_pack(message);
	if (is_streaming)
		return write_and_wait(call, packed);
	call->reply = packed;
	return 0;
}

static int open_request(struct viva_rpc_call *call, struct viva_error *error)
{
	const struct viva_rpc_server_options *options = &call->slot->server->options;
	if (viva_rpc_is_cancelled(call))
		return viva_fail(error, VIVA_EDEADLINE, NULL, "the deadline passed before the call's turn came");
	if (!call->payload)
		return viva_fail(error, VIVA_EINVAL, NULL, "the request holds no message");
	size_t arena_bytes =
		VIVA_MAX(options->max_message_bytes * ARENA_BYTES_PER_MESSAGE_BYTE, (size_t)MIN_ARENA_BYTES);
	int result = viva_arena_create(arena_bytes, &call->arena);
	if (result < 0)
		return viva_fail(error, result, NULL, "no memory for the request");
	call->request = rpc_flatten(call->payload, &call->request_slice);
	return 0;
}

static int answer(struct viva_rpc_call *call, struct viva_error *error)
{
	const struct viva_rpc_server_options *options = &call->slot->server->options;
	int result = open_request(call, error);
	if (result < 0)
		return result;
	viva_log_set_context(viva_rpc_metadata(call, "x-request-id"), NULL);
	if (options->authorize)
		result = options->authorize(call, options->context, error);
	if (result == 0)
		result = call->slot->method.handle(call, options->context, error);
	if (result == 0 && !call->reply && !call->slot->method.is_server_streaming)
		result = viva_fail(error, VIVA_EINTERNAL, NULL, "the call was left without a reply");
	return result;
}

// On the pool.
static void run_handler(void *context)
{
	struct viva_rpc_call *call = context;
	struct viva_error error = {0};
	int result = answer(call, &error);
	if (viva_error_grpc_status(result) == GRPC_STATUS_INTERNAL)
		viva_log_error("%s failed: %s", call->slot->method.path,
			       error.message[0] ? error.message : viva_error_text(result));

	// What was written to a stream is gone already; only a unary reply goes out with the status.
	if (call->slot->method.is_server_streaming && call->reply) {
		grpc_byte_buffer_destroy(call->reply);
		call->reply = NULL;
	}
	rpc_call_finish(call, result, &error);
	rpc_call_unref(call);
	viva_log_set_context(NULL, NULL);
}

void rpc_call_handle(struct viva_rpc_call *call)
{
	struct viva_rpc_server *server = call->slot->server;
	size_t before = atomic_fetch_add(&server->calls, 1);
	int result = before >= server->options.max_calls ? VIVA_EOVERLOAD
							 : viva_pool_submit(server->options.pool, run_handler, call);
	if (result == 0)
		return;  // the worker has our reference
	struct viva_error error = {0};
	(void)viva_fail(&error, result, NULL, "%s",
			result == VIVA_EOVERLOAD ? "too many calls in progress" : "the server is stopping");
	rpc_call_finish(call, result, &error);
	rpc_call_unref(call);
}
