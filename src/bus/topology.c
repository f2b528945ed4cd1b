// SPDX-License-Identifier: Apache-2.0
#include "bus/topology.h"

#include <stdint.h>
#include <string.h>

const struct viva_bus_binding viva_bus_bindings[VIVA_QUEUE_COUNT] = {
	[VIVA_QUEUE_WORKER_FRAMES] = {"worker.frames", VIVA_KEY_FRAME_CAPTURED, false, true},
	[VIVA_QUEUE_EMOTION_FRAMES] = {"emotion.frames", VIVA_KEY_FRAME_ACCEPTED, true, true},
	[VIVA_QUEUE_SCORING_EMOTIONS] = {"scoring.emotions", VIVA_KEY_EMOTION_ANALYZED, false, false},
	[VIVA_QUEUE_WORKER_COMPLETIONS] = {"worker.completions", VIVA_KEY_INTERVIEW_COMPLETED, false, false},
	[VIVA_QUEUE_WORKER_SCORES] = {"worker.scores", VIVA_KEY_SCORE_CALCULATED, false, false},
	[VIVA_QUEUE_EMOTION_ERASURES] = {"emotion.erasures", VIVA_KEY_INTERVIEW_ERASED, false, false},
	[VIVA_QUEUE_SCORING_ERASURES] = {"scoring.erasures", VIVA_KEY_INTERVIEW_ERASED, false, false},
	[VIVA_QUEUE_WORKER_ERASURES] = {"worker.erasures", VIVA_KEY_INTERVIEW_ERASED, false, false},
};

static const char *const KEYS_WITHOUT_QUEUE[VIVA_BUS_KEY_COUNT - VIVA_QUEUE_COUNT] = {VIVA_KEY_INTERVIEW_CHANGED};

bool viva_bus_key_has_queue(size_t key)
{
	return key < VIVA_QUEUE_COUNT;
}

const char *viva_bus_key_name(size_t key)
{
	return viva_bus_key_has_queue(key) ? viva_bus_bindings[key].routing_key
					   : KEYS_WITHOUT_QUEUE[key - VIVA_QUEUE_COUNT];
}

size_t viva_bus_key(const char *routing_key)
{
	size_t key = 0;
	while (key < VIVA_BUS_KEY_COUNT && (!routing_key || strcmp(viva_bus_key_name(key), routing_key) != 0))
		key++;
	return key;
}

size_t viva_bus_partition(const char *session_id, size_t partitions)
{
	// Fowler, Noll, Vo: FNV-1a, 32 bits.
	uint32_t hash = 2166136261u;
	for (const unsigned char *byte = (const unsigned char *)session_id; *byte; byte++)
		hash = (hash ^ *byte) * 16777619u;
	return hash % partitions;
}
