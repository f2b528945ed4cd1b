// SPDX-License-Identifier: Apache-2.0
//
// What becomes of captured frames, decided for a batch of messages in their order. The first rule that fits decides:
//
//   invalid      no event, or no picture
//   erased       the session was erased
//   repeated     this very message was dealt with before: nothing to do, nothing to count
//   duplicate    another message brought this frame (session and number) before
//   superseded   the message is late, and a newer frame of its session is known: in this batch, or passed on before;
//                never one that may have been passed on already, for then it would be both analysed and dropped
//   accepted     passed on to the emotion service
//
// So the newest frame of a session that waits is never thinned out, however late; one that is in time never is; and
// what is passed on of a session's late frames is in order, whatever was put off before. Of each batch at most one late
// frame of a session goes through.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_WORKER_FRAME_RULE_H
#define VIVA_WORKER_FRAME_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum worker_outcome {
	WORKER_ACCEPTED,
	WORKER_SUPERSEDED,
	WORKER_DUPLICATE,
	WORKER_ERASED,
	WORKER_INVALID,
	WORKER_REPEATED,
	WORKER_OUTCOMES
};
const char *worker_outcome_name(enum worker_outcome outcome);  // "accepted", as in the store and the metrics

struct worker_frame {
	const char *message_id;  // "" = it has none, and is never known as repeated
	const char *session_id;
	int64_t number;  // of the frame
	int64_t age_ms;  // of the message
	bool is_invalid;
	bool is_repeated;  // the message may have been passed on by a worker that could not note it any more

	// What the store knows (frame_store.h).
	bool is_erased;        // the session
	int64_t newest;        // number of the session's newest frame that was passed on; −1 = none
	const char *known_as;  // message_id that brought this frame before; NULL = none did

	enum worker_outcome outcome;  // is decided
};

// Decides over `count` frames. Those older than max_age_ms are late.
void worker_frames_decide(struct worker_frame *frames, size_t count, int64_t max_age_ms);

#endif
