// SPDX-License-Identifier: Apache-2.0
#include "scoring/announce.h"

#include <math.h>

#include "base/text.h"
#include "events/events.h"

// The score as it was told: two decimals, which a float alone does not keep.
static double rounded(float score)
{
	return round((double)score * 100) / 100;
}

int scoring_announcement_make(const struct scoring_record *record, struct viva_arena *arena,
			      struct viva_bus_message *ret_message)
{
	const Scoring__ScoreResponse *response = record->response;
	const struct viva_score_calculated event = {
		.session_id = response->session_id,
		.technical_score = rounded(response->technical_score),
		.communication_score = rounded(response->communication_score),
		.emotion_score = response->emotion_scored ? rounded(response->emotion_score) : 0,
		.overall_score = rounded(response->overall_score),
		.not_scorable = response->not_scorable,
		.calculated_at_ms = response->calculated_at,
	};
	struct viva_buffer buffer = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	int code = viva_event_write_score_calculated(&event, &buffer);
	char *body = code == 0 ? viva_arena_text(arena, (const char *)buffer.data, buffer.size) : NULL;
	bool has_trace = record->traceparent && viva_traceparent_is_valid(record->traceparent);
	if (body)
		*ret_message = (struct viva_bus_message){
			.routing_key = VIVA_KEY_SCORE_CALCULATED,
			.type = VIVA_EVENT_SCORE_CALCULATED,
			.session_id = response->session_id,
			.traceparent = has_trace ? record->traceparent : NULL,
			.body = viva_bytes_of(body, buffer.size),
		};
	viva_buffer_finish(&buffer);
	return body ? 0 : VIVA_ENOMEM;
}
