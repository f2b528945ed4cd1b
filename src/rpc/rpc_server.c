// SPDX-License-Identifier: Apache-2.0
//
// One thread polls the completion queue: it takes calls, hands those of the service's own methods to the pool, and
// serves health and reflection itself. Someone must always be polling, or connections are not looked after either.
#include "rpc/rpc_server.h"

#include <fcntl.h>
#include <grpc/compression.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "descriptor_sets.h"
#include "rpc/rpc_server_core.h"

enum {
	// Requests armed ahead for each method; each call arms another, so this only smooths bursts.
	ARMED_HANDLED = 8,
	ARMED_OWN = 2,

	KEEPALIVE_MS = 20000,          // a peer that is silent so long is asked whether it lives,
	KEEPALIVE_TIMEOUT_MS = 10000,  // and has this long to answer
	MIN_PEER_PING_MS = 5000,       // peers may ask no more often: as often as our own client does
	MAX_METADATA_BYTES = 16 << 10,
	QUOTA_BYTES = 512 << 20,  // what the core may hold for all connections; then it stops reading
};

struct viva_rpc_server_options viva_rpc_server_defaults(void)
{
	return (struct viva_rpc_server_options){
		.max_message_bytes = 16 << 20,
		.max_calls = 1024,
		.default_timeout_ms = 30000,
	};
}

static int check_options(const struct viva_rpc_server_options *options, struct viva_error *error)
{
	if (!options->pool || !options->services || options->max_calls == 0 || options->max_calls > INT32_MAX / 2)
		return viva_fail(error, VIVA_EINVAL, NULL, "a gRPC server needs a pool, services and a limit on calls");
	if (options->max_message_bytes == 0 || options->max_message_bytes > INT32_MAX)
		return viva_fail(error, VIVA_EINVAL, NULL, "the limit on a gRPC message is out of range");
	for (size_t i = 0; i < options->method_count; i++)
		if (!options->methods[i].path || options->methods[i].path[0] != '/' || !options->methods[i].handle)
			return viva_fail(error, VIVA_EINVAL, NULL, "a gRPC method needs a path and a handler");
	return 0;
}

static grpc_server *create_core_server(struct viva_rpc_server *server)
{
	server->quota = grpc_resource_quota_create("viva");
	grpc_resource_quota_resize(server->quota, QUOTA_BYTES);
	// Compressed requests are refused: a small one could unpack to any size before the core checks its limit.
	grpc_arg args[] = {
		rpc_int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)server->options.max_message_bytes),
		rpc_int_arg(GRPC_ARG_MAX_METADATA_SIZE, MAX_METADATA_BYTES),
		// Twice what we serve at once, so that it is us who shed load, with an answer that says so.
		rpc_int_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, (int)(2 * server->options.max_calls)),
		rpc_int_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE),
		rpc_int_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
		rpc_int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
		rpc_int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
		rpc_int_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		rpc_int_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, MIN_PEER_PING_MS),
		{.type = GRPC_ARG_POINTER,
		 .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
		 .value.pointer = {.p = server->quota, .vtable = grpc_resource_quota_arg_vtable()}},
	};
	grpc_channel_args channel_args = {.num_args = VIVA_COUNT(args), .args = args};
	return grpc_server_create(&channel_args, NULL);
}

static void add_slot(struct viva_rpc_server *server, const struct viva_rpc_method *method, bool reads_itself,
		     void (*on_call)(struct viva_rpc_call *call))
{
	struct rpc_slot *slot = &server->slots[server->slot_count++];
	*slot = (struct rpc_slot){
		.server = server, .method = *method, .reads_itself = reads_itself, .on_call = on_call};
	rpc_metrics_init(&slot->metrics, "server", method->path ? method->path : "unknown");
	if (method->path)
		slot->registered = grpc_server_register_method(
			server->server, method->path, NULL,
			reads_itself ? GRPC_SRM_PAYLOAD_NONE : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
}

// Our methods, then what every server has, then the slot that takes all unknown ones.
static int add_slots(struct viva_rpc_server *server, struct viva_error *error)
{
	static const struct {
		const char *path;
		bool reads_itself;
		void (*on_call)(struct viva_rpc_call *call);
	} own[] = {
		{"/grpc.health.v1.Health/Check", false, rpc_health_check},
		{"/grpc.health.v1.Health/Watch", false, rpc_health_watch},
		{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true, rpc_reflection_serve},
		{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true, rpc_reflection_serve},
		{NULL, false, rpc_call_refuse_unknown},
	};
	const struct viva_rpc_server_options *options = &server->options;

	server->slots = calloc(options->method_count + VIVA_COUNT(own), sizeof *server->slots);
	if (!server->slots)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the gRPC server's methods");
	for (size_t i = 0; i < options->method_count; i++)
		add_slot(server, &options->methods[i], false, rpc_call_handle);
	for (size_t i = 0; i < VIVA_COUNT(own); i++)
		add_slot(server, &(struct viva_rpc_method){.path = own[i].path}, own[i].reads_itself, own[i].on_call);
	for (size_t i = 0; i < server->slot_count; i++)
		if (server->slots[i].method.path && !server->slots[i].registered)
			return viva_fail(error, VIVA_EINVAL, NULL, "gRPC refuses the method %s",
					 server->slots[i].method.path);
	return 0;
}

static void on_shutdown(struct rpc_tag *tag, bool is_ok)
{
	struct viva_rpc_server *server = rpc_owner_of(tag, struct viva_rpc_server, on_shutdown);
	(void)is_ok;
	pthread_mutex_lock(&server->mutex);
	server->is_shut_down = true;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->mutex);
}

static void init_locks(struct viva_rpc_server *server)
{
	pthread_condattr_t attributes;
	pthread_mutex_init(&server->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&server->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

static int start(struct viva_rpc_server *server, struct viva_error *error)
{
	const struct viva_bytes sets[] = {server->options.descriptor_set, viva_rpc_descriptor_set()};
	int result = descriptor_index_create(sets, VIVA_COUNT(sets), &server->descriptors, error);
	if (result < 0)
		return result;

	server->queue = grpc_completion_queue_create_for_next(NULL);
	if (pthread_create(&server->thread, NULL, rpc_poll, server->queue) != 0)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the gRPC server");
	server->has_thread = true;
	server->credentials = grpc_insecure_server_credentials_create();
	server->server = create_core_server(server);
	if (!server->server)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "gRPC makes no server");
	grpc_server_register_completion_queue(server->server, server->queue, NULL);
	result = add_slots(server, error);
	grpc_server_start(server->server);
	if (result < 0)
		return result;

	for (size_t i = 0; i < server->slot_count; i++)
		for (int j = 0; j < (server->slots[i].method.handle ? ARMED_HANDLED : ARMED_OWN); j++)
			rpc_call_arm(&server->slots[i]);
	return 0;
}

int viva_rpc_server_create(const struct viva_rpc_server_options *options, struct viva_rpc_server **ret_server,
			   struct viva_error *error)
{
	int result = check_options(options, error);
	if (result < 0)
		return result;
	struct viva_rpc_server *server = calloc(1, sizeof *server);
	if (!server)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the gRPC server");
	server->options = *options;
	server->is_serving = true;
	server->on_shutdown.on_event = on_shutdown;
	init_locks(server);
	rpc_core_ref();

	result = start(server, error);
	if (result < 0) {
		viva_rpc_server_destroy(server, 0);
		return result;
	}
	*ret_server = server;
	return 0;
}

void viva_rpc_server_adopt(struct viva_rpc_server *server, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	pthread_mutex_lock(&server->mutex);
	if (!server->is_stopping && flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) {
		grpc_server_add_channel_from_fd(server->server, fd, server->credentials);
		fd = -1;
	}
	pthread_mutex_unlock(&server->mutex);
	if (fd >= 0)
		close(fd);
}

static void wait_until_shut_down(struct viva_rpc_server *server, uint32_t grace_ms)
{
	int64_t end_us = rpc_now_us() + (int64_t)grace_ms * 1000;
	struct timespec end = {.tv_sec = end_us / 1000000, .tv_nsec = end_us % 1000000 * 1000};

	pthread_mutex_lock(&server->mutex);
	bool is_over = grace_ms == 0;
	while (!server->is_shut_down && !is_over)
		is_over = pthread_cond_timedwait(&server->changed, &server->mutex, &end) != 0;
	bool must_cancel = !server->is_shut_down;
	pthread_mutex_unlock(&server->mutex);

	if (must_cancel)
		grpc_server_cancel_all_calls(server->server);
	pthread_mutex_lock(&server->mutex);
	while (!server->is_shut_down || server->alive > 0)
		pthread_cond_wait(&server->changed, &server->mutex);
	pthread_mutex_unlock(&server->mutex);
}

static void stop(struct viva_rpc_server *server, uint32_t grace_ms)
{
	pthread_mutex_lock(&server->mutex);
	server->is_stopping = true;  // adopt and new streams are refused from here on
	server->is_serving = false;
	pthread_mutex_unlock(&server->mutex);

	rpc_streams_stop(server);
	rpc_tag_is_handed_over(&server->on_shutdown);
	grpc_server_shutdown_and_notify(server->server, server->queue, &server->on_shutdown);
	wait_until_shut_down(server, grace_ms);
	grpc_server_destroy(server->server);
}

struct viva_rpc_server *viva_rpc_server_destroy(struct viva_rpc_server *server, uint32_t grace_ms)
{
	if (!server)
		return NULL;
	if (server->server)
		stop(server, grace_ms);
	if (server->queue)
		grpc_completion_queue_shutdown(server->queue);
	if (server->has_thread)
		pthread_join(server->thread, NULL);
	if (server->queue)
		grpc_completion_queue_destroy(server->queue);
	if (server->credentials)
		grpc_server_credentials_release(server->credentials);
	if (server->quota)
		grpc_resource_quota_unref(server->quota);
	descriptor_index_destroy(server->descriptors);
	free(server->slots);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->mutex);
	free(server);
	rpc_core_unref();
	return NULL;
}
