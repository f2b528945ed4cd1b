// SPDX-License-Identifier: Apache-2.0
#include "interview/frame_routes.h"

#include <string.h>

#include "interview/frame_message.h"
#include "interview/messages.h"
#include "interview/routes.h"

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

static void broadcast_text(struct interview_session *session, const char *text)
{
	if (text)
		interview_session_broadcast(session, text);
}

void interview_announce_frame(struct interview_session *session, const struct interview_frame_result *result,
			      struct viva_arena *arena)
{
	const Emotion__EmotionResponse *response = result->response;
	if (response->face_metrics && response->face_metrics->detected)
		broadcast_text(session, interview_message(arena, "emotion_update", interview_emotion_update(response)));
	else if (result->is_face_notice_due)
		broadcast_text(session, interview_notice_message(arena, "FACE_NOT_DETECTED",
								 "Please ensure your face is visible"));
	if (result->is_faces_notice_due)
		broadcast_text(session, interview_notice_message(arena, "MULTIPLE_FACES",
								 "Please make sure that only you are in the picture"));
}

static int analyse_upload(struct viva_http_request *request, const char *id, const struct upload *upload,
			  struct viva_http_response *response, struct viva_error *error)
{
	struct interview_service *service = request->context;
	struct interview_session *session = NULL;
	int status = interview_session_get(service->sessions, id, &session, error);
	if (status)
		return status;
	struct interview_frame frame = {
		.image = upload->image,
		.format = upload->format,
		.timestamp = upload->timestamp ? upload->timestamp : interview_now_ms(service),
		.deadline_us = request->deadline_us,
	};
	struct interview_frame_result result;
	status = interview_analyse_frame(service, session, &frame, request->arena, &result, error);
	if (!status)
		interview_announce_frame(session, &result, request->arena);
	interview_session_unref(session);
	if (status)
		return status;
	json_t *json = interview_emotion_json(result.response);
	return json ? viva_http_respond_json(response, 200, json)
		    : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
}

int interview_handle_frame(struct viva_http_request *request, struct viva_http_response *response,
			   struct viva_error *error)
{
	struct interview_service *service = request->context;
	struct interview_reader reader = {.store = service->store, .arena = request->arena};
	const char *id = NULL;
	struct interview_record record;
	int status = interview_route_id(request, NULL, &id, error);
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
		status = analyse_upload(request, id, &upload, response, error);
	viva_blob_destroy(upload.image);
	return status;
}
