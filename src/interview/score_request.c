// SPDX-License-Identifier: Apache-2.0
#include "interview/score_request.h"

#include <string.h>

#include "base/text.h"
#include "interview/messages.h"
#include "interview/timeline.h"
#include "speech/segments.h"

// What the scoring service takes; a user's 128 characters may be longer.
enum { MAX_USER_ID_BYTES = 128 };

// protobuf-c's strings are not const, but packing only reads them.
static char *borrowed(const char *text)
{
	return (char *)(uintptr_t)text;
}

void interview_emotions_init(struct interview_emotions *emotions)
{
	emotions->count = 0;
	emotions->seen = 0;
	emotions->stride = 1;
}

void interview_emotions_add(struct interview_emotions *emotions, const Scoring__EmotionData *row)
{
	if (emotions->seen++ % emotions->stride != 0)
		return;
	if (emotions->count == INTERVIEW_MAX_EMOTIONS) {
		// Every second one leaves. As the full count is even, this row is one that stays.
		for (size_t i = 0; i < emotions->count / 2; i++)
			emotions->rows[i] = emotions->rows[2 * i];
		emotions->count /= 2;
		emotions->stride *= 2;
	}
	emotions->rows[emotions->count++] = *row;
}

// The emotion's name as a constant, since the page it came with will be gone; NULL = none that we know.
static const char *known_emotion(const char *name)
{
	static const char *const names[] = {"happy",    "sad",  "angry",   "neutral",
					    "surprise", "fear", "disgust", "confident"};
	for (size_t i = 0; name && i < VIVA_COUNT(names); i++) {
		if (strcmp(names[i], name) == 0)
			return names[i];
	}
	return NULL;
}

static int add_page(const json_t *rows, const json_t *summary, void *context, struct viva_error *error)
{
	(void)summary;
	(void)error;
	struct interview_emotions *emotions = context;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *emotion = known_emotion(json_string_value(json_object_get(row, "emotion")));
		if (!emotion)
			continue;
		Scoring__EmotionData data = SCORING__EMOTION_DATA__INIT;
		data.timestamp = json_integer_value(json_object_get(row, "timestamp"));
		data.emotion = borrowed(emotion);
		data.confidence = (float)json_number_value(json_object_get(row, "confidence"));
		data.blink_count = (int32_t)json_integer_value(json_object_get(row, "blink_count"));
		interview_emotions_add(emotions, &data);
	}
	return 0;
}

static int add_emotions(struct interview_service *service, const struct interview_record *record, bool needs_emotions,
			struct viva_arena *arena, Scoring__ScoreRequest *request, struct viva_error *error)
{
	struct interview_emotions *emotions = viva_arena_alloc(arena, sizeof *emotions);
	Scoring__EmotionData **rows = viva_arena_alloc(arena, INTERVIEW_MAX_EMOTIONS * sizeof(Scoring__EmotionData *));
	if (!emotions || !rows)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the emotions");
	interview_emotions_init(emotions);
	int status = interview_timeline_read(service, record->id, add_page, emotions, error);
	if (status)
		return needs_emotions || status == VIVA_ENOMEM ? status : 0;
	for (size_t i = 0; i < emotions->count; i++)
		rows[i] = &emotions->rows[i];
	request->emotions = rows;
	request->n_emotions = emotions->count;
	return 0;
}

// The times alone: the texts are the transcript's.
static int add_segments(const struct interview_answer *answer, struct viva_arena *arena, Scoring__Answer *packed,
			struct viva_error *error)
{
	VIVA_AUTO_JSON stored = answer->segments ? json_object() : NULL;
	struct viva_speech_segment *segments = NULL;
	size_t count = 0;
	if (!stored)
		return answer->segments ? VIVA_ENOMEM : 0;
	json_object_set_new(stored, "segments", interview_stored_json(answer->segments));
	int status = viva_speech_segments_read(stored, arena, &segments, &count, error);
	Scoring__SpeechSegment *messages = viva_arena_alloc(arena, (count + 1) * sizeof *messages);
	packed->segments = viva_arena_alloc(arena, (count + 1) * sizeof(Scoring__SpeechSegment *));
	if (!messages || !packed->segments)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		scoring__speech_segment__init(&messages[i]);
		messages[i].start = segments[i].start;
		messages[i].end = segments[i].end;
		packed->segments[i] = &messages[i];
	}
	packed->n_segments = count;
	return status;
}

static int add_answers(struct interview_service *service, const struct interview_record *record,
		       struct viva_arena *arena, Scoring__ScoreRequest *request, struct viva_error *error)
{
	struct interview_reader reader = {.store = service->store, .arena = arena};
	const struct interview_answer *answers = NULL;
	size_t count = 0;
	int status = interview_load_answers(&reader, record->id, &answers, &count, error);
	if (status)
		return status;
	Scoring__Answer *packed = viva_arena_alloc(arena, (count + 1) * sizeof *packed);
	Scoring__Answer **pointers = viva_arena_alloc(arena, (count + 1) * sizeof(Scoring__Answer *));
	if (!packed || !pointers)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answers");
	for (size_t i = 0; i < count; i++) {
		scoring__answer__init(&packed[i]);
		packed[i].question_id = borrowed(answers[i].question_id);
		packed[i].transcript = borrowed(answers[i].transcript);
		packed[i].duration = (float)answers[i].duration;
		packed[i].confidence = answers[i].confidence < 0 ? 0 : (float)answers[i].confidence;
		packed[i].question = borrowed(answers[i].question);
		packed[i].category = borrowed(answers[i].category);
		pointers[i] = &packed[i];
		status = add_segments(&answers[i], arena, &packed[i], error);
		if (status)
			return status;
	}
	request->answers = pointers;
	request->n_answers = count;
	return 0;
}

int interview_score_request_make(struct interview_service *service, const struct interview_record *record,
				 bool needs_emotions, struct viva_arena *arena, Scoring__ScoreRequest **ret_request,
				 struct viva_error *error)
{
	Scoring__ScoreRequest *request = viva_arena_alloc(arena, sizeof *request);
	Scoring__InterviewMetadata *metadata = viva_arena_alloc(arena, sizeof *metadata);
	size_t user_id_size = viva_utf8_cut(record->user_id, strlen(record->user_id), MAX_USER_ID_BYTES);
	char *user_id = viva_arena_text(arena, record->user_id, user_id_size);
	if (!request || !metadata || !user_id)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the score");
	scoring__interview_metadata__init(metadata);
	metadata->user_id = user_id;
	metadata->started_at = record->started_at;
	metadata->completed_at = record->completed_at;
	metadata->total_questions = record->total_questions;
	metadata->mode = borrowed(interview_mode_name(record->mode));
	metadata->emotion_withheld = !interview_allows_emotion(record);
	metadata->recording = interview_allows_pictures(record);
	scoring__score_request__init(request);
	request->session_id = borrowed(record->id);
	request->metadata = metadata;
	int status = add_answers(service, record, arena, request, error);
	if (!status && interview_allows_emotion(record))
		status = add_emotions(service, record, needs_emotions, arena, request, error);
	if (!status)
		*ret_request = request;
	return status;
}
