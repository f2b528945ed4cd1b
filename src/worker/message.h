// SPDX-License-Identifier: Apache-2.0
//
// What a delivered message may be known by.
//
// Threads: any; nothing blocks.
#ifndef VIVA_WORKER_MESSAGE_H
#define VIVA_WORKER_MESSAGE_H

#include "bus/bus.h"

// The message's id, or "" for one that has none fit to go into a header: only visible ASCII is. A stock client may
// have put anything there.
const char *worker_message_id(const struct viva_bus_message *message);

#endif
