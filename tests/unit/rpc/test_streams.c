// SPDX-License-Identifier: Apache-2.0
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <string.h>
#include <unistd.h>

#include "emotion.pb-c.h"
#include "health.pb-c.h"
#include "reflection.pb-c.h"
#include "rpc_fixture.h"
#include "viva_test.h"

static const char check_method[] = "/grpc.health.v1.Health/Check";
static const char watch_method[] = "/grpc.health.v1.Health/Watch";
static const char v1_method[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
static const char v1alpha_method[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
static const char batch_method[] = "/emotion.EmotionService/AnalyzeBatch";

static ProtobufCMessage *unpack(grpc_byte_buffer *buffer, const ProtobufCMessageDescriptor *descriptor)
{
	assert_non_null(buffer);
	grpc_byte_buffer_reader reader;
	assert_true(grpc_byte_buffer_reader_init(&reader, buffer));
	grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
	ProtobufCMessage *message =
		protobuf_c_message_unpack(descriptor, NULL, GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
	assert_non_null(message);
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	grpc_byte_buffer_destroy(buffer);
	return message;
}

static void send_message(struct raw_stream *stream, const ProtobufCMessage *message)
{
	uint8_t packed[1024];
	assert_true(protobuf_c_message_get_packed_size(message) <= sizeof packed);
	size_t size = protobuf_c_message_pack(message, packed);
	raw_stream_send(stream, packed, size);
}

static void ask_health(struct raw_stream *stream, const struct rpc_fixture *fixture, const char *method,
		       const char *service)
{
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	request.service = (char *)(uintptr_t)service;
	raw_stream_open(stream, fixture->address, method);
	send_message(stream, &request.base);
	raw_stream_send_close(stream);
}

static int next_status(struct raw_stream *stream)
{
	ProtobufCMessage *message =
		unpack(raw_stream_receive(stream), &grpc__health__v1__health_check_response__descriptor);
	int status = (int)((Grpc__Health__V1__HealthCheckResponse *)message)->status;
	protobuf_c_message_free_unpacked(message, NULL);
	return status;
}

enum { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

static void test_health__check_knows_the_server_and_each_service(void **state)
{
	(void)state;
	static const char *const services[] = {"", "emotion.EmotionService", "grpc.health.v1.Health"};
	struct rpc_fixture fixture;
	rpc_fixture_start(&fixture, 0, NULL);
	for (size_t i = 0; i < VIVA_COUNT(services); i++) {
		struct raw_stream stream;
		ask_health(&stream, &fixture, check_method, services[i]);
		assert_int_equal(next_status(&stream), SERVING);
		assert_int_equal(raw_stream_close(&stream), GRPC_STATUS_OK);
	}
	rpc_fixture_stop(&fixture, 0);
}

static void test_health__check_of_a_stranger_is_not_found(void **state)
{
	(void)state;
	struct rpc_fixture fixture;
	struct raw_stream stream;
	rpc_fixture_start(&fixture, 0, NULL);
	ask_health(&stream, &fixture, check_method, "scoring.ScoringService");
	assert_null(raw_stream_receive(&stream));
	assert_int_equal(raw_stream_close(&stream), GRPC_STATUS_NOT_FOUND);
	rpc_fixture_stop(&fixture, 0);
}

static void test_health__watch_tells_each_change_and_ends_with_the_server(void **state)
{
	(void)state;
	struct rpc_fixture fixture;
	struct raw_stream stream;
	rpc_fixture_start(&fixture, 0, NULL);
	ask_health(&stream, &fixture, watch_method, "emotion.EmotionService");
	assert_int_equal(next_status(&stream), SERVING);
	viva_rpc_server_set_serving(fixture.server, false);
	assert_int_equal(next_status(&stream), NOT_SERVING);
	viva_rpc_server_set_serving(fixture.server, true);
	assert_int_equal(next_status(&stream), SERVING);

	rpc_fixture_stop(&fixture, 60000);  // and is not hung by the open stream
	assert_int_equal(next_status(&stream), NOT_SERVING);
	assert_null(raw_stream_receive(&stream));
	assert_int_equal(raw_stream_close(&stream), GRPC_STATUS_UNAVAILABLE);
}

static void test_health__watch_of_a_stranger_says_so_and_stays(void **state)
{
	(void)state;
	struct rpc_fixture fixture;
	struct raw_stream stream;
	rpc_fixture_start(&fixture, 0, NULL);
	ask_health(&stream, &fixture, watch_method, "no.Such");
	assert_int_equal(next_status(&stream), SERVICE_UNKNOWN);
	raw_stream_cancel(&stream);
	assert_int_equal(raw_stream_close(&stream), GRPC_STATUS_CANCELLED);
	rpc_fixture_stop(&fixture, 60000);
}

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

#define REQUEST(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define RESPONSE(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

static reflection_response *reflect(struct raw_stream *stream, int kind, const char *text)
{
	reflection_request request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
	request.message_request_case = (Grpc__Reflection__V1__ServerReflectionRequest__MessageRequestCase)kind;
	request.list_services = (char *)(uintptr_t)text;  // all the texts share one union
	send_message(stream, &request.base);
	return (reflection_response *)unpack(raw_stream_receive(stream),
					     &grpc__reflection__v1__server_reflection_response__descriptor);
}

static void check_reflection(const char *method)
{
	struct rpc_fixture fixture;
	struct raw_stream stream;
	rpc_fixture_start(&fixture, 0, NULL);
	raw_stream_open(&stream, fixture.address, method);

	reflection_response *response = reflect(&stream, REQUEST(LIST_SERVICES), "*");
	assert_int_equal(response->message_response_case, RESPONSE(LIST_SERVICES_RESPONSE));
	assert_int_equal(response->list_services_response->n_service, 4);
	assert_string_equal(response->list_services_response->service[0]->name, "emotion.EmotionService");
	assert_string_equal(response->original_request->list_services, "*");
	protobuf_c_message_free_unpacked(&response->base, NULL);

	response = reflect(&stream, REQUEST(FILE_CONTAINING_SYMBOL), "emotion.EmotionService.AnalyzeFrame");
	assert_int_equal(response->message_response_case, RESPONSE(FILE_DESCRIPTOR_RESPONSE));
	assert_int_equal(response->file_descriptor_response->n_file_descriptor_proto, 1);
	protobuf_c_message_free_unpacked(&response->base, NULL);

	response = reflect(&stream, REQUEST(FILE_BY_FILENAME), "no/such.proto");
	assert_int_equal(response->message_response_case, RESPONSE(ERROR_RESPONSE));
	assert_int_equal(response->error_response->error_code, GRPC_STATUS_NOT_FOUND);
	protobuf_c_message_free_unpacked(&response->base, NULL);

	raw_stream_send_close(&stream);
	assert_null(raw_stream_receive(&stream));
	assert_int_equal(raw_stream_close(&stream), GRPC_STATUS_OK);
	rpc_fixture_stop(&fixture, 0);
}

static void test_reflection__v1_answers_question_after_question(void **state)
{
	(void)state;
	check_reflection(v1_method);
}

static void test_reflection__v1alpha_answers_the_same(void **state)
{
	(void)state;
	check_reflection(v1alpha_method);
}

static void test_reflection__an_open_stream_does_not_hang_the_stop(void **state)
{
	(void)state;
	struct rpc_fixture fixture;
	struct raw_stream stream;
	rpc_fixture_start(&fixture, 0, NULL);
	raw_stream_open(&stream, fixture.address, v1_method);
	reflection_response *response = reflect(&stream, REQUEST(LIST_SERVICES), "");
	protobuf_c_message_free_unpacked(&response->base, NULL);
	rpc_fixture_stop(&fixture, 60000);
	assert_int_not_equal(raw_stream_close(&stream), GRPC_STATUS_OK);
}

static void test_reflection__malformed_bytes_end_the_stream(void **state)
{
	(void)state;
	struct rpc_fixture fixture;
	struct raw_stream stream;
	rpc_fixture_start(&fixture, 0, NULL);
	raw_stream_open(&stream, fixture.address, v1_method);
	raw_stream_send(&stream, "\x3a\x7f", 2);
	assert_null(raw_stream_receive(&stream));
	assert_int_equal(raw_stream_close(&stream), GRPC_STATUS_INVALID_ARGUMENT);
	rpc_fixture_stop(&fixture, 0);
}

static void open_batch(struct raw_stream *stream, const struct rpc_fixture *fixture, size_t frames)
{
	uint8_t request[512];
	assert_true(frames <= sizeof request / 4);
	for (size_t i = 0; i < frames; i++)  // frames {timestamp: i}
		memcpy(&request[4 * i], (uint8_t[]){0x12, 0x02, 0x18, (uint8_t)i}, 4);
	raw_stream_open(stream, fixture->address, batch_method);
	raw_stream_send(stream, request, 4 * frames);
	raw_stream_send_close(stream);
}

static void test_streaming__replies_come_in_order_and_then_the_status(void **state)
{
	(void)state;
	struct rpc_fixture fixture;
	struct raw_stream stream;
	rpc_fixture_start(&fixture, 0, NULL);
	open_batch(&stream, &fixture, 50);
	for (int i = 0; i < 50; i++) {
		ProtobufCMessage *message = unpack(raw_stream_receive(&stream), &emotion__emotion_response__descriptor);
		assert_int_equal(((Emotion__EmotionResponse *)message)->timestamp, i);
		protobuf_c_message_free_unpacked(message, NULL);
	}
	assert_null(raw_stream_receive(&stream));
	assert_int_equal(raw_stream_close(&stream), GRPC_STATUS_OK);
	rpc_fixture_stop(&fixture, 0);
}

static void test_streaming__no_replies_are_fine_too(void **state)
{
	(void)state;
	struct rpc_fixture fixture;
	struct raw_stream stream;
	rpc_fixture_start(&fixture, 0, NULL);
	open_batch(&stream, &fixture, 0);
	assert_null(raw_stream_receive(&stream));
	assert_int_equal(raw_stream_close(&stream), GRPC_STATUS_OK);
	rpc_fixture_stop(&fixture, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_health__check_knows_the_server_and_each_service),
		cmocka_unit_test(test_health__check_of_a_stranger_is_not_found),
		cmocka_unit_test(test_health__watch_tells_each_change_and_ends_with_the_server),
		cmocka_unit_test(test_health__watch_of_a_stranger_says_so_and_stays),
		cmocka_unit_test(test_reflection__v1_answers_question_after_question),
		cmocka_unit_test(test_reflection__v1alpha_answers_the_same),
		cmocka_unit_test(test_reflection__an_open_stream_does_not_hang_the_stop),
		cmocka_unit_test(test_reflection__malformed_bytes_end_the_stream),
		cmocka_unit_test(test_streaming__replies_come_in_order_and_then_the_status),
		cmocka_unit_test(test_streaming__no_replies_are_fine_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
