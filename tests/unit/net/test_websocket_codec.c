// SPDX-License-Identifier: Apache-2.0
#include "net/websocket_codec.h"

#include <string.h>

#include "viva_test.h"

struct outcome {
	enum viva_websocket_event event;
	size_t used;
};

static struct outcome decode(struct viva_websocket_decoder *decoder, const void *data, size_t size)
{
	struct outcome outcome = {0};
	outcome.event = viva_websocket_decode(decoder, data, size, &outcome.used);
	return outcome;
}

// Feeds byte by byte until something happens.
static enum viva_websocket_event trickle(struct viva_websocket_decoder *decoder, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		struct outcome outcome = decode(decoder, data + i, 1);
		if (outcome.event != VIVA_WEBSOCKET_EVENT_NONE)
			return outcome.event;
	}
	return VIVA_WEBSOCKET_EVENT_NONE;
}

static void assert_message(const struct viva_websocket_decoder *decoder, const char *text)
{
	assert_int_equal(decoder->message.size, strlen(text));
	assert_memory_equal(decoder->message.data, text, strlen(text));
}

static void assert_fails(enum viva_websocket_role role, const void *data, size_t size, int code)
{
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, role, 1000);
	const uint8_t *at = data;
	enum viva_websocket_event event;
	do {
		struct outcome outcome = decode(&decoder, at, size);
		at += outcome.used;
		size -= outcome.used;
		event = outcome.event;
	} while (event != VIVA_WEBSOCKET_EVENT_NONE && event != VIVA_WEBSOCKET_EVENT_FAILED);
	assert_int_equal(event, VIVA_WEBSOCKET_EVENT_FAILED);
	assert_int_equal(decoder.close_code, code);
	viva_websocket_decoder_finish(&decoder);
}

static void test_websocket_codec__decodes_the_masked_hello_of_the_rfc(void **state)
{
	(void)state;
	static const uint8_t frame[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_SERVER, 1000);

	struct outcome outcome = decode(&decoder, frame, sizeof frame);

	assert_int_equal(outcome.event, VIVA_WEBSOCKET_EVENT_MESSAGE);
	assert_int_equal(outcome.used, sizeof frame);
	assert_int_equal(decoder.kind, VIVA_WEBSOCKET_TEXT);
	assert_message(&decoder, "Hello");
	viva_websocket_decoder_finish(&decoder);
}

static void test_websocket_codec__joins_fragments_around_a_ping_byte_by_byte(void **state)
{
	(void)state;
	static const uint8_t frames[] = {0x01, 3, 'H', 'e', 'l', 0x89, 2, 'h', 'i', 0x80, 2, 'l', 'o'};
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_CLIENT, 1000);

	assert_int_equal(trickle(&decoder, frames, 9), VIVA_WEBSOCKET_EVENT_PING);
	assert_int_equal(decoder.control_size, 2);
	assert_memory_equal(decoder.control, "hi", 2);
	assert_int_equal(trickle(&decoder, frames + 9, 4), VIVA_WEBSOCKET_EVENT_MESSAGE);
	assert_message(&decoder, "Hello");
	viva_websocket_decoder_finish(&decoder);
}

static void test_websocket_codec__empty_messages_are_messages(void **state)
{
	(void)state;
	static const uint8_t frames[] = {0x82, 0, 0x81, 0};
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_CLIENT, 1000);

	struct outcome first = decode(&decoder, frames, sizeof frames);
	assert_int_equal(first.event, VIVA_WEBSOCKET_EVENT_MESSAGE);
	assert_int_equal(first.used, 2);
	assert_int_equal(decoder.kind, VIVA_WEBSOCKET_BINARY);
	struct outcome second = decode(&decoder, frames + 2, 2);
	assert_int_equal(second.event, VIVA_WEBSOCKET_EVENT_MESSAGE);
	assert_int_equal(decoder.kind, VIVA_WEBSOCKET_TEXT);
	assert_int_equal(decoder.message.size, 0);
	viva_websocket_decoder_finish(&decoder);
}

static void test_websocket_codec__refuses_what_the_rfc_forbids(void **state)
{
	(void)state;
	enum { PROTOCOL = VIVA_WEBSOCKET_PROTOCOL_ERROR };
	assert_fails(VIVA_WEBSOCKET_SERVER, "\x81\x01x", 3, PROTOCOL);         // a client must mask
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x81\x81mask", 6, PROTOCOL);      // a server must not
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\xc1\x00", 2, PROTOCOL);          // reserved bit
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x83\x00", 2, PROTOCOL);          // reserved opcode
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x8b\x00", 2, PROTOCOL);          // reserved control opcode
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x09\x00", 2, PROTOCOL);          // fragmented control frame
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x89\x7e\x00\x7e", 4, PROTOCOL);  // control frame over 125 bytes
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x80\x00", 2, PROTOCOL);          // nothing to continue
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x01\x00\x81\x00", 4, PROTOCOL);  // a message inside a message
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x82\x7e\x00\x7d", 4, PROTOCOL);  // length in more bytes than needed
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x82\x7f\x80\0\0\0\0\0\0\0", 10, PROTOCOL);  // length's highest bit
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x88\x01x", 3, PROTOCOL);                    // half a close code
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x88\x02\x03\xed", 4, PROTOCOL);             // 1005 may not be sent
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x88\x03\x03\xe8\xff", 5, VIVA_WEBSOCKET_INVALID_DATA);
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x81\x02\xc3\x28", 4, VIVA_WEBSOCKET_INVALID_DATA);
	assert_fails(VIVA_WEBSOCKET_CLIENT, "\x81\x01\xc3", 3, VIVA_WEBSOCKET_INVALID_DATA);  // ends inside a character
}

static void test_websocket_codec__a_character_may_be_split_between_fragments(void **state)
{
	(void)state;
	static const uint8_t frames[] = {0x01, 1, 0xc3, 0x80, 1, 0xa9};
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_CLIENT, 1000);
	assert_int_equal(trickle(&decoder, frames, sizeof frames), VIVA_WEBSOCKET_EVENT_MESSAGE);
	assert_message(&decoder, "\xc3\xa9");
	viva_websocket_decoder_finish(&decoder);
}

static void test_websocket_codec__skips_an_oversize_message_and_lives_on(void **state)
{
	(void)state;
	static const uint8_t frames[] = {0x02, 3, 'a', 'b', 'c', 0x80, 4, 'd', 'e', 'f', 'g', 0x82, 2, 'o', 'k'};
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_CLIENT, 5);

	struct outcome first = decode(&decoder, frames, sizeof frames);
	assert_int_equal(first.event, VIVA_WEBSOCKET_EVENT_OVERSIZE);
	struct outcome second = decode(&decoder, frames + first.used, sizeof frames - first.used);
	assert_int_equal(second.event, VIVA_WEBSOCKET_EVENT_MESSAGE);
	assert_message(&decoder, "ok");
	viva_websocket_decoder_finish(&decoder);
}

static void test_websocket_codec__a_head_alone_reserves_no_memory(void **state)
{
	(void)state;
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_CLIENT, 1u << 30);
	struct outcome outcome = decode(&decoder, "\x82\x7f\0\0\0\0\x3f\0\0\0x", 11);
	assert_int_equal(outcome.event, VIVA_WEBSOCKET_EVENT_NONE);
	assert_in_range(decoder.message.capacity, 1, 1024 * 1024);
	viva_websocket_decoder_finish(&decoder);
}

static void test_websocket_codec__reports_the_close_code(void **state)
{
	(void)state;
	struct viva_websocket_decoder decoder;
	viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_CLIENT, 10);
	assert_int_equal(decode(&decoder,
				"\x88\x05\x0f\xa0"
				"bye",
				7)
				 .event,
			 VIVA_WEBSOCKET_EVENT_CLOSED);
	assert_int_equal(decoder.close_code, 4000);
	viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_CLIENT, 10);
	assert_int_equal(decode(&decoder, "\x88\x00", 2).event, VIVA_WEBSOCKET_EVENT_CLOSED);
	assert_int_equal(decoder.close_code, VIVA_WEBSOCKET_NO_STATUS);
}

static void test_websocket_codec__masks_the_same_at_every_size_and_alignment(void **state)
{
	(void)state;
	enum { SIZE = 300 };
	static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
	uint8_t in[SIZE + 16], out[SIZE + 16];
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 37);
	for (size_t size = 0; size <= SIZE; size += size < 70 ? 1 : 23) {
		for (unsigned shift = 0; shift < 8; shift++) {
			viva_websocket_mask(out + shift, in + shift, size, mask, shift);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(out[shift + i], in[shift + i] ^ mask[(shift + i) % 4]);
		}
	}
}

static void test_websocket_codec__what_it_encodes_it_decodes(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 100000};
	static const uint8_t mask[4] = {1, 2, 3, 4};
	static uint8_t frame[VIVA_WEBSOCKET_MAX_HEAD + 100000], payload[100000];
	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		size_t head = viva_websocket_encode_head(frame, VIVA_WEBSOCKET_OPCODE_BINARY, true, sizes[i], mask);
		viva_websocket_mask(frame + head, payload, sizes[i], mask, 0);
		struct viva_websocket_decoder decoder;
		viva_websocket_decoder_init(&decoder, VIVA_WEBSOCKET_SERVER, sizeof payload);
		struct outcome outcome = decode(&decoder, frame, head + sizes[i]);
		assert_int_equal(outcome.event, VIVA_WEBSOCKET_EVENT_MESSAGE);
		assert_int_equal(outcome.used, head + sizes[i]);
		assert_int_equal(decoder.message.size, sizes[i]);
		if (sizes[i] > 0)
			assert_memory_equal(decoder.message.data, payload, sizes[i]);
		viva_websocket_decoder_finish(&decoder);
	}
}

static void test_websocket_codec__cuts_a_close_reason_at_a_character(void **state)
{
	(void)state;
	char reason[131];
	memset(reason, 'x', sizeof reason);
	memcpy(reason + 122, "\xc3\xa9", 2);
	reason[130] = '\0';
	uint8_t payload[VIVA_WEBSOCKET_MAX_CONTROL];
	assert_int_equal(viva_websocket_encode_close(payload, 1000, reason), 2 + 122);
	assert_int_equal(viva_websocket_encode_close(payload, VIVA_WEBSOCKET_NO_STATUS, reason), 0);
}

static void test_websocket_codec__accepts_the_key_of_the_rfc_and_no_malformed_one(void **state)
{
	(void)state;
	char accept[VIVA_WEBSOCKET_ACCEPT_SIZE];
	assert_ok(viva_websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_error(viva_websocket_accept("dGhlIHNhbXBsZSBub25j", accept), VIVA_EINVAL);
	assert_error(viva_websocket_accept("", accept), VIVA_EINVAL);
	assert_error(viva_websocket_accept("!!!!!!!!!!!!!!!!!!!!!!==", accept), VIVA_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_websocket_codec__decodes_the_masked_hello_of_the_rfc),
		cmocka_unit_test(test_websocket_codec__joins_fragments_around_a_ping_byte_by_byte),
		cmocka_unit_test(test_websocket_codec__empty_messages_are_messages),
		cmocka_unit_test(test_websocket_codec__refuses_what_the_rfc_forbids),
		cmocka_unit_test(test_websocket_codec__a_character_may_be_split_between_fragments),
		cmocka_unit_test(test_websocket_codec__skips_an_oversize_message_and_lives_on),
		cmocka_unit_test(test_websocket_codec__a_head_alone_reserves_no_memory),
		cmocka_unit_test(test_websocket_codec__reports_the_close_code),
		cmocka_unit_test(test_websocket_codec__masks_the_same_at_every_size_and_alignment),
		cmocka_unit_test(test_websocket_codec__what_it_encodes_it_decodes),
		cmocka_unit_test(test_websocket_codec__cuts_a_close_reason_at_a_character),
		cmocka_unit_test(test_websocket_codec__accepts_the_key_of_the_rfc_and_no_malformed_one),
	};
	return cmocka_run_group_tests_name("websocket_codec", tests, NULL, NULL);
}
