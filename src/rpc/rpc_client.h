// SPDX-License-Identifier: Apache-2.0
//
// Calls to a service's instances over gRPC, spread over its addresses by a balancer (resilience/balancer.h), with
// deadline and metadata. The id of the request that the calling thread works on (base/log.h) goes along as
// x-request-id.
//
// There is a channel for each instance. A new one connects before it gets calls; one that leaves ends its calls first.
//
// Threads: any but the event loop's: a call blocks until answered or past its deadline.
#ifndef VIVA_RPC_CLIENT_H
#define VIVA_RPC_CLIENT_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "resilience/balancer.h"

struct viva_rpc_client;

struct viva_rpc_metadata {
	const char *key;  // lower case
	const char *value;
};

struct viva_rpc_client_options {
	const char *service;           // for metrics and log; borrowed for ever. Default "service".
	const char *const *addresses;  // "host:port", address_count of them; none yet is fine
	size_t address_count;
	const struct viva_balancer_options *balancer;  // its balancing and limits; borrowed for create. Default NULL.
	size_t max_message_bytes;                      // of an answer. Default 16 MiB.
	const struct viva_rpc_metadata *metadata;      // sent with each call (a service key); copied
	size_t metadata_count;
};

struct viva_rpc_client_options viva_rpc_client_defaults(void);
// Connects in the background. VIVA_EINVAL (an address), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_rpc_client_create(const struct viva_rpc_client_options *options,
					   struct viva_rpc_client **ret_client, struct viva_error *error);
// These are the instances from now on; no call fails by the change. Nothing blocks. VIVA_EINVAL (an address),
// VIVA_ELIMIT (more than 256), VIVA_ENOMEM: then nothing has changed.
VIVA_MUST_CHECK int viva_rpc_client_set_addresses(struct viva_rpc_client *client, const char *const *addresses,
						  size_t address_count, struct viva_error *error);
// Takes over a balancer's balancing and limits (viva_balancer_tune).
VIVA_MUST_CHECK int viva_rpc_client_tune(struct viva_rpc_client *client, const struct viva_balancer_options *options);
struct viva_rpc_client *viva_rpc_client_destroy(struct viva_rpc_client *client);  // after the last call returned
VIVA_DEFINE_AUTO(viva_rpc_client)

// One unary call. The request goes out as `head` and then `blob` (may be NULL) by reference, so that a frame need not
// be copied: protobuf fields may come in any order, so `head` may end with the tag and length of the blob's field.
// On success *ret_reply is the answer's bytes, in the arena. On failure the code stands for the gRPC status
// (viva_error_from_grpc_status) and *error has the peer's sentence. VIVA_EDEADLINE, VIVA_EUNAVAILABLE, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_rpc_call_unary(struct viva_rpc_client *client, const char *method_path, struct viva_bytes head,
					struct viva_blob *blob, const struct viva_rpc_metadata *metadata,
					size_t metadata_count, int64_t deadline_us, struct viva_arena *arena,
					struct viva_bytes *ret_reply, struct viva_error *error);

// The same for packed messages: packs `request`, unpacks the answer; *ret_reply is freed with the arena. Also
// VIVA_EBADGATEWAY: the answer is no such message.
VIVA_MUST_CHECK int viva_rpc_call_message(struct viva_rpc_client *client, const char *method_path,
					  const ProtobufCMessage *request,
					  const ProtobufCMessageDescriptor *reply_descriptor,
					  const struct viva_rpc_metadata *metadata, size_t metadata_count,
					  int64_t deadline_us, struct viva_arena *arena, ProtobufCMessage **ret_reply,
					  struct viva_error *error);

#endif
