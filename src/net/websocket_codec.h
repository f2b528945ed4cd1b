// SPDX-License-Identifier: Apache-2.0
//
// Frames and messages of RFC 6455 as bytes, for both roles: an incremental decoder and an encoder of frame heads.
// No sockets, no clocks. Internal to net/; the fuzz target and the unit tests use it too.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_NET_WEBSOCKET_CODEC_H
#define VIVA_NET_WEBSOCKET_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/macros.h"
#include "base/text.h"
#include "net/websocket.h"

enum viva_websocket_opcode {
	VIVA_WEBSOCKET_CONTINUATION = 0,
	VIVA_WEBSOCKET_OPCODE_TEXT = 1,
	VIVA_WEBSOCKET_OPCODE_BINARY = 2,
	VIVA_WEBSOCKET_CLOSE = 8,
	VIVA_WEBSOCKET_PING = 9,
	VIVA_WEBSOCKET_PONG = 10,
};

enum viva_websocket_close_code {
	VIVA_WEBSOCKET_NORMAL = 1000,
	VIVA_WEBSOCKET_PROTOCOL_ERROR = 1002,
	VIVA_WEBSOCKET_NO_STATUS = 1005,  // never on the wire
	VIVA_WEBSOCKET_ABNORMAL = 1006,   // never on the wire
	VIVA_WEBSOCKET_INVALID_DATA = 1007,
	VIVA_WEBSOCKET_TOO_BIG = 1009,
	VIVA_WEBSOCKET_INTERNAL_ERROR = 1011,
	VIVA_WEBSOCKET_SERVICE_RESTART = 1012,
	VIVA_WEBSOCKET_TRY_AGAIN_LATER = 1013,
};

enum {
	VIVA_WEBSOCKET_MAX_HEAD = 14,      // RFC 6455 §5.2: 2 + 8 + 4
	VIVA_WEBSOCKET_MAX_CONTROL = 125,  // RFC 6455 §5.5
	VIVA_WEBSOCKET_ACCEPT_SIZE = 29,   // 28 characters of base64 and a terminator
};

enum viva_websocket_role { VIVA_WEBSOCKET_SERVER, VIVA_WEBSOCKET_CLIENT };

enum viva_websocket_event {
	VIVA_WEBSOCKET_EVENT_NONE,      // all input was taken in, more is needed
	VIVA_WEBSOCKET_EVENT_MESSAGE,   // decoder.kind and decoder.message hold a whole one: take or finish the buffer
	VIVA_WEBSOCKET_EVENT_PING,      // decoder.control, control_size
	VIVA_WEBSOCKET_EVENT_PONG,      // the same
	VIVA_WEBSOCKET_EVENT_CLOSED,    // decoder.close_code (1005 = none given); nothing more may be fed
	VIVA_WEBSOCKET_EVENT_OVERSIZE,  // a message passed max_message_bytes; the rest of it will be skipped
	VIVA_WEBSOCKET_EVENT_FAILED,    // close with decoder.close_code; nothing more may be fed
};

enum viva_websocket_decoder_state { VIVA_WEBSOCKET_IN_HEAD, VIVA_WEBSOCKET_IN_PAYLOAD, VIVA_WEBSOCKET_AT_END };

struct viva_websocket_decoder {
	enum viva_websocket_role role;
	enum viva_websocket_decoder_state state;
	size_t max_message_bytes;
	struct viva_buffer message;
	struct viva_utf8_state utf8;
	uint64_t payload_left;
	uint64_t message_bytes;  // of the message so far, skipped ones too
	uint8_t head[VIVA_WEBSOCKET_MAX_HEAD];
	uint8_t head_size;
	uint8_t mask[4];
	uint8_t mask_offset;
	uint8_t opcode;  // of the frame at hand
	bool is_final;
	bool is_in_message;  // its first frame came, its last one not yet
	bool is_skipping;
	enum viva_websocket_kind kind;  // of the message in progress or given out last
	int close_code;
	uint8_t control_size;
	uint8_t control[VIVA_WEBSOCKET_MAX_CONTROL];
};

// max_message_bytes > 0.
void viva_websocket_decoder_init(struct viva_websocket_decoder *decoder, enum viva_websocket_role role,
				 size_t max_message_bytes);
void viva_websocket_decoder_finish(struct viva_websocket_decoder *decoder);

// Takes in bytes until something happened: *ret_used ≤ size bytes of them. Call again with the rest (even if it is
// empty) until VIVA_WEBSOCKET_EVENT_NONE. Out of memory is EVENT_FAILED with 1011.
enum viva_websocket_event viva_websocket_decode(struct viva_websocket_decoder *decoder, const uint8_t *data,
						size_t size, size_t *ret_used);

// Writes a frame's head; `mask` NULL = unmasked. Returns its size.
size_t viva_websocket_encode_head(uint8_t ret_head[VIVA_WEBSOCKET_MAX_HEAD], enum viva_websocket_opcode opcode,
				  bool is_final, uint64_t payload_size, const uint8_t mask[4]);
// Writes a close frame's payload (≤ 125 bytes; `reason` is cut at a character) and returns its size. Code 1005: empty.
size_t viva_websocket_encode_close(uint8_t ret_payload[VIVA_WEBSOCKET_MAX_CONTROL], int code, const char *reason);
// RFC 6455 §7.4: whether an endpoint may send this code.
bool viva_websocket_close_code_is_valid(int code);

// out[i] = in[i] ^ mask[(offset + i) % 4]; out may be in.
void viva_websocket_mask(uint8_t *out, const uint8_t *in, size_t size, const uint8_t mask[4], unsigned offset);

// RFC 6455 §4.2.2: the Sec-WebSocket-Accept for a Sec-WebSocket-Key, with a terminator. VIVA_EINVAL when the key is not
// 16 bytes in base64.
VIVA_MUST_CHECK int viva_websocket_accept(const char *key, char ret_accept[VIVA_WEBSOCKET_ACCEPT_SIZE]);

#endif
