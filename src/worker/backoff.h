// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before the next try.
//
// Threads: any; nothing blocks.
#ifndef VIVA_WORKER_BACKOFF_H
#define VIVA_WORKER_BACKOFF_H

#include "base/clock.h"

// After so many failures in a row (≥ 1), in ms: the reference design's backoff, 1 s doubling to 30 s, plus a random
// part of itself.
int64_t worker_backoff_ms(int64_t failures, struct viva_random *random);
// The same for webhooks, whose receivers may be away for hours: after the sixth failure it goes on from 1 minute,
// doubling to 1 hour, plus a random part of itself.
int64_t worker_webhook_backoff_ms(int64_t failures, struct viva_random *random);

#endif
