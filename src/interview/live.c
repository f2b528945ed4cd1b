// SPDX-License-Identifier: Apache-2.0
#include "interview/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "interview/answers.h"
#include "interview/context.h"
#include "interview/frame_message.h"
#include "interview/frames.h"
#include "interview/messages.h"
#include "interview/meters.h"
#include "interview/news.h"
#include "interview/routes.h"
#include "interview/spread.h"
#include "interview/updates.h"

enum { WORK_LIMIT_MS = 30000 };

// One socket's end of a session; made by authorize, freed by on_close.
struct live {
	struct interview_service *service;
	struct interview_session *session;
	int64_t expires_at;  // of its token, Unix seconds; 0 = never
};

// A message on its way from the loop to a strand.
struct errand {
	struct interview_service *service;
	struct interview_session *session;
	struct viva_websocket *socket;
	struct viva_blob *message;  // NULL: the greeting of a new socket
	bool is_binary;
	struct interview_frame_message frame;
	int64_t arrived_at;  // Unix ms
};

static struct errand *errand_create(const struct live *live, struct viva_websocket *socket, struct viva_blob *message)
{
	struct errand *errand = calloc(1, sizeof *errand);
	if (!errand)
		return NULL;
	errand->service = live->service;
	errand->session = interview_session_ref(live->session);
	errand->socket = viva_websocket_ref(socket);
	errand->message = message ? viva_blob_ref(message) : NULL;
	errand->arrived_at = interview_now_ms(live->service);
	return errand;
}

static void errand_destroy(struct errand *errand)
{
	viva_blob_destroy(errand->message);
	viva_websocket_unref(errand->socket);
	interview_session_unref(errand->session);
	free(errand);
}

void interview_live_drop_frame(void *item)
{
	viva_metric_add(interview_meters()->frames_replaced, 1);
	errand_destroy(item);
}

// To one socket. One that is closing or too slow needs no answer any more.
static void send_text(struct viva_websocket *socket, const char *text)
{
	if (text)
		(void)!viva_websocket_send(socket, VIVA_WEBSOCKET_TEXT, text, strlen(text));
}

static void send_error(struct viva_websocket *socket, int code, const struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (!viva_arena_create(0, &arena))
		send_text(socket, interview_error_message(arena, code, error));
}

// ---- frames

static int decode_frame(struct errand *errand, struct interview_frame *frame, struct viva_error *error)
{
	frame->timestamp = errand->arrived_at;
	if (errand->is_binary) {
		frame->image = viva_blob_ref(errand->message);
		return interview_image_check(viva_blob_bytes(errand->message), &frame->format, error);
	}
	if (errand->frame.timestamp > 0)
		frame->timestamp = errand->frame.timestamp;
	struct viva_bytes session_id = errand->frame.session_id;
	if (session_id.size > 0 &&
	    (session_id.size != strlen(errand->session->id) ||
	     strncasecmp((const char *)session_id.data, errand->session->id, session_id.size) != 0))
		return viva_fail(error, VIVA_EFIELD, "session_id", "session_id is another interview's");
	return interview_image_decode(errand->frame.image, &frame->image, &frame->format, error);
}

static int analyse_frame(struct errand *errand, struct viva_arena *arena, struct viva_error *error)
{
	struct interview_service *service = errand->service;
	struct interview_reader reader = {.store = service->store, .arena = arena};
	struct interview_record record;
	int status = interview_load(&reader, errand->session->id, &record, error);
	// Without leave to look at it the picture is not even decoded.
	if (!status)
		status = interview_frame_allowed(&record, error);
	if (status)
		return status;
	struct interview_frame frame = {
		.is_of_socket = true,
		.may_be_kept = interview_allows_pictures(&record),
		.question = record.current_question,
		.call_deadline_us = interview_deadline_us(service, INT64_MAX, WORK_LIMIT_MS),
		.deadline_us = INT64_MAX,
	};
	struct interview_frame_result result;
	status = decode_frame(errand, &frame, error);
	if (!status)
		status = interview_analyse_frame(service, errand->session, &frame, arena, &result, error);
	viva_blob_destroy(frame.image);
	if (status || !result.response)
		return status;  // what went into the queue is told when its analysis comes from there
	struct interview_sighting sighting = interview_sighting_of_response(result.response);
	interview_announce_sighting(errand->session, &sighting, true, arena);
	return 0;
}

// On the strand `frames`: the newest frame that waits, if no earlier task took it.
static void run_frame(void *context)
{
	struct interview_session *session = context;
	atomic_store(&session->is_frame_due, false);
	struct errand *errand = viva_mailbox_take(session->waiting_frame);
	if (errand) {
		VIVA_AUTO(viva_arena) arena = NULL;
		struct viva_error error = {0};
		viva_log_set_context(NULL, session->id);
		int status = viva_arena_create(0, &arena) ? VIVA_ENOMEM : analyse_frame(errand, arena, &error);
		if (status)
			send_error(errand->socket, status, &error);
		viva_log_set_context(NULL, NULL);
		errand_destroy(errand);
	}
	interview_session_unref(session);
}

// Puts a frame into the mailbox, in place of one that waits there; owns `errand` from here on.
static void queue_frame(struct errand *errand)
{
	struct interview_session *session = interview_session_ref(errand->session);
	if (viva_mailbox_put(session->waiting_frame, errand))
		errand_destroy(errand);
	if (!atomic_exchange(&session->is_frame_due, true)) {
		if (!viva_strand_submit(session->frames, run_frame, session))
			return;
		// The process has more to do than it can: this frame is let go, the next one tries again.
		atomic_store(&session->is_frame_due, false);
		struct errand *left = viva_mailbox_take(session->waiting_frame);
		if (left) {
			send_error(left->socket, VIVA_EOVERLOAD, NULL);
			errand_destroy(left);
		}
	}
	interview_session_unref(session);
}

// ---- answers and the rest

static int take_answer(struct errand *errand, const json_t *data, struct viva_arena *arena, struct viva_error *error)
{
	struct interview_answer_request request;
	struct interview_answer_result result;
	int status = interview_answer_parse(data, arena, &request, error);
	if (!status)
		status = interview_answer(errand->service, errand->session->id, &request,
					  interview_deadline_us(errand->service, INT64_MAX, WORK_LIMIT_MS), arena,
					  &result, error);
	if (!status)
		interview_spread(errand->service, errand->session->id, arena);
	return status;
}

// A frame in a form that the scanner does not know: its members are taken from the tree.
static int take_unusual_frame(struct errand *errand, const json_t *data, struct viva_arena *arena,
			      struct viva_error *error)
{
	const char *image = NULL;
	const char *session_id = "";
	int64_t timestamp = 0;
	int status = viva_json_get_text(data, "image", true, 0, INTERVIEW_MAX_FRAME_MESSAGE_BYTES, &image, error);
	if (!status)
		status = viva_json_get_text(data, "session_id", false, 0, 64, &session_id, error);
	if (!status)
		status = viva_json_get_int(data, "timestamp", false, 1, INTERVIEW_MAX_TIMESTAMP, &timestamp, error);
	if (status)
		return status;
	errand->frame = (struct interview_frame_message){.image = viva_bytes_of_text(image),
							 .session_id = viva_bytes_of_text(session_id),
							 .timestamp = timestamp};
	return analyse_frame(errand, arena, error);
}

static int read_message(struct errand *errand, struct viva_arena *arena, struct viva_error *error)
{
	VIVA_AUTO_JSON message = NULL;
	json_t *data = NULL;
	const char *type = NULL;
	struct viva_bytes text = viva_blob_bytes(errand->message);
	int status = viva_json_parse_object(text, INTERVIEW_MAX_FRAME_MESSAGE_BYTES, &message, error);
	if (!status)
		status = viva_json_get_text(message, "type", true, 0, 64, &type, error);
	if (status)
		return status;
	bool is_ping = strcmp(type, "ping") == 0;
	bool is_frame = strcmp(type, "frame") == 0;
	if (!is_ping && !is_frame && strcmp(type, "answer") != 0)
		return viva_fail(error, VIVA_EUNKNOWNTYPE, "type", "there is no such type of message");
	status = viva_json_get_object(message, "data", !is_ping, &data, error);
	if (status)
		return status;
	if (is_ping) {
		send_text(errand->socket, interview_message(arena, "pong", json_object()));
		return 0;
	}
	if (is_frame)
		return take_unusual_frame(errand, data, arena, error);
	return take_answer(errand, data, arena, error);
}

// A client that was not greeted is told nothing: it is to come again, unless the interview was erased meanwhile.
static int greet(struct errand *errand, struct viva_arena *arena, struct viva_error *error)
{
	int status = interview_greet(errand->service, errand->session, errand->socket, arena, error);
	if (!status)
		return 0;
	send_error(errand->socket, status, error);
	if (status == VIVA_ENOTFOUND)
		viva_websocket_close(errand->socket, 1000, "the interview was erased");
	else
		viva_websocket_close(errand->socket, 1011, "the interview can't be read");
	return 0;
}

static void run_control(void *context)
{
	struct errand *errand = context;
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_error error = {0};
	viva_log_set_context(NULL, errand->session->id);
	int status = VIVA_ENOMEM;
	if (!viva_arena_create(0, &arena))
		status = errand->message ? read_message(errand, arena, &error) : greet(errand, arena, &error);
	if (status)
		send_error(errand->socket, status, &error);
	if (status && !errand->message)
		viva_websocket_close(errand->socket, 1011, "no memory for a greeting");
	viva_log_set_context(NULL, NULL);
	errand_destroy(errand);
}

// Owns `errand` from here on.
static void queue_control(struct errand *errand)
{
	if (!viva_strand_submit(errand->session->control, run_control, errand))
		return;
	send_error(errand->socket, VIVA_EOVERLOAD, NULL);
	if (!errand->message)
		viva_websocket_close(errand->socket, 1011, "too much waits for a greeting");
	errand_destroy(errand);
}

// ---- callbacks of the server

// The subprotocol "viva.token.<JWT>" among those offered; NULL = none.
static const char *offered_subprotocol(struct viva_http_request *request)
{
	static const char prefix[] = "viva.token.";
	const char *offered = viva_http_header(request, "sec-websocket-protocol");
	while (offered && *offered) {
		offered += strspn(offered, " \t,");
		size_t size = strcspn(offered, " \t,");
		if (size > sizeof prefix - 1 && strncmp(offered, prefix, sizeof prefix - 1) == 0)
			return viva_arena_text(request->arena, offered, size);
		offered += size;
	}
	return NULL;
}

static int authorize(struct viva_http_request *request, void **ret_session, const char **ret_subprotocol,
		     struct viva_error *error)
{
	struct interview_service *service = request->context;
	const char *subprotocol = offered_subprotocol(request);
	const char *token = subprotocol ? subprotocol + strlen("viva.token.") : viva_http_query(request, "token");
	struct interview_reader reader = {.store = service->store, .arena = request->arena};
	struct interview_record record;
	const char *id = NULL;
	int64_t expires_at = 0;
	int status = interview_route_id(request, token, &id, &expires_at, error);
	if (!status)
		status = interview_load(&reader, id, &record, error);
	if (status)
		return status;
	struct live *live = calloc(1, sizeof *live);
	if (!live)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the socket");
	live->service = service;
	live->expires_at = expires_at;
	status = interview_session_get(service->sessions, id, &live->session, error);
	if (!status)
		status = interview_session_reserve_socket(live->session, error);
	if (status) {
		interview_session_unref(live->session);
		free(live);
		return status;
	}
	*ret_session = live;
	*ret_subprotocol = subprotocol;
	return 0;
}

static void on_open(struct viva_websocket *socket, void *context)
{
	struct live *live = context;
	interview_session_attach(live->session, socket, live->expires_at);
	struct errand *greeting = errand_create(live, socket, NULL);
	if (greeting)
		queue_control(greeting);
	else
		viva_websocket_close(socket, 1011, "no memory");
}

// Whether the interview's messages come slowly enough; if not, that is told, but not for each.
static bool is_within_rate(struct live *live, struct viva_websocket *socket)
{
	bool is_to_tell = false;
	bool is_within = interview_session_take_message(live->session, &is_to_tell);
	if (!is_within)
		viva_metric_add(interview_meters()->messages_refused, 1);
	if (is_to_tell)
		send_error(socket, VIVA_ERATE, NULL);
	return is_within;
}

static void on_message(struct viva_websocket *socket, enum viva_websocket_kind kind, struct viva_blob *message,
		       void *context)
{
	struct live *live = context;
	if (!is_within_rate(live, socket))
		return;
	struct interview_frame_message frame = {0};
	bool is_binary = kind == VIVA_WEBSOCKET_BINARY;
	enum interview_message_kind what =
		is_binary ? INTERVIEW_MESSAGE_FRAME : interview_frame_scan(viva_blob_bytes(message), &frame);
	if (what == INTERVIEW_MESSAGE_PING) {
		send_text(socket, "{\"type\":\"pong\",\"data\":{}}");
		return;
	}
	struct errand *errand = errand_create(live, socket, message);
	if (!errand) {
		send_error(socket, VIVA_ENOMEM, NULL);
		return;
	}
	errand->is_binary = is_binary;
	errand->frame = frame;
	if (what == INTERVIEW_MESSAGE_FRAME)
		queue_frame(errand);
	else
		queue_control(errand);
}

static void on_oversize(struct viva_websocket *socket, void *context)
{
	struct live *live = context;
	if (is_within_rate(live, socket))
		send_error(socket, VIVA_EFRAMESIZE, NULL);
}

static void on_close(struct viva_websocket *socket, int code, void *context)
{
	(void)code;
	struct live *live = context;
	interview_session_detach(live->session, socket);
	interview_session_unref(live->session);
	free(live);
}

const struct viva_websocket_route interview_live_route = {
	.authorize = authorize,
	.on_open = on_open,
	.on_message = on_message,
	.on_oversize = on_oversize,
	.on_close = on_close,
	.max_message_bytes = INTERVIEW_MAX_FRAME_MESSAGE_BYTES,
};
