// SPDX-License-Identifier: Apache-2.0
#include "interview/export.h"

#include <string.h>

#include "interview/adapt.h"
#include "interview/messages.h"
#include "interview/timeline.h"

enum { MAX_SCORING_BYTES = 4 * 1024 * 1024, MAX_PICTURES_BYTES = 2 * 1024 * 1024, MAX_PICTURES = 64 };

static int load_whole(struct interview_service *service, const char *id, struct viva_arena *arena, json_t **ret_whole,
		      struct viva_error *error)
{
	struct interview_reader reader = {.store = service->store, .arena = arena};
	struct interview_record record;
	const struct interview_question *questions = NULL;
	const struct interview_answer *answers = NULL;
	size_t question_count = 0;
	size_t answer_count = 0;
	int status = interview_load_settled(service, id, arena, &record, error);
	if (!status)
		status = interview_load_questions(&reader, id, &questions, &question_count, error);
	if (!status)
		status = interview_load_answers(&reader, id, &answers, &answer_count, error);
	if (status)
		return status;
	*ret_whole = interview_whole_json(&record, questions, question_count, answers, answer_count);
	return *ret_whole ? 0 : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the export");
}

// What the scoring service holds; JSON null when it holds nothing.
static int load_scoring(struct interview_service *service, const char *id, struct viva_arena *arena,
			json_t **ret_scoring, struct viva_error *error)
{
	const char *path = viva_arena_printf(arena, "/api/v1/scores/session/%s", id);
	if (!path)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the export");
	struct viva_http_reply reply;
	int status = interview_rest(service->peers, INTERVIEW_PEER_SCORING, "GET", path, id, arena, &reply, error);
	if (status)
		return status;
	if (reply.status == 404) {
		*ret_scoring = json_null();
		return 0;
	}
	if (reply.status != 200 || viva_json_parse(reply.body, MAX_SCORING_BYTES, ret_scoring, NULL))
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the scoring service answered with status %d",
				 reply.status);
	return 0;
}

// The pictures that the emotion service keeps, whole: they are the candidate's.
static int load_key_frames(struct interview_service *service, const char *id, struct viva_arena *arena,
			   json_t **ret_list, struct viva_error *error)
{
	const char *path = viva_arena_printf(arena, "/api/v1/emotions/session/%s/key-frames", id);
	if (!path)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the export");
	struct viva_http_reply reply;
	VIVA_AUTO_JSON json = NULL;
	json_t *list = NULL;
	int status = interview_rest(service->peers, INTERVIEW_PEER_EMOTION, "GET", path, id, arena, &reply, error);
	if (status)
		return status;
	if (reply.status != 200 || viva_json_parse_object(reply.body, MAX_PICTURES_BYTES, &json, NULL) ||
	    viva_json_get_array(json, "key_frames", true, MAX_PICTURES, &list, NULL))
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the emotion service answered with status %d",
				 reply.status);
	*ret_list = json_incref(list);
	return 0;
}

// The export while it is written: the head goes out with the timeline's first page, so that until then an error can
// still be answered as one.
struct writing {
	struct viva_http_response *response;
	struct viva_arena *arena;
	json_t *whole;
	json_t *scoring;
	json_t *key_frames;
	bool is_begun;
	bool has_rows;
};

static int write_text(struct writing *writing, const char *text)
{
	return viva_http_write(writing->response, text, strlen(text));
}

static int write_member(struct writing *writing, const char *before, const json_t *json)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	const char *text = viva_json_text(arena, json);
	if (!text)
		return VIVA_ENOMEM;
	int status = write_text(writing, before);
	return status ? status : write_text(writing, text);
}

static int begin(struct writing *writing, const json_t *summary)
{
	if (writing->is_begun)
		return 0;
	writing->is_begun = true;
	int status = viva_http_begin_stream(writing->response, 200, "application/json");
	if (!status)
		status = write_member(writing, "{\"interview\":", writing->whole);
	if (!status)
		status = write_member(writing, ",\"scoring\":", writing->scoring);
	VIVA_AUTO_JSON none = json_null();
	if (!status)
		status = write_member(writing, ",\"key_frames\":", writing->key_frames);
	if (!status)
		status = write_member(writing, ",\"emotion_summary\":", summary ? summary : none);
	return status ? status : write_text(writing, ",\"emotions\":[");
}

static int write_page(const json_t *emotions, const json_t *summary, void *context, struct viva_error *error)
{
	(void)error;
	struct writing *writing = context;
	int status = begin(writing, summary);
	for (size_t i = 0; i < json_array_size(emotions) && !status; i++) {
		status = write_member(writing, writing->has_rows ? "," : "", json_array_get(emotions, i));
		writing->has_rows = true;
	}
	return status;
}

int interview_export(struct interview_service *service, const char *id, struct viva_arena *arena,
		     struct viva_http_response *response, struct viva_error *error)
{
	VIVA_AUTO_JSON whole = NULL;
	VIVA_AUTO_JSON scoring = NULL;
	VIVA_AUTO_JSON key_frames = NULL;
	int status = load_whole(service, id, arena, &whole, error);
	if (!status)
		status = load_scoring(service, id, arena, &scoring, error);
	if (!status)
		status = load_key_frames(service, id, arena, &key_frames, error);
	if (status)
		return status;
	struct writing writing = {
		.response = response, .arena = arena, .whole = whole, .scoring = scoring, .key_frames = key_frames};
	status = interview_timeline_read(service, id, write_page, &writing, error);
	if (status && !writing.is_begun)
		return status;
	// A timeline that breaks off ends the answer inside its array: nobody takes that for the whole.
	if (!status)
		status = begin(&writing, NULL);
	return status ? status : write_text(&writing, "]}");
}
