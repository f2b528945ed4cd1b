// SPDX-License-Identifier: Apache-2.0
//
// The page's contact sheet of key frames.
#include "base/text.h"
#include "report/html_parts.h"
#include "report/report_pictures.h"
#include "report/report_text.h"

enum { MAX_NOTE = 1600, MAX_CAPTION = 40 };

static void put_base64(struct html *html, struct viva_bytes bytes)
{
	size_t size = viva_base64_encoded_size(bytes.size);
	if (html->code == 0)
		html->code = viva_buffer_reserve(html->out, size);
	if (html->code != 0)
		return;
	viva_base64_encode(bytes.data, bytes.size, (char *)html->out->data + html->out->size);
	html->out->size += size;
}

static void put_picture(struct html *html, const json_t *key_frame)
{
	// An arena for each: pixels are many.
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_report_picture picture;
	if (viva_arena_create(0, &arena) != 0 || viva_report_picture_read(key_frame, arena, &picture) != 0)
		return;
	const char *place = viva_report_picture_place(html->arena, key_frame);
	const char *expression = viva_report_picture_expression(html->arena, key_frame);
	html_put(html, "<figure><img width=\"%d\" height=\"%d\" alt=\"The candidate, ", picture.width, picture.height);
	html_text(html, place, MAX_CAPTION);
	html_put(html, "\" src=\"data:image/jpeg;base64,");
	put_base64(html, picture.jpeg);
	html_put(html, "\"><figcaption>");
	html_text(html, place, MAX_CAPTION);
	html_put(html, "<br>");
	html_text(html, expression, MAX_CAPTION);
	html_put(html, "</figcaption></figure>\n");
}

void html_pictures(struct html *html)
{
	const json_t *video = json_object_get(html->report, "video");
	const json_t *list = json_object_get(video, "key_frames");
	if (!json_is_object(video))
		return;
	html_put(html, "<h2>Key frames</h2>\n");
	html_element(html, "p", "note", viva_report_text(video, "note"), MAX_NOTE);
	html_put(html, "<div class=\"sheet small\">\n");
	for (size_t i = 0; i < json_array_size(list) && i < VIVA_REPORT_MAX_PICTURES; i++)
		put_picture(html, json_array_get(list, i));
	html_put(html, "</div>\n");
}
