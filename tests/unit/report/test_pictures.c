// SPDX-License-Identifier: Apache-2.0
//
// Key frames in a report: shown where the candidate agreed, said why not elsewhere, and no bytes but a small plain
// JPEG's. Needs pdftotext and pdfimages (Debian's poppler-utils).
#include "report/report_pictures.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "pictures.h"
#include "report_fixture.h"

static const struct report_case agreed = {
	.name = "Ada Kowalska", .mode = "practice", .transcript = "An answer.", .frames = 50, .is_recorded = true};

static struct viva_bytes jpeg_of(int width, int height, struct jpeg_options options)
{
	uint8_t *rgb = make_gradient(width, height);
	struct viva_bytes file = make_jpeg(rgb, width, height, options);
	free(rgb);
	return file;
}

static json_t *list_of(struct viva_bytes file, int count)
{
	static const char *const names[] = {"neutral", "happy", "surprise"};
	json_t *list = json_array();
	for (int i = 0; i < count; i++)
		json_array_append_new(list, report_fixture_key_frame(7 + 30 * i, 1 + i / 3,
								     names[(size_t)i % VIVA_COUNT(names)], file));
	return list;
}

static const char *note_of(const json_t *report)
{
	return json_string_value(json_object_get(json_object_get(report, "video"), "note"));
}

static size_t count_shown(const json_t *report)
{
	return json_array_size(json_object_get(json_object_get(report, "video"), "key_frames"));
}

// How often the PDF holds exactly these bytes.
static size_t count_copies(struct viva_bytes whole, struct viva_bytes part)
{
	size_t count = 0;
	const uint8_t *at = whole.data;
	while ((at = memmem(at, whole.size - (size_t)(at - whole.data), part.data, part.size)) != NULL) {
		count++;
		at += part.size;
	}
	return count;
}

static void test_pictures__are_in_every_format_with_their_captions(void **state)
{
	(void)state;
	struct viva_bytes file = jpeg_of(320, 240, (struct jpeg_options){0});
	VIVA_AUTO_JSON list = list_of(file, 7);
	struct report_case test = agreed;
	test.key_frames = list;
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	assert_int_equal(count_shown(report), 7);
	VIVA_AUTO_FREE char *pdf = report_fixture_text(report, VIVA_REPORT_PDF);
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	static const char *const facts[] = {"7 pictures of the interview", "0:07 · question 1", "1:07 · question 1",
					    "3:07 · question 3",           "neutral, 88 %",     "surprise, 88 %"};
	for (size_t i = 0; i < VIVA_COUNT(facts); i++) {
		assert_non_null(strstr(pdf, facts[i]));
		assert_non_null(strstr(html, facts[i]));
	}
	assert_non_null(strstr(html, "src=\"data:image/jpeg;base64,/9j/"));
	assert_non_null(strstr(html, "img-src data:"));
	VIVA_AUTO(viva_blob) blob = report_fixture_render(report, VIVA_REPORT_PDF);
	assert_int_equal(count_copies(viva_blob_bytes(blob), file), 7);  // as they are, not encoded anew
	free_picture(file);
}

static void test_pictures__the_same_are_the_same_bytes(void **state)
{
	(void)state;
	struct viva_bytes file = jpeg_of(240, 320, (struct jpeg_options){0});
	VIVA_AUTO_JSON list = list_of(file, 3);
	struct report_case test = agreed;
	test.key_frames = list;
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	for (int format = 0; format <= VIVA_REPORT_HTML; format++) {
		VIVA_AUTO(viva_blob) first = report_fixture_render(report, (enum viva_report_format)format);
		VIVA_AUTO(viva_blob) again = report_fixture_render(report, (enum viva_report_format)format);
		struct viva_bytes a = viva_blob_bytes(first), b = viva_blob_bytes(again);
		assert_int_equal(a.size, b.size);
		assert_memory_equal(a.data, b.data, a.size);
	}
	free_picture(file);
}

static void test_pictures__without_them_the_report_says_why(void **state)
{
	(void)state;
	VIVA_AUTO_JSON none = json_array();
	struct viva_bytes file = jpeg_of(32, 24, (struct jpeg_options){0});
	VIVA_AUTO_JSON some = list_of(file, 2);
	struct report_case test = agreed;
	VIVA_AUTO_JSON unreachable = report_fixture_make(&test);
	assert_non_null(strstr(note_of(unreachable), "can't be fetched now"));
	test.key_frames = none;
	VIVA_AUTO_JSON empty = report_fixture_make(&test);
	assert_non_null(strstr(note_of(empty), "but there are none"));
	// Whatever a service may give: without consent nothing is shown.
	test.key_frames = some;
	test.is_recorded = false;
	VIVA_AUTO_JSON refused = report_fixture_make(&test);
	assert_non_null(strstr(note_of(refused), "did not agree to pictures being stored"));
	assert_int_equal(count_shown(refused), 0);
	test.is_recorded = true;
	test.mode = "recruitment";
	VIVA_AUTO_JSON recruitment = report_fixture_make(&test);
	assert_non_null(strstr(note_of(recruitment), "In recruitment interviews no pictures are taken"));
	assert_int_equal(count_shown(recruitment), 0);
	VIVA_AUTO_FREE char *pdf = report_fixture_text(recruitment, VIVA_REPORT_PDF);
	assert_non_null(strstr(pdf, "In recruitment interviews no pictures are taken"));
	free_picture(file);
}

static int read_bytes(const void *data, size_t size)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_report_picture picture;
	VIVA_AUTO_JSON key_frame = report_fixture_key_frame(1, 1, "happy", viva_bytes_of(data, size));
	assert_ok(viva_arena_create(0, &arena));
	return viva_report_picture_read(key_frame, arena, &picture);
}

static void assert_image_refused(struct viva_bytes file, int code)
{
	assert_error(read_bytes(file.data, file.size), code);
	free_picture(file);
}

static void test_pictures__only_a_small_plain_whole_jpeg_is_one(void **state)
{
	(void)state;
	struct viva_bytes good = jpeg_of(64, 48, (struct jpeg_options){0});
	assert_ok(read_bytes(good.data, good.size));
	uint8_t *changed = calloc(1, good.size + 64);
	// Cut short, and with something behind its end.
	assert_error(read_bytes(good.data, good.size - 2), VIVA_EIMAGE);
	assert_error(read_bytes(good.data, good.size / 2), VIVA_EIMAGE);
	memcpy(changed, good.data, good.size);
	memcpy(changed + good.size, "<script>", 8);
	assert_error(read_bytes(changed, good.size + 8), VIVA_EIMAGE);
	// A comment, and what cameras write, behind SOI.
	for (int marker = 0xe1; marker <= 0xfe; marker += 0xfe - 0xe1) {
		const uint8_t extra[] = {0xff, 0xd8, 0xff, (uint8_t)marker, 0, 6, 'E', 'x', 'i', 'f'};
		memcpy(changed, extra, sizeof extra);
		memcpy(changed + sizeof extra, good.data + 2, good.size - 2);
		assert_error(read_bytes(changed, good.size + 8), VIVA_EIMAGE);
	}
	free(changed);
	assert_image_refused(jpeg_of(64, 48, (struct jpeg_options){.is_progressive = true}), VIVA_EIMAGE);
	assert_image_refused(jpeg_of(VIVA_REPORT_MAX_PICTURE_SIDE + 1, 8, (struct jpeg_options){0}), VIVA_EFRAMESIZE);
	assert_error(read_bytes("", 0), VIVA_EFIELD);
	assert_error(read_bytes("GIF89a", 6), VIVA_EIMAGE);
	uint8_t *large = calloc(1, VIVA_REPORT_MAX_PICTURE_BYTES + 16);
	assert_error(read_bytes(large, VIVA_REPORT_MAX_PICTURE_BYTES + 16), VIVA_EFRAMESIZE);
	free(large);
	free_picture(good);
}

// Each byte changed, each cut: nothing worse than a refusal (the sanitizers watch).
static void test_pictures__damage_anywhere_is_refused_or_harmless(void **state)
{
	(void)state;
	struct viva_bytes good = jpeg_of(24, 16, (struct jpeg_options){0});
	uint8_t *changed = malloc(good.size);
	for (size_t i = 0; i < good.size; i++) {
		memcpy(changed, good.data, good.size);
		changed[i] ^= 0xff;
		int code = read_bytes(changed, good.size);
		assert_true(code == 0 || code == VIVA_EIMAGE || code == VIVA_EFRAMESIZE);
		assert_error(read_bytes(good.data, i), i == 0 ? VIVA_EFIELD : VIVA_EIMAGE);
	}
	free(changed);
	free_picture(good);
}

static void test_pictures__hostile_members_add_nothing(void **state)
{
	(void)state;
	struct viva_bytes file = jpeg_of(32, 24, (struct jpeg_options){0});
	VIVA_AUTO_JSON list = json_array();
	json_t *odd = report_fixture_key_frame(-90, 99999999, "<b>angry</b>", file);
	json_object_set_new(odd, "confidence", json_string("<i>"));
	json_object_set_new(odd, "more", json_string("<script>"));
	json_array_append_new(list, odd);
	json_t *bad = report_fixture_key_frame(5, 1, "happy", file);
	json_object_set_new(bad, "image_data", json_string("\"><script>alert(1)</script>"));
	json_array_append_new(list, bad);
	json_array_append_new(list, json_null());
	struct report_case test = agreed;
	test.key_frames = list;
	VIVA_AUTO_JSON report = report_fixture_make(&test);
	assert_int_equal(count_shown(report), 1);
	assert_non_null(strstr(note_of(report), "2 more can't be read and are left out"));
	const json_t *shown = json_array_get(json_object_get(json_object_get(report, "video"), "key_frames"), 0);
	assert_true(json_is_null(json_object_get(shown, "question")));
	assert_true(json_is_null(json_object_get(shown, "seconds")));
	assert_true(json_is_null(json_object_get(shown, "emotion")));
	assert_null(json_object_get(shown, "more"));
	VIVA_AUTO_FREE char *html = report_fixture_text(report, VIVA_REPORT_HTML);
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "<b>angry"));
	free_picture(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pictures__are_in_every_format_with_their_captions),
		cmocka_unit_test(test_pictures__the_same_are_the_same_bytes),
		cmocka_unit_test(test_pictures__without_them_the_report_says_why),
		cmocka_unit_test(test_pictures__only_a_small_plain_whole_jpeg_is_one),
		cmocka_unit_test(test_pictures__damage_anywhere_is_refused_or_harmless),
		cmocka_unit_test(test_pictures__hostile_members_add_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
