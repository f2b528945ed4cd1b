// SPDX-License-Identifier: Apache-2.0
//
// What the gRPC server and client share: events of a completion queue, byte buffers, time, metrics. Internal to rpc/.
//
// Threads: any. A completion queue is polled by one thread (rpc_poll), on which on_event runs and must not block.
#ifndef VIVA_RPC_CORE_H
#define VIVA_RPC_CORE_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/metrics.h"

// gRPC's own synchronisation is invisible to ThreadSanitizer: what it hands over between threads is told by hand.
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define TSAN_ACQUIRE(address) __tsan_acquire(address)
#define TSAN_RELEASE(address) __tsan_release(address)
#else
#define TSAN_ACQUIRE(address) ((void)(address))
#define TSAN_RELEASE(address) ((void)(address))
#endif

// What a completion queue gives back: its owner embeds it and finds itself by rpc_owner_of.
struct rpc_tag {
	void (*on_event)(struct rpc_tag *tag, bool is_ok);
};

#define rpc_owner_of(tag, type, member) ((type *)(void *)((char *)(tag)-offsetof(type, member)))

// Starts gRPC C core (counted; once for each object that uses it) and sends its own messages to our log.
void rpc_core_ref(void);
void rpc_core_unref(void);  // blocks until its threads have ended when it was the last

// The thread of a completion queue (its argument): runs tags until the queue is shut down.
void *rpc_poll(void *completion_queue);

// grpc_call_start_batch, with the hand-over to the polling thread told to ThreadSanitizer. False: the tag won't come.
bool rpc_start_batch(grpc_call *call, const grpc_op *ops, size_t count, struct rpc_tag *tag);
void rpc_tag_is_handed_over(struct rpc_tag *tag);  // before any other call that takes a tag

// Time on CLOCK_MONOTONIC in microseconds; INT64_MAX = never.
int64_t rpc_now_us(void);
int64_t rpc_us_of_timespec(gpr_timespec time);
gpr_timespec rpc_timespec_of_us(int64_t time_us);

// A message packed into one slice; NULL without memory.
grpc_byte_buffer *rpc_pack(const ProtobufCMessage *message);
// The bytes of a received message: in place when they lie in one piece, else copied into *ret_slice (unref it always).
struct viva_bytes rpc_flatten(grpc_byte_buffer *buffer, grpc_slice *ret_slice);

static inline struct viva_bytes rpc_slice_bytes(const grpc_slice *slice)
{
	return viva_bytes_of(GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice));
}

static inline grpc_arg rpc_int_arg(const char *key, int value)
{
	return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static inline grpc_arg rpc_text_arg(const char *key, const char *value)
{
	return (grpc_arg){
		.type = GRPC_ARG_STRING, .key = (char *)(uintptr_t)key, .value.string = (char *)(uintptr_t)value};
}

enum { RPC_STATUS_COUNT = GRPC_STATUS_UNAUTHENTICATED + 1 };

// Calls of one method by status, and how long they took.
struct rpc_method_metrics {
	const char *side;                                     // "server" or "client"
	const char *method;                                   // its path; borrowed
	struct viva_metric *_Atomic calls[RPC_STATUS_COUNT];  // made when first needed
	struct viva_metric *_Atomic seconds;
	struct viva_metric *in_flight;
};

void rpc_metrics_init(struct rpc_method_metrics *metrics, const char *side, const char *method);
void rpc_metrics_begin(struct rpc_method_metrics *metrics);
void rpc_metrics_end(struct rpc_method_metrics *metrics, int grpc_status, int64_t duration_us);

#endif
