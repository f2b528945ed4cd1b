// SPDX-License-Identifier: Apache-2.0
#include "scoring/llm.h"

#include <math.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "net/http_client.h"
#include "resilience/breaker.h"
#include "scoring/llm_budget.h"
#include "scoring/llm_settings.h"

enum {
	MIN_WORDS = 5,      // an answer with fewer says too little to ask about
	MIN_CALL_MS = 300,  // no call begins with less time than that
	SAVING_MS = 1500,   // of a score's time that is kept for what comes after the answers
};

struct scoring_llm {
	const struct viva_clock *clock;
	struct viva_http_client *http;
	struct viva_breaker *breaker;
	struct scoring_llm_settings settings;
};

// Where the model stands with an answer.
enum outcome {
	OUTCOME_WAITING,
	OUTCOME_JUDGED,
	OUTCOME_TOO_SHORT,
	OUTCOME_BUDGET,
	OUTCOME_BREAKER,
	OUTCOME_LATE,
	OUTCOME_FAILED,
	OUTCOME_MALFORMED,
};
static const char *const WHY_NOT[] = {
	[OUTCOME_TOO_SHORT] = "the answer is too short to ask about",
	[OUTCOME_BUDGET] = "the budget for the language model is used up",
	[OUTCOME_BREAKER] = "the language model is not asked for a while, since it failed before",
	[OUTCOME_LATE] = "the language model did not answer in time",
	[OUTCOME_FAILED] = "the language model could not be reached",
	[OUTCOME_MALFORMED] = "the language model's reply did not have the form asked for",
};

struct item {
	enum outcome outcome;
	struct scoring_llm_verdict verdict;
};

struct scoring_llm_round {
	struct scoring_service *service;
	const Scoring__ScoreRequest *request;
	int64_t deadline_us;
	pthread_mutex_t lock;
	pthread_cond_t has_come;
	atomic_size_t next;
	pthread_t threads[SCORING_LLM_MAX_LANES];
	size_t thread_count;
	size_t judged, local;  // answers that content() was asked for
	const char *last_reason;
	struct item items[];
};

static void count(const char *outcome)
{
	char labels[48];
	snprintf(labels, sizeof labels, "outcome=\"%s\"", outcome);
	viva_metric_add(viva_counter("viva_llm_answers_total", labels,
				     "Answers that a language model was to judge, by what became of it"),
			1);
}

int scoring_llm_create(const struct viva_config *config, const struct viva_clock *clock, struct scoring_llm **ret_llm,
		       struct viva_error *error)
{
	if (!scoring_llm_is_wanted(config)) {
		*ret_llm = NULL;
		return 0;
	}
	struct scoring_llm *llm = calloc(1, sizeof *llm);
	if (!llm)
		return VIVA_ENOMEM;
	struct viva_breaker_options breaker = viva_breaker_defaults("llm");
	breaker.clock = clock;
	llm->clock = clock;
	int code = scoring_llm_settings_read(config, &llm->settings, error);
	if (code == 0)
		code = viva_breaker_create(&breaker, &llm->breaker);
	if (code == 0)
		code = viva_http_client_create(&llm->http);
	if (code != 0) {
		scoring_llm_destroy(llm);
		return code;
	}
	*ret_llm = llm;
	return 0;
}

struct scoring_llm *scoring_llm_destroy(struct scoring_llm *llm)
{
	if (!llm)
		return NULL;
	viva_http_client_destroy(llm->http);
	viva_breaker_destroy(llm->breaker);
	scoring_llm_settings_finish(&llm->settings);
	free(llm);
	return NULL;
}

// ---- one answer

static bool has_words(const char *text)
{
	size_t words = 0;
	bool is_in_word = false;
	for (; *text && words < MIN_WORDS; text++) {
		bool is_space = strchr(" \t\r\n", *text) != NULL;
		words += !is_space && !is_in_word;
		is_in_word = !is_space;
	}
	return words >= MIN_WORDS;
}

static int make_key(const struct scoring_llm *llm, const char *body, struct viva_arena *arena,
		    char ret_key[SCORING_LLM_KEY_SIZE])
{
	uint8_t sum[SHA256_DIGEST_LENGTH];
	const char *text = viva_arena_printf(arena, "%s\n%s\n%s", SCORING_LLM_VERSION, llm->settings.url, body);
	if (!text)
		return VIVA_ENOMEM;
	SHA256((const uint8_t *)text, strlen(text), sum);
	viva_hex_encode(sum, sizeof sum, ret_key);
	return 0;
}

// Only the endpoint's own faults count for its breaker; a wrong key or model is one of them, for it fails all calls.
static int call_model(struct scoring_llm *llm, const char *body, int64_t timeout_ms, size_t point_count,
		      struct viva_arena *arena, struct scoring_llm_verdict *verdict, struct viva_error *error)
{
	const char *headers[] = {"Content-Type: application/json", llm->settings.authorization};
	const struct viva_http_call call = {
		.method = "POST",
		.url = llm->settings.url,
		.headers = headers,
		.header_count = llm->settings.authorization ? 2 : 1,
		.body = viva_bytes_of_text(body),
		.timeout_ms = (uint32_t)timeout_ms,
		.max_response_bytes = SCORING_LLM_MAX_REPLY_BYTES,
	};
	struct viva_http_reply reply;
	int code = viva_http_call(llm->http, &call, arena, &reply, error);
	if (code == 0 && reply.status != 200)
		code = viva_fail(error, VIVA_EUNAVAILABLE, NULL, "the language model answered with status %d",
				 reply.status);
	if (code == 0)
		code = scoring_llm_read(reply.body, point_count, verdict, error);
	return code;
}

static enum outcome outcome_of(int code)
{
	switch (code) {
	case 0:
		return OUTCOME_JUDGED;
	case VIVA_EDEADLINE:
		return OUTCOME_LATE;
	case VIVA_EBADGATEWAY:
	case VIVA_ELIMIT:
		return OUTCOME_MALFORMED;
	default:
		return OUTCOME_FAILED;
	}
}

static enum outcome call_within_limits(struct scoring_llm_round *round, const char *body, size_t point_count,
				       struct viva_arena *arena, struct scoring_llm_verdict *verdict)
{
	struct scoring_service *service = round->service;
	struct scoring_llm *llm = service->llm;
	struct viva_error error = {0};
	// About three bytes make a token.
	int64_t estimate = (int64_t)strlen(body) / 3 + SCORING_LLM_MAX_REPLY_TOKENS;
	int64_t left_ms = (round->deadline_us - viva_clock_monotonic_us(llm->clock)) / 1000 - SAVING_MS;
	int64_t timeout_ms = VIVA_MIN(left_ms, llm->settings.timeout_ms);
	if (timeout_ms < MIN_CALL_MS)
		return OUTCOME_LATE;
	struct viva_breaker_permit permit;
	int64_t deadline_us = viva_clock_monotonic_us(llm->clock) + timeout_ms * 1000;
	if (viva_breaker_enter(llm->breaker, deadline_us, &permit, NULL) != 0)
		return OUTCOME_BREAKER;
	int code = scoring_llm_reserve(service, &llm->settings.limits, round->request->session_id, estimate, &error);
	if (code != 0) {
		viva_breaker_leave(llm->breaker, permit, VIVA_ECANCELLED);
		return code == VIVA_EOVERLOAD ? OUTCOME_BUDGET : OUTCOME_FAILED;
	}
	code = call_model(llm, body, timeout_ms, point_count, arena, verdict, &error);
	bool is_ill = code == VIVA_EBADGATEWAY || code == VIVA_ELIMIT || code == VIVA_EUNAVAILABLE;
	viva_breaker_leave(llm->breaker, permit, is_ill ? VIVA_EUNAVAILABLE : code);
	if (code != 0)
		viva_log_warn("an answer is judged without the language model: %s", viva_error_message(&error));
	else if (verdict->tokens > 0)
		scoring_llm_correct(service, verdict->tokens - estimate);
	return outcome_of(code);
}

static enum outcome ask(struct scoring_llm_round *round, const Scoring__Answer *answer, struct viva_arena *arena,
			struct scoring_llm_verdict *verdict)
{
	struct scoring_service *service = round->service;
	struct scoring_llm_question question = {.question = answer->question, .transcript = answer->transcript};
	const struct viva_question *known = viva_question_bank_find(service->bank, answer->question_id);
	size_t index;
	const struct viva_question *parent =
		viva_question_bank_find_follow_up(service->bank, answer->question_id, &index);
	if (known) {
		question.question = answer->question[0] ? answer->question : known->text;
		question.points = known->reference_points;
		question.point_count = known->reference_point_count;
	} else if (parent) {
		question.question = viva_arena_printf(arena, "%s %s", parent->text, parent->follow_ups[index]);
	}
	if (!question.question || !question.question[0] || !has_words(answer->transcript))
		return OUTCOME_TOO_SHORT;
	const char *body = NULL;
	char key[SCORING_LLM_KEY_SIZE];
	if (scoring_llm_write(&question, service->llm->settings.model, arena, &body) != 0 ||
	    make_key(service->llm, body, arena, key) != 0)
		return OUTCOME_FAILED;
	if (scoring_llm_find(service, round->request->session_id, key, verdict))
		return OUTCOME_JUDGED;
	enum outcome outcome = call_within_limits(round, body, question.point_count, arena, verdict);
	if (outcome == OUTCOME_JUDGED)
		scoring_llm_keep(service, round->request->session_id, key, verdict);
	return outcome;
}

// ---- all answers of an interview

static void *run_lane(void *context)
{
	struct scoring_llm_round *round = context;
	viva_log_set_session(round->request->session_id);
	for (;;) {
		size_t i = atomic_fetch_add(&round->next, 1);
		if (i >= round->request->n_answers)
			return NULL;
		VIVA_AUTO(viva_arena) arena = NULL;
		struct scoring_llm_verdict verdict = {0};
		enum outcome outcome = OUTCOME_FAILED;
		if (viva_arena_create(0, &arena) == 0)
			outcome = ask(round, round->request->answers[i], arena, &verdict);
		pthread_mutex_lock(&round->lock);
		round->items[i] = (struct item){.outcome = outcome, .verdict = verdict};
		pthread_cond_broadcast(&round->has_come);
		pthread_mutex_unlock(&round->lock);
	}
}

struct scoring_llm_round *scoring_llm_round_start(struct scoring_service *service, const Scoring__ScoreRequest *request,
						  int64_t deadline_us)
{
	if (!service->llm)
		return NULL;
	struct scoring_llm_round *round = calloc(1, sizeof *round + (request->n_answers + 1) * sizeof(struct item));
	if (!round)
		return NULL;
	round->service = service;
	round->request = request;
	round->deadline_us = deadline_us;
	pthread_mutex_init(&round->lock, NULL);
	pthread_cond_init(&round->has_come, NULL);
	size_t lanes = VIVA_MIN(service->llm->settings.lanes, request->n_answers);
	while (round->thread_count < lanes &&
	       pthread_create(&round->threads[round->thread_count], NULL, run_lane, round) == 0)
		round->thread_count++;
	// Without a single thread nobody would ask: what the own analysis says stands.
	if (round->thread_count == 0) {
		for (size_t i = 0; i < request->n_answers; i++)
			round->items[i].outcome = OUTCOME_FAILED;
	}
	return round;
}

struct scoring_llm_round *scoring_llm_round_finish(struct scoring_llm_round *round)
{
	if (!round)
		return NULL;
	// What nobody waits for any more is not begun.
	atomic_store(&round->next, round->request->n_answers);
	for (size_t i = 0; i < round->thread_count; i++)
		pthread_join(round->threads[i], NULL);
	pthread_cond_destroy(&round->has_come);
	pthread_mutex_destroy(&round->lock);
	free(round);
	return NULL;
}

// What the own analysis is sure of, the model is not heard about.
static bool is_disqualified(const json_t *details)
{
	static const char *const codes[] = {"no_answer", "question_copy", "too_short", "keyword_list"};
	size_t index;
	const json_t *remark;
	json_array_foreach(json_object_get(json_object_get(details, "analysis"), "remarks"), index, remark)
	{
		const char *code = json_string_value(json_object_get(remark, "code"));
		for (size_t i = 0; code && i < VIVA_COUNT(codes); i++) {
			if (strcmp(code, codes[i]) == 0)
				return true;
		}
	}
	return false;
}

static double content_of(const struct scoring_llm_verdict *verdict, const struct scoring_content_weights *weights)
{
	double sum = weights->depth * verdict->depth + weights->relevance * verdict->relevance;
	double all = weights->depth + weights->relevance;
	if (verdict->coverage >= 0) {
		sum += weights->coverage * verdict->coverage;
		all += weights->coverage;
	}
	return 100 * sum / all;
}

// As scores are told.
static double in_hundredths(double score)
{
	return round(score * 100) / 100;
}

static struct item wait_for(struct scoring_llm_round *round, size_t index)
{
	pthread_mutex_lock(&round->lock);
	while (round->items[index].outcome == OUTCOME_WAITING)
		pthread_cond_wait(&round->has_come, &round->lock);
	struct item item = round->items[index];
	pthread_mutex_unlock(&round->lock);
	return item;
}

static double stay_local(struct scoring_llm_round *round, const char *why, json_t *details, double local)
{
	round->local++;
	round->last_reason = why;
	count("local");
	json_object_set_new(details, "judge", json_pack("{s:s, s:s}", "by", "local", "reason", why));
	return local;
}

double scoring_llm_content(struct scoring_llm_round *round, size_t index, const struct scoring_content_weights *weights,
			   json_t *details, double local)
{
	if (!round) {
		json_object_set_new(details, "judge", json_pack("{s:s}", "by", "local"));
		return local;
	}
	struct item item = wait_for(round, index);
	if (is_disqualified(details))
		return stay_local(round, "Viva's own analysis is sure of what it found", details, local);
	if (item.outcome != OUTCOME_JUDGED)
		return stay_local(round, WHY_NOT[item.outcome], details, local);
	const struct scoring_llm *llm = round->service->llm;
	double told = content_of(&item.verdict, weights);
	double content =
		in_hundredths(fmin(fmax(told, local - llm->settings.max_shift), local + llm->settings.max_shift));
	round->judged++;
	count("judged");
	json_object_set_new(
		details, "judge",
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "by", "llm", "model",
			  item.verdict.model[0] ? item.verdict.model : llm->settings.model, "fingerprint",
			  item.verdict.fingerprint, "version", SCORING_LLM_VERSION, "reason", item.verdict.reason,
			  "relevance", viva_json_real(item.verdict.relevance, 4), "depth",
			  viva_json_real(item.verdict.depth, 4), "coverage",
			  item.verdict.coverage < 0 ? json_null() : viva_json_real(item.verdict.coverage, 4),
			  "content_score", viva_json_real(told, 2), "local_content_score", viva_json_real(local, 2),
			  "max_shift", viva_json_real(llm->settings.max_shift, 2)));
	json_object_set_new(details, "content_score", viva_json_real(content, 2));
	const char *sum = json_string_value(json_object_get(details, "content_sum"));
	if (sum)
		json_object_set_new(details, "content_sum",
				    json_sprintf("%s; the language model says %.2f, and may move it by %g at most", sum,
						 told, llm->settings.max_shift));
	return content;
}

void scoring_llm_sum_up(const struct scoring_llm_round *round, struct scoring_insights *insights,
			const char **ret_judged_by, const char **ret_model)
{
	*ret_judged_by = "local";
	*ret_model = "";
	if (!round)
		return;
	size_t all = round->judged + round->local;
	if (round->judged > 0) {
		*ret_judged_by = round->local > 0 ? "mixed" : "llm";
		*ret_model = round->service->llm->settings.model;
	}
	if (round->judged == all && all > 0)
		scoring_insight_add(
			insights, "judge", 0,
			"The content of all answers was judged by the language model %s within %g points of "
			"Viva's own analysis.",
			round->service->llm->settings.model, round->service->llm->settings.max_shift);
	else if (all > 0)
		scoring_insight_add(insights, "judge", 0,
				    "The content of %zu of %zu answers was judged by the language model %s; for the "
				    "others Viva's own analysis stands, the last time because %s.",
				    round->judged, all, round->service->llm->settings.model, round->last_reason);
}
