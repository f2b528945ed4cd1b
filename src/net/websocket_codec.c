// SPDX-License-Identifier: Apache-2.0
#include "net/websocket_codec.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/error.h"

// Memory for a frame is made as its bytes arrive beyond this, so that a head alone can't reserve much.
enum { EAGER_BYTES = 256 * 1024 };

// GCC vector: SSE2 on every x86-64, NEON on every AArch64.
typedef uint8_t block __attribute__((vector_size(16), aligned(1), may_alias));

void viva_websocket_mask(uint8_t *out, const uint8_t *in, size_t size, const uint8_t mask[4], unsigned offset)
{
	block key;
	for (unsigned i = 0; i < sizeof key; i++)
		key[i] = mask[(offset + i) % 4];

	size_t done = 0;
	for (; size - done >= 4 * sizeof key; done += 4 * sizeof key) {
		const block *from = (const block *)(in + done);
		block *to = (block *)(out + done);
		block a = from[0] ^ key, b = from[1] ^ key, c = from[2] ^ key, d = from[3] ^ key;
		to[0] = a;
		to[1] = b;
		to[2] = c;
		to[3] = d;
	}
	for (; size - done >= sizeof key; done += sizeof key)
		*(block *)(out + done) = *(const block *)(in + done) ^ key;
	for (; done < size; done++)
		out[done] = in[done] ^ mask[(offset + done) % 4];
}

void viva_websocket_decoder_init(struct viva_websocket_decoder *decoder, enum viva_websocket_role role,
				 size_t max_message_bytes)
{
	*decoder = (struct viva_websocket_decoder){.role = role, .max_message_bytes = max_message_bytes};
	viva_buffer_init(&decoder->message, max_message_bytes);
}

void viva_websocket_decoder_finish(struct viva_websocket_decoder *decoder)
{
	viva_buffer_finish(&decoder->message);
}

bool viva_websocket_close_code_is_valid(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum viva_websocket_event fail(struct viva_websocket_decoder *decoder, int code)
{
	decoder->close_code = code;
	decoder->state = VIVA_WEBSOCKET_AT_END;
	return VIVA_WEBSOCKET_EVENT_FAILED;
}

// How long the head is, as far as the bytes so far tell.
static size_t head_wanted(const struct viva_websocket_decoder *decoder)
{
	if (decoder->head_size < 2)
		return 2;
	unsigned length = decoder->head[1] & 0x7f;
	return 2U + (length == 126 ? 2U : 0U) + (length == 127 ? 8U : 0U) + ((decoder->head[1] & 0x80) ? 4U : 0U);
}

static bool is_control(unsigned opcode)
{
	return (opcode & 8) != 0;
}

static bool length_is_minimal(unsigned short_length, uint64_t length)
{
	if (short_length == 126)
		return length > 125;
	if (short_length == 127)
		return length > 0xffff && length >> 63 == 0;
	return true;
}

static uint64_t read_length(const struct viva_websocket_decoder *decoder)
{
	unsigned short_length = decoder->head[1] & 0x7f;
	size_t extra = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
	if (extra == 0)
		return short_length;
	uint64_t length = 0;
	for (size_t i = 0; i < extra; i++)
		length = length << 8 | decoder->head[2 + i];
	return length;
}

// RFC 6455 §5.2, §5.4, §5.5: whether a frame with this head may come now.
static bool head_is_legal(const struct viva_websocket_decoder *decoder, unsigned opcode, bool is_final, uint64_t length)
{
	bool is_masked = (decoder->head[1] & 0x80) != 0;
	if ((decoder->head[0] & 0x70) != 0 || is_masked != (decoder->role == VIVA_WEBSOCKET_SERVER))
		return false;
	if (!length_is_minimal(decoder->head[1] & 0x7f, length))
		return false;
	if (is_control(opcode))
		return opcode <= VIVA_WEBSOCKET_PONG && is_final && length <= VIVA_WEBSOCKET_MAX_CONTROL;
	if (opcode > VIVA_WEBSOCKET_OPCODE_BINARY)
		return false;
	return (opcode == VIVA_WEBSOCKET_CONTINUATION) == decoder->is_in_message;
}

static enum viva_websocket_event start_frame(struct viva_websocket_decoder *decoder)
{
	unsigned opcode = decoder->head[0] & 0x0f;
	bool is_final = (decoder->head[0] & 0x80) != 0;
	uint64_t length = read_length(decoder);
	if (!head_is_legal(decoder, opcode, is_final, length))
		return fail(decoder, VIVA_WEBSOCKET_PROTOCOL_ERROR);

	decoder->opcode = (uint8_t)opcode;
	decoder->is_final = is_final;
	decoder->payload_left = length;
	decoder->mask_offset = 0;
	if (decoder->role == VIVA_WEBSOCKET_SERVER)
		memcpy(decoder->mask, decoder->head + head_wanted(decoder) - 4, sizeof decoder->mask);
	decoder->head_size = 0;
	decoder->state = VIVA_WEBSOCKET_IN_PAYLOAD;
	if (is_control(opcode)) {
		decoder->control_size = 0;
		return VIVA_WEBSOCKET_EVENT_NONE;
	}
	if (opcode != VIVA_WEBSOCKET_CONTINUATION) {
		decoder->kind = opcode == VIVA_WEBSOCKET_OPCODE_TEXT ? VIVA_WEBSOCKET_TEXT : VIVA_WEBSOCKET_BINARY;
		decoder->utf8 = (struct viva_utf8_state){0};
		decoder->message_bytes = 0;
		decoder->message.size = 0;
		decoder->is_in_message = true;
	}
	if (!decoder->is_skipping && length > decoder->max_message_bytes - decoder->message_bytes) {
		decoder->is_skipping = true;
		viva_buffer_finish(&decoder->message);
		return VIVA_WEBSOCKET_EVENT_OVERSIZE;
	}
	return VIVA_WEBSOCKET_EVENT_NONE;
}

static void copy_payload(struct viva_websocket_decoder *decoder, uint8_t *out, const uint8_t *data, size_t size)
{
	if (decoder->role == VIVA_WEBSOCKET_SERVER)
		viva_websocket_mask(out, data, size, decoder->mask, decoder->mask_offset);
	else
		memcpy(out, data, size);
	decoder->mask_offset = (uint8_t)((decoder->mask_offset + size) % 4);
	decoder->payload_left -= size;
}

static enum viva_websocket_event take_data(struct viva_websocket_decoder *decoder, const uint8_t *data, size_t size)
{
	if (decoder->is_skipping) {
		decoder->payload_left -= size;
		return VIVA_WEBSOCKET_EVENT_NONE;
	}
	struct viva_buffer *message = &decoder->message;
	if (message->capacity - message->size < size) {
		size_t wanted = (size_t)VIVA_MIN(decoder->payload_left, (uint64_t)EAGER_BYTES);
		if (viva_buffer_reserve(message, VIVA_MAX(wanted, size)) != 0)
			return fail(decoder, VIVA_WEBSOCKET_INTERNAL_ERROR);
	}
	uint8_t *out = message->data + message->size;
	copy_payload(decoder, out, data, size);
	message->size += size;
	decoder->message_bytes += size;
	if (decoder->kind == VIVA_WEBSOCKET_TEXT && !viva_utf8_feed(&decoder->utf8, out, size))
		return fail(decoder, VIVA_WEBSOCKET_INVALID_DATA);
	return VIVA_WEBSOCKET_EVENT_NONE;
}

static enum viva_websocket_event finish_close(struct viva_websocket_decoder *decoder)
{
	decoder->close_code = VIVA_WEBSOCKET_NO_STATUS;
	if (decoder->control_size == 1)
		return fail(decoder, VIVA_WEBSOCKET_PROTOCOL_ERROR);
	if (decoder->control_size >= 2) {
		int code = decoder->control[0] << 8 | decoder->control[1];
		if (!viva_websocket_close_code_is_valid(code))
			return fail(decoder, VIVA_WEBSOCKET_PROTOCOL_ERROR);
		if (!viva_utf8_is_valid(decoder->control + 2, decoder->control_size - 2U))
			return fail(decoder, VIVA_WEBSOCKET_INVALID_DATA);
		decoder->close_code = code;
	}
	decoder->state = VIVA_WEBSOCKET_AT_END;
	return VIVA_WEBSOCKET_EVENT_CLOSED;
}

static enum viva_websocket_event finish_frame(struct viva_websocket_decoder *decoder)
{
	decoder->state = VIVA_WEBSOCKET_IN_HEAD;
	switch (decoder->opcode) {
	case VIVA_WEBSOCKET_PING:
		return VIVA_WEBSOCKET_EVENT_PING;
	case VIVA_WEBSOCKET_PONG:
		return VIVA_WEBSOCKET_EVENT_PONG;
	case VIVA_WEBSOCKET_CLOSE:
		return finish_close(decoder);
	default:
		break;
	}
	if (!decoder->is_final)
		return VIVA_WEBSOCKET_EVENT_NONE;
	decoder->is_in_message = false;
	if (decoder->is_skipping) {
		decoder->is_skipping = false;
		return VIVA_WEBSOCKET_EVENT_NONE;
	}
	if (decoder->kind == VIVA_WEBSOCKET_TEXT && !viva_utf8_is_complete(&decoder->utf8))
		return fail(decoder, VIVA_WEBSOCKET_INVALID_DATA);
	return VIVA_WEBSOCKET_EVENT_MESSAGE;
}

// One step: part of a head, or part of a payload. *ret_used grows by what was taken.
static enum viva_websocket_event step(struct viva_websocket_decoder *decoder, const uint8_t *data, size_t size,
				      size_t *ret_used)
{
	if (decoder->state == VIVA_WEBSOCKET_IN_HEAD) {
		size_t taken = VIVA_MIN(size, head_wanted(decoder) - decoder->head_size);
		memcpy(decoder->head + decoder->head_size, data, taken);
		decoder->head_size = (uint8_t)(decoder->head_size + taken);
		*ret_used += taken;
		if (decoder->head_size < head_wanted(decoder))
			return VIVA_WEBSOCKET_EVENT_NONE;
		return start_frame(decoder);
	}

	size_t taken = (size_t)VIVA_MIN((uint64_t)size, decoder->payload_left);
	enum viva_websocket_event event = VIVA_WEBSOCKET_EVENT_NONE;
	if (is_control(decoder->opcode)) {
		copy_payload(decoder, decoder->control + decoder->control_size, data, taken);
		decoder->control_size = (uint8_t)(decoder->control_size + taken);
	} else if (taken > 0) {
		event = take_data(decoder, data, taken);
	}
	*ret_used += taken;
	if (event == VIVA_WEBSOCKET_EVENT_NONE && decoder->payload_left == 0)
		event = finish_frame(decoder);
	return event;
}

enum viva_websocket_event viva_websocket_decode(struct viva_websocket_decoder *decoder, const uint8_t *data,
						size_t size, size_t *ret_used)
{
	*ret_used = 0;
	while (decoder->state != VIVA_WEBSOCKET_AT_END) {
		bool has_empty_payload = decoder->state == VIVA_WEBSOCKET_IN_PAYLOAD && decoder->payload_left == 0;
		if (*ret_used == size && !has_empty_payload)
			break;
		enum viva_websocket_event event = step(decoder, data + *ret_used, size - *ret_used, ret_used);
		if (event != VIVA_WEBSOCKET_EVENT_NONE)
			return event;
	}
	return VIVA_WEBSOCKET_EVENT_NONE;
}

size_t viva_websocket_encode_head(uint8_t ret_head[VIVA_WEBSOCKET_MAX_HEAD], enum viva_websocket_opcode opcode,
				  bool is_final, uint64_t payload_size, const uint8_t mask[4])
{
	size_t extra = payload_size < 126 ? 0 : payload_size <= 0xffff ? 2 : 8;
	unsigned length = extra == 0 ? (unsigned)payload_size : extra == 2 ? 126U : 127U;
	ret_head[0] = (uint8_t)((is_final ? 0x80U : 0U) | (unsigned)opcode);
	ret_head[1] = (uint8_t)((mask ? 0x80U : 0U) | length);
	for (size_t i = 0; i < extra; i++)
		ret_head[2 + i] = (uint8_t)(payload_size >> (8 * (extra - 1 - i)));
	if (!mask)
		return 2 + extra;
	memcpy(ret_head + 2 + extra, mask, 4);
	return 2 + extra + 4;
}

size_t viva_websocket_encode_close(uint8_t ret_payload[VIVA_WEBSOCKET_MAX_CONTROL], int code, const char *reason)
{
	if (code == VIVA_WEBSOCKET_NO_STATUS)
		return 0;
	ret_payload[0] = (uint8_t)(code >> 8);
	ret_payload[1] = (uint8_t)code;
	size_t size = reason ? strlen(reason) : 0;
	if (size == 0)
		return 2;
	size = viva_utf8_cut(reason, size, VIVA_WEBSOCKET_MAX_CONTROL - 2);
	memcpy(ret_payload + 2, reason, size);
	return 2 + size;
}

int viva_websocket_accept(const char *key, char ret_accept[VIVA_WEBSOCKET_ACCEPT_SIZE])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t nonce[18];
	size_t nonce_size = 0;
	if (strlen(key) != 24 || viva_base64_decode(key, 24, nonce, &nonce_size) != 0 || nonce_size != 16)
		return VIVA_EINVAL;

	char joined[24 + sizeof guid];
	memcpy(joined, key, 24);
	memcpy(joined + 24, guid, sizeof guid);
	uint8_t digest[SHA_DIGEST_LENGTH];
	SHA1((const unsigned char *)joined, sizeof joined - 1, digest);
	viva_base64_encode(digest, sizeof digest, ret_accept);
	ret_accept[VIVA_WEBSOCKET_ACCEPT_SIZE - 1] = '\0';
	return 0;
}
