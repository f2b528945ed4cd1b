// SPDX-License-Identifier: Apache-2.0
//
// Messages from anywhere, unpacked as a gRPC server does it: what is taken is what protobuf-c reads, and all its texts
// are whole. The first byte chooses the message.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "emotion.pb-c.h"
#include "rpc/wire.h"
#include "scoring.pb-c.h"

enum { ARENA_BYTES = 1 << 20 };

static const ProtobufCMessageDescriptor *const descriptors[] = {
	&scoring__score_request__descriptor,
	&scoring__answer_request__descriptor,
	&scoring__report_request__descriptor,
	&emotion__batch_request__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

// Both packed anew.
static void compare(const ProtobufCMessage *ours, const ProtobufCMessage *theirs)
{
	size_t size = protobuf_c_message_get_packed_size(ours);
	require(size == protobuf_c_message_get_packed_size(theirs));
	uint8_t *first = malloc(size + 1), *second = malloc(size + 1);
	require(first && second && protobuf_c_message_pack(ours, first) == size &&
		protobuf_c_message_pack(theirs, second) == size && memcmp(first, second, size) == 0);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (size == 0)
		return 0;
	require(viva_arena_create(ARENA_BYTES, &arena) == 0);
	const ProtobufCMessageDescriptor *descriptor = descriptors[data[0] % VIVA_COUNT(descriptors)];
	struct viva_bytes bytes = viva_bytes_of(data + 1, size - 1);
	ProtobufCMessage *message = NULL;
	struct viva_error error = {0};
	int code = wire_unpack(descriptor, bytes, arena, &message, &error);
	if (code != 0) {
		require(error.message[0] != '\0');
		require(viva_utf8_is_valid((const uint8_t *)error.message, strlen(error.message)));
		return 0;
	}
	ProtobufCMessage *theirs = protobuf_c_message_unpack(descriptor, NULL, bytes.size, bytes.data);
	require(theirs);
	compare(message, theirs);
	protobuf_c_message_free_unpacked(theirs, NULL);
	return 0;
}
