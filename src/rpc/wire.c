// SPDX-License-Identifier: Apache-2.0
#include "rpc/wire.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { MAX_DEPTH = 32, MAX_VARINT_BYTES = 10 };

static bool take_varint(struct viva_bytes *rest, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < MAX_VARINT_BYTES && i < rest->size; i++) {
		value |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
		if (rest->data[i] & 0x80)
			continue;
		*rest = viva_bytes_of(rest->data + i + 1, rest->size - i - 1);
		*ret_value = value;
		return true;
	}
	return false;
}

static bool take_bytes(struct viva_bytes *rest, uint64_t size, struct viva_bytes *ret_bytes)
{
	if (size > rest->size)
		return false;
	*ret_bytes = viva_bytes_of(rest->data, (size_t)size);
	*rest = viva_bytes_of(rest->data + size, rest->size - (size_t)size);
	return true;
}

bool wire_next(struct viva_bytes *rest, struct wire_field *ret_field)
{
	uint64_t key = 0;
	uint64_t value = 0;
	struct viva_bytes left = *rest;
	if (!take_varint(&left, &key) || key >> 3 == 0 || key >> 3 > 536870911)
		return false;

	struct wire_field field = {.number = (uint32_t)(key >> 3), .type = (enum wire_type)(key & 7)};
	bool is_whole = false;
	switch (field.type) {
	case WIRE_VARINT:
		is_whole = take_varint(&left, &value);
		break;
	case WIRE_FIXED64:
		is_whole = take_bytes(&left, 8, &field.bytes);
		break;
	case WIRE_FIXED32:
		is_whole = take_bytes(&left, 4, &field.bytes);
		break;
	case WIRE_BYTES:
		is_whole = take_varint(&left, &value) && take_bytes(&left, value, &field.bytes);
		break;
	}
	if (!is_whole)
		return false;
	*rest = left;
	*ret_field = field;
	return true;
}

// The names of the fields from the message down to the one at hand.
struct path {
	const char *names[MAX_DEPTH];
	size_t depth;
};

static int fail_at(const struct path *path, const char *what, struct viva_error *error)
{
	char text[64] = "";
	size_t size = 0;
	for (size_t i = 0; i < path->depth && size < sizeof text; i++) {
		int written = snprintf(text + size, sizeof text - size, "%s%s", i > 0 ? "." : "", path->names[i]);
		size += written > 0 ? (size_t)written : 0;
	}
	return viva_fail(error, VIVA_EINVAL, text, "%s %s", path->depth > 0 ? text : "the message", what);
}

static int check_message(const ProtobufCMessageDescriptor *descriptor, struct viva_bytes rest, struct path *path,
			 struct viva_error *error);

static int check_field(const ProtobufCFieldDescriptor *descriptor, struct viva_bytes bytes, struct path *path,
		       struct viva_error *error)
{
	if (descriptor->type == PROTOBUF_C_TYPE_MESSAGE)
		return check_message(descriptor->descriptor, bytes, path, error);
	if (bytes.size > 0 && memchr(bytes.data, 0, bytes.size))
		return fail_at(path, "holds a NUL character", error);
	if (!viva_utf8_is_valid(bytes.data, bytes.size))
		return fail_at(path, "is not valid UTF-8", error);
	return 0;
}

// protobuf-c takes strings as they come, and cuts them at a NUL; so they are judged before it sees them.
static int check_message(const ProtobufCMessageDescriptor *descriptor, struct viva_bytes rest, struct path *path,
			 struct viva_error *error)
{
	if (path->depth == MAX_DEPTH)
		return fail_at(path, "is nested too deep", error);

	struct wire_field field;
	while (wire_next(&rest, &field)) {
		const ProtobufCFieldDescriptor *known =
			protobuf_c_message_descriptor_get_field(descriptor, field.number);
		if (!known || field.type != WIRE_BYTES ||
		    (known->type != PROTOBUF_C_TYPE_STRING && known->type != PROTOBUF_C_TYPE_MESSAGE))
			continue;
		path->names[path->depth++] = known->name;
		int result = check_field(known, field.bytes, path, error);
		path->depth--;
		if (result < 0)
			return result;
	}
	return rest.size == 0 ? 0 : fail_at(path, "is not well-formed Protocol Buffers", error);
}

struct allocator {
	ProtobufCAllocator base;
	struct viva_arena *arena;
	bool is_exhausted;
};

static void *allocate(void *context, size_t size)
{
	struct allocator *allocator = context;
	void *memory = viva_arena_alloc(allocator->arena, size);
	allocator->is_exhausted |= !memory;
	return memory;
}

static void leave_to_arena(void *context, void *memory)
{
	(void)context;
	(void)memory;
}

int wire_unpack(const ProtobufCMessageDescriptor *descriptor, struct viva_bytes bytes, struct viva_arena *arena,
		ProtobufCMessage **ret_message, struct viva_error *error)
{
	struct path path = {.depth = 0};
	int result = check_message(descriptor, bytes, &path, error);
	if (result < 0)
		return result;

	struct allocator allocator = {.arena = arena};
	allocator.base = (ProtobufCAllocator){.alloc = allocate, .free = leave_to_arena, .allocator_data = &allocator};
	static const uint8_t nothing[1];
	ProtobufCMessage *message =
		protobuf_c_message_unpack(descriptor, &allocator.base, bytes.size, bytes.data ? bytes.data : nothing);
	if (!message && allocator.is_exhausted)
		return viva_fail(error, VIVA_ELIMIT, NULL, "the message holds too many parts");
	if (!message)
		return fail_at(&path, "is not well-formed Protocol Buffers", error);
	*ret_message = message;
	return 0;
}
