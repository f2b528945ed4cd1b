// SPDX-License-Identifier: Apache-2.0
//
// ScoreCalculated: what the others are told of a score.
//
// Threads: any; nothing blocks.
#ifndef VIVA_SCORING_ANNOUNCE_H
#define VIVA_SCORING_ANNOUNCE_H

#include "bus/bus.h"
#include "scoring/records.h"

// The message; its body is in the arena, the rest is borrowed from the record. VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_announcement_make(const struct scoring_record *record, struct viva_arena *arena,
					      struct viva_bus_message *ret_message);

#endif
