// SPDX-License-Identifier: Apache-2.0
#include "scoring/request.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/state.h"

static const double MAX_SECONDS = 24 * 3600;
static const int64_t MAX_UNIX_MS = 253402300799999;  // the end of the year 9999

bool scoring_session_id_is_valid(const char *id)
{
	size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return length > 0 && length <= SCORING_MAX_SESSION_ID && id[length] == '\0' && id[0] != '.';
}

double scoring_emotion_value(const char *emotion)
{
	// docs/scoring.md, "Emotion score".
	static const struct {
		const char *name;
		double value;
	} values[] = {{"happy", 1}, {"confident", 1}, {"neutral", .7}, {"surprise", .6},
		      {"sad", .3},  {"fear", .25},    {"angry", .2},   {"disgust", .2}};
	for (size_t i = 0; i < VIVA_COUNT(values); i++) {
		if (strcmp(values[i].name, emotion) == 0)
			return values[i].value;
	}
	return -1;
}

// Gives a failure inside an array's item its whole path: "duration" becomes "answers[2].duration".
static int within(int code, const char *array, size_t index, struct viva_error *cause, struct viva_error *error)
{
	if (code != VIVA_EFIELD)
		return code;
	char field[sizeof cause->field];
	int length =
		snprintf(field, sizeof field, "%s[%zu]%s%.40s", array, index, cause->field[0] ? "." : "", cause->field);
	return viva_fail(error, code, length > 0 ? field : array, "%s[%zu]: %s", array, index,
			 viva_error_message(cause));
}

// protobuf-c's members are not const, but nobody writes through them.
static char *borrowed(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int read_text(const json_t *json, const char *name, bool required, size_t max_bytes, char **ret_text,
		     struct viva_error *error)
{
	const char *text = *ret_text;
	int code = viva_json_get_text(json, name, required, 0, max_bytes, &text, error);
	if (code == 0)
		*ret_text = borrowed(text);
	return code;
}

static int read_float(const json_t *json, const char *name, double max, float *ret_value, struct viva_error *error)
{
	double value = (double)*ret_value;
	int code = viva_json_get_double(json, name, false, 0, max, &value, error);
	if (code == 0)
		*ret_value = (float)value;
	return code;
}

static int read_segments(const json_t *json, struct viva_arena *arena, Scoring__Answer *answer,
			 struct viva_error *error)
{
	struct viva_speech_segment *segments = NULL;
	size_t count = 0;
	int code = viva_speech_segments_read(json, arena, &segments, &count, error);
	if (code != 0 || count == 0)
		return code;
	Scoring__SpeechSegment *messages = viva_arena_alloc(arena, count * sizeof *messages);
	answer->segments = viva_arena_alloc(arena, count * sizeof(Scoring__SpeechSegment *));
	if (!messages || !answer->segments)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		scoring__speech_segment__init(&messages[i]);
		messages[i].start = segments[i].start;
		messages[i].end = segments[i].end;
		messages[i].text = borrowed(segments[i].text);
		answer->segments[answer->n_segments++] = &messages[i];
	}
	return 0;
}

static int read_answer(const json_t *json, struct viva_arena *arena, Scoring__Answer *answer, struct viva_error *error)
{
	if (!json_is_object(json))
		return viva_fail(error, VIVA_EFIELD, NULL, "it must be an object");
	int code = read_text(json, "question_id", false, SCORING_MAX_NAME_BYTES, &answer->question_id, error);
	if (code == 0)
		code = read_text(json, "transcript", true, SCORING_MAX_TRANSCRIPT_BYTES, &answer->transcript, error);
	if (code == 0)
		code = read_text(json, "question", false, SCORING_MAX_QUESTION_BYTES, &answer->question, error);
	if (code == 0)
		code = read_text(json, "category", false, SCORING_MAX_NAME_BYTES, &answer->category, error);
	if (code == 0)
		code = read_float(json, "duration", MAX_SECONDS, &answer->duration, error);
	if (code == 0)
		code = read_float(json, "confidence", 1, &answer->confidence, error);
	if (code == 0)
		code = read_segments(json, arena, answer, error);
	return code;
}

static int read_emotion(const json_t *json, Scoring__EmotionData *emotion, struct viva_error *error)
{
	if (!json_is_object(json))
		return viva_fail(error, VIVA_EFIELD, NULL, "it must be an object");
	int64_t blinks = 0;
	int code = read_text(json, "emotion", false, SCORING_MAX_NAME_BYTES, &emotion->emotion, error);
	if (code == 0)
		code = viva_json_get_int(json, "timestamp", false, 0, MAX_UNIX_MS, &emotion->timestamp, error);
	if (code == 0)
		code = read_float(json, "confidence", 1, &emotion->confidence, error);
	if (code == 0)
		code = viva_json_get_int(json, "blink_count", false, 0, INT32_MAX, &blinks, error);
	emotion->blink_count = (int32_t)blinks;
	return code;
}

static int read_answers(const json_t *json, struct viva_arena *arena, Scoring__ScoreRequest *request,
			struct viva_error *error)
{
	json_t *array = NULL;
	int code = viva_json_get_array(json, "answers", true, SCORING_MAX_ANSWERS, &array, error);
	if (code != 0)
		return code;
	size_t count = json_array_size(array);
	Scoring__Answer *answers = viva_arena_alloc(arena, (count + 1) * sizeof *answers);
	request->answers = viva_arena_alloc(arena, (count + 1) * sizeof(Scoring__Answer *));
	if (!answers || !request->answers)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct viva_error cause = {0};
		scoring__answer__init(&answers[i]);
		code = read_answer(json_array_get(array, i), arena, &answers[i], &cause);
		if (code != 0)
			return within(code, "answers", i, &cause, error);
		request->answers[request->n_answers++] = &answers[i];
	}
	return 0;
}

static int read_emotions(const json_t *json, struct viva_arena *arena, Scoring__ScoreRequest *request,
			 struct viva_error *error)
{
	json_t *array = NULL;
	int code = viva_json_get_array(json, "emotions", false, SCORING_MAX_EMOTIONS, &array, error);
	if (code != 0 || !array)
		return code;
	size_t count = json_array_size(array);
	Scoring__EmotionData *emotions = viva_arena_alloc(arena, (count + 1) * sizeof *emotions);
	request->emotions = viva_arena_alloc(arena, (count + 1) * sizeof(Scoring__EmotionData *));
	if (!emotions || !request->emotions)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct viva_error cause = {0};
		scoring__emotion_data__init(&emotions[i]);
		code = read_emotion(json_array_get(array, i), &emotions[i], &cause);
		if (code != 0)
			return within(code, "emotions", i, &cause, error);
		request->emotions[request->n_emotions++] = &emotions[i];
	}
	return 0;
}

static int read_metadata(const json_t *json, struct viva_arena *arena, Scoring__ScoreRequest *request,
			 struct viva_error *error)
{
	json_t *object = NULL;
	int code = viva_json_get_object(json, "metadata", false, &object, error);
	if (code != 0 || !object)
		return code;
	Scoring__InterviewMetadata *metadata = viva_arena_alloc(arena, sizeof *metadata);
	if (!metadata)
		return VIVA_ENOMEM;
	scoring__interview_metadata__init(metadata);
	request->metadata = metadata;
	int64_t questions = 0;
	bool is_withheld = false, is_recorded = false;
	code = read_text(object, "user_id", false, SCORING_MAX_NAME_BYTES, &metadata->user_id, error);
	if (code == 0)
		code = viva_json_get_int(object, "started_at", false, 0, MAX_UNIX_MS, &metadata->started_at, error);
	if (code == 0)
		code = viva_json_get_int(object, "completed_at", false, 0, MAX_UNIX_MS, &metadata->completed_at, error);
	if (code == 0)
		code = viva_json_get_int(object, "total_questions", false, 0, 10000, &questions, error);
	if (code == 0)
		code = read_text(object, "mode", false, SCORING_MAX_NAME_BYTES, &metadata->mode, error);
	if (code == 0)
		code = viva_json_get_bool(object, "emotion_withheld", false, &is_withheld, error);
	if (code == 0)
		code = viva_json_get_bool(object, "recording", false, &is_recorded, error);
	metadata->total_questions = (int32_t)questions;
	metadata->emotion_withheld = is_withheld;
	metadata->recording = is_recorded;
	return code;
}

int scoring_request_from_json(const json_t *json, struct viva_arena *arena, Scoring__ScoreRequest **ret_request,
			      struct viva_error *error)
{
	Scoring__ScoreRequest *request = viva_arena_alloc(arena, sizeof *request);
	if (!request)
		return VIVA_ENOMEM;
	scoring__score_request__init(request);
	int code = read_text(json, "session_id", true, SCORING_MAX_SESSION_ID, &request->session_id, error);
	if (code == 0)
		code = read_answers(json, arena, request, error);
	if (code == 0)
		code = read_emotions(json, arena, request, error);
	if (code == 0)
		code = read_metadata(json, arena, request, error);
	if (code == 0)
		*ret_request = request;
	return code;
}

static int check_size(const char *text, const char *name, size_t max_bytes, struct viva_error *error)
{
	if (strlen(text) > max_bytes)
		return viva_fail(error, VIVA_EFIELD, name, "%s has more than %zu bytes", name, max_bytes);
	return 0;
}

static int check_number(double value, const char *name, double max, struct viva_error *error)
{
	if (!isfinite(value) || value < 0 || value > max)
		return viva_fail(error, VIVA_EFIELD, name, "%s must be between 0 and %.0f", name, max);
	return 0;
}

int scoring_segments_of(const Scoring__Answer *answer, struct viva_speech_segment **ret_segments)
{
	if (answer->n_segments > VIVA_SPEECH_MAX_SEGMENTS)
		return VIVA_ELIMIT;
	struct viva_speech_segment *segments = calloc(answer->n_segments + 1, sizeof *segments);
	if (!segments)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < answer->n_segments; i++)
		segments[i] = (struct viva_speech_segment){.start = answer->segments[i]->start,
							   .end = answer->segments[i]->end,
							   .text = answer->segments[i]->text};
	*ret_segments = segments;
	return 0;
}

static int check_segments(const Scoring__Answer *answer, struct viva_error *error)
{
	VIVA_AUTO_FREE struct viva_speech_segment *segments = NULL;
	if (answer->n_segments == 0)
		return 0;
	int code = scoring_segments_of(answer, &segments);
	if (code == VIVA_ELIMIT)
		return viva_fail(error, VIVA_EFIELD, "segments", "there are more than %d segments",
				 VIVA_SPEECH_MAX_SEGMENTS);
	return code == 0 ? viva_speech_segments_check(segments, answer->n_segments, answer->transcript, error) : code;
}

static int check_answer(const Scoring__Answer *answer, struct viva_error *error)
{
	int code = check_size(answer->question_id, "question_id", SCORING_MAX_NAME_BYTES, error);
	if (code == 0)
		code = check_size(answer->transcript, "transcript", SCORING_MAX_TRANSCRIPT_BYTES, error);
	if (code == 0)
		code = check_size(answer->question, "question", SCORING_MAX_QUESTION_BYTES, error);
	if (code == 0)
		code = check_size(answer->category, "category", SCORING_MAX_NAME_BYTES, error);
	if (code == 0)
		code = check_number((double)answer->duration, "duration", MAX_SECONDS, error);
	if (code == 0)
		code = check_number((double)answer->confidence, "confidence", 1, error);
	if (code == 0)
		code = check_segments(answer, error);
	return code;
}

static int check_emotion(const Scoring__EmotionData *emotion, struct viva_error *error)
{
	// No name: a frame without a face.
	if (emotion->emotion[0] != '\0' && scoring_emotion_value(emotion->emotion) < 0)
		return viva_fail(error, VIVA_EFIELD, "emotion", "emotion is not one that Viva knows");
	if (emotion->blink_count < 0)
		return viva_fail(error, VIVA_EFIELD, "blink_count", "blink_count must not be negative");
	if (emotion->timestamp < 0 || emotion->timestamp > MAX_UNIX_MS)
		return viva_fail(error, VIVA_EFIELD, "timestamp", "timestamp is no Unix time in milliseconds");
	return check_number((double)emotion->confidence, "confidence", 1, error);
}

static int check_metadata(const Scoring__InterviewMetadata *metadata, struct viva_error *error)
{
	if (!metadata)
		return 0;
	const char *mode = metadata->mode;
	if (mode[0] != '\0' && strcmp(mode, "practice") != 0 && strcmp(mode, "recruitment") != 0)
		return viva_fail(error, VIVA_EFIELD, "metadata.mode", "mode must be practice or recruitment");
	if (metadata->total_questions < 0)
		return viva_fail(error, VIVA_EFIELD, "metadata.total_questions",
				 "total_questions must not be negative");
	if (metadata->started_at < 0 || metadata->started_at > MAX_UNIX_MS || metadata->completed_at < 0 ||
	    metadata->completed_at > MAX_UNIX_MS)
		return viva_fail(error, VIVA_EFIELD, "metadata",
				 "started_at and completed_at must be Unix times in milliseconds");
	return check_size(metadata->user_id, "user_id", SCORING_MAX_NAME_BYTES, error);
}

int scoring_request_check(const Scoring__ScoreRequest *request, struct viva_error *error)
{
	if (!scoring_session_id_is_valid(request->session_id))
		return viva_fail(error, VIVA_EFIELD, "session_id",
				 "session_id must be 1 to %d of letters, digits, dot, underscore and hyphen",
				 SCORING_MAX_SESSION_ID);
	if (request->n_answers > SCORING_MAX_ANSWERS)
		return viva_fail(error, VIVA_EFIELD, "answers", "there are more than %d answers", SCORING_MAX_ANSWERS);
	if (request->n_emotions > SCORING_MAX_EMOTIONS)
		return viva_fail(error, VIVA_EFIELD, "emotions", "there are more than %d emotions",
				 SCORING_MAX_EMOTIONS);
	for (size_t i = 0; i < request->n_answers; i++) {
		struct viva_error cause = {0};
		int code = check_answer(request->answers[i], &cause);
		if (code != 0)
			return within(code, "answers", i, &cause, error);
	}
	for (size_t i = 0; i < request->n_emotions; i++) {
		struct viva_error cause = {0};
		int code = check_emotion(request->emotions[i], &cause);
		if (code != 0)
			return within(code, "emotions", i, &cause, error);
	}
	return check_metadata(request->metadata, error);
}

static int check_graded_answers(const Scoring__AnswerRequest *request, struct viva_error *error)
{
	if (request->n_graded_answers > VIVA_ANSWER_MAX_GRADED)
		return viva_fail(error, VIVA_EFIELD, "graded_answers", "there are more than %d graded answers",
				 VIVA_ANSWER_MAX_GRADED);
	if (request->n_graded_answers > 0 && request->reference_answer[0] == '\0')
		return viva_fail(error, VIVA_EFIELD, "reference_answer",
				 "graded_answers say nothing without a reference_answer");
	for (size_t i = 0; i < request->n_graded_answers; i++) {
		const Scoring__GradedAnswer *graded = request->graded_answers[i];
		struct viva_error cause = {0};
		int code = check_size(graded->answer, "answer", SCORING_MAX_REFERENCE_BYTES, &cause);
		if (code == 0)
			code = check_number((double)graded->points, "points", 1, &cause);
		if (code != 0)
			return within(code, "graded_answers", i, &cause, error);
	}
	return 0;
}

int scoring_answer_request_check(const Scoring__AnswerRequest *request, struct viva_error *error)
{
	if (request->answer[0] == '\0')
		return viva_fail(error, VIVA_EFIELD, "answer", "answer must not be empty");
	if (request->question[0] == '\0' && request->question_id[0] == '\0')
		return viva_fail(error, VIVA_EFIELD, "question", "question or question_id must be given");
	int code = check_size(request->answer, "answer", SCORING_MAX_TRANSCRIPT_BYTES, error);
	if (code == 0)
		code = check_size(request->question, "question", SCORING_MAX_QUESTION_BYTES, error);
	if (code == 0)
		code = check_size(request->question_id, "question_id", SCORING_MAX_NAME_BYTES, error);
	if (code == 0)
		code = check_size(request->category, "category", SCORING_MAX_NAME_BYTES, error);
	if (code == 0)
		code = check_size(request->language, "language", SCORING_MAX_NAME_BYTES, error);
	if (code == 0)
		code = check_number((double)request->duration, "duration", MAX_SECONDS, error);
	if (code == 0)
		code = check_number((double)request->confidence, "confidence", 1, error);
	if (code == 0)
		code = check_size(request->reference_answer, "reference_answer", SCORING_MAX_REFERENCE_BYTES, error);
	return code == 0 ? check_graded_answers(request, error) : code;
}
