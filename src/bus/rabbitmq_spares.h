// SPDX-License-Identifier: Apache-2.0
//
// Large blocks of memory that are used again. malloc() gives those of frames' size back to the kernel at once, so that
// each of their pages is cleared and mapped anew for each message: that cost more than all else that the bus does with
// one (docs/decisions has the figures).
//
// Threads: any.
#ifndef VIVA_BUS_RABBITMQ_SPARES_H
#define VIVA_BUS_RABBITMQ_SPARES_H

#include <pthread.h>
#include <stddef.h>

enum { VIVA_RABBITMQ_SPARE_CLASSES = 8 };  // of 16 KiB, 32 KiB … 2 MiB; others are malloc's alone

struct viva_rabbitmq_block;

struct viva_rabbitmq_spares {
	pthread_mutex_t lock;
	size_t bytes;  // that are kept, at most 16 MiB
	struct viva_rabbitmq_block *unused[VIVA_RABBITMQ_SPARE_CLASSES];
};

void viva_rabbitmq_spares_init(struct viva_rabbitmq_spares *spares);
// After its last block came back.
void viva_rabbitmq_spares_finish(struct viva_rabbitmq_spares *spares);

// A block of at least `size` bytes, not cleared; NULL: no memory. `spares` may be NULL: then from malloc().
void *viva_rabbitmq_spares_take(struct viva_rabbitmq_spares *spares, size_t size);
// Gives a block back to the spares that it came from. NULL is fine.
void viva_rabbitmq_spares_give(void *memory);

#endif
