// SPDX-License-Identifier: Apache-2.0
#include "candidate/conversation.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "candidate/finish.h"

enum {
	MAX_PATH = 512,
	MAX_TOKEN = 4096,
	MAX_FRAME_MESSAGE = 16 << 20,
	WAIT_MS = 100,               // looks up at least so often
	SILENCE_MS = 10000,          // then the platform is asked whether it is there,
	DEAD_SILENCE_MS = 25000,     // and then it is not
	ANSWER_PATIENCE_MS = 45000,  // for an acknowledgement; longer than the platform may work on it
	RESEND_MS = 2000,
	QUESTION_PATIENCE_MS = 5000,
	HINT_SHOWN_MS = 6000,      // it comes again every five seconds while it lasts
	FRAME_PATIENCE_MS = 2000,  // at --fps 0, when no update comes
	UNKNOWN_RATE = 10,         // for timestamps at --fps 0 of a film of unknown rate
};

enum answer_state { ANSWER_NONE, ANSWER_SENT, ANSWER_KEPT };

// A question, and what became of its answer.
struct turn {
	char question_id[128];
	int64_t asked_ms;
	enum answer_state state;
	int64_t sent_ms;  // or kept
	struct candidate_answer answer;
	bool has_answer;  // chosen
};

struct conversation {
	struct candidate_client *client;
	const struct candidate_plan *plan;
	struct viva_film *frames;
	struct candidate_answers *answers;
	struct candidate_view *view;
	struct candidate_status status;
	struct candidate_outcome outcome;
	char socket_path[MAX_PATH];
	struct turn turn;
	bool is_greeted;     // the platform has said on this connection where we stand
	bool is_over;        // every question is answered
	int64_t film_start;  // Unix ms of the first frame
	double film_rate;    // frames a second, for timestamps
	size_t next_frame;
	int64_t next_frame_ms;  // when it is due, monotonic
	int64_t newest_ms;      // time of the latest frame whose update came, Unix
	int64_t hint_until_ms;
	int64_t heard_ms;
	int64_t pinged_ms;
	int64_t lost_ms;          // since when there is no connection that is of use; 0 = there is
	unsigned attempts;        // to connect, since then
	struct viva_error error;  // why it can't go on; code 0 = it can
};

static void copy_text(const json_t *object, const char *name, char *ret_text, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));
	candidate_clean(text ? text : "", ret_text, size);
}

static void fail(struct conversation *talk, int code, const char *sentence)
{
	if (talk->error.code == 0)
		(void)viva_fail(&talk->error, code, NULL, "%s", sentence);
}

// The start of an interview, and its answer.

static json_t *start_body(const struct candidate_plan *plan)
{
	json_t *body =
		json_pack("{s:s, s:s, s:{s:b, s:b}}", "user_id", plan->user_id, "mode", plan->mode, "consent",
			  "emotion_analysis", plan->consents_to_emotion, "recording", plan->consents_to_recording);
	if (body && plan->question_set)
		json_object_set_new(body, "question_set", json_string(plan->question_set));
	if (body && plan->question_count > 0)
		json_object_set_new(body, "total_questions", json_integer(plan->question_count));
	return body;
}

static int read_start(struct conversation *talk, const json_t *answer, struct viva_error *error)
{
	const char *id = NULL;
	const char *token = NULL;
	const char *path = NULL;
	struct viva_error cause = {0};
	int result = viva_json_get_text(answer, "id", true, 1, sizeof talk->outcome.interview_id - 1, &id, &cause);
	if (result == 0)
		result = viva_json_get_text(answer, "token", true, 1, MAX_TOKEN, &token, &cause);
	if (result == 0)
		result = viva_json_get_text(answer, "ws_url", true, 1, MAX_PATH - 1, &path, &cause);
	if (result == 0 && (path[0] != '/' || strspn(id, "0123456789abcdefABCDEF-") != strlen(id)))
		result = viva_fail(&cause, VIVA_EBADGATEWAY, NULL, "its id or ws_url is of another form");
	if (result == 0)
		result = candidate_client_set_credential(talk->client, token);
	if (result < 0)
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the platform's answer to the start is wrong: %.160s",
				 viva_error_message(&cause));
	snprintf(talk->outcome.interview_id, sizeof talk->outcome.interview_id, "%s", id);
	snprintf(talk->socket_path, sizeof talk->socket_path, "%s", path);
	return 0;
}

static int start(struct conversation *talk, struct viva_error *error)
{
	char key[VIVA_UUID_SIZE];
	viva_uuid7(viva_system_clock(), viva_system_random(), key);
	VIVA_AUTO_JSON body = start_body(talk->plan);
	VIVA_AUTO_JSON answer = NULL;
	if (!body)
		return viva_fail(error, VIVA_EUSAGE, NULL, "the user or question set is no text");
	struct candidate_request request = {
		.method = "POST", .path = "/api/v1/interviews/start", .body = body, .idempotency_key = key};
	int result = candidate_call_json(talk->client, &request, &answer, error);
	if (result == 0)
		result = read_start(talk, answer, error);
	if (result == 0)
		candidate_view_say(talk->view, "Interview %s", talk->outcome.interview_id);
	return result;
}

// What the platform says.

// The platform says where the interview stands: the connection is of use.
static void note_use(struct conversation *talk)
{
	talk->lost_ms = 0;
	talk->attempts = 0;
}

static void take_status(struct conversation *talk, const json_t *data)
{
	note_use(talk);
	talk->status.progress = (int)json_integer_value(json_object_get(data, "progress"));
	talk->status.current_question = (int)json_integer_value(json_object_get(data, "current_question"));
	talk->status.total_questions = (int)json_integer_value(json_object_get(data, "total_questions"));
	if (talk->status.progress >= 100)
		talk->is_over = true;
}

static void take_question(struct conversation *talk, const json_t *data)
{
	char id[sizeof talk->turn.question_id];
	copy_text(data, "id", id, sizeof id);
	copy_text(data, "text", talk->status.question, sizeof talk->status.question);
	copy_text(data, "category", talk->status.category, sizeof talk->status.category);
	talk->is_greeted = true;
	note_use(talk);
	struct turn *turn = &talk->turn;
	if (strcmp(turn->question_id, id) == 0) {
		// Put again after a new connection: then the answer has not arrived.
		if (turn->state == ANSWER_SENT)
			turn->state = ANSWER_NONE;
		return;
	}
	*turn = (struct turn){.asked_ms = candidate_now_ms()};
	snprintf(turn->question_id, sizeof turn->question_id, "%s", id);
	// The status before a question still names the one before; what is answered tells the number for sure.
	struct candidate_status *status = &talk->status;
	status->current_question = (status->progress * status->total_questions + 50) / 100 + 1;
	candidate_view_question(talk->view, &talk->status);
}

static void take_update(struct conversation *talk, const json_t *data)
{
	struct candidate_status *status = &talk->status;
	status->updates++;
	status->blinks = VIVA_MAX(status->blinks, (int64_t)json_integer_value(json_object_get(data, "blink_count")));
	if (talk->plan->frames_per_second <= 0)
		talk->next_frame_ms = 0;
	// One that waited in a queue may come behind that of a later frame: it counts, but is not how things are now.
	int64_t timestamp = json_integer_value(json_object_get(data, "timestamp"));
	if (timestamp < talk->newest_ms)
		return;
	talk->newest_ms = timestamp;
	status->is_face_missing = false;
	copy_text(data, "emotion", status->emotion, sizeof status->emotion);
	status->confidence = json_number_value(json_object_get(data, "confidence"));
	status->attention = json_number_value(json_object_get(data, "attention"));
}

static void take_hint(struct conversation *talk, const json_t *data)
{
	copy_text(data, "message", talk->status.hint, sizeof talk->status.hint);
	talk->hint_until_ms = candidate_now_ms() + HINT_SHOWN_MS;
	if (!talk->view->is_live)
		candidate_view_say(talk->view, "  %s", talk->status.hint);
}

static void show(struct conversation *talk)
{
	int64_t now_ms = candidate_now_ms();
	if (now_ms >= talk->hint_until_ms)
		talk->status.hint[0] = '\0';
	candidate_view_update(talk->view, &talk->status, now_ms);
}

static void mark_kept(struct conversation *talk)
{
	if (talk->turn.state != ANSWER_SENT)
		return;
	talk->turn.state = ANSWER_KEPT;
	talk->turn.sent_ms = candidate_now_ms();
}

static void take_analysis(struct conversation *talk, const json_t *data)
{
	const char *id = json_string_value(json_object_get(data, "question_id"));
	if (id && strcmp(id, talk->turn.question_id) == 0)
		mark_kept(talk);
	candidate_view_analysis(talk->view, data);
}

static bool is_any(const char *code, const char *const *codes)
{
	for (; *codes; codes++)
		if (strcmp(code, *codes) == 0)
			return true;
	return false;
}

static void take_error(struct conversation *talk, const json_t *data)
{
	static const char *const about_frames[] = {"FACE_NOT_DETECTED", "MULTIPLE_FACES",      "INVALID_IMAGE",
						   "FRAME_TOO_LARGE",   "EMOTION_UNAVAILABLE", NULL};
	static const char *const may_pass[] = {"RATE_LIMITED", "INTERNAL", "SCORING_UNAVAILABLE", "UNAVAILABLE",
					       "OVERLOADED",   "CONFLICT", "DEADLINE_EXCEEDED",   NULL};
	char code[64];
	char message[200];
	copy_text(data, "code", code, sizeof code);
	copy_text(data, "message", message, sizeof message);

	if (is_any(code, about_frames)) {
		talk->status.is_face_missing = strcmp(code, "FACE_NOT_DETECTED") == 0;
		if (talk->plan->frames_per_second <= 0)
			talk->next_frame_ms = 0;
	} else if (strcmp(code, "EMOTION_NOT_ALLOWED") == 0) {
		talk->status.sends_frames = false;
		candidate_view_say(talk->view, "No frames in this interview: %s", message);
	} else if (strcmp(code, "ALREADY_ANSWERED") == 0 || strcmp(code, "NOT_SCORABLE") == 0) {
		mark_kept(talk);  // now, or before the connection broke
	} else if (strcmp(code, "INTERVIEW_COMPLETED") == 0) {
		talk->is_over = true;
	} else if (is_any(code, may_pass)) {
		// Whatever it was about: an unacknowledged answer is sent again soon.
		if (talk->turn.state == ANSWER_SENT)
			talk->turn.sent_ms = candidate_now_ms() - ANSWER_PATIENCE_MS + RESEND_MS;
	} else {
		char sentence[sizeof message + sizeof code + 32];
		snprintf(sentence, sizeof sentence, "the platform refuses: %s (%s)", message, code);
		fail(talk, VIVA_EBADGATEWAY, sentence);
	}
}

static void take_message(struct conversation *talk, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const json_t *data = json_object_get(message, "data");
	talk->heard_ms = candidate_now_ms();
	if (!type || !json_is_object(data))
		return;
	if (strcmp(type, "status") == 0)
		take_status(talk, data);
	else if (strcmp(type, "question") == 0)
		take_question(talk, data);
	else if (strcmp(type, "emotion_update") == 0)
		take_update(talk, data);
	else if (strcmp(type, "hint") == 0)
		take_hint(talk, data);
	else if (strcmp(type, "analysis") == 0)
		take_analysis(talk, data);
	else if (strcmp(type, "error") == 0)
		take_error(talk, data);
}

// What the candidate does.

static int write_frame(struct conversation *talk, struct viva_bytes picture, struct viva_buffer *message)
{
	double offset_ms = (double)talk->next_frame * 1000 / talk->film_rate;
	int64_t timestamp = talk->film_start + (int64_t)offset_ms;
	int result = viva_buffer_printf(message,
					"{\"type\":\"frame\",\"data\":{\"session_id\":\"%s\",\"timestamp\":%lld,"
					"\"image\":\"",
					talk->outcome.interview_id, (long long)timestamp);
	size_t encoded = viva_base64_encoded_size(picture.size);
	if (result == 0)
		result = viva_buffer_reserve(message, encoded);
	if (result < 0)
		return result;
	viva_base64_encode(picture.data, picture.size, (char *)message->data + message->size);
	message->size += encoded;
	return viva_buffer_append_text(message, "\"}}");
}

static void send_frame(struct conversation *talk, int64_t now_ms)
{
	struct viva_bytes picture;
	struct viva_error error = {0};
	if (viva_film_read(talk->frames, talk->next_frame, &picture, &error) < 0) {
		fail(talk, VIVA_EIO, viva_error_message(&error));
		return;
	}
	struct viva_buffer message;
	viva_buffer_init(&message, MAX_FRAME_MESSAGE);
	if (write_frame(talk, picture, &message) < 0)
		fail(talk, VIVA_ENOMEM, "out of memory");
	else if (candidate_send_text(talk->client, viva_bytes_of(message.data, message.size)) == 0)
		talk->status.frames++;
	viva_buffer_finish(&message);

	talk->next_frame++;
	if (talk->plan->frames_per_second > 0)
		talk->next_frame_ms =
			VIVA_MAX(talk->next_frame_ms, now_ms - 1000) + (int64_t)(1000 / talk->plan->frames_per_second);
	else
		talk->next_frame_ms = now_ms + FRAME_PATIENCE_MS;
}

static void send_answer(struct conversation *talk, int64_t now_ms)
{
	struct turn *turn = &talk->turn;
	if (!turn->has_answer)
		turn->answer = candidate_answers_take(talk->answers, turn->question_id, NULL, talk->status.category);
	turn->has_answer = true;
	json_t *data = json_pack("{s:s, s:s, s:f}", "question_id", turn->question_id, "transcript",
				 turn->answer.transcript, "duration", turn->answer.duration);
	if (data && turn->answer.confidence >= 0)
		json_object_set_new(data, "confidence", json_real(turn->answer.confidence));
	if (data && turn->answer.segments)
		json_object_set(data, "segments", (json_t *)(uintptr_t)turn->answer.segments);
	turn->state = ANSWER_SENT;
	turn->sent_ms = now_ms;
	if (candidate_send(talk->client, "answer", data) == VIVA_ENOMEM)
		fail(talk, VIVA_ENOMEM, "out of memory");
}

static bool is_answer_due(const struct conversation *talk, int64_t now_ms)
{
	const struct turn *turn = &talk->turn;
	double patience_ms = talk->status.sends_frames ? talk->plan->seconds_per_question * 1000 : 0;
	if (!talk->is_greeted || turn->state == ANSWER_KEPT)
		return false;
	if (turn->state == ANSWER_SENT)
		return now_ms - turn->sent_ms > ANSWER_PATIENCE_MS;
	return (double)(now_ms - turn->asked_ms) >= patience_ms;
}

static void watch_silence(struct conversation *talk, int64_t now_ms)
{
	int64_t silence_ms = now_ms - talk->heard_ms;
	// After an answer comes the next question; where it got lost, a new connection begins with it.
	bool is_stuck = talk->turn.state == ANSWER_KEPT && now_ms - talk->turn.sent_ms > QUESTION_PATIENCE_MS;
	if (silence_ms > DEAD_SILENCE_MS || is_stuck) {
		talk->turn.sent_ms = now_ms;
		candidate_disconnect(talk->client);
	} else if (silence_ms > SILENCE_MS && now_ms - talk->pinged_ms > SILENCE_MS) {
		talk->pinged_ms = now_ms;
		(void)!candidate_send(talk->client, "ping", json_object());
	}
}

// Connects again, with growing pauses, until the patience is over. A connection that ended before the platform said on
// it where the interview stands was of no more use than none.
static void connect_again(struct conversation *talk)
{
	struct viva_error error = {0};
	talk->status.is_connected = false;
	if (talk->lost_ms == 0)
		talk->lost_ms = candidate_now_ms();
	if (candidate_now_ms() - talk->lost_ms > CANDIDATE_PATIENCE_MS)
		fail(talk, VIVA_EUNAVAILABLE,
		     "each connection ends before the platform says on it where the interview stands");
	while (talk->error.code == 0) {
		if (talk->attempts > 0)
			candidate_back_off(talk->attempts - 1);
		talk->attempts++;
		int result = candidate_connect(talk->client, talk->socket_path, &error);
		if (result == 0)
			break;
		bool may_pass = result == VIVA_EUNAVAILABLE || result == VIVA_EDEADLINE || result == VIVA_EBADGATEWAY ||
				result == VIVA_ERATE;
		if (!may_pass || candidate_now_ms() - talk->lost_ms > CANDIDATE_PATIENCE_MS)
			fail(talk, result, viva_error_message(&error));
		show(talk);
	}
	talk->status.is_connected = talk->error.code == 0;
	talk->is_greeted = false;
	talk->heard_ms = candidate_now_ms();
	talk->next_frame_ms = talk->heard_ms;
}

static uint32_t wait_ms(const struct conversation *talk, int64_t now_ms)
{
	int64_t wait = WAIT_MS;
	if (talk->status.sends_frames)
		wait = VIVA_MIN(wait, talk->next_frame_ms - now_ms);
	return (uint32_t)VIVA_MAX(wait, INT64_C(0));
}

// One round: what is due is sent, what comes is taken.
static void go_on(struct conversation *talk)
{
	int64_t now_ms = candidate_now_ms();
	if (talk->status.sends_frames && talk->is_greeted && now_ms >= talk->next_frame_ms)
		send_frame(talk, now_ms);
	if (is_answer_due(talk, now_ms))
		send_answer(talk, now_ms);
	watch_silence(talk, now_ms);

	VIVA_AUTO_JSON message = NULL;
	int result = candidate_receive(talk->client, wait_ms(talk, candidate_now_ms()), &message);
	if (message)
		take_message(talk, message);
	if (result == VIVA_ENOMEM)
		fail(talk, VIVA_ENOMEM, "out of memory");
	show(talk);
}

static int answer_all(struct conversation *talk, struct viva_error *error)
{
	bool was_connected = false;
	while (!talk->is_over && talk->error.code == 0) {
		if (!candidate_is_connected(talk->client)) {
			talk->outcome.reconnections += was_connected;
			was_connected = true;
			connect_again(talk);
		} else {
			go_on(talk);
		}
	}
	if (talk->error.code < 0)
		*error = talk->error;
	return talk->error.code;
}

int candidate_converse(struct candidate_client *client, const struct candidate_plan *plan, struct viva_film *frames,
		       struct candidate_answers *answers, struct candidate_view *view,
		       struct candidate_outcome *ret_outcome, struct viva_error *error)
{
	struct conversation talk = {.client = client, .plan = plan, .frames = frames, .answers = answers, .view = view};
	talk.status.sends_frames = frames != NULL;
	talk.film_start = viva_clock_unix_ms(viva_system_clock());
	talk.film_rate = plan->frames_per_second;
	if (talk.film_rate <= 0 && frames)
		talk.film_rate = viva_film_per_second(frames);
	if (talk.film_rate <= 0)
		talk.film_rate = UNKNOWN_RATE;

	int result = start(&talk, error);
	if (result == 0)
		result = answer_all(&talk, error);
	candidate_say_goodbye(client);
	if (result < 0)
		return result;
	talk.outcome.frames = talk.status.frames;
	talk.outcome.updates = talk.status.updates;
	talk.outcome.blinks = talk.status.blinks;
	result = candidate_finish(client, plan, view, &talk.outcome, error);
	if (result == 0)
		*ret_outcome = talk.outcome;
	return result;
}
