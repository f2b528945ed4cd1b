// SPDX-License-Identifier: Apache-2.0
//
// Streams that live on the completion queue's thread, without a worker: a health Watch may stay open for days.
#include "rpc/rpc_server_core.h"

enum { MAX_STREAMS = 256 };

bool rpc_stream_begin(struct viva_rpc_call *call)
{
	struct viva_rpc_server *server = call->slot->server;

	pthread_mutex_lock(&server->mutex);
	int refusal = 0;
	if (server->is_stopping)
		refusal = VIVA_ECLOSED;
	else if (server->stream_count == MAX_STREAMS)
		refusal = VIVA_EOVERLOAD;
	if (refusal == 0) {
		call->stream.is_listed = true;
		call->stream.next = server->streams;
		if (server->streams)
			server->streams->stream.previous = call;
		server->streams = call;
		server->stream_count++;
	}
	pthread_mutex_unlock(&server->mutex);

	if (refusal < 0) {
		rpc_call_finish(call, refusal, NULL);
		rpc_call_unref(call);
	}
	return refusal == 0;
}

static void unlist_locked(struct viva_rpc_call *call)
{
	struct viva_rpc_server *server = call->slot->server;
	struct rpc_stream *stream = &call->stream;

	if (!stream->is_listed)
		return;
	if (stream->next)
		stream->next->stream.previous = stream->previous;
	if (stream->previous)
		stream->previous->stream.next = stream->next;
	else
		server->streams = stream->next;
	stream->is_listed = false;
	server->stream_count--;
}

void rpc_stream_end_locked(struct viva_rpc_call *call, int code, const char *message)
{
	if (call->stream.is_finished)
		return;
	call->stream.is_finished = true;
	if (call->reply) {  // written long ago; finish would send it again
		grpc_byte_buffer_destroy(call->reply);
		call->reply = NULL;
	}
	struct viva_error error = {0};
	if (message)
		(void)viva_fail(&error, code, NULL, "%s", message);
	rpc_call_finish(call, code, &error);
}

// The caller is gone, or was answered: the stream gives its own reference up, once nothing of it is under way.
void rpc_stream_unlist(struct viva_rpc_call *call)
{
	struct viva_rpc_server *server = call->slot->server;

	pthread_mutex_lock(&server->mutex);
	bool was_listed = call->stream.is_listed;
	if (was_listed && !call->stream.is_busy)
		rpc_stream_end_locked(call, VIVA_ECANCELLED, NULL);
	unlist_locked(call);
	pthread_mutex_unlock(&server->mutex);
	if (was_listed)
		rpc_call_unref(call);
}

void rpc_streams_stop(struct viva_rpc_server *server)
{
	pthread_mutex_lock(&server->mutex);
	for (struct viva_rpc_call *call = server->streams; call; call = call->stream.next) {
		if (call->stream.is_watch)
			rpc_health_advance_locked(call);
		else
			grpc_call_cancel_with_status(call->call, GRPC_STATUS_UNAVAILABLE, "the server is stopping",
						     NULL);
	}
	pthread_mutex_unlock(&server->mutex);
}
