// SPDX-License-Identifier: Apache-2.0
#include "scoring/llm_budget.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "scoring/records.h"

enum { MAX_VERDICT_BYTES = 8 << 10, DAY_SIZE = sizeof "2026-11-25" };

static void name_day(const struct scoring_service *service, char ret_day[DAY_SIZE])
{
	char text[32];
	viva_rfc3339_from_unix_ms(viva_clock_unix_ms(service->clock), text);
	snprintf(ret_day, DAY_SIZE, "%.*s", DAY_SIZE - 1, text);
}

struct reserving {
	const char *session_id;
	const struct scoring_llm_limits *limits;
	int64_t tokens;
	char day[DAY_SIZE];
	struct viva_arena *arena;
};

// Takes from one budget; *ret_is_left: there was enough.
static int take(struct viva_store_transaction *transaction, const char *kind, const char *name, int64_t tokens,
		int64_t max_calls, int64_t max_tokens, bool *ret_is_left, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(kind), viva_value_text(name), viva_value_int(tokens),
					    viva_value_int(max_calls), viva_value_int(max_tokens)};
	int64_t changed = 0;
	int code = viva_transaction_execute(transaction,
					    "INSERT INTO scoring_llm_usage (kind, name, calls, tokens)"
					    " VALUES ($1, $2, 0, 0) ON CONFLICT (kind, name) DO NOTHING",
					    values, 2, NULL, error);
	if (code == 0)
		code = viva_transaction_execute(transaction,
						"UPDATE scoring_llm_usage SET calls = calls + 1, tokens = tokens + $3"
						" WHERE kind = $1 AND name = $2 AND calls < $4 AND tokens + $3 <= $5",
						values, VIVA_COUNT(values), &changed, error);
	*ret_is_left = changed > 0;
	return code;
}

static int reserve(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct reserving *reserving = context;
	const struct scoring_llm_limits *limits = reserving->limits;
	bool is_erased = false, is_left = false;
	int code = scoring_records_enter(transaction, reserving->session_id, reserving->arena, &is_erased, error);
	if (code == 0 && is_erased)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "this session was erased");
	if (code == 0)
		code = take(transaction, "session", reserving->session_id, reserving->tokens,
			    limits->calls_per_interview, INT64_MAX / 2, &is_left, error);
	if (code == 0 && !is_left)
		return viva_fail(error, VIVA_EOVERLOAD, NULL,
				 "the language model's calls for one interview are used up");
	if (code == 0)
		code = take(transaction, "day", reserving->day, reserving->tokens, limits->calls_per_day,
			    limits->tokens_per_day, &is_left, error);
	if (code == 0 && !is_left)
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "the language model's budget of the day is used up");
	return code;
}

int scoring_llm_reserve(struct scoring_service *service, const struct scoring_llm_limits *limits,
			const char *session_id, int64_t tokens, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	int code = viva_arena_create(0, &arena);
	if (code != 0)
		return code;
	struct reserving reserving = {.session_id = session_id, .limits = limits, .tokens = tokens, .arena = arena};
	name_day(service, reserving.day);
	return viva_store_transact(service->store, reserve, &reserving, error);
}

void scoring_llm_correct(struct scoring_service *service, int64_t tokens)
{
	char day[DAY_SIZE];
	name_day(service, day);
	const struct viva_value values[] = {viva_value_int(tokens), viva_value_text(day)};
	// If this fails, the estimate stands.
	(void)!viva_store_execute(service->store,
				  "UPDATE scoring_llm_usage SET tokens = tokens + $1 WHERE kind = 'day' AND name = $2",
				  values, VIVA_COUNT(values), NULL, NULL);
}

static bool read_verdict(const char *text, struct scoring_llm_verdict *verdict)
{
	VIVA_AUTO_JSON json = NULL;
	const char *reason = "", *model = "", *fingerprint = "";
	if (!text || viva_json_parse_object(viva_bytes_of_text(text), MAX_VERDICT_BYTES, &json, NULL) != 0 ||
	    json_unpack(json, "{s:F, s:F, s:F, s:s, s:s, s:s}", "relevance", &verdict->relevance, "depth",
			&verdict->depth, "coverage", &verdict->coverage, "reason", &reason, "model", &model,
			"fingerprint", &fingerprint) != 0)
		return false;
	snprintf(verdict->reason, sizeof verdict->reason, "%s", reason);
	snprintf(verdict->model, sizeof verdict->model, "%s", model);
	snprintf(verdict->fingerprint, sizeof verdict->fingerprint, "%s", fingerprint);
	return true;
}

bool scoring_llm_find(struct scoring_service *service, const char *session_id, const char *key,
		      struct scoring_llm_verdict *ret_verdict)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_text(key)};
	struct viva_rows rows = {0};
	struct scoring_llm_verdict verdict = {0};
	if (viva_arena_create(0, &arena) != 0 ||
	    viva_store_query(service->store, arena,
			     "SELECT verdict FROM scoring_llm_verdicts WHERE session_id = $1 AND answer_key = $2",
			     values, VIVA_COUNT(values), &rows, NULL) != 0 ||
	    rows.row_count == 0 || !read_verdict(viva_rows_text(&rows, 0, 0), &verdict))
		return false;
	*ret_verdict = verdict;
	return true;
}

struct keeping {
	const char *session_id;
	const struct viva_value *values;
	size_t value_count;
	struct viva_arena *arena;
};

static int keep(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct keeping *keeping = context;
	bool is_erased = false;
	int code = scoring_records_enter(transaction, keeping->session_id, keeping->arena, &is_erased, error);
	if (code != 0 || is_erased)
		return code;
	return viva_transaction_execute(transaction,
					"INSERT INTO scoring_llm_verdicts (session_id, answer_key, verdict)"
					" VALUES ($1, $2, $3) ON CONFLICT (session_id, answer_key) DO NOTHING",
					keeping->values, keeping->value_count, NULL, error);
}

void scoring_llm_keep(struct scoring_service *service, const char *session_id, const char *key,
		      const struct scoring_llm_verdict *verdict)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON json = json_pack("{s:f, s:f, s:f, s:s, s:s, s:s}", "relevance", verdict->relevance, "depth",
					verdict->depth, "coverage", verdict->coverage, "reason", verdict->reason,
					"model", verdict->model, "fingerprint", verdict->fingerprint);
	const char *text = json && viva_arena_create(0, &arena) == 0 ? viva_json_text(arena, json) : NULL;
	if (!text)
		return;
	const struct viva_value values[] = {viva_value_text(session_id), viva_value_text(key), viva_value_text(text)};
	struct keeping keeping = {
		.session_id = session_id, .values = values, .value_count = VIVA_COUNT(values), .arena = arena};
	// One that is not kept costs another call.
	(void)!viva_store_transact(service->store, keep, &keeping, NULL);
}
