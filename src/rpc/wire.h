// SPDX-License-Identifier: Apache-2.0
//
// Protocol Buffers on the wire: reading fields in place, and unpacking what strangers send. Internal to rpc/.
//
// Threads: any; nothing blocks.
#ifndef VIVA_RPC_WIRE_H
#define VIVA_RPC_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

// https://protobuf.dev/programming-guides/encoding: the kinds of payload; 3 and 4 (groups) are not of proto3.
enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
	uint32_t number;
	enum wire_type type;
	struct viva_bytes bytes;  // of WIRE_BYTES, in place
};

// Takes the next field off *rest. False at the end (then rest->size is 0) and where the bytes are malformed.
bool wire_next(struct viva_bytes *rest, struct wire_field *ret_field);

// Unpacks a message into the arena, which frees it. Strings that are not UTF-8 or hold a NUL are VIVA_EINVAL, with the
// path of the field ("frames.session_id"); so are malformed bytes. VIVA_ELIMIT when it would not fit into the arena.
VIVA_MUST_CHECK int wire_unpack(const ProtobufCMessageDescriptor *descriptor, struct viva_bytes bytes,
				struct viva_arena *arena, ProtobufCMessage **ret_message, struct viva_error *error);

#endif
