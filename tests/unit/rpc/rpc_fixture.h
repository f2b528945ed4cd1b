// SPDX-License-Identifier: Apache-2.0
//
// A real gRPC server behind a listener on a free port, and a raw client for what ours does not do (streams).
#ifndef VIVA_TEST_RPC_FIXTURE_H
#define VIVA_TEST_RPC_FIXTURE_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"
#include "rpc/rpc_client.h"
#include "rpc/rpc_server.h"

struct rpc_fixture {
	struct viva_pool *pool;
	struct viva_rpc_server *server;
	int listener;
	int port;
	pthread_t acceptor;
	atomic_int calls;          // of AnalyzeFrame, so far
	atomic_bool is_open;       // for handlers that wait: the gate
	atomic_int at_gate;        // how many wait there
	atomic_int was_cancelled;  // of those that waited
	char address[32];          // "127.0.0.1:PORT"
};

// `adapt` may change the options; may be NULL. `port` 0 = any.
void rpc_fixture_start(struct rpc_fixture *fixture, int port, void (*adapt)(struct viva_rpc_server_options *options));
void rpc_fixture_stop(struct rpc_fixture *fixture, uint32_t grace_ms);
void rpc_fixture_stop_listening(struct rpc_fixture *fixture);
void rpc_fixture_wait_at_gate(struct rpc_fixture *fixture, int count);

struct viva_rpc_client *rpc_fixture_client(const struct rpc_fixture *fixture);

// One AnalyzeFrame call with this session_id; *ret_session is the answer's, in the arena.
int rpc_analyze(struct viva_rpc_client *client, const char *session_id, uint32_t timeout_ms, struct viva_arena *arena,
		const char **ret_session, struct viva_error *error);

int64_t rpc_deadline_in_ms(uint32_t timeout_ms);

// A streaming call, one step at a time. Each step waits at most five seconds and asserts that it came.
struct raw_stream {
	grpc_completion_queue *queue;
	grpc_channel *channel;
	grpc_call *call;
	grpc_status_code status;
	grpc_metadata_array initial, trailing;
	grpc_slice details;
	bool has_initial;
};

void raw_stream_open(struct raw_stream *stream, const char *address, const char *method);
void raw_stream_send(struct raw_stream *stream, const void *data, size_t size);
void raw_stream_send_close(struct raw_stream *stream);
// The next message, or NULL when the server ended the stream.
grpc_byte_buffer *raw_stream_receive(struct raw_stream *stream);
void raw_stream_cancel(struct raw_stream *stream);
grpc_status_code raw_stream_close(struct raw_stream *stream);  // waits for the status and frees

#endif
