// SPDX-License-Identifier: Apache-2.0
#include "analyze/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "viva_test.h"

// What is written of the records and at the end; to be freed.
static char *written(struct analyze_writer writer, const struct analyze_record *records, size_t count)
{
	char *text = NULL;
	size_t size = 0;
	struct analyze_summary summary = {0};
	struct viva_tracker tracker = {0};
	writer.out = open_memstream(&text, &size);
	writer.input = "input";
	assert_non_null(writer.out);
	for (size_t i = 0; i < count; i++) {
		assert_ok(analyze_write_record(&writer, &records[i], NULL));
		assert_ok(analyze_summary_add(&summary, &records[i], &tracker));
	}
	assert_ok(analyze_write_end(&writer, &records[0], &summary, NULL));
	analyze_summary_finish(&summary);
	assert_int_equal(fclose(writer.out), 0);
	return text;
}

// A face, no face, and no picture.
static void make_records(struct analyze_record records[3])
{
	memset(records, 0, 3 * sizeof *records);
	for (size_t i = 0; i < 3; i++) {
		records[i].index = i;
		records[i].time_ms = (int64_t)i * 40;
	}
	analyze_set_name(&records[0], "a \"b\", c.jpg");
	records[0].is_readable = records[1].is_readable = true;
	records[0].result = (struct viva_vision_result){.width = 640,
							.height = 480,
							.is_detected = true,
							.confidence = .75f,
							.box = {1, 2, 3, 4},
							.face_count = 1,
							.emotion = VIVA_EMOTION_HAPPY,
							.emotion_confidence = .5f,
							.expressions = {.5f, .5f}};
	records[0].eyes = VIVA_EYES_OPEN;
	records[1].result.hint = VIVA_HINT_NO_FACE;
	records[2].error.code = VIVA_EIMAGE;
	strcpy(records[2].error.message, "it ends \"early\"");
}

static size_t count_cells(const char *row)
{
	size_t cells = 1;
	bool is_quoted = false;
	for (; *row && *row != '\r'; row++) {
		is_quoted ^= *row == '"';
		cells += *row == ',' && !is_quoted;
	}
	assert_false(is_quoted);
	return cells;
}

static void test_writer__each_row_of_a_table_has_all_its_cells(void **state)
{
	(void)state;
	struct analyze_record records[3];
	make_records(records);
	char *text = written((struct analyze_writer){.format = ANALYZE_CSV, .is_film = true, .fps = 25}, records, 3);
	size_t rows = 0, cells = count_cells(text);
	for (const char *row = text; *row; row = strchr(row, '\n') + 1, rows++)
		assert_int_equal(count_cells(row), cells);
	assert_int_equal(rows, 4);
	assert_non_null(strstr(text, "\r\n0,\"a \"\"b\"\", c.jpg\",0,,1,,true,0.7500,1,2,3,4,"));
	assert_non_null(strstr(text, "\r\n2,\"\",80,\"it ends \"\"early\"\"\","));
	free(text);
}

static json_t *line_of(const char *text, size_t number)
{
	while (number-- > 0)
		text = strchr(text, '\n') + 1;
	json_t *line = json_loadb(text, (size_t)(strchr(text, '\n') - text), 0, NULL);
	assert_non_null(line);
	return line;
}

static void test_writer__json_is_one_object_a_line_and_a_summary(void **state)
{
	(void)state;
	struct analyze_record records[3];
	make_records(records);
	struct analyze_writer writer = {.format = ANALYZE_JSON, .is_film = true, .fps = 25, .with_points = true};
	char *text = written(writer, records, 3);
	VIVA_AUTO_JSON face = line_of(text, 0);
	VIVA_AUTO_JSON none = line_of(text, 1);
	VIVA_AUTO_JSON unreadable = line_of(text, 2);
	VIVA_AUTO_JSON last = line_of(text, 3);
	assert_string_equal(json_string_value(json_object_get(face, "emotion")), "happy");
	assert_string_equal(json_string_value(json_object_get(face, "eyes")), "open");
	assert_int_equal(json_array_size(json_object_get(json_object_get(face, "points"), "mesh")), VIVA_MESH_POINTS);
	assert_true(json_is_false(json_object_get(none, "detected")));
	assert_null(json_object_get(none, "emotion"));
	assert_string_equal(json_string_value(json_object_get(unreadable, "error")), "it ends \"early\"");
	const json_t *summary = json_object_get(last, "summary");
	assert_int_equal(json_integer_value(json_object_get(summary, "pictures")), 3);
	assert_int_equal(json_integer_value(json_object_get(summary, "unreadable")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(summary, "hints"), "no_face")), 1);
	free(text);
}

static void test_writer__a_single_picture_has_no_summary(void **state)
{
	(void)state;
	struct analyze_record records[3];
	make_records(records);
	char *text = written((struct analyze_writer){.format = ANALYZE_JSON}, records, 1);
	VIVA_AUTO_JSON face = line_of(text, 0);
	assert_null(json_object_get(face, "time_ms"));
	assert_string_equal(strchr(text, '\n'), "\n");
	free(text);
	text = written((struct analyze_writer){.format = ANALYZE_TEXT}, records, 1);
	assert_non_null(strstr(text, "input: 640 × 480 pixels"));
	assert_non_null(strstr(text, "happy (50 %), neutral 50 %"));
	free(text);
}

static void test_writer__a_full_disk_is_told(void **state)
{
	(void)state;
	struct analyze_record records[3];
	struct analyze_summary summary = {.pictures = 1};
	struct viva_error error = {0};
	make_records(records);
	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	const struct analyze_writer writer = {.out = full, .format = ANALYZE_CSV};
	assert_ok(analyze_write_record(&writer, &records[0], NULL));
	assert_error(analyze_write_end(&writer, &records[0], &summary, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "written"));
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writer__each_row_of_a_table_has_all_its_cells),
		cmocka_unit_test(test_writer__json_is_one_object_a_line_and_a_summary),
		cmocka_unit_test(test_writer__a_single_picture_has_no_summary),
		cmocka_unit_test(test_writer__a_full_disk_is_told),
	};
	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
