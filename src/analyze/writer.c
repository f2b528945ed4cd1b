// SPDX-License-Identifier: Apache-2.0
#include "analyze/writer.h"

#include <errno.h>
#include <string.h>

#include "analyze/json.h"
#include "analyze/text.h"

static void write_csv_name(FILE *out, const char *name)
{
	fputc('"', out);
	for (const char *at = name; *at; at++) {
		if (*at == '"')
			fputc('"', out);
		fputc(*at, out);
	}
	fputc('"', out);
}

static void write_csv_head(FILE *out)
{
	fputs("frame,name,time_ms,error,face_count,hint,detected,detection_confidence,x,y,width,height,yaw,pitch,roll,"
	      "gaze_yaw,gaze_pitch,attention,eye_ratio,eyes,blink_count,emotion,confidence",
	      out);
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++)
		fprintf(out, ",%s", viva_emotion_name((enum viva_emotion)i));
	fputs(",ms\r\n", out);
}

static void write_csv_face(FILE *out, const struct analyze_record *record)
{
	const struct viva_vision_result *result = &record->result;
	fprintf(out, ",true,%.4f,%d,%d,%d,%d,%.2f,%.2f,%.2f", (double)result->confidence, result->box.x, result->box.y,
		result->box.width, result->box.height, (double)result->pose.yaw, (double)result->pose.pitch,
		(double)result->pose.roll);
	if (result->has_gaze)
		fprintf(out, ",%.2f,%.2f", (double)result->gaze.yaw, (double)result->gaze.pitch);
	else
		fputs(",,", out);
	fprintf(out, ",%.4f,%.4f,%s,%d,%s,%.4f", (double)result->attention, (double)result->eye_ratio,
		analyze_eyes_name(record->eyes), record->blinks.count, viva_emotion_name(result->emotion),
		(double)result->emotion_confidence);
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++)
		fprintf(out, ",%.4f", (double)result->expressions[i]);
}

static void write_csv(FILE *out, const struct analyze_record *record)
{
	if (record->index == 0)
		write_csv_head(out);
	fprintf(out, "%zu,", record->index);
	write_csv_name(out, record->name);
	fprintf(out, ",%lld,", (long long)record->time_ms);
	if (!record->is_readable) {
		write_csv_name(out, viva_error_message(&record->error));
		fputs(",,,,,,,,,,,,,,,,,,,,,,,,,,,\r\n", out);
		return;
	}
	fprintf(out, ",%d,%s", record->result.face_count, viva_vision_hint_name(record->result.hint));
	if (record->result.is_detected)
		write_csv_face(out, record);
	else
		fprintf(out, ",false,,,,,,,,,,,,,%s,%d,,,,,,,,,", analyze_eyes_name(record->eyes),
			record->blinks.count);
	fprintf(out, ",%.3f\r\n", record->result.timing.total * 1000);
}

int analyze_write_record(const struct analyze_writer *writer, const struct analyze_record *record,
			 struct viva_error *error)
{
	if (writer->format == ANALYZE_TEXT)
		return 0;
	if (writer->format == ANALYZE_JSON) {
		int code = analyze_json_record(writer, record, error);
		if (code != 0)
			return code;
	} else {
		write_csv(writer->out, record);
	}
	// Whoever reads from a pipe sees each picture when it was analysed.
	fflush(writer->out);
	return 0;
}

int analyze_write_end(const struct analyze_writer *writer, const struct analyze_record *last,
		      struct analyze_summary *summary, struct viva_error *error)
{
	int code = 0;
	if (writer->format == ANALYZE_JSON && summary->pictures > 1)
		code = analyze_json_summary(writer, summary, error);
	if (writer->format == ANALYZE_TEXT && summary->pictures > 1)
		analyze_text_summary(writer, summary);
	if (writer->format == ANALYZE_TEXT && summary->pictures == 1 && last->is_readable)
		analyze_text_picture(writer, last);
	if (code == 0 && (fflush(writer->out) != 0 || ferror(writer->out)))
		return viva_fail(error, VIVA_EIO, NULL, "the result can't be written: %s", strerror(errno));
	return code;
}
