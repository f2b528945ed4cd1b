// SPDX-License-Identifier: Apache-2.0
#include "scoring_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/records.h"

struct scoring_fixture scoring_fixture;

static int open_language(struct scoring_service *service, struct viva_error *error)
{
	static struct viva_background_question background[32];
	struct viva_language_options options = viva_language_defaults();
	options.model_directory = getenv("VIVA_MODEL_DIR");
	options.background = background;
	options.background_count = VIVA_MIN(viva_question_bank_question_count(service->bank), VIVA_COUNT(background));
	for (size_t i = 0; i < options.background_count; i++) {
		const struct viva_question *question = viva_question_bank_question_at(service->bank, i);
		background[i] = (struct viva_background_question){.text = question->text,
								  .points = question->reference_points,
								  .point_count = question->reference_point_count};
	}
	return options.model_directory ? viva_language_open(&options, &service->language, error) : VIVA_EMODEL;
}

int scoring_fixture_open(void **state)
{
	(void)state;
	struct viva_error error = {0};
	struct scoring_service *service = &scoring_fixture.service;
	make_test_directory(scoring_fixture.directory, sizeof scoring_fixture.directory);
	store_place_make(&scoring_fixture.place, scoring_fixture.directory, "viva");
	fake_clock_init(&scoring_fixture.clock);
	*service = (struct scoring_service){.clock = &scoring_fixture.clock.clock, .weights = {.6, .4, 0}};
	int code = viva_question_bank_open(NULL, &service->bank, &error);
	if (code == 0)
		code = scoring_records_open(scoring_fixture.place.url, VIVA_STORE_CONNECTIONS, &service->store, &error);
	if (code == 0)
		code = open_language(service, &error);
	if (code == 0)
		code = bus_probe_open(&scoring_fixture.probe, scoring_fixture.directory, "scoring", service->store,
				      VIVA_KEY_SCORE_CALCULATED, &error);
	service->bus = scoring_fixture.probe.bus;
	service->outbox = scoring_fixture.probe.outbox;
	if (code != 0)
		print_error("the service can't be opened: %s\n", viva_error_message(&error));
	return code == 0 ? 0 : -1;
}

int scoring_fixture_close(void **state)
{
	(void)state;
	struct scoring_service *service = &scoring_fixture.service;
	bus_probe_close(&scoring_fixture.probe);
	viva_language_destroy(service->language);
	viva_question_bank_destroy(service->bank);
	viva_store_destroy(service->store);
	store_place_drop(&scoring_fixture.place);
	remove_test_directory(scoring_fixture.directory);
	return 0;
}

int scoring_fixture_begin(void **state)
{
	(void)state;
	scoring_fixture.service.weights = (struct scoring_weights){.6, .4, 0};
	return viva_arena_create(0, &scoring_fixture.arena);
}

int scoring_fixture_end(void **state)
{
	(void)state;
	scoring_fixture.arena = viva_arena_destroy(scoring_fixture.arena);
	return 0;
}

char *scoring_fixture_copy(const char *text)
{
	return viva_arena_text(scoring_fixture.arena, text, strlen(text));
}

Scoring__ScoreRequest *scoring_fixture_request(const char *session_id)
{
	struct viva_arena *arena = scoring_fixture.arena;
	Scoring__ScoreRequest *request = viva_arena_alloc(arena, sizeof *request);
	scoring__score_request__init(request);
	request->session_id = scoring_fixture_copy(session_id);
	request->answers = viva_arena_alloc(arena, 16 * sizeof(Scoring__Answer *));
	request->emotions = viva_arena_alloc(arena, 16 * sizeof(Scoring__EmotionData *));
	request->metadata = viva_arena_alloc(arena, sizeof *request->metadata);
	scoring__interview_metadata__init(request->metadata);
	return request;
}

Scoring__Answer *scoring_fixture_answer(Scoring__ScoreRequest *request, const char *key, const char *transcript)
{
	Scoring__Answer *answer = viva_arena_alloc(scoring_fixture.arena, sizeof *answer);
	const struct viva_question *question = viva_question_bank_find_key(scoring_fixture.service.bank, key);
	scoring__answer__init(answer);
	answer->question_id = scoring_fixture_copy(question ? question->id : key);
	answer->transcript = scoring_fixture_copy(transcript);
	request->answers[request->n_answers++] = answer;
	return answer;
}

void scoring_fixture_emotion(Scoring__ScoreRequest *request, const char *emotion)
{
	Scoring__EmotionData *row = viva_arena_alloc(scoring_fixture.arena, sizeof *row);
	scoring__emotion_data__init(row);
	row->emotion = scoring_fixture_copy(emotion);
	row->confidence = .5f;
	row->timestamp = (int64_t)request->n_emotions * 100;
	request->emotions[request->n_emotions++] = row;
}

static const struct scoring_caller patient = {.deadline_us = INT64_MAX};

Scoring__ScoreResponse *scoring_fixture_score(const Scoring__ScoreRequest *request)
{
	Scoring__ScoreResponse *response = NULL;
	assert_ok(scoring_session_score(&scoring_fixture.service, request, &patient, scoring_fixture.arena, &response,
					NULL));
	return response;
}

Scoring__ScoreResponse *scoring_fixture_score_again(const char *session_id)
{
	Scoring__ScoreResponse *response = NULL;
	assert_ok(scoring_session_score_again(&scoring_fixture.service, session_id, &patient, scoring_fixture.arena,
					      &response, NULL));
	return response;
}
