// SPDX-License-Identifier: Apache-2.0
//
// The inside of the gRPC server: its calls and what its files share. Internal to rpc/.
//
// A call's life:
//
//   armed ──request──▶ open ──▶ handler on the pool, or a stream of health or reflection ──▶ finished ──▶ freed
//     └──server stops──▶ freed
//
// `references` counts who still needs it: the handler or stream, and each batch that the core holds.
//
// Threads: rpc_server.c says which of these run on the completion queue's thread.
#ifndef VIVA_RPC_SERVER_CORE_H
#define VIVA_RPC_SERVER_CORE_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/descriptor_index.h"
#include "rpc/rpc_core.h"
#include "rpc/rpc_server.h"

// One method that the core knows; the last of a server has path NULL and takes the calls of all others.
struct rpc_slot {
	struct viva_rpc_server *server;
	struct viva_rpc_method method;
	void *registered;                             // the core's handle
	bool reads_itself;                            // the request is a stream: the core reads no first message
	void (*on_call)(struct viva_rpc_call *call);  // on the completion queue's thread; owns a reference on the call
	struct rpc_method_metrics metrics;
};

enum rpc_write_state { RPC_WRITE_IDLE, RPC_WRITE_PENDING, RPC_WRITE_FAILED };

// Of a call that lives on the completion queue's thread (health's Watch, reflection) rather than on the pool.
struct rpc_stream {
	struct viva_rpc_call *next, *previous;  // in server->streams
	bool is_listed;
	bool is_busy;      // a batch is under way
	bool is_finished;  // its status is sent or being sent
	bool is_watch;
	bool is_known;    // Watch: the service is one of ours
	int sent_status;  // Watch: the last told, -1 = none
};

struct viva_rpc_call {
	struct rpc_slot *slot;
	atomic_int references;
	grpc_call *call;
	grpc_call_details details;  // only of an unknown method
	gpr_timespec deadline;
	grpc_metadata_array metadata;
	grpc_byte_buffer *payload;

	struct rpc_tag on_request, on_close, on_write, on_finish;
	int was_cancelled;    // for the core to write
	atomic_bool is_gone;  // the caller cancelled, or its connection broke
	bool has_begun;       // counted in the metrics and in server->calls
	bool has_sent_metadata;
	int64_t began_us;
	int64_t deadline_us;

	struct viva_arena *arena;
	grpc_slice request_slice;
	struct viva_bytes request;
	grpc_byte_buffer *reply;

	pthread_mutex_t mutex;  // guards `write`
	pthread_cond_t written;
	enum rpc_write_state write;

	struct rpc_stream stream;
};

struct viva_rpc_server {
	struct viva_rpc_server_options options;
	grpc_server *server;
	grpc_completion_queue *queue;
	grpc_server_credentials *credentials;
	grpc_resource_quota *quota;
	pthread_t thread;
	bool has_thread;
	struct descriptor_index *descriptors;
	struct rpc_slot *slots;
	size_t slot_count;

	atomic_size_t calls;  // begun and not ended, of options.methods
	struct rpc_tag on_shutdown;

	pthread_mutex_t mutex;  // guards all below
	pthread_cond_t changed;
	size_t alive;  // calls not yet freed, armed ones too
	bool is_serving;
	bool is_stopping;
	bool is_shut_down;
	struct viva_rpc_call *streams;
	size_t stream_count;
};

// rpc_call.c
void rpc_call_arm(struct rpc_slot *slot);  // waits for one call of this method
void rpc_call_unref(struct viva_rpc_call *call);
void rpc_call_handle(struct viva_rpc_call *call);          // slot->on_call of options.methods
void rpc_call_refuse_unknown(struct viva_rpc_call *call);  // slot->on_call of every other
// Ends the call: the reply, if there is one and code is 0, and the status. Exactly once.
void rpc_call_finish(struct viva_rpc_call *call, int code, const struct viva_error *error);
// Writes the message (owned from here on) and starts on_write, which gains a reference. False: the call is broken.
bool rpc_call_start_write(struct viva_rpc_call *call, grpc_byte_buffer *message);

// rpc_stream.c: streams that the completion queue's thread serves.
// Lists it; false: there are too many, and it was ended.
bool rpc_stream_begin(struct viva_rpc_call *call);
void rpc_stream_end_locked(struct viva_rpc_call *call, int code, const char *message);
void rpc_stream_unlist(struct viva_rpc_call *call);
void rpc_streams_stop(struct viva_rpc_server *server);  // ends all: the server goes away

// rpc_health.c: grpc.health.v1.Health.
void rpc_health_check(struct viva_rpc_call *call);
void rpc_health_watch(struct viva_rpc_call *call);
void rpc_health_advance_locked(struct viva_rpc_call *call);  // tells a watcher what changed

// rpc_reflection.c: grpc.reflection.v1.ServerReflection and v1alpha.
void rpc_reflection_serve(struct viva_rpc_call *call);

#endif
