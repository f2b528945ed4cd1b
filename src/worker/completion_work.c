// SPDX-License-Identifier: Apache-2.0
#include "worker/completion_work.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "scoring.pb-c.h"
#include "worker/completion_rule.h"
#include "worker/frame_store.h"
#include "worker/meters.h"

enum {
	// Less than a process may take to end. A service that needs longer goes on by itself and has it at the next
	// try.
	CALL_LIMIT_MS = 8000,
	MAX_ANSWER_BYTES = 1 << 20,
};

struct work {
	const struct worker_completions_options *options;
	struct worker_completion *completion;
	int64_t waited_ms;
	struct viva_arena *arena;
};

// ---- dealt with before?

static int is_in_inbox(const struct work *work, bool *ret_is_known, struct viva_error *error)
{
	const struct viva_value values[] = {viva_value_text(work->completion->key)};
	struct viva_rows rows;
	int status =
		viva_store_query(work->options->store, work->arena, "SELECT 1 FROM worker_inbox WHERE message_id = $1",
				 values, VIVA_COUNT(values), &rows, error);
	if (!status)
		*ret_is_known = rows.row_count > 0;
	return status;
}

static int remember(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct work *work = context;
	bool is_new;
	return viva_inbox_accept(work->options->inbox, transaction, work->completion->key,
				 viva_clock_unix_ms(work->options->clock), &is_new, error);
}

// ---- frames

// A session's frames are worked on in order: when the newest is through, all are. One without a number of its own can't
// be asked for: then so many must be there.
static enum worker_timeline read_timeline(const json_t *page, const struct worker_frame_counts *counts)
{
	const char *state = json_string_value(json_object_get(json_object_get(page, "frame"), "state"));
	const json_t *frames = json_object_get(json_object_get(page, "summary"), "frames");
	if (state)
		return strcmp(state, "unknown") == 0 ? WORKER_TIMELINE_BEHIND : WORKER_TIMELINE_THROUGH;
	if (!json_is_integer(frames))
		return WORKER_TIMELINE_UNKNOWN;
	return json_integer_value(frames) < counts->accepted ? WORKER_TIMELINE_BEHIND : WORKER_TIMELINE_THROUGH;
}

static enum worker_timeline ask_timeline(const struct work *work, const struct worker_frame_counts *counts)
{
	const char *session_id = work->completion->session_id;
	const struct viva_peer_request request = {
		.method = "GET",
		.path = viva_arena_printf(work->arena, "/api/v1/emotions/session/%s?limit=1&frame=%" PRId64, session_id,
					  counts->newest),
		.interview_id = session_id,
	};
	struct viva_http_reply reply;
	VIVA_AUTO_JSON page = NULL;
	struct viva_error reason = {0};
	if (!request.path || viva_peer_rest(work->options->emotion, &request, work->arena, &reply, NULL))
		return WORKER_TIMELINE_UNKNOWN;
	if (reply.status == 404)
		return WORKER_TIMELINE_BEHIND;
	if (reply.status != 200 || viva_json_parse_object(reply.body, MAX_ANSWER_BYTES, &page, &reason))
		return WORKER_TIMELINE_UNKNOWN;
	return read_timeline(page, counts);
}

static int look_at_frames(const struct work *work, enum worker_completion_step *ret_step, struct viva_error *error)
{
	struct worker_completion_view view = {
		.queued = work->completion->queued_frames,
		.waited_ms = work->waited_ms,
		.limit_ms = work->options->wait_ms,
	};
	struct worker_frame_counts counts = {0};
	int status = view.queued == 0
			     ? 0
			     : worker_frames_count(work->options->store, work->completion->session_id, &counts, error);
	if (status)
		return status;
	view.accepted = counts.accepted;
	view.dropped = counts.dropped;
	view.is_erased = counts.is_erased;
	if (worker_completion_needs_timeline(&view))
		view.timeline = ask_timeline(work, &counts);
	*ret_step = worker_completion_decide(&view);
	return 0;
}

static enum worker_completion_result wait_for_frames(const struct work *work, struct viva_error *reason)
{
	enum worker_completion_step step = WORKER_WAIT;
	if (work->completion->is_through)
		return WORKER_RESULT_DONE;
	if (look_at_frames(work, &step, reason))
		return WORKER_RESULT_LATER;
	if (step == WORKER_WAIT)
		return WORKER_RESULT_WAIT;
	work->completion->is_through = true;
	viva_metric_observe(worker_meters()->completion_wait_seconds, (double)work->waited_ms / 1000);
	if (step == WORKER_CUT_SHORT)
		viva_metric_add(worker_meters()->completions_cut_short, 1);
	return WORKER_RESULT_DONE;
}

// ---- score

static enum worker_completion_result judge_answer(const struct viva_http_reply *reply, struct viva_error *reason)
{
	VIVA_AUTO_JSON answer = NULL;
	switch (reply->status) {
	case 200:
		if (viva_json_parse_object(reply->body, MAX_ANSWER_BYTES, &answer, reason))
			return WORKER_RESULT_FAILED;
		if (json_is_object(json_object_get(answer, "score")))
			return WORKER_RESULT_DONE;
		viva_fail(reason, VIVA_ESCORINGDOWN, NULL, "the interview has no score yet");
		return WORKER_RESULT_LATER;
	case 404:
	case 409:
	case 410:
		return WORKER_RESULT_GONE;
	case 401:
	case 403:
	case 429:
		viva_fail(reason, VIVA_EUNAVAILABLE, NULL, "the interview service answered with status %d",
			  reply->status);
		return WORKER_RESULT_LATER;
	default:
		viva_fail(reason, VIVA_EBADGATEWAY, NULL, "the interview service answered with status %d",
			  reply->status);
		return WORKER_RESULT_FAILED;
	}
}

static enum worker_completion_result have_scored(const struct work *work, struct viva_error *reason)
{
	const char *session_id = work->completion->session_id;
	const struct viva_peer_request request = {
		.method = "POST",
		.path = viva_arena_printf(work->arena, "/api/v1/interviews/%s/complete", session_id),
		.interview_id = session_id,
		.timeout_ms = CALL_LIMIT_MS,
	};
	struct viva_http_reply reply;
	int status = request.path ? viva_peer_rest(work->options->interview, &request, work->arena, &reply, reason)
				  : VIVA_ENOMEM;
	if (status)
		return status == VIVA_ELIMIT ? WORKER_RESULT_FAILED : WORKER_RESULT_LATER;
	return judge_answer(&reply, reason);
}

// ---- report

static enum worker_completion_result have_report_made(const struct work *work, struct viva_error *reason)
{
	Scoring__ReportRequest request;
	scoring__report_request__init(&request);
	// protobuf-c's strings are not const, but packing only reads them.
	request.session_id = (char *)(uintptr_t)work->completion->session_id;
	request.format = (char *)(uintptr_t)work->options->report_format;
	request.include_emotions = true;
	int64_t deadline_us = viva_clock_monotonic_us(work->options->clock) + INT64_C(1000) * CALL_LIMIT_MS;
	ProtobufCMessage *reply = NULL;
	int status =
		viva_peer_call_message(work->options->scoring, "/scoring.ScoringService/GenerateReport", &request.base,
				       deadline_us, &scoring__report_response__descriptor, work->arena, &reply, reason);
	if (status == VIVA_EUNAVAILABLE || status == VIVA_ENOMEM)
		return WORKER_RESULT_LATER;
	// Erased since its score was seen: there is nothing left to be made.
	if (status == VIVA_ENOTFOUND && have_scored(work, NULL) == WORKER_RESULT_GONE)
		return WORKER_RESULT_GONE;
	return status ? WORKER_RESULT_FAILED : WORKER_RESULT_DONE;
}

// ----

enum worker_completion_result worker_completion_try(const struct worker_completions_options *options,
						    struct worker_completion *completion, int64_t waited_ms,
						    struct viva_error *reason)
{
	struct work work = {.options = options, .completion = completion, .waited_ms = waited_ms};
	VIVA_AUTO(viva_arena) arena = NULL;
	bool is_known = false;
	if (viva_arena_create(0, &arena))
		return WORKER_RESULT_LATER;
	work.arena = arena;
	if (is_in_inbox(&work, &is_known, reason))
		return WORKER_RESULT_LATER;
	if (is_known)
		return WORKER_RESULT_REPEATED;
	// No interview has such an id, and none that is no UUID gets into a path.
	if (!viva_uuid_is_valid(completion->session_id))
		return WORKER_RESULT_GONE;
	enum worker_completion_result result = wait_for_frames(&work, reason);
	if (result == WORKER_RESULT_DONE)
		result = have_scored(&work, reason);
	if (result == WORKER_RESULT_DONE)
		result = have_report_made(&work, reason);
	bool is_over = result == WORKER_RESULT_DONE || result == WORKER_RESULT_GONE;
	if (is_over && viva_store_transact(options->store, remember, &work, reason))
		return WORKER_RESULT_LATER;
	return result;
}
