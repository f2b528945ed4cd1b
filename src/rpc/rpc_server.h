// SPDX-License-Identifier: Apache-2.0
//
// A gRPC server on gRPC C core: unary and server-streaming methods, health (Check and Watch), reflection.
//
// Threads: create … destroy from one thread. Handlers run on the worker pool and may block.
#ifndef VIVA_RPC_SERVER_H
#define VIVA_RPC_SERVER_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/pool.h"

struct viva_rpc_server;
struct viva_rpc_call;

// Answers one call: sends the reply (unary) or replies (streaming) and returns 0, or returns an error, which becomes
// the gRPC status with the error's sentence. Overload adds grpc-retry-pushback-ms.
typedef int viva_rpc_handler(struct viva_rpc_call *call, void *context, struct viva_error *error);

struct viva_rpc_method {
	const char *path;  // "/emotion.EmotionService/AnalyzeFrame"
	viva_rpc_handler *handle;
	bool is_server_streaming;
};

// Of the call at hand. The request's bytes and metadata are valid until the handler returns.
struct viva_bytes viva_rpc_request(const struct viva_rpc_call *call);
struct viva_arena *viva_rpc_arena(struct viva_rpc_call *call);
int64_t viva_rpc_deadline_us(const struct viva_rpc_call *call);  // monotonic; INT64_MAX = none
bool viva_rpc_is_cancelled(const struct viva_rpc_call *call);
const char *viva_rpc_metadata(const struct viva_rpc_call *call, const char *key);  // NULL = none
// Unpacks the request; strings that are not UTF-8 or hold a NUL are VIVA_EINVAL and name the field. The message is
// freed with the call's arena.
VIVA_MUST_CHECK int viva_rpc_unpack(struct viva_rpc_call *call, const ProtobufCMessageDescriptor *descriptor,
				    ProtobufCMessage **ret_message, struct viva_error *error);
// Sends one message: exactly once in a unary handler, any number in a streaming one, where it blocks until the
// transport took it. VIVA_ECANCELLED when the caller is gone.
VIVA_MUST_CHECK int viva_rpc_reply(struct viva_rpc_call *call, const ProtobufCMessage *message);

struct viva_rpc_server_options {
	const char *const *services;  // full names shown by health and reflection, NULL-terminated
	const struct viva_rpc_method *methods;
	size_t method_count;
	void *context;  // given to the handlers
	struct viva_pool *pool;
	size_t max_message_bytes;          // larger: RESOURCE_EXHAUSTED. Default 16 MiB.
	size_t max_calls;                  // in progress; one more: RESOURCE_EXHAUSTED with pushback. Default 1024.
	uint32_t default_timeout_ms;       // deadline of a call that brings none. Default 30,000.
	struct viva_bytes descriptor_set;  // a serialized FileDescriptorSet (protoc --include_imports), for reflection
	// Decides on each call of `methods` (not health, not reflection); NULL = all are welcome.
	int (*authorize)(struct viva_rpc_call *call, void *context, struct viva_error *error);
};

struct viva_rpc_server_options viva_rpc_server_defaults(void);
// Begins to serve; connections come by adopt(). VIVA_EINVAL (the options), VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int viva_rpc_server_create(const struct viva_rpc_server_options *options,
					   struct viva_rpc_server **ret_server, struct viva_error *error);
// Serves an accepted connection, from any thread; owns fd from here on.
void viva_rpc_server_adopt(struct viva_rpc_server *server, int fd);
// Health NOT_SERVING and Watch streams told; new calls are still taken. true sets it back.
void viva_rpc_server_set_serving(struct viva_rpc_server *server, bool is_serving);
// Goes away gracefully: GOAWAY, waits at most grace_ms for calls, cancels the rest, frees. NULL is fine. Always NULL.
struct viva_rpc_server *viva_rpc_server_destroy(struct viva_rpc_server *server, uint32_t grace_ms);

#endif
