// SPDX-License-Identifier: Apache-2.0
//
// A thread of its own polls the completion queue all the time, even without calls: it is what reconnects.
#include "rpc/rpc_client.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "rpc/rpc_channel.h"
#include "rpc/rpc_core.h"
#include "rpc/rpc_target.h"
#include "rpc/wire.h"

enum { MAX_METADATA = 16, MAX_METHODS = 16, FAIR_US = 1000 * 1000 };

struct viva_rpc_client {
	grpc_completion_queue *queue;
	pthread_t thread;
	bool has_thread;
	struct rpc_channel_settings settings;
	struct viva_balancer *balancer;  // of struct rpc_channel
	grpc_metadata metadata[MAX_METADATA];
	size_t metadata_count;
	pthread_mutex_t mutex;  // guards method_count and the paths
	size_t method_count;
	char *paths[MAX_METHODS];
	struct rpc_method_metrics methods[MAX_METHODS];
	struct rpc_method_metrics other_methods;
};

// One call under way: what the core writes into, and who waits for it.
struct call {
	struct rpc_tag on_done;
	pthread_mutex_t mutex;
	pthread_cond_t done;
	bool is_done;
	grpc_metadata metadata[2 * MAX_METADATA + 1];  // the client's, the call's, the request's id
	size_t metadata_count;
	grpc_metadata_array initial_metadata;
	grpc_metadata_array trailing_metadata;
	grpc_byte_buffer *request;
	grpc_byte_buffer *reply;
	grpc_status_code status;
	grpc_slice details;
};

struct viva_rpc_client_options viva_rpc_client_defaults(void)
{
	return (struct viva_rpc_client_options){.service = "service", .max_message_bytes = 16 << 20};
}

static int copy_metadata(const struct viva_rpc_metadata *entries, size_t count, grpc_metadata *ret_copies,
			 size_t *ret_count, struct viva_error *error)
{
	if (count > MAX_METADATA)
		return viva_fail(error, VIVA_EINVAL, NULL, "a gRPC call takes at most %d metadata", (int)MAX_METADATA);
	for (size_t i = 0; i < count; i++) {
		grpc_slice key = grpc_slice_from_copied_string(entries[i].key);
		grpc_slice value = grpc_slice_from_copied_string(entries[i].value);
		if (!grpc_header_key_is_legal(key) || !grpc_header_nonbin_value_is_legal(value)) {
			grpc_slice_unref(key);
			grpc_slice_unref(value);
			return viva_fail(error, VIVA_EINVAL, NULL, "gRPC does not carry the metadata \"%.64s\"",
					 entries[i].key);
		}
		ret_copies[*ret_count] = (grpc_metadata){.key = key, .value = value};
		(*ret_count)++;
	}
	return 0;
}

static void free_metadata(grpc_metadata *metadata, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		grpc_slice_unref(metadata[i].key);
		grpc_slice_unref(metadata[i].value);
	}
}

static int create_balancer(struct viva_rpc_client *client, const struct viva_rpc_client_options *options,
			   struct viva_error *error)
{
	struct viva_balancer_options balancer = viva_balancer_defaults(options->service);
	balancer.hooks = &rpc_channel_hooks;
	balancer.owner = &client->settings;
	client->settings.max_message_bytes = options->max_message_bytes;
	int result = viva_balancer_create(&balancer, &client->balancer);
	if (result == 0 && options->balancer)
		result = viva_balancer_tune(client->balancer, options->balancer);
	if (result < 0)
		return viva_fail(error, result, NULL, "no memory for the gRPC client");
	return viva_rpc_client_set_addresses(client, options->addresses, options->address_count, error);
}

static int start(struct viva_rpc_client *client, const struct viva_rpc_client_options *options,
		 struct viva_error *error)
{
	int result = copy_metadata(options->metadata, options->metadata_count, client->metadata,
				   &client->metadata_count, error);
	if (result < 0)
		return result;
	client->queue = grpc_completion_queue_create_for_next(NULL);
	if (pthread_create(&client->thread, NULL, rpc_poll, client->queue) != 0)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the gRPC client");
	client->has_thread = true;
	return create_balancer(client, options, error);
}

int viva_rpc_client_create(const struct viva_rpc_client_options *options, struct viva_rpc_client **ret_client,
			   struct viva_error *error)
{
	if (options->max_message_bytes == 0 || options->max_message_bytes > INT32_MAX)
		return viva_fail(error, VIVA_EINVAL, NULL, "the limit on a gRPC message is out of range");
	struct viva_rpc_client *client = calloc(1, sizeof *client);
	if (!client)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the gRPC client");
	pthread_mutex_init(&client->mutex, NULL);
	rpc_metrics_init(&client->other_methods, "client", "other");
	rpc_core_ref();

	int result = start(client, options, error);
	if (result < 0) {
		viva_rpc_client_destroy(client);
		return result;
	}
	*ret_client = client;
	return 0;
}

struct viva_rpc_client *viva_rpc_client_destroy(struct viva_rpc_client *client)
{
	if (!client)
		return NULL;
	viva_balancer_destroy(client->balancer);
	if (client->queue)
		grpc_completion_queue_shutdown(client->queue);
	if (client->has_thread)
		pthread_join(client->thread, NULL);
	if (client->queue)
		grpc_completion_queue_destroy(client->queue);
	free_metadata(client->metadata, client->metadata_count);
	for (size_t i = 0; i < client->method_count; i++)
		free(client->paths[i]);
	pthread_mutex_destroy(&client->mutex);
	free(client);
	rpc_core_unref();
	return NULL;
}

int viva_rpc_client_tune(struct viva_rpc_client *client, const struct viva_balancer_options *options)
{
	return viva_balancer_tune(client->balancer, options);
}

int viva_rpc_client_set_addresses(struct viva_rpc_client *client, const char *const *addresses, size_t address_count,
				  struct viva_error *error)
{
	for (size_t i = 0; i < address_count; i++) {
		VIVA_AUTO_FREE char *target = NULL;
		int result = rpc_target_create(addresses[i], &target, error);
		if (result < 0)
			return result;
	}
	int result = viva_balancer_set(client->balancer, addresses, address_count);
	return result < 0 ? viva_fail(error, result, NULL, "the addresses of the service can't be taken") : 0;
}

static struct rpc_method_metrics *metrics_of(struct viva_rpc_client *client, const char *path)
{
	struct rpc_method_metrics *metrics = NULL;
	pthread_mutex_lock(&client->mutex);
	for (size_t i = 0; i < client->method_count && !metrics; i++)
		if (strcmp(client->paths[i], path) == 0)
			metrics = &client->methods[i];
	char *copy = !metrics && client->method_count < MAX_METHODS ? strdup(path) : NULL;
	if (copy) {
		metrics = &client->methods[client->method_count];
		rpc_metrics_init(metrics, "client", copy);
		client->paths[client->method_count++] = copy;
	}
	pthread_mutex_unlock(&client->mutex);
	return metrics ? metrics : &client->other_methods;
}

static void on_done(struct rpc_tag *tag, bool is_ok)
{
	struct call *call = rpc_owner_of(tag, struct call, on_done);
	(void)is_ok;  // the status says it
	pthread_mutex_lock(&call->mutex);
	call->is_done = true;
	pthread_cond_signal(&call->done);
	pthread_mutex_unlock(&call->mutex);
}

static void call_init(struct call *call, grpc_byte_buffer *request)
{
	*call = (struct call){.on_done = {.on_event = on_done}, .request = request, .details = grpc_empty_slice()};
	pthread_mutex_init(&call->mutex, NULL);
	pthread_cond_init(&call->done, NULL);
	grpc_metadata_array_init(&call->initial_metadata);
	grpc_metadata_array_init(&call->trailing_metadata);
}

static void call_finish(struct call *call)
{
	grpc_byte_buffer_destroy(call->request);
	if (call->reply)
		grpc_byte_buffer_destroy(call->reply);
	free_metadata(call->metadata, call->metadata_count);
	grpc_metadata_array_destroy(&call->initial_metadata);
	grpc_metadata_array_destroy(&call->trailing_metadata);
	grpc_slice_unref(call->details);
	pthread_cond_destroy(&call->done);
	pthread_mutex_destroy(&call->mutex);
}

static bool start_call(struct call *call, grpc_call *core)
{
	grpc_op ops[6] = {0};
	ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[0].data.send_initial_metadata.metadata = call->metadata;
	ops[0].data.send_initial_metadata.count = call->metadata_count;
	ops[1].op = GRPC_OP_SEND_MESSAGE;
	ops[1].data.send_message.send_message = call->request;
	ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial_metadata;
	ops[4].op = GRPC_OP_RECV_MESSAGE;
	ops[4].data.recv_message.recv_message = &call->reply;
	ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
	ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing_metadata;
	ops[5].data.recv_status_on_client.status = &call->status;
	ops[5].data.recv_status_on_client.status_details = &call->details;
	return rpc_start_batch(core, ops, VIVA_COUNT(ops), &call->on_done);
}

// Blocks until the core gives the call back, which it does at the deadline at the latest.
static void run_call(struct viva_rpc_client *client, struct rpc_channel *channel, struct call *call, const char *path,
		     int64_t deadline_us)
{
	grpc_slice method = grpc_slice_from_copied_string(path);
	grpc_call *core = grpc_channel_create_call(rpc_channel_core(channel), NULL, GRPC_PROPAGATE_DEFAULTS,
						   client->queue, method, NULL, rpc_timespec_of_us(deadline_us), NULL);
	if (start_call(call, core)) {
		pthread_mutex_lock(&call->mutex);
		while (!call->is_done)
			pthread_cond_wait(&call->done, &call->mutex);
		pthread_mutex_unlock(&call->mutex);
	} else {
		call->status = GRPC_STATUS_INTERNAL;
	}
	grpc_call_unref(core);
	grpc_slice_unref(method);
	if (call->status == GRPC_STATUS_UNAVAILABLE)
		rpc_channel_hurry(channel);
}

static int fail_with_status(const struct call *call, struct viva_error *error)
{
	int code = viva_error_from_grpc_status((int)call->status);
	struct viva_bytes details = rpc_slice_bytes(&call->details);
	if (details.size == 0 || !viva_utf8_is_valid(details.data, details.size))
		return viva_fail(error, code, NULL, "%s", viva_error_text(code));

	char text[sizeof error->message];
	size_t size = viva_utf8_cut((const char *)details.data, details.size, sizeof text - 1);
	for (size_t i = 0; i < size; i++)
		text[i] = details.data[i] < ' ' ? ' ' : (char)details.data[i];
	text[size] = '\0';
	return viva_fail(error, code, NULL, "%s", text);
}

static int take_reply(const struct call *call, struct viva_arena *arena, struct viva_bytes *ret_reply,
		      struct viva_error *error)
{
	if (!call->reply)
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the service answered without a message");
	grpc_slice slice;
	struct viva_bytes bytes = rpc_flatten(call->reply, &slice);
	const char *copy = viva_arena_text(arena, (const char *)bytes.data, bytes.size);
	grpc_slice_unref(slice);
	if (!copy)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the service's answer");
	*ret_reply = viva_bytes_of(copy, bytes.size);
	return 0;
}

static int collect_metadata(struct viva_rpc_client *client, struct call *call, const struct viva_rpc_metadata *metadata,
			    size_t metadata_count, struct viva_error *error)
{
	for (size_t i = 0; i < client->metadata_count; i++)
		call->metadata[call->metadata_count++] =
			(grpc_metadata){.key = grpc_slice_ref(client->metadata[i].key),
					.value = grpc_slice_ref(client->metadata[i].value)};
	int result = copy_metadata(metadata, metadata_count, call->metadata, &call->metadata_count, error);
	const struct viva_rpc_metadata request_id = {"x-request-id", viva_log_request_id()};
	if (result == 0 && request_id.value[0])
		result = copy_metadata(&request_id, 1, call->metadata, &call->metadata_count, error);
	return result;
}

static int call_instance(struct viva_rpc_client *client, const char *path, struct call *call, int64_t deadline_us,
			 struct viva_arena *arena, struct viva_bytes *ret_reply, struct viva_error *error)
{
	int64_t began_us = rpc_now_us();
	if (deadline_us <= began_us)
		return viva_fail(error, VIVA_EDEADLINE, NULL, "the deadline passed before the call began");
	struct viva_member *member = NULL;
	if (viva_balancer_begin(client->balancer, NULL, 0, &member) < 0)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "no instance of the service is known");
	struct rpc_method_metrics *metrics = metrics_of(client, path);
	rpc_metrics_begin(metrics);
	run_call(client, viva_member_context(member), call, path, deadline_us);
	rpc_metrics_end(metrics, (int)call->status, rpc_now_us() - began_us);
	int result = call->status == GRPC_STATUS_OK ? take_reply(call, arena, ret_reply, error)
						    : fail_with_status(call, error);
	// A deadline that no healthy instance could be blamed for missing says nothing about this one.
	bool is_hurried = deadline_us - began_us < FAIR_US;
	viva_balancer_end(client->balancer, member, is_hurried && result == VIVA_EDEADLINE ? VIVA_ECANCELLED : result);
	return result;
}

// Owns `request` from here on.
static int call_unary(struct viva_rpc_client *client, const char *path, grpc_byte_buffer *request,
		      const struct viva_rpc_metadata *metadata, size_t metadata_count, int64_t deadline_us,
		      struct viva_arena *arena, struct viva_bytes *ret_reply, struct viva_error *error)
{
	struct call call;
	call_init(&call, request);
	int result = collect_metadata(client, &call, metadata, metadata_count, error);
	if (result == 0)
		result = call_instance(client, path, &call, deadline_us, arena, ret_reply, error);
	call_finish(&call);
	return result;
}

static void drop_blob(void *blob)
{
	TSAN_ACQUIRE(blob);
	viva_blob_destroy(blob);
}

int viva_rpc_call_unary(struct viva_rpc_client *client, const char *method_path, struct viva_bytes head,
			struct viva_blob *blob, const struct viva_rpc_metadata *metadata, size_t metadata_count,
			int64_t deadline_us, struct viva_arena *arena, struct viva_bytes *ret_reply,
			struct viva_error *error)
{
	struct viva_bytes body = viva_blob_bytes(blob);
	grpc_slice slices[2] = {grpc_slice_from_copied_buffer((const char *)head.data, head.size)};
	size_t count = 1;
	if (body.size > 0) {
		TSAN_RELEASE(blob);
		slices[count++] = grpc_slice_new_with_user_data((void *)(uintptr_t)body.data, body.size, drop_blob,
								viva_blob_ref(blob));
	}
	grpc_byte_buffer *request = grpc_raw_byte_buffer_create(slices, count);
	for (size_t i = 0; i < count; i++)
		grpc_slice_unref(slices[i]);
	return call_unary(client, method_path, request, metadata, metadata_count, deadline_us, arena, ret_reply, error);
}

int viva_rpc_call_message(struct viva_rpc_client *client, const char *method_path, const ProtobufCMessage *request,
			  const ProtobufCMessageDescriptor *reply_descriptor, const struct viva_rpc_metadata *metadata,
			  size_t metadata_count, int64_t deadline_us, struct viva_arena *arena,
			  ProtobufCMessage **ret_reply, struct viva_error *error)
{
	struct viva_bytes reply = {0};
	int result = call_unary(client, method_path, rpc_pack(request), metadata, metadata_count, deadline_us, arena,
				&reply, error);
	if (result < 0)
		return result;
	struct viva_error cause = {0};
	result = wire_unpack(reply_descriptor, reply, arena, ret_reply, &cause);
	if (result == 0)
		return 0;
	return viva_fail(error, result == VIVA_EINVAL ? VIVA_EBADGATEWAY : result, NULL,
			 "the service's answer can't be read: %.160s", cause.message);
}
