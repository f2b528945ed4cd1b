// SPDX-License-Identifier: Apache-2.0
#include "interview/answers.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "interview/adapt.h"
#include "interview/messages.h"
#include "interview/meters.h"
#include "interview/spread.h"

enum { ANALYSIS_LIMIT_MS = 15000, RETRY_MS = 5000 };

static int parse_segments(const json_t *body, struct viva_arena *arena, struct interview_answer_request *request,
			  struct viva_error *error)
{
	struct viva_speech_segment *segments = NULL;
	size_t count = 0;
	int status = viva_speech_segments_read(body, arena, &segments, &count, error);
	if (!status)
		status = viva_speech_segments_check(segments, count, request->transcript, error);
	request->segments = segments;
	request->segment_count = count;
	return status;
}

int interview_answer_parse(const json_t *body, struct viva_arena *arena, struct interview_answer_request *ret_request,
			   struct viva_error *error)
{
	struct interview_answer_request request = {.confidence = -1, .language = ""};
	int status = viva_json_get_text(body, "question_id", true, 1, 64, &request.question_id, error);
	if (!status)
		status = viva_json_get_text(body, "transcript", true, 0, INTERVIEW_MAX_TRANSCRIPT * 4,
					    &request.transcript, error);
	if (!status && viva_utf8_length(request.transcript, strlen(request.transcript)) > INTERVIEW_MAX_TRANSCRIPT)
		status = viva_fail(error, VIVA_EFIELD, "transcript", "transcript must have at most %d characters",
				   INTERVIEW_MAX_TRANSCRIPT);
	if (!status)
		status = viva_json_get_double(body, "duration", true, 0, INTERVIEW_MAX_DURATION_S, &request.duration,
					      error);
	if (!status)
		status = viva_json_get_double(body, "confidence", false, 0, 1, &request.confidence, error);
	if (!status)
		status = viva_json_get_text(body, "language", false, 0, 35, &request.language, error);
	if (!status)
		status = parse_segments(body, arena, &request, error);
	if (!status)
		*ret_request = request;
	return status;
}

static bool is_blank(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return *text == '\0';
}

// Why an answer needs no look of the scoring service; NULL = it does.
static const char *why_unscorable(const struct interview_service *service,
				  const struct interview_answer_request *request)
{
	if (is_blank(request->transcript))
		return "Nothing was said, or nothing was understood.";
	if (request->confidence >= 0 && request->confidence < service->confidence_floor)
		return "The speech was not recognised clearly enough to judge the answer.";
	return NULL;
}

// An answer on its way into the store.
struct taking {
	struct interview_service *service;
	const char *id;
	const struct interview_answer_request *request;
	const char *analysis;  // known beforehand, or NULL
	const char *segments;  // JSON, or NULL
	struct viva_arena *arena;
	struct interview_answer answer;
	struct interview_answer_result result;
};

static int find_question(const struct interview_question *questions, size_t count, const char *id,
			 const struct interview_question **ret_question, struct viva_error *error)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(questions[i].id, id) != 0)
			continue;
		if (questions[i].is_answered)
			return viva_fail(error, VIVA_EANSWERED, "question_id", "this question was answered already");
		*ret_question = &questions[i];
		return 0;
	}
	return viva_fail(error, VIVA_EQUESTION, "question_id", "this is not a question of the interview");
}

static const struct interview_question *next_open(const struct interview_question *questions, size_t count,
						  const struct interview_question *answered)
{
	for (size_t i = 0; i < count; i++) {
		if (!questions[i].is_answered && &questions[i] != answered)
			return &questions[i];
	}
	return NULL;
}

static int insert_answer(struct viva_store_transaction *transaction, const struct taking *taking,
			 struct viva_error *error)
{
	const struct interview_answer *answer = &taking->answer;
	struct viva_value values[] = {
		viva_value_text(answer->interview_id),
		viva_value_text(answer->question_id),
		viva_value_text(answer->transcript),
		viva_value_real(answer->duration),
		answer->confidence < 0 ? viva_value_null() : viva_value_real(answer->confidence),
		viva_value_text(answer->language),
		viva_value_int(answer->answered_at),
		viva_value_text(answer->analysis),
		viva_value_int(answer->answered_at + INTERVIEW_FIRST_TRY_MS),
		viva_value_text(answer->segments),
	};
	return viva_transaction_execute(
		transaction,
		"INSERT INTO interview_answers (interview_id, question_id, transcript, duration,"
		" confidence, language, answered_at, analysis, analysis_after, segments)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		values, VIVA_COUNT(values), NULL, error);
}

static int count_answer(struct viva_store_transaction *transaction, struct interview_answer_result *result,
			struct viva_error *error)
{
	struct interview_record *record = &result->record;
	// What the candidate has not seen yet may still be chosen by this answer.
	if (record->is_adaptive && result->has_next && result->next.number > record->current_question)
		record->undecided = result->next.number;
	if (result->has_next)
		record->current_question = result->next.number;
	record->answered++;
	struct viva_value values[] = {viva_value_int(record->answered), viva_value_int(record->current_question),
				      viva_value_int(record->undecided), viva_value_text(record->id),
				      viva_value_int(record->version)};
	int64_t changed = 0;
	int status = viva_transaction_execute(transaction,
					      "UPDATE interview_interviews SET answered = $1, current_question = $2,"
					      " undecided = $3, version = version + 1 WHERE id = $4 AND version = $5",
					      values, VIVA_COUNT(values), &changed, error);
	if (!status && changed == 0)
		status = viva_fail(error, VIVA_ECONFLICT, NULL, "the interview was changed at the same time");
	return status;
}

static int take_answer(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct taking *taking = context;
	struct interview_reader reader = {.transaction = transaction, .arena = taking->arena};
	struct interview_record record;
	int status = interview_load(&reader, taking->id, &record, error);
	if (status)
		return status;
	if (record.state != INTERVIEW_IN_PROGRESS)
		return viva_fail(error, VIVA_ECOMPLETED, NULL, "the interview is over: answers are no longer taken");
	const struct interview_question *questions = NULL;
	const struct interview_question *question = NULL;
	size_t count = 0;
	status = interview_settle_in(taking->service, &reader, &record, error);
	if (!status)
		status = interview_load_questions(&reader, record.id, &questions, &count, error);
	if (!status)
		status = find_question(questions, count, taking->request->question_id, &question, error);
	if (status)
		return status;

	const struct interview_question *next = next_open(questions, count, question);
	taking->answer = (struct interview_answer){
		.interview_id = record.id,
		.question_id = question->id,
		.question = question->text,
		.category = question->category,
		.transcript = taking->request->transcript,
		.duration = taking->request->duration,
		.confidence = taking->request->confidence,
		.language = taking->request->language,
		.answered_at = interview_now_ms(taking->service),
		.analysis = taking->analysis,
		.segments = taking->segments,
	};
	taking->result = (struct interview_answer_result){
		.record = record, .question_id = question->id, .analysis = taking->analysis, .has_next = next != NULL};
	if (next)
		taking->result.next = *next;
	status = insert_answer(transaction, taking, error);
	return status ? status : count_answer(transaction, &taking->result, error);
}

static const char *text_of(struct viva_arena *arena, json_t *json)
{
	const char *text = json ? viva_json_text(arena, json) : NULL;
	json_decref(json);
	return text;
}

// Makes the choice that the answer left open. A question that the store does not know as chosen is not told.
static void choose_next(struct interview_service *service, struct viva_arena *arena,
			struct interview_answer_result *result)
{
	struct interview_reader reader = {.store = service->store, .arena = arena};
	const struct interview_question *questions = NULL;
	size_t count = 0;
	int status = interview_settle(service, result->record.id, arena, &result->record, NULL);
	if (!status)
		status = interview_load_questions(&reader, result->record.id, &questions, &count, NULL);
	const struct interview_question *next = status ? NULL : interview_open_question(questions, count);
	result->has_next = next != NULL;
	if (next)
		result->next = *next;
}

int interview_answer(struct interview_service *service, const char *id, const struct interview_answer_request *request,
		     int64_t deadline_us, struct viva_arena *arena, struct interview_answer_result *ret_result,
		     struct viva_error *error)
{
	struct taking taking = {.service = service, .id = id, .request = request, .arena = arena};
	const char *reason = why_unscorable(service, request);
	if (reason && !(taking.analysis = text_of(arena, interview_unscorable_json(reason))))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
	if (request->segment_count > 0 &&
	    !(taking.segments = text_of(arena, viva_speech_segments_json(request->segments, request->segment_count))))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
	int status = interview_transact(service->store, take_answer, &taking, error);
	if (status)
		return status;
	viva_metric_add(interview_meters()->answers, 1);
	// From here on the answer is kept, whatever happens: one that could not be judged is the janitor's.
	if (!reason &&
	    interview_analyse_answer(service, &taking.answer, deadline_us, arena, &taking.result.analysis, NULL))
		interview_put_answer_off(service, &taking.answer);
	if (taking.result.record.undecided > 0)
		choose_next(service, arena, &taking.result);
	*ret_result = taking.result;
	return 0;
}

static int call_scoring(struct interview_service *service, const struct interview_answer *answer, int64_t deadline_us,
			struct viva_arena *arena, Scoring__AnswerAnalysis **ret_analysis, struct viva_error *error)
{
	Scoring__AnswerRequest request = SCORING__ANSWER_REQUEST__INIT;
	// protobuf-c's strings are not const, but packing only reads them.
	request.question = (char *)(uintptr_t)answer->question;
	request.answer = (char *)(uintptr_t)answer->transcript;
	request.category = (char *)(uintptr_t)answer->category;
	request.question_id = (char *)(uintptr_t)answer->question_id;
	request.language = (char *)(uintptr_t)answer->language;
	request.duration = (float)answer->duration;
	request.confidence = answer->confidence < 0 ? 0 : (float)answer->confidence;
	ProtobufCMessage *reply = NULL;
	int status =
		interview_call_message(service->peers, INTERVIEW_PEER_SCORING, "/scoring.ScoringService/AnalyzeAnswer",
				       &request.base, interview_deadline_us(service, deadline_us, ANALYSIS_LIMIT_MS),
				       &scoring__answer_analysis__descriptor, arena, &reply, error);
	if (!status)
		*ret_analysis = (Scoring__AnswerAnalysis *)reply;
	return status;
}

void interview_put_answer_off(struct interview_service *service, const struct interview_answer *answer)
{
	int64_t after_ms = interview_now_ms(service) + RETRY_MS;
	// At that very time it would look as if the first try was still under way.
	after_ms -= after_ms == answer->answered_at + INTERVIEW_FIRST_TRY_MS;
	struct viva_value values[] = {viva_value_int(after_ms), viva_value_text(answer->interview_id),
				      viva_value_text(answer->question_id)};
	// If this fails, the time that somebody has for it ends by itself.
	(void)!viva_store_execute(service->store,
				  "UPDATE interview_answers SET analysis_after = $1"
				  " WHERE interview_id = $2 AND question_id = $3",
				  values, VIVA_COUNT(values), NULL, NULL);
}

// An answer that the scoring service refuses to look at, rather than fails to, will never be judged.
static bool is_refusal(int code)
{
	return code == VIVA_EINVAL || code == VIVA_EFIELD || code == VIVA_ELIMIT || code == VIVA_ENOTSCORABLE;
}

int interview_analyse_answer(struct interview_service *service, const struct interview_answer *answer,
			     int64_t deadline_us, struct viva_arena *arena, const char **ret_analysis,
			     struct viva_error *error)
{
	Scoring__AnswerAnalysis *judged = NULL;
	int status = call_scoring(service, answer, deadline_us, arena, &judged, error);
	if (status && !is_refusal(status))
		return status;
	const char *analysis = text_of(arena, status ? interview_unscorable_json("This answer can't be judged.")
						     : interview_analysis_json(judged));
	if (!analysis)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the analysis");
	struct viva_value values[] = {viva_value_text(analysis), viva_value_text(answer->interview_id),
				      viva_value_text(answer->question_id)};
	int64_t changed = 0;
	status = viva_store_execute(service->store,
				    "UPDATE interview_answers SET analysis = $1"
				    " WHERE interview_id = $2 AND question_id = $3 AND analysis IS NULL",
				    values, VIVA_COUNT(values), &changed, error);
	if (status)
		return status;
	// Another caller may have stored one first.
	struct interview_reader reader = {.store = service->store, .arena = arena};
	if (changed == 0)
		return interview_load_analysis(&reader, answer->interview_id, answer->question_id, ret_analysis, error);
	*ret_analysis = analysis;
	return 0;
}

int interview_analyse_pending(struct interview_service *service, const char *id, int64_t deadline_us,
			      struct viva_arena *arena, struct viva_error *error)
{
	struct interview_reader reader = {.store = service->store, .arena = arena};
	const struct interview_answer *answers = NULL;
	size_t count = 0;
	bool has_news = false;
	int status = interview_load_answers(&reader, id, &answers, &count, error);
	for (size_t i = 0; i < count && !status; i++) {
		if (answers[i].analysis)
			continue;
		const char *analysis = NULL;
		int outcome = interview_analyse_answer(service, &answers[i], deadline_us, arena, &analysis, error);
		has_news |= !outcome;
		if (outcome == VIVA_ESCORINGDOWN)
			status = outcome;
	}
	if (has_news)
		interview_spread(service, id, arena);
	return status;
}
