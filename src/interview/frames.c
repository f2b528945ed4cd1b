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

// What is to be written into the interview's row before frames may be numbered or queued.
struct reservation {
	struct viva_arena *arena;
	const char *id;
	int64_t count;      // of numbers; 0 = none
	bool begins_queue;  // the first frame that goes from here into the queue
	int64_t end;        // behind the reserved numbers
};

static int write_reservation(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct reservation *reservation = context;
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_int(reservation->count), viva_value_int(reservation->begins_queue),
				      viva_value_text(reservation->id)};
	int status = viva_transaction_query(transaction, reservation->arena,
					    "UPDATE interview_interviews SET next_frame = next_frame + $1,"
					    " frame_queues = frame_queues + $2 WHERE id = $3 RETURNING next_frame",
					    values, VIVA_COUNT(values), &rows, error);
	if (status)
		return status;
	if (rows.row_count == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no such interview");
	reservation->end = viva_rows_int(&rows, 0, 0);
	return 0;
}

// Makes sure of a number that is free and, for the queue, that the store knows of this process. With the numbers' lock.
static int reserve(struct interview_service *service, struct interview_session *session, bool needs_number,
		   bool needs_queue, struct viva_arena *arena, struct viva_error *error)
{
	struct interview_numbers *numbers = &session->numbers;
	struct reservation reservation = {
		.arena = arena,
		.id = session->id,
		.count = needs_number && numbers->next == numbers->end ? NUMBERS_PER_BLOCK : 0,
		.begins_queue = needs_queue && !numbers->is_queueing,
	};
	if (reservation.count == 0 && !reservation.begins_queue)
		return 0;
	int status = viva_store_transact(service->store, write_reservation, &reservation, error);
	if (status)
		return status;
	if (reservation.count > 0) {
		numbers->next = reservation.end - NUMBERS_PER_BLOCK;
		numbers->end = reservation.end;
	}
	numbers->is_queueing = numbers->is_queueing || needs_queue;
	return 0;
}

static int take_number(struct interview_service *service, struct interview_session *session, bool is_for_queue,
		       struct viva_arena *arena, int64_t *ret_number, struct viva_error *error)
{
	pthread_mutex_lock(&session->number_lock);
	int status = reserve(service, session, true, is_for_queue, arena, error);
	if (!status)
		*ret_number = session->numbers.next++;
	pthread_mutex_unlock(&session->number_lock);
	return status;
}

static int begin_queue(struct interview_service *service, struct interview_session *session, struct viva_arena *arena,
		       struct viva_error *error)
{
	pthread_mutex_lock(&session->number_lock);
	int status = reserve(service, session, false, true, arena, error);
	pthread_mutex_unlock(&session->number_lock);
	return status;
}

static int put_into_queue(struct interview_service *service, struct interview_session *session,
			  const struct interview_frame *frame, int64_t number, struct viva_error *error)
{
	const struct interview_queued_frame queued = {
		.image = viva_blob_bytes(frame->image),
		.format = frame->format,
		.timestamp = frame->timestamp,
		.number = number,
		.may_be_kept = frame->may_be_kept,
		.question = frame->question,
		.traceparent = frame->traceparent,
		.deadline_us = frame->deadline_us,
	};
	return interview_queue_put(&service->queue, session, &queued, error);
}

int interview_queue_frame(struct interview_service *service, struct interview_session *session,
			  const struct interview_frame *frame, struct viva_arena *arena, int64_t *ret_number,
			  struct viva_error *error)
{
	int64_t number = 0;
	int status = take_number(service, session, true, arena, &number, error);
	if (!status)
		status = put_into_queue(service, session, frame, number, error);
	viva_metric_add(status ? interview_meters()->frames_failed : interview_meters()->frames_queued, 1);
	if (!status)
		*ret_number = number;
	return status;
}

struct interview_queue_count interview_count_queued(struct interview_service *service, const char *id)
{
	struct interview_queue_count count = {0};
	struct interview_session *session = interview_session_find(service->sessions, id);
	if (!session)
		return count;
	pthread_mutex_lock(&session->number_lock);
	count.is_queueing = session->numbers.is_queueing;
	pthread_mutex_unlock(&session->number_lock);
	count.frames = atomic_load(&session->is_queued_uncertain) ? -1 : atomic_load(&session->queued);
	interview_session_unref(session);
	return count;
}

int64_t interview_queued_frames(const struct interview_record *record, const struct interview_queue_count *own)
{
	if (record->frame_queues == 0)
		return 0;
	return record->frame_queues == 1 && own->is_queueing ? own->frames : -1;
}

// Without its continuation a frame is analysed all the same: the emotion service remembers sessions for a while.
static void keep_continuation(struct interview_frame_state *state, unsigned int epoch,
			      const ProtobufCBinaryData *continuation)
{
	if (continuation->len == 0 || continuation->len > INTERVIEW_MAX_CONTINUATION)
		return;
	uint8_t *kept = realloc(state->continuation, continuation->len);
	if (!kept)
		return;
	memcpy(kept, continuation->data, continuation->len);
	state->continuation = kept;
	state->continuation_size = continuation->len;
	state->continuation_epoch = epoch;
}

// The one that the last frame left behind, unless a frame has gone into the queue since that was sent.
static struct viva_bytes continuation_of(const struct interview_frame_state *state, unsigned int epoch)
{
	if (!state->continuation || state->continuation_epoch != epoch)
		return (struct viva_bytes){0};
	return viva_bytes_of(state->continuation, state->continuation_size);
}

static int call_emotion(struct interview_service *service, struct interview_session *session,
			const struct interview_frame *frame, int64_t number, struct viva_bytes continuation,
			struct viva_arena *arena, Emotion__EmotionResponse **ret_response, struct viva_error *error)
{
	struct interview_frame_request request = {
		.session_id = session->id,
		.timestamp = frame->timestamp,
		.format = interview_image_format_name(frame->format),
		.continuation = continuation,
		.frame_number = number,
		.keep = frame->may_be_kept,
		.question = frame->question,
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
				interview_deadline_us(service, frame->call_deadline_us, ANALYSIS_LIMIT_MS),
				&emotion__emotion_response__descriptor, arena, &reply, error);
	viva_buffer_finish(&head);
	// All else in the request is ours, so what the service can't read is the picture.
	if (status == VIVA_EINVAL)
		status = viva_fail(error, VIVA_EIMAGE, NULL, "the picture can't be read");
	if (!status)
		*ret_response = (Emotion__EmotionResponse *)reply;
	return status;
}

// Into the queue. VIVA_EEMOTIONDOWN where that fails, too: that the frame waits nowhere is all that its sender needs.
static int fall_back(struct interview_service *service, struct interview_session *session,
		     const struct interview_frame *frame, int64_t number, struct viva_arena *arena)
{
	// The analysis may have been made, and be told as that of a live frame.
	interview_session_note_fallen(session, number);
	int status = begin_queue(service, session, arena, NULL);
	if (!status)
		status = put_into_queue(service, session, frame, number, NULL);
	return status ? VIVA_EEMOTIONDOWN : 0;
}

// The requests of an interview may meet one instance after the other, and the continuation of each would know of its
// own frames only: then the emotion service goes on from what it has stored.
static bool is_only_instance(const struct interview_service *service)
{
	return viva_bus_listeners(service->runtime.bus, VIVA_KEY_EMOTION_ANALYZED) == 1;
}

// With the frames' lock held.
static int analyse_in_turn(struct interview_service *service, struct interview_session *session,
			   const struct interview_frame *frame, struct viva_arena *arena,
			   struct interview_frame_result *ret_result, struct viva_error *error)
{
	struct interview_frame_state *state = &session->frame_state;
	int64_t number = 0;
	int status = take_number(service, session, false, arena, &number, error);
	if (status)
		return status;
	Emotion__EmotionResponse *response = NULL;
	struct viva_error reason = {0};
	unsigned int epoch = atomic_load(&session->frame_epoch);
	struct viva_bytes continuation = {0};
	if (frame->is_of_socket || is_only_instance(service))
		continuation = continuation_of(state, epoch);
	status = call_emotion(service, session, frame, number, continuation, arena, &response, &reason);
	// While a new version is rolled out, an instance may not be able to read what one of the other version made.
	if (status == VIVA_EIMAGE && continuation.size > 0)
		status = call_emotion(service, session, frame, number, (struct viva_bytes){0}, arena, &response,
				      &reason);
	if (status == VIVA_EEMOTIONDOWN)
		status = fall_back(service, session, frame, number, arena);
	if (status) {
		*error = reason;
		return status;
	}
	if (response) {
		keep_continuation(state, epoch, &response->continuation);
		response->frame_number = number;  // an instance that does not know the field leaves it out
	}
	*ret_result = (struct interview_frame_result){.number = number, .response = response};
	return 0;
}

static struct viva_metric *outcome(int status, const struct interview_frame_result *result)
{
	const struct interview_meters *meters = interview_meters();
	if (status)
		return meters->frames_failed;
	return result->response ? meters->frames_analysed : meters->frames_fallen;
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
	viva_metric_add(outcome(status, ret_result), 1);
	return status;
}
