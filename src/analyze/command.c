// SPDX-License-Identifier: Apache-2.0
//
// `viva analyze`.
#include <stdio.h>
#include <string.h>

#include "analyze/analyze.h"
#include "analyze/overlay.h"
#include "analyze/source.h"
#include "analyze/writer.h"
#include "base/clock.h"
#include "base/command.h"
#include "base/log.h"
#include "vision/vision.h"

static const char usage[] = "viva analyze [OPTIONS] IMAGE|FOLDER|FILM.mjpeg|-\n"
			    "Tells what is seen in a picture, a folder of pictures or a film: faces, looks, head, "
			    "eyes, blinks. \"-\" is the standard input.";

static const struct viva_option options[] = {
	{.name = "json", .type = VIVA_OPTION_FLAG, .help = "As JSON, an object for each picture, then a summary"},
	{.name = "csv", .type = VIVA_OPTION_FLAG, .help = "As a CSV table, a row for each picture"},
	{.name = "overlay",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "path",
	 .help = "PNG to draw into: the picture with what was seen, or a sheet of up to 24 of them"},
	{.name = "fps",
	 .type = VIVA_OPTION_REAL,
	 .default_value = "30",
	 .min = 0.1,
	 .max = 240,
	 .unit = "pictures/s",
	 .help = "Rate of a film; a folder's frames.json is followed where the flag is not given"},
	{.name = "separate",
	 .type = VIVA_OPTION_FLAG,
	 .help = "Each picture stands by itself (a folder of photos): nothing is followed from one to the next"},
	{.name = "points", .type = VIVA_OPTION_FLAG, .help = "With --json: all points of the face"},
	{.name = "crop",
	 .type = VIVA_OPTION_CHOICE,
	 .unit = "face|eye",
	 .help = "With --json: each picture is one that is cut out already, to be classified as it is"},
	{.name = "model-dir",
	 .type = VIVA_OPTION_TEXT,
	 .default_value = VIVA_MODEL_DIR,
	 .unit = "path",
	 .help = "Folder of the model files that ./dev deps makes"},
};

// All that one run needs.
struct run {
	const char *input;
	struct viva_vision *vision;
	struct analyze_source *source;
	struct analyze_overlay *overlay;  // NULL: none is wanted
	struct analyze_writer writer;
	bool wants_details;  // all points and boxes, which cost time that services don't spend
	struct analyze_summary summary;
	struct viva_tracker tracker;
	struct analyze_record record, last;  // last: the latest readable one
};

static void finish(struct run *run)
{
	analyze_summary_finish(&run->summary);
	run->overlay = analyze_overlay_destroy(run->overlay);
	run->source = analyze_source_destroy(run->source);
	run->vision = viva_vision_destroy(run->vision);
}

static int read_settings(const struct viva_config *config, struct run *run, struct viva_error *error)
{
	size_t inputs = viva_config_positional_count(config);
	bool json = viva_config_flag(config, "json"), csv = viva_config_flag(config, "csv");
	if (inputs != 1)
		return viva_fail(error, VIVA_EUSAGE, NULL, "%s",
				 inputs == 0 ? "a picture, a folder or a film is missing"
					     : "there must be one picture, folder or film");
	if (json && csv)
		return viva_fail(error, VIVA_EUSAGE, "csv", "--json and --csv exclude each other");
	if (viva_config_flag(config, "points") && !json)
		return viva_fail(error, VIVA_EUSAGE, "points", "--points needs --json");
	const char *crop = viva_config_text(config, "crop");
	bool is_eye = crop && strcmp(crop, "eye") == 0;
	if (crop && (!json || viva_config_text(config, "overlay") || viva_config_flag(config, "points")))
		return viva_fail(error, VIVA_EUSAGE, "crop", "--crop needs --json, without --overlay and --points");
	run->input = viva_config_positional(config, 0);
	run->writer = (struct analyze_writer){
		.out = stdout,
		.format = json  ? ANALYZE_JSON
			  : csv ? ANALYZE_CSV
				: ANALYZE_TEXT,
		.is_film = !crop && !viva_config_flag(config, "separate"),
		.crop = is_eye ? ANALYZE_EYE
			: crop ? ANALYZE_FACE
			       : ANALYZE_WHOLE,
		.fps = viva_config_real(config, "fps"),
		.with_points = viva_config_flag(config, "points"),
		.input = strcmp(run->input, "-") == 0 ? "standard input" : run->input,
	};
	return 0;
}

static int open_all(const struct viva_config *config, struct run *run, struct viva_error *error)
{
	struct viva_vision_options vision = viva_vision_defaults();
	vision.model_directory = viva_config_text(config, "model-dir");
	int code = analyze_source_open(run->input, &run->source, error);
	if (code == 0 && !viva_config_is_set(config, "fps") && analyze_source_per_second(run->source) > 0)
		run->writer.fps = analyze_source_per_second(run->source);
	run->wants_details = viva_config_text(config, "overlay") || run->writer.with_points || !run->writer.is_film;
	if (code == 0 && viva_config_text(config, "overlay"))
		code = analyze_overlay_create(run->writer.is_film, &run->overlay, error);
	return code == 0 ? viva_vision_open(&vision, &run->vision, error) : code;
}

// What a picture itself may be to blame for.
static bool is_of_picture(int code)
{
	return code == VIVA_EIMAGE || code == VIVA_EFRAMESIZE || code == VIVA_EIO;
}

static void complain(const struct run *run, const struct analyze_record *record)
{
	const char *reason = viva_error_message(&record->error);
	if (record->name[0])
		fprintf(stderr, "viva analyze: %s/%s: %s\n", run->input, record->name, reason);
	else if (record->index > 0)
		fprintf(stderr, "viva analyze: %s, picture %zu: %s\n", run->writer.input, record->index, reason);
	else
		fprintf(stderr, "viva analyze: %s: %s\n", run->writer.input, reason);
}

static int classify_face(struct run *run, struct viva_bytes image, struct viva_error *error)
{
	struct viva_vision_result *result = &run->record.result;
	int code = viva_vision_classify_face(run->vision, image, VIVA_IMAGE_ANY, result->expressions, error);
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++)
		if (result->expressions[i] > result->expressions[result->emotion])
			result->emotion = (enum viva_emotion)i;
	result->emotion_confidence = result->expressions[result->emotion];
	return code;
}

static int classify_eye(struct run *run, struct viva_bytes image, struct viva_error *error)
{
	float open = 0;
	int code = viva_vision_classify_eye(run->vision, image, VIVA_IMAGE_ANY, &open, error);
	run->record.eye_open = open;
	run->tracker.eyes.state = open >= .5f ? VIVA_EYES_OPEN : VIVA_EYES_CLOSED;
	return code;
}

static int classify_crop(struct run *run, struct viva_bytes image, struct viva_error *error)
{
	double begin = (double)viva_clock_monotonic_us(viva_system_clock());
	int code = run->writer.crop == ANALYZE_EYE ? classify_eye(run, image, error) : classify_face(run, image, error);
	run->record.result.timing.total = ((double)viva_clock_monotonic_us(viva_system_clock()) - begin) / 1e6;
	return code;
}

static int see(struct run *run, struct viva_bytes image, struct viva_error *error)
{
	struct analyze_record *record = &run->record;
	if (run->writer.crop != ANALYZE_WHOLE)
		return classify_crop(run, image, error);
	return viva_vision_analyze_in_detail(run->vision, image, VIVA_IMAGE_ANY, record->time_ms, &run->tracker,
					     &record->result, run->wants_details ? &record->details : NULL, error);
}

static int look(struct run *run, const struct analyze_picture *picture, struct viva_error *error)
{
	struct analyze_record *record = &run->record;
	int code = picture->code;
	if (!run->writer.is_film)
		run->tracker = (struct viva_tracker){0};
	if (code == 0)
		code = see(run, picture->bytes, error);
	if (code != 0 && !is_of_picture(code))
		return code;
	record->is_readable = code == 0;
	record->eyes = run->tracker.eyes.state;
	record->blinks = viva_tracker_blinks(&run->tracker);
	if (code == 0)
		return 0;
	record->error = *error;
	complain(run, record);
	return 0;
}

static int take(struct run *run, const struct analyze_picture *picture, struct viva_error *error)
{
	struct analyze_record *record = &run->record;
	size_t index = run->summary.pictures;
	*record = (struct analyze_record){.index = index};
	if (run->writer.is_film)
		record->time_ms = (int64_t)((double)index * 1000 / run->writer.fps + .5);
	if (picture->name)
		analyze_set_name(record, picture->name);
	int code = look(run, picture, error);
	if (code == 0 && analyze_summary_add(&run->summary, record, &run->tracker) != 0)
		code = viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the summary");
	if (code == 0)
		code = analyze_write_record(&run->writer, record, error);
	if (code == 0 && run->overlay && record->is_readable)
		code = analyze_overlay_add(run->overlay, picture->bytes, record, error);
	if (record->is_readable)
		run->last = *record;
	return code;
}

static int analyze(struct run *run, const char *overlay_path, struct viva_error *error)
{
	bool is_there = true;
	struct analyze_picture picture;
	int code = 0;
	while (code == 0) {
		code = analyze_source_next(run->source, &is_there, &picture, error);
		if (code != 0 || !is_there)
			break;
		code = take(run, &picture, error);
	}
	if (code != 0)
		return code;
	if (run->summary.pictures == 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "there is no JPEG or PNG in it");
	if (analyze_source_skipped(run->source) > 0)
		fprintf(stderr, "viva analyze: %s: %llu bytes between the pictures are none\n", run->writer.input,
			(unsigned long long)analyze_source_skipped(run->source));
	code = analyze_write_end(&run->writer, &run->last, &run->summary, error);
	// Where no picture could be read, that has been said.
	if (code == 0 && run->overlay && analyze_overlay_count(run->overlay) > 0)
		code = analyze_overlay_write(run->overlay, overlay_path, error);
	return code;
}

static int fail(const struct run *run, int code, const struct viva_error *error)
{
	// What is wrong with the input is said with its name.
	bool is_input = run->source && (code == VIVA_EUSAGE || code == VIVA_EIO || code == VIVA_ELIMIT) &&
			error->field[0] == '\0';
	if (!is_input)
		return viva_command_fail("analyze", code, error);
	fprintf(stderr, "viva analyze: %s: %s\n", run->writer.input, viva_error_message(error));
	return code == VIVA_EUSAGE ? VIVA_COMMAND_USAGE : VIVA_COMMAND_FAILED;
}

int viva_analyze_main(int argument_count, char **arguments)
{
	const struct viva_command command = {"analyze", usage, {options}, {VIVA_COUNT(options)}};
	int status = 0;
	struct viva_error error = {0};
	viva_log_set_level(VIVA_LOG_ERROR);
	VIVA_AUTO(viva_config) config = viva_command_load(&command, argument_count, arguments, &status);
	if (!config)
		return status;
	static struct run run;  // two records of 8 KB and more
	int code = read_settings(config, &run, &error);
	if (code == 0)
		code = open_all(config, &run, &error);
	if (code == 0)
		code = analyze(&run, viva_config_text(config, "overlay"), &error);
	status = code == 0 ? (run.summary.unreadable > 0 ? VIVA_COMMAND_FAILED : 0) : fail(&run, code, &error);
	finish(&run);
	return status;
}
