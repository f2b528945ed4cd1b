// SPDX-License-Identifier: Apache-2.0
#include "report/report_pictures.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "jpeg/jpeg_guard.h"
#include "report/report_text.h"

enum {
	BYTES_PER_PIXEL = 4,
	MAX_QUESTION = 10000,
	PERCENT = 100,
	CLOCK_SLACK_MS = 60000,  // by which a candidate's clock may be behind ours
};
static const int64_t MAX_UNIX_MS = 253402300799999;  // the end of the year 9999

struct decoder {
	struct jpeg_decompress_struct jpeg;
	struct viva_arena *arena;
	struct viva_report_picture *picture;
};

static int check_head(const struct jpeg_decompress_struct *jpeg)
{
	bool is_plain = !jpeg->progressive_mode && !jpeg->arith_code && jpeg->data_precision == 8 &&
			(jpeg->num_components == 1 || jpeg->num_components == 3) && !jpeg->marker_list;
	if (!is_plain)
		return VIVA_EIMAGE;
	bool is_small =
		jpeg->image_width <= VIVA_REPORT_MAX_PICTURE_SIDE && jpeg->image_height <= VIVA_REPORT_MAX_PICTURE_SIDE;
	return is_small ? 0 : VIVA_EFRAMESIZE;
}

// All that a JPEG may carry beside its picture is saved, so that it is found out, and refused.
static void save_extras(struct jpeg_decompress_struct *jpeg)
{
	jpeg_save_markers(jpeg, JPEG_COM, 1);
	for (int i = 1; i < 16; i++)
		jpeg_save_markers(jpeg, JPEG_APP0 + i, 1);
}

static int decode(void *context)
{
	struct decoder *decoder = context;
	struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
	struct viva_report_picture *picture = decoder->picture;
	jpeg_create_decompress(jpeg);
	jpeg_mem_src(jpeg, picture->jpeg.data, picture->jpeg.size);
	save_extras(jpeg);
	jpeg_read_header(jpeg, TRUE);
	int code = check_head(jpeg);
	if (code != 0)
		return code;
	picture->width = (int)jpeg->image_width;
	picture->height = (int)jpeg->image_height;
	size_t stride = (size_t)picture->width * BYTES_PER_PIXEL;
	picture->pixels = viva_arena_alloc(decoder->arena, stride * (size_t)picture->height);
	if (!picture->pixels)
		return VIVA_ENOMEM;
	jpeg->out_color_space = JCS_EXT_BGRX;
	jpeg_start_decompress(jpeg);
	while (jpeg->output_scanline < jpeg->output_height) {
		JSAMPROW row = picture->pixels + jpeg->output_scanline * stride;
		jpeg_read_scanlines(jpeg, &row, 1);
	}
	jpeg_finish_decompress(jpeg);
	return jpeg->src->bytes_in_buffer == 0 && !jpeg->marker_list ? 0 : VIVA_EIMAGE;
}

static int read_jpeg(struct viva_arena *arena, struct viva_report_picture *picture)
{
	struct viva_jpeg_guard guard;
	struct decoder decoder = {.arena = arena, .picture = picture};
	decoder.jpeg.err = viva_jpeg_guard_init(&guard, 0);
	int code = 0;
	if (!viva_jpeg_guarded(&guard, decode, &decoder, &code))
		code = VIVA_EIMAGE;
	jpeg_destroy_decompress(&decoder.jpeg);
	return code;
}

int viva_report_picture_read(const json_t *key_frame, struct viva_arena *arena, struct viva_report_picture *ret_picture)
{
	const char *text = viva_report_text(key_frame, "image_data");
	size_t length = strlen(text), size = 0;
	if (viva_base64_decoded_bound(length) > VIVA_REPORT_MAX_PICTURE_BYTES + 2)
		return VIVA_EFRAMESIZE;
	uint8_t *bytes = viva_arena_alloc(arena, viva_base64_decoded_bound(length) + 1);
	if (!bytes)
		return VIVA_ENOMEM;
	if (length == 0 || viva_base64_decode(text, length, bytes, &size) != 0)
		return VIVA_EFIELD;
	struct viva_report_picture picture = {.jpeg = viva_bytes_of(bytes, size)};
	int code = read_jpeg(arena, &picture);
	if (code == 0)
		*ret_picture = picture;
	return code;
}

static const Scoring__InterviewMetadata *metadata_of(const struct viva_report_source *source)
{
	static const Scoring__InterviewMetadata none = SCORING__INTERVIEW_METADATA__INIT;
	return source->request->metadata ? source->request->metadata : &none;
}

static json_t *expression_of(const json_t *key_frame)
{
	static const char *const names[] = {"happy",    "sad",  "angry",   "neutral",
					    "surprise", "fear", "disgust", "confident"};
	const char *emotion = viva_report_text(key_frame, "emotion");
	for (size_t i = 0; i < VIVA_COUNT(names); i++)
		if (strcmp(names[i], emotion) == 0)
			return json_string(names[i]);
	return json_null();
}

// Written anew, so that nothing but what is checked here goes on.
static json_t *shown(const struct viva_report_source *source, const json_t *key_frame,
		     const struct viva_report_picture *picture, struct viva_arena *arena)
{
	int64_t timestamp = json_integer_value(json_object_get(key_frame, "timestamp"));
	int64_t question = json_integer_value(json_object_get(key_frame, "question"));
	int64_t started_at = metadata_of(source)->started_at;
	double confidence = viva_report_number(key_frame, "confidence");
	bool has_time = timestamp > 0 && timestamp <= MAX_UNIX_MS;
	int64_t elapsed_ms = VIVA_MAX(timestamp - started_at, INT64_C(0));
	bool has_start = has_time && started_at > 0 && timestamp >= started_at - CLOCK_SLACK_MS;
	bool has_confidence = source->include_emotions && confidence >= 0 && confidence <= 1;
	size_t size = viva_base64_encoded_size(picture->jpeg.size);
	char *text = viva_arena_alloc(arena, size + 1);
	if (!text)
		return NULL;
	viva_base64_encode(picture->jpeg.data, picture->jpeg.size, text);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:s}", "timestamp",
			 has_time ? json_integer((json_int_t)timestamp) : json_null(), "seconds",
			 has_start ? viva_json_real((double)elapsed_ms / 1000, 3) : json_null(), "question",
			 question > 0 && question <= MAX_QUESTION ? json_integer((json_int_t)question) : json_null(),
			 "emotion", source->include_emotions ? expression_of(key_frame) : json_null(), "confidence",
			 has_confidence ? viva_json_real(confidence, 4) : json_null(), "width", picture->width,
			 "height", picture->height, "image_data", text);
}

// Those that can be shown. *ret_bad counts the others.
static json_t *show_all(const struct viva_report_source *source, size_t *ret_bad)
{
	VIVA_AUTO_JSON list = json_array();
	size_t index, bad = 0;
	const json_t *key_frame;
	json_array_foreach(source->key_frames, index, key_frame)
	{
		// An arena for each: pixels are many.
		VIVA_AUTO(viva_arena) arena = NULL;
		struct viva_report_picture picture;
		int code = viva_arena_create(0, &arena);
		if (code == 0 && index < VIVA_REPORT_MAX_PICTURES)
			code = viva_report_picture_read(key_frame, arena, &picture);
		else if (code == 0)
			code = VIVA_ELIMIT;
		if (code == VIVA_ENOMEM ||
		    (code == 0 && json_array_append_new(list, shown(source, key_frame, &picture, arena)) != 0))
			return NULL;
		bad += code != 0;
	}
	*ret_bad = bad;
	return viva_take(&list);
}

static bool has_consent(const Scoring__InterviewMetadata *metadata)
{
	return strcmp(metadata->mode, "practice") == 0 && !metadata->emotion_withheld && metadata->recording;
}

static const char *note_without_consent(const Scoring__InterviewMetadata *metadata)
{
	if (strcmp(metadata->mode, "recruitment") == 0)
		return "In recruitment interviews no pictures are taken, so this report holds none.";
	if (metadata->emotion_withheld)
		return "The candidate did not agree to pictures being looked at, so none were taken, and this report "
		       "holds none.";
	return "The candidate did not agree to pictures being stored, so this report holds none.";
}

static const char *note_with_consent(const struct viva_report_source *source, size_t count, size_t bad,
				     struct viva_arena *arena)
{
	if (!source->key_frames)
		return "The candidate agreed to pictures being stored, but they can't be fetched now: ask for the "
		       "report again later.";
	const char *rest = bad == 0 ? ""
				    : viva_report_print(arena, " %zu more can't be read and %s left out.", bad,
							bad == 1 ? "is" : "are");
	if (count > 0)
		return viva_report_print(arena,
					 "%zu %s of the interview, which the candidate agreed to being stored. Of each "
					 "question the best of each expression is kept, at most twelve in all.%s",
					 count, count == 1 ? "picture" : "pictures", rest);
	if (bad > 0)
		return "The candidate agreed to pictures being stored, but those that are there can't be read.";
	return "The candidate agreed to pictures being stored, but there are none: no frame showed one face alone, or "
	       "they were deleted when they got old.";
}

json_t *viva_report_video(const struct viva_report_source *source)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const Scoring__InterviewMetadata *metadata = metadata_of(source);
	size_t bad = 0;
	bool is_consented = has_consent(metadata);
	VIVA_AUTO_JSON list = is_consented ? show_all(source, &bad) : json_array();
	if (!list || viva_arena_create(0, &arena) != 0)
		return NULL;
	const char *note = is_consented ? note_with_consent(source, json_array_size(list), bad, arena)
					: note_without_consent(metadata);
	return json_pack("{s:s, s:b, s:O}", "note", note, "consented", is_consented, "key_frames", list);
}

const char *viva_report_picture_place(struct viva_arena *arena, const json_t *key_frame)
{
	const json_t *seconds = json_object_get(key_frame, "seconds");
	double question = viva_report_number(key_frame, "question");
	const char *clock = json_is_number(seconds) ? viva_report_clock(arena, json_number_value(seconds)) : "";
	if (question < 1)
		return clock;
	return viva_report_print(arena, "%s%squestion %.0f", clock, clock[0] ? " · " : "", question);
}

const char *viva_report_picture_expression(struct viva_arena *arena, const json_t *key_frame)
{
	const char *emotion = viva_report_clean(arena, viva_report_text(key_frame, "emotion"), 12);
	const json_t *confidence = json_object_get(key_frame, "confidence");
	if (emotion[0] == '\0' || !json_is_number(confidence))
		return emotion;
	return viva_report_print(arena, "%s, %.0f %%", emotion, PERCENT * json_number_value(confidence));
}
