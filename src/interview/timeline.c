// SPDX-License-Identifier: Apache-2.0
#include "interview/timeline.h"

#include <string.h>

enum {
	ROWS_PER_PAGE = 500,
	MAX_PAGE_BYTES = 4 * 1024 * 1024,
	MAX_PAGES = 2000,  // two hours at 60 frames a second make 864
	MAX_CURSOR_BYTES = 256,
};

// Where the next page begins, as the last page said: a number or a text. "" = there is none.
static int read_cursor(const json_t *page, char ret_cursor[3 * MAX_CURSOR_BYTES + 1], struct viva_error *error)
{
	const json_t *next = json_object_get(page, "next");
	ret_cursor[0] = '\0';
	if (json_is_integer(next)) {
		snprintf(ret_cursor, 3 * MAX_CURSOR_BYTES + 1, "%lld", (long long)json_integer_value(next));
		return 0;
	}
	if (!json_is_string(next))
		return 0;
	if (json_string_length(next) > MAX_CURSOR_BYTES)
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the emotion service gave an endless cursor");
	char *out = ret_cursor;
	for (const char *at = json_string_value(next); *at; at++)
		out += sprintf(out, "%%%02X", (unsigned char)*at);
	return 0;
}

static int read_page(struct interview_service *service, const char *id, const char *cursor, struct viva_arena *arena,
		     json_t **ret_page, struct viva_error *error)
{
	const char *path = viva_arena_printf(arena, "/api/v1/emotions/session/%s?limit=%d%s%s", id, ROWS_PER_PAGE,
					     cursor[0] ? "&after=" : "", cursor);
	if (!path)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the timeline");
	struct viva_http_reply reply;
	int status = interview_rest(service->peers, INTERVIEW_PEER_EMOTION, "GET", path, id, arena, &reply, error);
	if (status)
		return status;
	if (reply.status == 404) {
		*ret_page = NULL;
		return 0;
	}
	struct viva_error reason = {0};
	if (reply.status != 200 || viva_json_parse_object(reply.body, MAX_PAGE_BYTES, ret_page, &reason))
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the emotion service answered with status %d",
				 reply.status);
	return 0;
}

int interview_timeline_read(struct interview_service *service, const char *id, interview_on_page *on_page,
			    void *context, struct viva_error *error)
{
	char cursor[3 * MAX_CURSOR_BYTES + 1] = "";
	for (int pages = 0; pages < MAX_PAGES; pages++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		if (viva_arena_create(0, &arena))
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the timeline");
		VIVA_AUTO_JSON page = NULL;
		int status = read_page(service, id, cursor, arena, &page, error);
		if (status || !page)
			return status;
		const json_t *emotions = json_object_get(page, "emotions");
		const json_t *summary = json_object_get(page, "summary");
		if (!json_is_array(emotions))
			return viva_fail(error, VIVA_EBADGATEWAY, NULL,
					 "the emotion service answered without a timeline");
		status = on_page(emotions, json_is_object(summary) ? summary : NULL, context, error);
		if (!status)
			status = read_cursor(page, cursor, error);
		if (status || !cursor[0])
			return status;
	}
	return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the emotion service's timeline does not end");
}
