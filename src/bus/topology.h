// SPDX-License-Identifier: Apache-2.0
//
// The exchange and its queues: which message goes where, the same on each backend.
//
//   FrameCaptured     frame.captured       ─▶ worker.frames
//   FrameCaptured     frame.accepted       ─▶ emotion.frames.N    (one of N partitions, by session)
//   EmotionAnalyzed   emotion.analyzed     ─▶ scoring.emotions
//   InterviewCompleted interview.completed ─▶ worker.completions
//   ScoreCalculated   score.calculated     ─▶ worker.scores
//   InterviewErased   interview.erased     ─▶ emotion.erasures, scoring.erasures, worker.erasures
//   InterviewChanged  interview.changed    ─▶ no queue: whoever listens hears it, else nobody
//
// Threads: any; nothing blocks.
#ifndef VIVA_BUS_TOPOLOGY_H
#define VIVA_BUS_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#define VIVA_BUS_EXCHANGE "interview.events"
#define VIVA_BUS_DEAD_LETTERS "dead.letters"

#define VIVA_KEY_FRAME_CAPTURED "frame.captured"
#define VIVA_KEY_FRAME_ACCEPTED "frame.accepted"
#define VIVA_KEY_EMOTION_ANALYZED "emotion.analyzed"
#define VIVA_KEY_INTERVIEW_COMPLETED "interview.completed"
#define VIVA_KEY_SCORE_CALCULATED "score.calculated"
#define VIVA_KEY_INTERVIEW_ERASED "interview.erased"
#define VIVA_KEY_INTERVIEW_CHANGED "interview.changed"

enum viva_bus_queue {
	VIVA_QUEUE_WORKER_FRAMES,
	VIVA_QUEUE_EMOTION_FRAMES,  // partitioned
	VIVA_QUEUE_SCORING_EMOTIONS,
	VIVA_QUEUE_WORKER_COMPLETIONS,
	VIVA_QUEUE_WORKER_SCORES,
	VIVA_QUEUE_EMOTION_ERASURES,
	VIVA_QUEUE_SCORING_ERASURES,
	VIVA_QUEUE_WORKER_ERASURES,
	VIVA_QUEUE_COUNT
};

struct viva_bus_binding {
	const char *name;         // of the queue; a partitioned one's partitions are called NAME.0, NAME.1, …
	const char *routing_key;  // that is bound to it
	bool is_partitioned;
	// One consumer of all processes at a time, so that its messages (or a partition's) come in order however many
	// instances there are; over AMQP x-single-active-consumer. So it is with partitions, and with worker.frames:
	// two workers would mix up a session's frames.
	bool keeps_order;
};
extern const struct viva_bus_binding viva_bus_bindings[VIVA_QUEUE_COUNT];  // by enum viva_bus_queue

// The routing keys, numbered: first those of the bindings, then those that no queue is bound to.
enum { VIVA_BUS_KEY_COUNT = VIVA_QUEUE_COUNT + 1 };
// VIVA_BUS_KEY_COUNT for one that is unknown, or NULL. Of several bindings of a key the first counts.
size_t viva_bus_key(const char *routing_key);
const char *viva_bus_key_name(size_t key);  // a constant
bool viva_bus_key_has_queue(size_t key);
// The partition of a session's messages, in [0, partitions): 32-bit FNV-1a of the id's bytes, modulo the partitions.
size_t viva_bus_partition(const char *session_id, size_t partitions);

#endif
