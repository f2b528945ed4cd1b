// SPDX-License-Identifier: Apache-2.0
//
// Messages from the frames that a broker might send, right and wrong.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/rabbitmq_message.h"
#include "viva_test.h"

enum { MAX_BYTES = 1000 };

// What a broker sends before a body: encoded properties, as rabbitmq-c hands them over, decoded as well.
struct sent {
	amqp_basic_deliver_t deliver;
	uint8_t raw[4096];
	amqp_pool_t pool;
	amqp_frame_t method, header;
};

static void make(struct sent *sent, const amqp_basic_properties_t *properties, uint64_t body_size)
{
	memset(sent, 0, sizeof *sent);
	init_amqp_pool(&sent->pool, 0);
	sent->deliver = (amqp_basic_deliver_t){.consumer_tag = amqp_cstring_bytes("3"),
					       .delivery_tag = 77,
					       .routing_key = amqp_cstring_bytes("score.calculated")};
	sent->method = (amqp_frame_t){
		.frame_type = AMQP_FRAME_METHOD,
		.channel = 1,
		.payload.method = {.id = AMQP_BASIC_DELIVER_METHOD, .decoded = &sent->deliver},
	};
	int size = amqp_encode_properties(AMQP_BASIC_CLASS, (void *)(uintptr_t)properties,
					  (amqp_bytes_t){sizeof sent->raw, sent->raw});
	assert_true(size > 0);
	void *decoded = NULL;
	amqp_bytes_t raw = {(size_t)size, sent->raw};
	assert_true(amqp_decode_properties(AMQP_BASIC_CLASS, &sent->pool, raw, &decoded) >= 0);
	sent->header = (amqp_frame_t){
		.frame_type = AMQP_FRAME_HEADER,
		.channel = 1,
		.payload.properties = {AMQP_BASIC_CLASS, body_size, decoded, raw},
	};
}

static amqp_frame_t body_frame(const char *text)
{
	return (amqp_frame_t){
		.frame_type = AMQP_FRAME_BODY, .channel = 1, .payload.body_fragment = amqp_cstring_bytes(text)};
}

static int feed(struct viva_rabbitmq_assembler *assembler, const amqp_frame_t *frame,
		struct viva_rabbitmq_parcel **ret_parcel)
{
	bool is_taken;
	int status = viva_rabbitmq_assemble(assembler, frame, &is_taken, ret_parcel);
	if (!status)
		assert_true(is_taken);
	return status;
}

// The whole message in one body frame.
static struct viva_rabbitmq_parcel *receive(const amqp_basic_properties_t *properties, const char *text)
{
	struct viva_rabbitmq_assembler assembler = {.max_bytes = MAX_BYTES};
	struct viva_rabbitmq_parcel *parcel = NULL;
	struct sent sent;
	amqp_frame_t body = body_frame(text);
	make(&sent, properties, strlen(text));
	assert_ok(feed(&assembler, &sent.method, &parcel));
	assert_null(parcel);
	assert_ok(feed(&assembler, &sent.header, &parcel));
	if (strlen(text) > 0) {
		assert_null(parcel);
		assert_ok(feed(&assembler, &body, &parcel));
	}
	assert_non_null(parcel);
	empty_amqp_pool(&sent.pool);
	return parcel;
}

static const struct viva_bus_message full = {
	.type = "ScoreCalculated",
	.message_id = "0190a5d2-ac96-774b-bcce-b302099a8057",
	.app_id = "test",
	.session_id = "na\xc3\xafve",
	.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	.timestamp_ms = 1767225600123,
};

static void test_message__comes_as_it_was_sent(void **state)
{
	(void)state;
	amqp_table_entry_t headers[VIVA_RABBITMQ_MAX_HEADERS];
	amqp_basic_properties_t properties;
	viva_rabbitmq_set_properties(&full, 5, headers, &properties);
	struct viva_rabbitmq_parcel *parcel = receive(&properties, "{}");
	assert_int_equal(parcel->delivery_tag, 77);
	assert_int_equal(parcel->subscription, 3);
	assert_int_equal(parcel->retries, 0);
	assert_string_equal(parcel->message.routing_key, "score.calculated");
	assert_string_equal(parcel->message.type, full.type);
	assert_string_equal(parcel->message.message_id, full.message_id);
	assert_string_equal(parcel->message.app_id, full.app_id);
	assert_string_equal(parcel->message.session_id, full.session_id);
	assert_string_equal(parcel->message.traceparent, full.traceparent);
	assert_int_equal(parcel->message.timestamp_ms, full.timestamp_ms);
	assert_int_equal(parcel->message.body.size, 2);
	assert_memory_equal(parcel->message.body.data, "{}", 2);
	viva_rabbitmq_parcel_free(parcel);
}

static void test_message__without_properties_has_empty_texts_and_a_lasting_id(void **state)
{
	(void)state;
	const amqp_basic_properties_t none = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 1};
	struct viva_rabbitmq_parcel *first = receive(&none, "same"), *again = receive(&none, "same");
	struct viva_rabbitmq_parcel *other = receive(&none, "other"), *empty = receive(&none, "");
	assert_string_equal(first->message.type, "");
	assert_string_equal(first->message.session_id, "");
	assert_string_equal(first->message.traceparent, "");
	assert_string_equal(first->message.app_id, "");
	assert_int_equal(first->message.timestamp_ms, 0);
	assert_true(viva_uuid_is_valid(first->message.message_id));
	assert_string_equal(first->message.message_id, again->message.message_id);
	assert_string_not_equal(first->message.message_id, other->message.message_id);
	assert_int_equal(empty->message.body.size, 0);
	viva_rabbitmq_parcel_free(first);
	viva_rabbitmq_parcel_free(again);
	viva_rabbitmq_parcel_free(other);
	viva_rabbitmq_parcel_free(empty);
}

static void test_message__texts_that_are_none_read_as_empty(void **state)
{
	(void)state;
	char longer[VIVA_BUS_MAX_TEXT + 2];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	amqp_table_entry_t headers[] = {
		viva_rabbitmq_text_entry(VIVA_RABBITMQ_SESSION, "a\xff"),
		viva_rabbitmq_int_entry("traceparent", 7),
		viva_rabbitmq_text_entry(VIVA_RABBITMQ_RETRIES, "5"),
		viva_rabbitmq_int_entry(VIVA_RABBITMQ_TIMESTAMP_MS, -1),
	};
	const amqp_basic_properties_t strange = {
		._flags = AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
			  AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_TIMESTAMP_FLAG,
		.type = {3, (void *)(uintptr_t) "a\0b"},
		.app_id = amqp_cstring_bytes(longer),
		.message_id = amqp_cstring_bytes(longer),
		.timestamp = UINT64_MAX,
		.headers = {VIVA_COUNT(headers), headers},
	};
	struct viva_rabbitmq_parcel *parcel = receive(&strange, "x");
	assert_string_equal(parcel->message.type, "");
	assert_string_equal(parcel->message.app_id, "");
	assert_string_equal(parcel->message.session_id, "");
	assert_string_equal(parcel->message.traceparent, "");
	assert_true(viva_uuid_is_valid(parcel->message.message_id));
	assert_int_equal(parcel->message.timestamp_ms, 0);
	assert_int_equal(parcel->retries, 0);
	viva_rabbitmq_parcel_free(parcel);
}

static void test_message__milliseconds_count_only_where_they_fit_the_seconds(void **state)
{
	(void)state;
	static const struct {
		int64_t header_ms;
		uint64_t seconds;
		int64_t read_ms;
	} cases[] = {{5123, 5, 5123}, {6123, 5, 5000}, {0, 5, 5000}, {-7, 5, 5000}, {INT64_MAX, 5, 5000}};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		amqp_table_entry_t header = viva_rabbitmq_int_entry(VIVA_RABBITMQ_TIMESTAMP_MS, cases[i].header_ms);
		const amqp_basic_properties_t properties = {._flags =
								    AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_HEADERS_FLAG,
							    .timestamp = cases[i].seconds,
							    .headers = {1, &header}};
		struct viva_rabbitmq_parcel *parcel = receive(&properties, "x");
		assert_int_equal(parcel->message.timestamp_ms, cases[i].read_ms);
		viva_rabbitmq_parcel_free(parcel);
	}
}

static void test_message__in_many_frames_is_put_together_and_a_larger_one_is_skipped(void **state)
{
	(void)state;
	const amqp_basic_properties_t none = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
	static const size_t sizes[] = {MAX_BYTES, MAX_BYTES + 10};
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		struct viva_rabbitmq_assembler assembler = {.max_bytes = MAX_BYTES};
		struct viva_rabbitmq_parcel *parcel = NULL;
		struct sent sent;
		make(&sent, &none, sizes[i]);
		assert_ok(feed(&assembler, &sent.method, &parcel));
		assert_ok(feed(&assembler, &sent.header, &parcel));
		amqp_frame_t body = body_frame("0123456789");
		for (size_t at = 0; at < sizes[i]; at += 10) {
			assert_null(parcel);
			assert_ok(feed(&assembler, &body, &parcel));
		}
		assert_non_null(parcel);
		assert_int_equal(parcel->body_size, sizes[i]);
		assert_int_equal(parcel->has_body, i == 0);
		assert_int_equal(parcel->message.body.size, i == 0 ? sizes[i] : 0);
		if (i == 0)
			assert_memory_equal(parcel->message.body.data + MAX_BYTES - 10, "0123456789", 10);
		viva_rabbitmq_parcel_free(parcel);
		empty_amqp_pool(&sent.pool);
	}
}

static void test_message__frames_out_of_order_are_a_violation(void **state)
{
	(void)state;
	const amqp_basic_properties_t none = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
	struct viva_rabbitmq_parcel *parcel = NULL;
	struct sent sent;
	make(&sent, &none, 5);
	amqp_frame_t body = body_frame("01234"), too_long = body_frame("012345");
	const struct {
		const amqp_frame_t *frames[4];
	} cases[] = {
		{{&sent.header}},
		{{&body}},
		{{&sent.method, &sent.method}},
		{{&sent.method, &body}},
		{{&sent.method, &sent.header, &sent.header}},
		{{&sent.method, &sent.header, &sent.method}},
		{{&sent.method, &sent.header, &too_long}},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct viva_rabbitmq_assembler assembler = {.max_bytes = MAX_BYTES};
		int status = 0;
		for (size_t j = 0; j < 4 && cases[i].frames[j]; j++) {
			assert_int_equal(status, 0);
			status = viva_rabbitmq_assemble(&assembler, cases[i].frames[j], &(bool){false}, &parcel);
		}
		assert_int_equal(status, VIVA_EPROTOCOL);
		viva_rabbitmq_assembler_reset(&assembler);
	}
	empty_amqp_pool(&sent.pool);
}

static void test_message__other_frames_are_left_to_others(void **state)
{
	(void)state;
	struct viva_rabbitmq_assembler assembler = {.max_bytes = MAX_BYTES};
	struct viva_rabbitmq_parcel *parcel = NULL;
	amqp_frame_t ack = {
		.frame_type = AMQP_FRAME_METHOD, .channel = 1, .payload.method = {.id = AMQP_BASIC_ACK_METHOD}};
	bool is_taken = true;
	assert_ok(viva_rabbitmq_assemble(&assembler, &ack, &is_taken, &parcel));
	assert_false(is_taken);
	amqp_frame_t blocked = {.frame_type = AMQP_FRAME_METHOD,
				.channel = 0,
				.payload.method = {.id = AMQP_CONNECTION_BLOCKED_METHOD}};
	assert_ok(viva_rabbitmq_assemble(&assembler, &blocked, &is_taken, &parcel));
	assert_false(is_taken);
	assert_null(parcel);
}

static void test_message__want_of_memory_is_told(void **state)
{
	(void)state;
	amqp_table_entry_t headers[VIVA_RABBITMQ_MAX_HEADERS];
	amqp_basic_properties_t properties;
	viva_rabbitmq_set_properties(&full, -1, headers, &properties);
	for (unsigned skipped = 0; skipped < 2; skipped++) {
		struct viva_rabbitmq_assembler assembler = {.max_bytes = MAX_BYTES};
		struct viva_rabbitmq_parcel *parcel = NULL;
		struct sent sent;
		make(&sent, &properties, 5);
		fail_next_allocation(skipped);
		int status = viva_rabbitmq_assemble(&assembler, &sent.method, &(bool){false}, &parcel);
		if (!status)
			status = viva_rabbitmq_assemble(&assembler, &sent.header, &(bool){false}, &parcel);
		assert_int_equal(status, VIVA_ENOMEM);
		viva_rabbitmq_assembler_reset(&assembler);
		empty_amqp_pool(&sent.pool);
	}
}

static void test_message__a_dead_letter_tells_its_story(void **state)
{
	(void)state;
	amqp_table_entry_t ours[] = {
		viva_rabbitmq_text_entry(VIVA_RABBITMQ_ERROR, "no face"),
		viva_rabbitmq_text_entry(VIVA_RABBITMQ_QUEUE, "worker.frames"),
		viva_rabbitmq_text_entry(VIVA_RABBITMQ_DIED_AT, "2026-01-01T00:00:00.250Z"),
		viva_rabbitmq_int_entry(VIVA_RABBITMQ_RETRIES, 5),
	};
	amqp_table_entry_t last[] = {
		viva_rabbitmq_text_entry("queue", "worker.scores"),
		viva_rabbitmq_text_entry("reason", "delivery_limit"),
		viva_rabbitmq_int_entry("time", 1767225600),
	};
	amqp_field_value_t deaths[] = {{.kind = AMQP_FIELD_KIND_TABLE, .value.table = {VIVA_COUNT(last), last}}};
	amqp_table_entry_t brokers[] = {{.key = amqp_cstring_bytes("x-death"),
					 .value = {.kind = AMQP_FIELD_KIND_ARRAY, .value.array = {1, deaths}}}};
	amqp_table_entry_t nonsense[] = {viva_rabbitmq_text_entry("x-death", "yesterday")};
	const struct {
		amqp_table_t headers;
		const char *queue, *reason;
		int64_t died_at_ms;
	} cases[] = {
		{{VIVA_COUNT(ours), ours}, "worker.frames", "no face", 1767225600250},
		{{VIVA_COUNT(brokers), brokers}, "worker.scores", "delivered too often", 1767225600000},
		{{VIVA_COUNT(nonsense), nonsense}, "", "no reason", 0},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		const amqp_basic_properties_t properties = {._flags = AMQP_BASIC_HEADERS_FLAG,
							    .headers = cases[i].headers};
		struct viva_rabbitmq_parcel *parcel = receive(&properties, "x");
		struct viva_rabbitmq_death death;
		assert_ok(viva_rabbitmq_read_death(parcel, &death));
		assert_string_equal(death.queue, cases[i].queue);
		assert_non_null(strstr(death.reason, cases[i].reason));
		assert_int_equal(death.died_at_ms, cases[i].died_at_ms);
		viva_rabbitmq_parcel_free(parcel);
	}
}

static void test_message__published_again_it_forgets_its_past_and_keeps_the_rest(void **state)
{
	(void)state;
	amqp_table_entry_t headers[] = {
		viva_rabbitmq_int_entry(VIVA_RABBITMQ_RETRIES, 3), viva_rabbitmq_text_entry("x-death", "yesterday"),
		viva_rabbitmq_text_entry("x-first-death-queue", "q"), viva_rabbitmq_text_entry("CC", "elsewhere"),
		viva_rabbitmq_text_entry("mine", "kept")};
	const amqp_basic_properties_t properties = {
		._flags = AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_EXPIRATION_FLAG |
			  AMQP_BASIC_CONTENT_TYPE_FLAG,
		.user_id = amqp_cstring_bytes("somebody"),
		.expiration = amqp_cstring_bytes("5"),
		.content_type = amqp_cstring_bytes("text/plain"),
		.headers = {VIVA_COUNT(headers), headers},
	};
	struct viva_rabbitmq_parcel *parcel = receive(&properties, "x");
	assert_int_equal(parcel->retries, 3);
	amqp_pool_t pool;
	init_amqp_pool(&pool, 0);
	amqp_basic_properties_t renewed;
	amqp_table_entry_t added = viva_rabbitmq_int_entry(VIVA_RABBITMQ_RETRIES, 4);
	assert_ok(viva_rabbitmq_renew_properties(parcel, "100", &added, 1, &pool, &renewed));
	assert_int_equal(renewed.headers.num_entries, 2);
	assert_memory_equal(renewed.headers.entries[0].key.bytes, VIVA_RABBITMQ_RETRIES, 9);
	assert_memory_equal(renewed.headers.entries[1].key.bytes, "mine", 4);
	assert_memory_equal(renewed.expiration.bytes, "100", 3);
	assert_memory_equal(renewed.content_type.bytes, "text/plain", 10);
	assert_int_equal(renewed.delivery_mode, 2);
	assert_int_equal(renewed._flags & AMQP_BASIC_USER_ID_FLAG, 0);
	assert_memory_equal(renewed.message_id.bytes, parcel->message.message_id, 36);
	assert_ok(viva_rabbitmq_renew_properties(parcel, NULL, NULL, 0, &pool, &renewed));
	assert_int_equal(renewed._flags & AMQP_BASIC_EXPIRATION_FLAG, 0);
	empty_amqp_pool(&pool);
	viva_rabbitmq_parcel_free(parcel);
}

// ---- memory that is used again

static void test_spares__give_the_same_block_again_and_keep_no_more_than_they_may(void **state)
{
	(void)state;
	struct viva_rabbitmq_spares spares;
	viva_rabbitmq_spares_init(&spares);
	void *first = viva_rabbitmq_spares_take(&spares, 70000);
	assert_non_null(first);
	memset(first, 1, 70000);
	viva_rabbitmq_spares_give(first);
	void *again = viva_rabbitmq_spares_take(&spares, 100000);
	assert_ptr_equal(again, first);
	viva_rabbitmq_spares_give(again);

	enum { MANY = 64 };
	void *many[MANY];
	for (size_t i = 0; i < MANY; i++)
		assert_non_null(many[i] = viva_rabbitmq_spares_take(&spares, 1 << 20));
	for (size_t i = 0; i < MANY; i++)
		viva_rabbitmq_spares_give(many[i]);
	assert_true(spares.bytes > 0 && spares.bytes <= 16 << 20);
	viva_rabbitmq_spares_finish(&spares);
}

static void test_spares__leave_small_and_huge_blocks_to_malloc(void **state)
{
	(void)state;
	struct viva_rabbitmq_spares spares;
	viva_rabbitmq_spares_init(&spares);
	static const size_t sizes[] = {0, 100, 8 << 20};
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		void *block = viva_rabbitmq_spares_take(&spares, sizes[i]);
		assert_non_null(block);
		memset(block, 1, sizes[i]);
		viva_rabbitmq_spares_give(block);
		assert_int_equal(spares.bytes, 0);
	}
	viva_rabbitmq_spares_give(NULL);
	fail_next_allocation(0);
	assert_null(viva_rabbitmq_spares_take(&spares, 70000));
	viva_rabbitmq_spares_finish(&spares);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message__comes_as_it_was_sent),
		cmocka_unit_test(test_message__without_properties_has_empty_texts_and_a_lasting_id),
		cmocka_unit_test(test_message__texts_that_are_none_read_as_empty),
		cmocka_unit_test(test_message__milliseconds_count_only_where_they_fit_the_seconds),
		cmocka_unit_test(test_message__in_many_frames_is_put_together_and_a_larger_one_is_skipped),
		cmocka_unit_test(test_message__frames_out_of_order_are_a_violation),
		cmocka_unit_test(test_message__other_frames_are_left_to_others),
		cmocka_unit_test(test_message__want_of_memory_is_told),
		cmocka_unit_test(test_message__a_dead_letter_tells_its_story),
		cmocka_unit_test(test_message__published_again_it_forgets_its_past_and_keeps_the_rest),
		cmocka_unit_test(test_spares__give_the_same_block_again_and_keep_no_more_than_they_may),
		cmocka_unit_test(test_spares__leave_small_and_huge_blocks_to_malloc),
	};
	return cmocka_run_group_tests_name("bus/rabbitmq_message", tests, NULL, NULL);
}
