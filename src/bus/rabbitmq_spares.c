// SPDX-License-Identifier: Apache-2.0
#include "bus/rabbitmq_spares.h"

#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_CLASS_BYTES = 16 * 1024, MAX_KEPT_BYTES = 16 << 20 };

// What stands before the memory that is given out.
struct viva_rabbitmq_block {
	struct viva_rabbitmq_spares *owner;
	struct viva_rabbitmq_block *next;
	size_t size_class;
	_Alignas(max_align_t) char memory[];
};

void viva_rabbitmq_spares_init(struct viva_rabbitmq_spares *spares)
{
	*spares = (struct viva_rabbitmq_spares){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void viva_rabbitmq_spares_finish(struct viva_rabbitmq_spares *spares)
{
	for (size_t i = 0; i < VIVA_RABBITMQ_SPARE_CLASSES; i++)
		for (struct viva_rabbitmq_block *block = spares->unused[i], *next; block; block = next) {
			next = block->next;
			free(block);
		}
	pthread_mutex_destroy(&spares->lock);
}

static size_t bytes_of(size_t size_class)
{
	return (size_t)FIRST_CLASS_BYTES << size_class;
}

static struct viva_rabbitmq_block *take_unused(struct viva_rabbitmq_spares *spares, size_t size_class)
{
	pthread_mutex_lock(&spares->lock);
	struct viva_rabbitmq_block *block = spares->unused[size_class];
	if (block) {
		spares->unused[size_class] = block->next;
		spares->bytes -= bytes_of(size_class);
	}
	pthread_mutex_unlock(&spares->lock);
	return block;
}

void *viva_rabbitmq_spares_take(struct viva_rabbitmq_spares *spares, size_t size)
{
	size_t size_class = 0;
	while (size_class < VIVA_RABBITMQ_SPARE_CLASSES && bytes_of(size_class) < size)
		size_class++;
	// Small ones are malloc's business, and very large ones are rare.
	if (size < FIRST_CLASS_BYTES / 2 || size_class == VIVA_RABBITMQ_SPARE_CLASSES)
		spares = NULL;
	struct viva_rabbitmq_block *block = spares ? take_unused(spares, size_class) : NULL;
	if (!block) {
		block = malloc(sizeof *block + (spares ? bytes_of(size_class) : size));
		if (!block)
			return NULL;
		block->owner = spares;
		block->size_class = size_class;
	}
	return block->memory;
}

void viva_rabbitmq_spares_give(void *memory)
{
	if (!memory)
		return;
	struct viva_rabbitmq_block *block =
		(struct viva_rabbitmq_block *)((char *)memory - offsetof(struct viva_rabbitmq_block, memory));
	struct viva_rabbitmq_spares *spares = block->owner;
	bool is_kept = false;
	if (spares) {
		size_t bytes = bytes_of(block->size_class);
		pthread_mutex_lock(&spares->lock);
		is_kept = spares->bytes + bytes <= MAX_KEPT_BYTES;
		if (is_kept) {
			spares->bytes += bytes;
			block->next = spares->unused[block->size_class];
			spares->unused[block->size_class] = block;
		}
		pthread_mutex_unlock(&spares->lock);
	}
	if (!is_kept)
		free(block);
}
