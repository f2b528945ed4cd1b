// SPDX-License-Identifier: Apache-2.0
//
// grpc.health.v1.Health (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). Answered on the completion
// queue's thread, so that a server whose workers are all busy still says that it lives.
#include <string.h>

#include "health.pb-c.h"
#include "rpc/rpc_server_core.h"
#include "rpc/wire.h"

enum { MAX_REQUEST = 4096, ARENA_BYTES = 64 << 10 };

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

static bool is_known(const struct viva_rpc_server *server, const char *service)
{
	if (service[0] == '\0' || strcmp(service, "grpc.health.v1.Health") == 0)
		return true;
	for (const char *const *name = server->options.services; *name; name++)
		if (strcmp(*name, service) == 0)
			return true;
	return false;
}

static int read_service(struct viva_rpc_call *call, const char **ret_service, struct viva_error *error)
{
	if (viva_arena_create(ARENA_BYTES, &call->arena) < 0)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the request");
	call->request = rpc_flatten(call->payload, &call->request_slice);
	if (call->request.size > MAX_REQUEST)
		return viva_fail(error, VIVA_EBODYSIZE, NULL, "the request is too large");
	ProtobufCMessage *message = NULL;
	int result = viva_rpc_unpack(call, &grpc__health__v1__health_check_request__descriptor, &message, error);
	if (result == 0)
		*ret_service = ((Grpc__Health__V1__HealthCheckRequest *)message)->service;
	return result;
}

static grpc_byte_buffer *pack_status(serving_status status)
{
	Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	response.status = status;
	return rpc_pack(&response.base);
}

void rpc_health_check(struct viva_rpc_call *call)
{
	struct viva_rpc_server *server = call->slot->server;
	struct viva_error error = {0};
	const char *service = NULL;

	int result = read_service(call, &service, &error);
	if (result == 0 && !is_known(server, service))
		result = viva_fail(&error, VIVA_ENOTFOUND, NULL, "this server has no such service");
	if (result == 0) {
		pthread_mutex_lock(&server->mutex);
		call->reply = pack_status(server->is_serving ? STATUS(SERVING) : STATUS(NOT_SERVING));
		pthread_mutex_unlock(&server->mutex);
	}
	rpc_call_finish(call, result, &error);
	rpc_call_unref(call);
}

void rpc_health_advance_locked(struct viva_rpc_call *call)
{
	const struct viva_rpc_server *server = call->slot->server;
	struct rpc_stream *stream = &call->stream;
	if (stream->is_busy || stream->is_finished)
		return;

	serving_status status = server->is_serving ? STATUS(SERVING) : STATUS(NOT_SERVING);
	if (!stream->is_known)
		status = STATUS(SERVICE_UNKNOWN);
	if ((int)status != stream->sent_status) {
		stream->sent_status = (int)status;
		stream->is_busy = rpc_call_start_write(call, pack_status(status));
	} else if (server->is_stopping) {
		rpc_stream_end_locked(call, VIVA_ECLOSED, "the server is stopping");
	}
}

static void on_watch_written(struct rpc_tag *tag, bool is_ok)
{
	struct viva_rpc_call *call = rpc_owner_of(tag, struct viva_rpc_call, on_write);
	struct viva_rpc_server *server = call->slot->server;

	pthread_mutex_lock(&server->mutex);
	call->stream.is_busy = false;
	if (!is_ok || !call->stream.is_listed)
		rpc_stream_end_locked(call, VIVA_ECANCELLED, NULL);
	else
		rpc_health_advance_locked(call);
	pthread_mutex_unlock(&server->mutex);
	rpc_call_unref(call);
}

void rpc_health_watch(struct viva_rpc_call *call)
{
	struct viva_rpc_server *server = call->slot->server;
	struct viva_error error = {0};
	const char *service = NULL;

	int result = read_service(call, &service, &error);
	if (result < 0) {
		rpc_call_finish(call, result, &error);
		rpc_call_unref(call);
		return;
	}
	call->stream.is_watch = true;
	call->stream.is_known = is_known(server, service);
	call->on_write.on_event = on_watch_written;
	if (!rpc_stream_begin(call))
		return;
	pthread_mutex_lock(&server->mutex);
	rpc_health_advance_locked(call);
	pthread_mutex_unlock(&server->mutex);
}

void viva_rpc_server_set_serving(struct viva_rpc_server *server, bool is_serving)
{
	pthread_mutex_lock(&server->mutex);
	server->is_serving = is_serving;
	for (struct viva_rpc_call *call = server->streams; call; call = call->stream.next)
		if (call->stream.is_watch)
			rpc_health_advance_locked(call);
	pthread_mutex_unlock(&server->mutex);
}
