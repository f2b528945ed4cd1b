// SPDX-License-Identifier: Apache-2.0
//
// A key frame of any bytes in a report: refused, or a small picture that a PDF and a page can hold.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "report/report_html.h"
#include "report/report_pdf.h"
#include "report/report_pictures.h"

enum { MAX_BYTES = 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *key_frame_of(const uint8_t *data, size_t size)
{
	char *text = calloc(1, viva_base64_encoded_size(size) + 1);
	if (!text)
		abort();
	viva_base64_encode(data, size, text);
	json_t *key_frame = json_pack("{s:f, s:i, s:s, s:f, s:s}", "seconds", 1., "question", 1, "emotion", "happy",
				      "confidence", .5, "image_data", text);
	free(text);
	return key_frame;
}

static void render(json_t *key_frame)
{
	VIVA_AUTO_JSON report = json_pack("{s:{s:s, s:[O]}}", "video", "note", "1 picture", "key_frames", key_frame);
	struct viva_buffer pdf = {.limit = 1 << 22}, page = {.limit = 1 << 22};
	if (!report || viva_report_pdf(report, &pdf) != 0 || viva_report_html(report, &page) != 0)
		abort();
	viva_buffer_finish(&pdf);
	viva_buffer_finish(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_report_picture picture;
	if (size > MAX_BYTES || viva_arena_create(0, &arena) != 0)
		return 0;
	VIVA_AUTO_JSON key_frame = key_frame_of(data, size);
	int code = key_frame ? viva_report_picture_read(key_frame, arena, &picture) : VIVA_ENOMEM;
	if (code == VIVA_EFIELD || code == VIVA_EIMAGE || code == VIVA_EFRAMESIZE)
		return 0;
	if (code != 0 || picture.width < 1 || picture.width > VIVA_REPORT_MAX_PICTURE_SIDE || picture.height < 1 ||
	    picture.height > VIVA_REPORT_MAX_PICTURE_SIDE || picture.jpeg.size != size)
		abort();
	render(key_frame);
	return 0;
}
