// SPDX-License-Identifier: Apache-2.0
//
// The JSON that the interview service speaks: answers of its REST routes, and WebSocket messages.
//
// Each function that gives a json_t * makes a new reference for the caller, NULL when memory is exhausted; each eats
// (owns from then on) the json_t * it is given.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_MESSAGES_H
#define VIVA_INTERVIEW_MESSAGES_H

#include "base/json.h"
#include "emotion.pb-c.h"
#include "interview/records.h"
#include "scoring.pb-c.h"

// A WebSocket message's text in the arena: {"type":…,"data":…}. NULL when memory is exhausted.
char *interview_message(struct viva_arena *arena, const char *type, json_t *data);
// An `error` message. The request's id is not told: there is none.
char *interview_error_message(struct viva_arena *arena, int code, const struct viva_error *error);
// An `error` message that tells of no failure but of what the camera sees: FACE_NOT_DETECTED, MULTIPLE_FACES.
char *interview_notice_message(struct viva_arena *arena, const char *code, const char *sentence);

// {"progress","current_question","total_questions"}; `current_question` as given. Once it is over also "status".
json_t *interview_status_data(const struct interview_record *record, int current_question);
// {"id","text","category"}; JSON null for NULL.
json_t *interview_question_json(const struct interview_question *question);
// The whole response with the proto's names; the continuation, which is the server's own, stays out.
json_t *interview_emotion_json(const Emotion__EmotionResponse *response);
// An analysis as answered and stored; {"scorable":false,"reason"} for what can't be judged.
json_t *interview_analysis_json(const Scoring__AnswerAnalysis *analysis);
json_t *interview_unscorable_json(const char *reason);
// A score as answered and stored. Where emotions were not to be analysed, emotion_score is null and an insight says
// why.
json_t *interview_score_json(const Scoring__ScoreResponse *score, const struct interview_record *record);

// Stored JSON as a tree; JSON null for NULL. NULL also when it can't be read.
json_t *interview_stored_json(const char *text);
// RFC 3339 in UTC; JSON null for 0.
json_t *interview_time_json(int64_t unix_ms);

// GET /api/v1/interviews/:id: all of it, with the questions that were put so far.
json_t *interview_whole_json(const struct interview_record *record, const struct interview_question *questions,
			     size_t question_count, const struct interview_answer *answers, size_t answer_count);
// GET …/status
json_t *interview_status_json(const struct interview_record *record);

#endif
