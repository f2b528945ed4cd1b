// SPDX-License-Identifier: Apache-2.0
#include "rpc_fixture.h"

#include <arpa/inet.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "descriptor_sets.h"
#include "emotion.pb-c.h"
#include "viva_test.h"

enum { STEP_SECONDS = 60 };  // only so that what hangs fails

static const char *const services[] = {"emotion.EmotionService", NULL};

// What the call wants is told by its session_id.
static int analyze_frame(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	struct rpc_fixture *fixture = context;
	ProtobufCMessage *message = NULL;
	atomic_fetch_add(&fixture->calls, 1);
	int result = viva_rpc_unpack(call, &emotion__frame_request__descriptor, &message, error);
	if (result < 0)
		return result;
	const Emotion__FrameRequest *request = (const Emotion__FrameRequest *)message;

	if (strcmp(request->session_id, "fail") == 0)
		return viva_fail(error, VIVA_EIMAGE, "image_data", "not a JPEG");
	if (strcmp(request->session_id, "overload") == 0)
		return VIVA_EOVERLOAD;
	if (strcmp(request->session_id, "silent") == 0)
		return 0;
	if (strcmp(request->session_id, "wait") == 0) {
		atomic_fetch_add(&fixture->at_gate, 1);
		while (!atomic_load(&fixture->is_open) && !viva_rpc_is_cancelled(call))
			usleep(1000);
		if (viva_rpc_is_cancelled(call)) {
			atomic_fetch_add(&fixture->was_cancelled, 1);
			return VIVA_EDEADLINE;
		}
	}
	Emotion__EmotionResponse response = EMOTION__EMOTION_RESPONSE__INIT;
	response.session_id = request->session_id;
	response.timestamp = (int64_t)request->image_data.len;
	const char *tag = viva_rpc_metadata(call, "x-tag");
	response.emotion = (char *)(uintptr_t)(tag ? tag : "");
	return viva_rpc_reply(call, &response.base);
}

static int analyze_batch(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	struct rpc_fixture *fixture = context;
	ProtobufCMessage *message = NULL;
	int result = viva_rpc_unpack(call, &emotion__batch_request__descriptor, &message, error);
	const Emotion__BatchRequest *request = (const Emotion__BatchRequest *)message;
	for (size_t i = 0; result == 0 && i < request->n_frames; i++) {
		Emotion__EmotionResponse response = EMOTION__EMOTION_RESPONSE__INIT;
		response.timestamp = request->frames[i]->timestamp;
		result = viva_rpc_reply(call, &response.base);
	}
	if (result == VIVA_ECANCELLED)
		atomic_fetch_add(&fixture->was_cancelled, 1);
	return result;
}

static const struct viva_rpc_method methods[] = {
	{.path = "/emotion.EmotionService/AnalyzeFrame", .handle = analyze_frame},
	{.path = "/emotion.EmotionService/AnalyzeBatch", .handle = analyze_batch, .is_server_streaming = true},
};

static void *accept_all(void *context)
{
	struct rpc_fixture *fixture = context;
	for (;;) {
		int fd = accept4(fixture->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return NULL;
		viva_rpc_server_adopt(fixture->server, fd);
	}
}

static void listen_on(struct rpc_fixture *fixture, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t size = sizeof address;
	fixture->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fixture->listener >= 0);
	setsockopt(fixture->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	assert_int_equal(bind(fixture->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fixture->listener, 64), 0);
	assert_int_equal(getsockname(fixture->listener, (struct sockaddr *)&address, &size), 0);
	fixture->port = ntohs(address.sin_port);
	snprintf(fixture->address, sizeof fixture->address, "127.0.0.1:%d", fixture->port);
}

void rpc_fixture_start(struct rpc_fixture *fixture, int port, void (*adapt)(struct viva_rpc_server_options *options))
{
	memset(fixture, 0, sizeof *fixture);
	struct viva_pool_options pool_options = viva_pool_defaults();
	pool_options.threads = 4;
	assert_ok(viva_pool_create(&pool_options, &fixture->pool));

	struct viva_rpc_server_options options = viva_rpc_server_defaults();
	options.services = services;
	options.methods = methods;
	options.method_count = VIVA_COUNT(methods);
	options.context = fixture;
	options.pool = fixture->pool;
	options.descriptor_set = viva_emotion_descriptor_set();
	if (adapt)
		adapt(&options);
	assert_ok(viva_rpc_server_create(&options, &fixture->server, NULL));
	listen_on(fixture, port);
	assert_int_equal(pthread_create(&fixture->acceptor, NULL, accept_all, fixture), 0);
}

void rpc_fixture_stop_listening(struct rpc_fixture *fixture)
{
	if (fixture->listener < 0)
		return;
	shutdown(fixture->listener, SHUT_RDWR);
	pthread_join(fixture->acceptor, NULL);
	close(fixture->listener);
	fixture->listener = -1;
}

void rpc_fixture_stop(struct rpc_fixture *fixture, uint32_t grace_ms)
{
	rpc_fixture_stop_listening(fixture);
	fixture->server = viva_rpc_server_destroy(fixture->server, grace_ms);
	fixture->pool = viva_pool_destroy(fixture->pool);
}

void rpc_fixture_wait_at_gate(struct rpc_fixture *fixture, int count)
{
	while (atomic_load(&fixture->at_gate) < count)
		usleep(1000);
}

int64_t rpc_deadline_in_ms(uint32_t timeout_ms)
{
	return viva_clock_monotonic_us(viva_system_clock()) + (int64_t)timeout_ms * 1000;
}

struct viva_rpc_client *rpc_fixture_client(const struct rpc_fixture *fixture)
{
	const char *address = fixture->address;
	struct viva_rpc_client_options options = viva_rpc_client_defaults();
	options.addresses = &address;
	options.address_count = 1;
	struct viva_rpc_client *client = NULL;
	assert_ok(viva_rpc_client_create(&options, &client, NULL));
	return client;
}

int rpc_analyze(struct viva_rpc_client *client, const char *session_id, uint32_t timeout_ms, struct viva_arena *arena,
		const char **ret_session, struct viva_error *error)
{
	Emotion__FrameRequest request = EMOTION__FRAME_REQUEST__INIT;
	request.session_id = (char *)(uintptr_t)session_id;
	ProtobufCMessage *reply = NULL;
	int result =
		viva_rpc_call_message(client, methods[0].path, &request.base, &emotion__emotion_response__descriptor,
				      NULL, 0, rpc_deadline_in_ms(timeout_ms), arena, &reply, error);
	if (result == 0)
		*ret_session = ((const Emotion__EmotionResponse *)reply)->session_id;
	return result;
}

static void run_step(struct raw_stream *stream, const grpc_op *ops, size_t count)
{
	assert_int_equal(grpc_call_start_batch(stream->call, ops, count, stream, NULL), GRPC_CALL_OK);
	gpr_timespec deadline =
		gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(STEP_SECONDS, GPR_TIMESPAN));
	grpc_event event = grpc_completion_queue_next(stream->queue, deadline, NULL);
	assert_int_equal(event.type, GRPC_OP_COMPLETE);
}

void raw_stream_open(struct raw_stream *stream, const char *address, const char *method)
{
	memset(stream, 0, sizeof *stream);
	grpc_init();
	stream->queue = grpc_completion_queue_create_for_next(NULL);
	grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
	char target[64];
	snprintf(target, sizeof target, "ipv4:%s", address);
	stream->channel = grpc_channel_create(target, credentials, NULL);
	grpc_channel_credentials_release(credentials);
	grpc_slice path = grpc_slice_from_copied_string(method);
	stream->call = grpc_channel_create_call(stream->channel, NULL, GRPC_PROPAGATE_DEFAULTS, stream->queue, path,
						NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	grpc_slice_unref(path);
	grpc_metadata_array_init(&stream->initial);
	grpc_metadata_array_init(&stream->trailing);
	stream->details = grpc_empty_slice();
	run_step(stream, &(grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA}, 1);
}

void raw_stream_send(struct raw_stream *stream, const void *data, size_t size)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(data, size);
	grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
	op.data.send_message.send_message = buffer;
	run_step(stream, &op, 1);
	grpc_byte_buffer_destroy(buffer);
	grpc_slice_unref(slice);
}

void raw_stream_send_close(struct raw_stream *stream)
{
	run_step(stream, &(grpc_op){.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, 1);
}

grpc_byte_buffer *raw_stream_receive(struct raw_stream *stream)
{
	grpc_byte_buffer *message = NULL;
	grpc_op ops[2] = {{.op = GRPC_OP_RECV_MESSAGE}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
	ops[0].data.recv_message.recv_message = &message;
	ops[1].data.recv_initial_metadata.recv_initial_metadata = &stream->initial;
	run_step(stream, ops, stream->has_initial ? 1 : 2);
	stream->has_initial = true;
	return message;
}

void raw_stream_cancel(struct raw_stream *stream)
{
	grpc_call_cancel(stream->call, NULL);
}

grpc_status_code raw_stream_close(struct raw_stream *stream)
{
	grpc_op op = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
	op.data.recv_status_on_client.trailing_metadata = &stream->trailing;
	op.data.recv_status_on_client.status = &stream->status;
	op.data.recv_status_on_client.status_details = &stream->details;
	run_step(stream, &op, 1);
	grpc_slice_unref(stream->details);
	grpc_metadata_array_destroy(&stream->initial);
	grpc_metadata_array_destroy(&stream->trailing);
	grpc_call_unref(stream->call);
	grpc_channel_destroy(stream->channel);
	grpc_completion_queue_shutdown(stream->queue);
	while (grpc_completion_queue_next(stream->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
	       GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(stream->queue);
	grpc_shutdown_blocking();
	return stream->status;
}
