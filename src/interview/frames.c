// SPDX-License-Identifier: Apache-2.0
#include "interview/frames.h"

#include <stdlib.h>
#include <string.h>

#include "interview/frame_request.h"
#include "interview/meters.h"

enum {
	NUMBERS_PER_BLOCK = 256,  // reserved at once; what a crash leaves unused is skipped
	ANALYSIS_LIMIT_MS = 5000,
};

int interview_frame_allowed(const struct interview_record *record, struct viva_error *error)
{
	if (record->mode == INTERVIEW_RECRUITMENT)
		return viva_fail(error, VIVA_EEMOTIONCONSENT, NULL,
				 "frames are not taken in recruitment interviews: emotions are never analysed there");
	if (!record->emotion_analysis)
		return viva_fail(error, VIVA_EEMOTIONCONSENT, NULL, "the candidate did not agree to emotion analysis");
	if (record->state != INTERVIEW_IN_PROGRESS)
		return viva_fail(error, VIVA_ECOMPLETED, NULL, "the interview is over: frames are no longer taken");
	return 0;
}

struct block {
	struct viva_arena *arena;
	const char *id;
	int64_t end;
};

static int reserve_block(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct block *block = context;
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_int(NUMBERS_PER_BLOCK), viva_value_text(block->id)};
	int status = viva_transaction_query(transaction, block->arena,
					    "UPDATE interview_interviews SET next_frame = next_frame + $1 WHERE id = $2"
					    " RETURNING next_frame",
					    values, VIVA_COUNT(values), &rows, error);
	if (status)
		return status;
	if (rows.row_count == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no such interview");
	block->end = viva_rows_int(&rows, 0, 0);
	return 0;
}

static int take_number(struct interview_service *service, struct interview_session *session, struct viva_arena *arena,
		       int64_t *ret_number, struct viva_error *error)
{
	struct interview_frame_state *state = &session->frame_state;
	if (state->next_number == state->end_number) {
		struct block block = {.arena = arena, .id = session->id};
		int status = viva_store_transact(service->store, reserve_block, &block, error);
		if (status)
			return status;
		state->next_number = block.end - NUMBERS_PER_BLOCK;
		state->end_number = block.end;
	}
	*ret_number = state->next_number++;
	return 0;
}

// Without its continuation a frame is analysed all the same: the emotion service remembers sessions for a while.
static void keep_continuation(struct interview_frame_state *state, const ProtobufCBinaryData *continuation)
{
	if (continuation->len == 0 || continuation->len > INTERVIEW_MAX_CONTINUATION)
		return;
	uint8_t *kept = realloc(state->continuation, continuation->len);
	if (!kept)
		return;
	memcpy(kept, continuation->data, continuation->len);
	state->continuation = kept;
	state->continuation_size = continuation->len;
}

static int call_emotion(struct interview_service *service, struct interview_session *session,
			const struct interview_frame *frame, int64_t number, struct viva_arena *arena,
			Emotion__EmotionResponse **ret_response, struct viva_error *error)
{
	struct interview_frame_state *state = &session->frame_state;
	struct interview_frame_request request = {
		.session_id = session->id,
		.timestamp = frame->timestamp,
		.format = interview_image_format_name(frame->format),
		.continuation = viva_bytes_of(state->continuation, state->continuation_size),
		.frame_number = number,
		.image_size = viva_blob_bytes(frame->image).size,
	};
	struct viva_buffer head = {.limit = INTERVIEW_MAX_CONTINUATION + 1024};
	int status = interview_frame_request_pack(&request, &head);
	if (status) {
		viva_buffer_finish(&head);
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the frame");
	}
	ProtobufCMessage *reply = NULL;
	status = interview_call(service->peers, INTERVIEW_PEER_EMOTION, "/emotion.EmotionService/AnalyzeFrame",
				viva_bytes_of(head.data, head.size), frame->image,
				interview_deadline_us(service, frame->deadline_us, ANALYSIS_LIMIT_MS),
				&emotion__emotion_response__descriptor, arena, &reply, error);
	viva_buffer_finish(&head);
	// All else in the request is ours, so what the service can't read is the picture.
	if (status == VIVA_EINVAL)
		status = viva_fail(error, VIVA_EIMAGE, NULL, "the picture can't be read");
	if (!status)
		*ret_response = (Emotion__EmotionResponse *)reply;
	return status;
}

// With the frames' lock held.
static int analyse_in_turn(struct interview_service *service, struct interview_session *session,
			   const struct interview_frame *frame, struct viva_arena *arena,
			   struct interview_frame_result *ret_result, struct viva_error *error)
{
	int64_t number = 0;
	Emotion__EmotionResponse *response = NULL;
	int status = take_number(service, session, arena, &number, error);
	if (!status)
		status = call_emotion(service, session, frame, number, arena, &response, error);
	if (status)
		return status;

	struct interview_frame_state *state = &session->frame_state;
	keep_continuation(state, &response->continuation);
	response->frame_number = number;  // an instance that does not know the field leaves it out
	int64_t now_ms = viva_clock_now_ms(service->runtime.clock);
	bool has_face = response->face_metrics && response->face_metrics->detected;
	*ret_result = (struct interview_frame_result){
		.response = response,
		.is_face_notice_due = interview_notice_due(&state->no_face, !has_face, now_ms),
		.is_faces_notice_due = interview_notice_due(&state->many_faces, response->face_count > 1, now_ms),
	};
	return 0;
}

int interview_analyse_frame(struct interview_service *service, struct interview_session *session,
			    const struct interview_frame *frame, struct viva_arena *arena,
			    struct interview_frame_result *ret_result, struct viva_error *error)
{
	int status = interview_session_lock_frames(session, error);
	if (status)
		return status;
	status = analyse_in_turn(service, session, frame, arena, ret_result, error);
	interview_session_unlock_frames(session);
	viva_metric_add(status ? interview_meters()->frames_failed : interview_meters()->frames_analysed, 1);
	return status;
}
