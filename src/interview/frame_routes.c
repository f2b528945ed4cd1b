// SPDX-License-Identifier: Apache-2.0
#include "interview/frame_routes.h"

#include <stdio.h>
#include <string.h>

#include "interview/frame_message.h"
#include "interview/messages.h"
#include "interview/meters.h"
#include "interview/prefer.h"
#include "interview/routes.h"
#include "interview/updates.h"

// A picture as it came in a request.
struct upload {
	struct viva_blob *image;
	enum interview_image_format format;
	int64_t timestamp;
};

static int parse_json(const json_t *body, struct upload *upload, struct viva_error *error)
{
	const char *text = NULL;
	const char *format = NULL;
	int status = viva_json_get_text(body, "image_data", true, 0, INTERVIEW_MAX_FRAME_MESSAGE_BYTES, &text, error);
	if (!status)
		status = viva_json_get_text(body, "format", false, 0, 16, &format, error);
	if (!status && format && strcmp(format, "jpeg") != 0 && strcmp(format, "jpg") != 0 &&
	    strcmp(format, "png") != 0)
		status = viva_fail(error, VIVA_EFIELD, "format", "format must be jpeg or png");
	if (!status)
		status = viva_json_get_int(body, "timestamp", false, 1, INTERVIEW_MAX_TIMESTAMP, &upload->timestamp,
					   error);
	if (!status)
		status = interview_image_decode(viva_bytes_of_text(text), &upload->image, &upload->format, error);
	return status;
}

static int read_upload(struct viva_http_request *request, struct upload *upload, struct viva_error *error)
{
	struct viva_bytes body = viva_blob_bytes(request->body);
	if (!viva_http_content_type_is(request, "application/json")) {
		int status = interview_image_check(body, &upload->format, error);
		if (!status)
			upload->image = viva_blob_ref(request->body);
		return status;
	}
	VIVA_AUTO_JSON members = NULL;
	int status = viva_json_parse_object(body, INTERVIEW_MAX_FRAME_MESSAGE_BYTES, &members, error);
	return status ? status : parse_json(members, upload, error);
}

static int answer_queued(struct viva_http_response *response, int64_t number, struct viva_error *error)
{
	json_t *json = json_pack("{s:I}", "frame_number", (json_int_t)number);
	return json ? viva_http_respond_json(response, 202, json)
		    : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
}

static int queue_upload(struct viva_http_request *request, struct interview_session *session,
			const struct interview_frame *frame, struct viva_http_response *response,
			struct viva_error *error)
{
	bool is_to_tell = false;
	int64_t number = 0;
	if (!interview_session_take_message(session, &is_to_tell)) {
		viva_metric_add(interview_meters()->messages_refused, 1);
		return viva_fail(error, VIVA_ERATE, NULL, "an interview takes at most %d messages a second",
				 INTERVIEW_MESSAGES_PER_S);
	}
	int status = interview_queue_frame(request->context, session, frame, request->arena, &number, error);
	return status ? status : answer_queued(response, number, error);
}

static int answer_analysis(struct viva_http_response *response, const struct interview_preference *preference,
			   const Emotion__EmotionResponse *analysis, struct viva_error *error)
{
	char applied[32] = "wait";
	if (preference->has_limit)
		snprintf(applied, sizeof applied, "wait=%lld", (long long)preference->wait_s);
	json_t *json = interview_emotion_json(analysis);
	if (!json)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
	int status = viva_http_respond_json(response, 200, json);
	return status ? status : viva_http_add_header(response, "Preference-Applied", applied);
}

static int analyse_upload(struct viva_http_request *request, struct interview_session *session,
			  const struct interview_frame *frame, const struct interview_preference *preference,
			  struct viva_http_response *response, struct viva_error *error)
{
	struct interview_frame_result result;
	int status = interview_analyse_frame(request->context, session, frame, request->arena, &result, error);
	if (status)
		return status;
	if (!result.response)
		return answer_queued(response, result.number, error);
	struct interview_sighting sighting = interview_sighting_of_response(result.response);
	interview_announce_sighting(session, &sighting, true, request->arena);
	return answer_analysis(response, preference, result.response, error);
}

static int take_upload(struct viva_http_request *request, const struct interview_record *record,
		       const struct upload *upload, struct viva_http_response *response, struct viva_error *error)
{
	struct interview_service *service = request->context;
	struct interview_preference preference = interview_prefers_wait(request);
	bool is_waiting = preference.is_given && !(preference.has_limit && preference.wait_s == 0);
	struct interview_session *session = NULL;
	int status = interview_session_get(service->sessions, record->id, &session, error);
	if (status)
		return status;
	struct interview_frame frame = {
		.image = upload->image,
		.format = upload->format,
		.may_be_kept = interview_allows_pictures(record),
		.question = record->current_question,
		.timestamp = upload->timestamp ? upload->timestamp : interview_now_ms(service),
		.call_deadline_us = request->deadline_us,
		// What waited for the analysis in vain still goes into the queue.
		.deadline_us = is_waiting ? INT64_MAX : request->deadline_us,
		.traceparent = request->traceparent,
	};
	if (preference.has_limit)
		frame.call_deadline_us = interview_deadline_us(service, request->deadline_us, preference.wait_s * 1000);
	status = is_waiting ? analyse_upload(request, session, &frame, &preference, response, error)
			    : queue_upload(request, session, &frame, response, error);
	interview_session_unref(session);
	return status;
}

int interview_handle_frame(struct viva_http_request *request, struct viva_http_response *response,
			   struct viva_error *error)
{
	struct interview_service *service = request->context;
	struct interview_reader reader = {.store = service->store, .arena = request->arena};
	const char *id = NULL;
	struct interview_record record;
	int status = interview_route_id(request, NULL, &id, NULL, error);
	if (!status)
		status = interview_load(&reader, id, &record, error);
	// Without leave to look at it the picture is not even read.
	if (!status)
		status = interview_frame_allowed(&record, error);
	if (status)
		return status;
	struct upload upload = {0};
	status = read_upload(request, &upload, error);
	if (!status)
		status = take_upload(request, &record, &upload, response, error);
	viva_blob_destroy(upload.image);
	return status;
}
