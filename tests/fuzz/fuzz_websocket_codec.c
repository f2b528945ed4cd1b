// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as WebSocket frames, in both roles, cut at any places: no crash, no message over its limit, only valid
// text, only close codes that may be sent, and the same outcome however the bytes are cut.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/websocket_codec.h"

enum { MAX_MESSAGE_BYTES = 1000 };

// What one pass over the input saw.
struct outcome {
	size_t events;
	uint64_t digest;
	int close_code;
	enum viva_websocket_event last;
};

static void check(const struct viva_websocket_decoder *decoder, enum viva_websocket_event event)
{
	switch (event) {
	case VIVA_WEBSOCKET_EVENT_MESSAGE:
		if (decoder->message.size > MAX_MESSAGE_BYTES)
			abort();
		if (decoder->kind == VIVA_WEBSOCKET_TEXT &&
		    !viva_utf8_is_valid(decoder->message.data, decoder->message.size))
			abort();
		break;
	case VIVA_WEBSOCKET_EVENT_PING:
	case VIVA_WEBSOCKET_EVENT_PONG:
		if (decoder->control_size > VIVA_WEBSOCKET_MAX_CONTROL)
			abort();
		break;
	case VIVA_WEBSOCKET_EVENT_CLOSED:
		if (decoder->close_code != VIVA_WEBSOCKET_NO_STATUS &&
		    !viva_websocket_close_code_is_valid(decoder->close_code))
			abort();
		break;
	case VIVA_WEBSOCKET_EVENT_FAILED:
		if (!viva_websocket_close_code_is_valid(decoder->close_code))
			abort();
		break;
	case VIVA_WEBSOCKET_EVENT_OVERSIZE:
	case VIVA_WEBSOCKET_EVENT_NONE:
		break;
	}
}

static void mix(struct outcome *outcome, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < size; i++)
		outcome->digest = (outcome->digest ^ bytes[i]) * 0x100000001b3;
}

static struct outcome decode(enum viva_websocket_role role, const uint8_t *data, size_t size, size_t step)
{
	struct outcome outcome = {0};
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, role, MAX_MESSAGE_BYTES);
	while (size > 0 && outcome.last != VIVA_WEBSOCKET_EVENT_CLOSED && outcome.last != VIVA_WEBSOCKET_EVENT_FAILED) {
		size_t part = VIVA_MIN(step, size);
		size_t used = 0;
		enum viva_websocket_event event = viva_websocket_decode(&decoder, data, part, &used);
		if (used > part || (event == VIVA_WEBSOCKET_EVENT_NONE && used != part))
			abort();
		check(&decoder, event);
		data += used;
		size -= used;
		if (event == VIVA_WEBSOCKET_EVENT_NONE)
			continue;
		outcome.events++;
		outcome.last = event;
		if (event == VIVA_WEBSOCKET_EVENT_MESSAGE)
			mix(&outcome, decoder.message.data, decoder.message.size);
	}
	outcome.close_code = decoder.close_code;
	viva_websocket_decoder_finish(&decoder);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	enum viva_websocket_role role = data[0] % 2 == 0 ? VIVA_WEBSOCKET_SERVER : VIVA_WEBSOCKET_CLIENT;
	struct outcome whole = decode(role, data + 2, size - 2, size);
	struct outcome cut = decode(role, data + 2, size - 2, data[1] % 7U + 1);
	if (whole.events != cut.events || whole.digest != cut.digest || whole.close_code != cut.close_code)
		abort();
	return 0;
}
