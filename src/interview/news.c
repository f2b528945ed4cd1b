// SPDX-License-Identifier: Apache-2.0
#include "interview/news.h"

#include <string.h>

#include "base/log.h"
#include "interview/adapt.h"
#include "interview/messages.h"

_Static_assert(INTERVIEW_MAX_SLOTS <= 64, "a question has a bit in struct interview_told");

// An interview as the store has it.
struct view {
	struct interview_service *service;
	struct interview_session *session;
	struct viva_arena *arena;
	struct interview_record record;
	const struct interview_question *questions;
	size_t question_count;
};

static int load_questions(struct view *view, struct viva_error *error)
{
	struct interview_reader reader = {.store = view->service->store, .arena = view->arena};
	int status =
		interview_load_questions(&reader, view->session->id, &view->questions, &view->question_count, error);
	// What is read of the record is older than what is read of the questions.
	view->record.answered = 0;
	for (size_t i = 0; i < view->question_count && !status; i++)
		view->record.answered += view->questions[i].is_answered;
	return status;
}

static int look(struct view *view, struct viva_error *error)
{
	struct interview_reader reader = {.store = view->service->store, .arena = view->arena};
	int status = interview_load(&reader, view->session->id, &view->record, error);
	return status ? status : load_questions(view, error);
}

// For somebody who is about to see the open question.
static int settle(struct view *view, struct viva_error *error)
{
	if (view->record.undecided == 0 || view->record.state != INTERVIEW_IN_PROGRESS)
		return 0;
	int status = interview_settle(view->service, view->session->id, view->arena, &view->record, error);
	return status ? status : load_questions(view, error);
}

static uint64_t bit_of(const struct interview_question *question)
{
	return UINT64_C(1) << ((unsigned)(question->number - 1) & 63);
}

static const struct interview_question *open_question(const struct view *view)
{
	bool is_open = view->record.state == INTERVIEW_IN_PROGRESS;
	return is_open ? interview_open_question(view->questions, view->question_count) : NULL;
}

static int tell_all(const struct view *view, const char *type, json_t *data)
{
	const char *text = interview_message(view->arena, type, data);
	if (text)
		interview_session_tell(view->session, text);
	return text ? 0 : VIVA_ENOMEM;
}

// ---- answers

// {"question_id", …analysis…}; {"question_id","analysis":null} while there is none.
static json_t *analysis_data(const char *question_id, const char *analysis)
{
	json_t *data = json_pack("{s:s}", "question_id", question_id);
	VIVA_AUTO_JSON members = interview_stored_json(analysis);
	if (!data || !members)
		return data;
	if (json_is_null(members))
		json_object_set_new(data, "analysis", json_null());
	else
		json_object_update(data, members);
	return data;
}

static int tell_analysis(const struct view *view, const struct interview_question *question, struct viva_error *error)
{
	struct interview_reader reader = {.store = view->service->store, .arena = view->arena};
	struct interview_told *told = &view->session->told;
	uint64_t bit = bit_of(question);
	if (told->judged & bit || (!question->is_judged && told->unjudged & bit))
		return 0;
	const char *analysis = NULL;
	int status = question->is_judged
			     ? interview_load_analysis(&reader, view->session->id, question->id, &analysis, error)
			     : 0;
	if (!status)
		status = tell_all(view, "analysis", analysis_data(question->id, analysis));
	if (!status)
		*(analysis ? &told->judged : &told->unjudged) |= bit;
	return status;
}

// *ret_is_waiting: something is under way that is to be told before the status.
static int tell_analyses(const struct view *view, bool *ret_is_waiting, struct viva_error *error)
{
	int64_t now_ms = interview_now_ms(view->service);
	int status = 0;
	*ret_is_waiting = false;
	for (size_t i = 0; i < view->question_count && !status; i++) {
		const struct interview_question *question = &view->questions[i];
		if (!question->is_answered)
			continue;
		if (now_ms < question->first_try_until && !(view->session->told.unjudged & bit_of(question)))
			*ret_is_waiting = true;
		else
			status = tell_analysis(view, question, error);
	}
	return status;
}

// ---- status and question

// The status says which question was put before the one that follows it.
static int tell_status(const struct view *view, const struct interview_question *open)
{
	struct interview_told *told = &view->session->told;
	int put = open ? VIVA_MAX(told->question, open->number - 1) : view->record.current_question;
	int status = tell_all(view, "status", interview_status_data(&view->record, put));
	if (!status && open)
		status = tell_all(view, "question", interview_question_json(open));
	if (status)
		return status;
	told->answered = view->record.answered;
	told->question = open ? open->number : put;
	told->is_over = view->record.state != INTERVIEW_IN_PROGRESS;
	return 0;
}

static int tell_progress(struct view *view, struct viva_error *error)
{
	const struct interview_told *told = &view->session->told;
	enum interview_state state = view->record.state;
	bool is_new_end = state != INTERVIEW_IN_PROGRESS && !told->is_over;
	bool is_further = view->record.answered > told->answered;
	// A score says by itself that the interview is over.
	if (!is_further && (!is_new_end || state == INTERVIEW_SCORED))
		return 0;
	int status = settle(view, error);
	return status ? status : tell_status(view, open_question(view));
}

static size_t tell_score(const struct view *view)
{
	if (view->record.state != INTERVIEW_SCORED)
		return 0;
	const char *text = interview_message(view->arena, "score", interview_stored_json(view->record.score));
	return text ? interview_session_tell_score(view->session, text) : 0;
}

// ----

static int64_t count_judged(const struct view *view)
{
	int64_t count = 0;
	for (size_t i = 0; i < view->question_count; i++)
		count += view->questions[i].is_judged;
	return count;
}

static int tell_view(struct view *view, size_t *ret_scores, struct viva_error *error)
{
	bool is_waiting = false;
	int64_t version = view->record.version, judged = count_judged(view);
	int status = tell_analyses(view, &is_waiting, error);
	bool is_over = view->record.state != INTERVIEW_IN_PROGRESS;
	if (!status && (!is_waiting || is_over))
		status = tell_progress(view, error);
	if (!status)
		*ret_scores = tell_score(view);
	view->session->told.version = status || is_waiting ? 0 : version;
	view->session->told.judged_count = judged;
	return status;
}

size_t interview_tell_news(struct interview_service *service, const char *id, struct viva_arena *arena)
{
	struct interview_session *session = interview_session_find(service->sessions, id);
	size_t scores = 0;
	if (session && interview_session_has_sockets(session)) {
		struct view view = {.service = service, .session = session, .arena = arena};
		struct viva_error error = {0};
		int status = 0;
		pthread_mutex_lock(&session->tell_lock);
		if (interview_session_is_heard(session)) {
			status = look(&view, &error);
			if (!status)
				status = tell_view(&view, &scores, &error);
		}
		pthread_mutex_unlock(&session->tell_lock);
		if (status && status != VIVA_ENOTFOUND)
			viva_log_info("sockets are told later what is new: %s", viva_error_message(&error));
	}
	interview_session_unref(session);
	return scores;
}

// ---- greeting

static struct interview_told what_greeting_tells(const struct view *view)
{
	struct interview_told told = {
		.answered = view->record.answered,
		.question = view->record.current_question,
		.is_over = view->record.state != INTERVIEW_IN_PROGRESS,
		.version = view->record.version,
		.judged_count = count_judged(view),
	};
	for (size_t i = 0; i < view->question_count; i++) {
		const struct interview_question *question = &view->questions[i];
		if (question->is_answered)
			*(question->is_judged ? &told.judged : &told.unjudged) |= bit_of(question);
	}
	return told;
}

static int greet(struct view *view, struct viva_websocket *socket, struct viva_error *error)
{
	size_t scores = 0;
	bool is_first = !interview_session_is_heard(view->session);
	// Whoever is there already is brought to where the new one begins.
	int status = is_first ? 0 : tell_view(view, &scores, error);
	if (!status)
		status = settle(view, error);
	if (status)
		return status;
	const struct interview_question *open = open_question(view);
	const char *first = interview_message(view->arena, "status",
					      interview_status_data(&view->record, view->record.current_question));
	const char *question = open ? interview_message(view->arena, "question", interview_question_json(open)) : "";
	if (!first || !question)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the greeting");
	if (is_first)
		view->session->told = what_greeting_tells(view);
	(void)!viva_websocket_send(socket, VIVA_WEBSOCKET_TEXT, first, strlen(first));
	if (open)
		(void)!viva_websocket_send(socket, VIVA_WEBSOCKET_TEXT, question, strlen(question));
	interview_session_welcome(view->session, socket);
	(void)tell_score(view);
	return 0;
}

int interview_greet(struct interview_service *service, struct interview_session *session, struct viva_websocket *socket,
		    struct viva_arena *arena, struct viva_error *error)
{
	struct view view = {.service = service, .session = session, .arena = arena};
	pthread_mutex_lock(&session->tell_lock);
	int status = look(&view, error);
	if (!status)
		status = greet(&view, socket, error);
	pthread_mutex_unlock(&session->tell_lock);
	return status;
}
