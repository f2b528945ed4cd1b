// SPDX-License-Identifier: Apache-2.0
#include "interview/adapt.h"

#include <string.h>
#include <strings.h>

#include "interview/messages.h"

// The content of an answer, with the weights of docs/scoring.md. Relevance and coverage stand as they are: what their
// form bears out is known to scoring only.
static const double DEPTH_WEIGHT = .45, RELEVANCE_WEIGHT = .25, COVERAGE_WEIGHT = .30;

const char *interview_slot_id(const struct interview_slot *slot)
{
	return slot->follow_up < 0 ? slot->question->id : slot->question->follow_up_ids[slot->follow_up];
}

const char *interview_slot_text(const struct interview_slot *slot)
{
	return slot->follow_up < 0 ? slot->question->text : slot->question->follow_ups[slot->follow_up];
}

static struct interview_slot find_slot(const struct viva_question_bank *bank, const char *id)
{
	size_t index = 0;
	const struct viva_question *question = viva_question_bank_find(bank, id);
	if (question)
		return (struct interview_slot){.question = question, .follow_up = -1};
	question = viva_question_bank_find_follow_up(bank, id, &index);
	return (struct interview_slot){.question = question, .follow_up = question ? (int)index : -1};
}

// The share of the points that are met; negative = there are none.
static double coverage_of(const json_t *points)
{
	double met = 0;
	size_t index;
	const json_t *point;
	json_array_foreach(points, index, point)
	{
		const char *status = json_string_value(json_object_get(point, "status"));
		met += !status ? 0 : strcmp(status, "covered") == 0 ? 1 : strcmp(status, "partly") == 0 ? .5 : 0;
	}
	size_t count = json_array_size(points);
	return count > 0 ? met / (double)count : -1;
}

static struct interview_judged judge(const struct viva_question_bank *bank, const struct interview_answer *answer)
{
	struct interview_judged judged = {.slot = find_slot(bank, answer->question_id)};
	VIVA_AUTO_JSON analysis = interview_stored_json(answer->analysis);
	const json_t *depth = json_object_get(analysis, "depth_score");
	if (!json_is_number(depth))
		return judged;
	judged.is_scored = true;
	judged.depth = json_number_value(depth);
	judged.relevance = json_number_value(json_object_get(analysis, "relevance_score"));
	double coverage = coverage_of(json_object_get(analysis, "points"));
	double sum = DEPTH_WEIGHT * judged.depth + RELEVANCE_WEIGHT * judged.relevance;
	judged.quality = coverage < 0 ? sum / (DEPTH_WEIGHT + RELEVANCE_WEIGHT) : sum + COVERAGE_WEIGHT * coverage;
	return judged;
}

// What is known of an interview when a choice is made.
struct known {
	const struct interview_question *questions;
	size_t question_count;
	struct interview_judged answers[INTERVIEW_MAX_SLOTS];
	size_t answer_count;
	struct interview_slot put[INTERVIEW_MAX_SLOTS];
	size_t put_count;
	int numbers[INTERVIEW_MAX_SLOTS];  // of what is still to be put
	struct interview_slot slots[INTERVIEW_MAX_SLOTS];
	size_t slot_count;
};

static int load_known(const struct interview_service *service, const struct interview_reader *reader,
		      const struct interview_record *record, struct known *known, struct viva_error *error)
{
	const struct interview_answer *answers = NULL;
	size_t answer_count = 0;
	int status = interview_load_questions(reader, record->id, &known->questions, &known->question_count, error);
	if (!status)
		status = interview_load_answers(reader, record->id, &answers, &answer_count, error);
	if (status)
		return status;
	for (size_t i = 0; i < answer_count && i < INTERVIEW_MAX_SLOTS; i++)
		known->answers[known->answer_count++] = judge(service->bank, &answers[i]);
	for (size_t i = 0; i < known->question_count && i < INTERVIEW_MAX_SLOTS; i++) {
		const struct interview_question *question = &known->questions[i];
		struct interview_slot slot = find_slot(service->bank, question->id);
		if (question->is_answered || question->number < record->undecided) {
			known->put[known->put_count++] = slot;
			continue;
		}
		known->numbers[known->slot_count] = question->number;
		known->slots[known->slot_count++] = slot;
	}
	return 0;
}

static int replace(const struct interview_reader *reader, const struct interview_record *record, int number,
		   const struct interview_slot *slot, struct viva_error *error)
{
	struct viva_value values[] = {
		viva_value_text(record->id), viva_value_int(number), viva_value_text(interview_slot_id(slot)),
		viva_value_text(interview_slot_text(slot)), viva_value_text(slot->question->category)};
	return viva_transaction_execute(reader->transaction,
					"INSERT INTO interview_questions (interview_id, number, question_id, text,"
					" category) VALUES ($1, $2, $3, $4, $5)",
					values, VIVA_COUNT(values), NULL, error);
}

static bool is_same(const struct interview_slot *a, const struct interview_slot *b)
{
	return a->question == b->question && a->follow_up == b->follow_up;
}

// Writes what the choice changed. All of the changed rows go before any comes: two may have changed places.
static int store_slots(const struct interview_reader *reader, const struct interview_record *record,
		       const struct known *known, const struct interview_slot *before, struct viva_error *error)
{
	int status = 0;
	for (size_t i = 0; i < known->slot_count && !status; i++) {
		struct viva_value values[] = {viva_value_text(record->id), viva_value_int(known->numbers[i])};
		if (!is_same(&known->slots[i], &before[i]))
			status = viva_transaction_execute(reader->transaction,
							  "DELETE FROM interview_questions"
							  " WHERE interview_id = $1 AND number = $2",
							  values, VIVA_COUNT(values), NULL, error);
	}
	for (size_t i = 0; i < known->slot_count && !status; i++) {
		if (!is_same(&known->slots[i], &before[i]))
			status = replace(reader, record, known->numbers[i], &known->slots[i], error);
	}
	return status;
}

static int close_choice(const struct interview_reader *reader, struct interview_record *record,
			struct viva_error *error)
{
	struct viva_value values[] = {viva_value_text(record->id), viva_value_int(record->version)};
	int64_t changed = 0;
	int status = viva_transaction_execute(reader->transaction,
					      "UPDATE interview_interviews SET undecided = 0, version = version + 1"
					      " WHERE id = $1 AND version = $2",
					      values, VIVA_COUNT(values), &changed, error);
	if (!status && changed == 0)
		status = viva_fail(error, VIVA_ECONFLICT, NULL, "the interview was changed at the same time");
	if (!status) {
		record->undecided = 0;
		record->version++;
	}
	return status;
}

// Whether a choice can be made of these: with a question that the bank no longer has, the plan stays as it is.
static bool are_known(const struct interview_slot *slots, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!slots[i].question)
			return false;
	}
	return count > 0;
}

int interview_settle_in(const struct interview_service *service, const struct interview_reader *reader,
			struct interview_record *record, struct viva_error *error)
{
	if (record->undecided == 0)
		return 0;
	struct known *known = viva_arena_alloc(reader->arena, sizeof *known);
	struct interview_slot *before = viva_arena_alloc(reader->arena, sizeof known->slots);
	if (!known || !before)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the next question");
	*known = (struct known){0};
	int status = load_known(service, reader, record, known, error);
	if (status)
		return status;
	const struct viva_question_set *set = viva_question_bank_set(service->bank, record->question_set);
	if (set && record->state == INTERVIEW_IN_PROGRESS && are_known(known->slots, known->slot_count)) {
		const struct interview_choosing choosing = {
			.set = set,
			.seed = (uint64_t)record->seed,
			.total = (size_t)record->total_questions,
			.answers = known->answers,
			.answer_count = known->answer_count,
			.put = known->put,
			.put_count = known->put_count,
		};
		memcpy(before, known->slots, sizeof known->slots);
		interview_choose(&choosing, known->slots, known->slot_count);
		status = store_slots(reader, record, known, before, error);
	}
	return status ? status : close_choice(reader, record, error);
}

struct settling {
	struct interview_service *service;
	const char *id;
	struct viva_arena *arena;
	struct interview_record record;
};

static int settle(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct settling *settling = context;
	struct interview_reader reader = {.transaction = transaction, .arena = settling->arena};
	int status = interview_load(&reader, settling->id, &settling->record, error);
	return status ? status : interview_settle_in(settling->service, &reader, &settling->record, error);
}

int interview_settle(struct interview_service *service, const char *id, struct viva_arena *arena,
		     struct interview_record *ret_record, struct viva_error *error)
{
	struct settling settling = {.service = service, .id = id, .arena = arena};
	int status = interview_transact(service->store, settle, &settling, error);
	if (!status)
		*ret_record = settling.record;
	return status;
}

int interview_load_settled(struct interview_service *service, const char *id, struct viva_arena *arena,
			   struct interview_record *ret_record, struct viva_error *error)
{
	struct interview_reader reader = {.store = service->store, .arena = arena};
	struct interview_record record;
	int status = interview_load(&reader, id, &record, error);
	if (!status && record.undecided > 0)
		status = interview_settle(service, id, arena, &record, error);
	if (!status)
		*ret_record = record;
	return status;
}
