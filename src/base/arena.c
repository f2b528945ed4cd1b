// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { CHUNK_BYTES = 4096, DEFAULT_MAX_BYTES = 64 * 1024 * 1024 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	alignas(max_align_t) uint8_t bytes[];
};

struct cleanup {
	struct cleanup *next;
	void (*on_destroy)(void *object);
	void *object;
};

struct viva_arena {
	struct chunk *chunks;
	struct cleanup *cleanups;
	size_t handed_out, max_bytes;
};

int viva_arena_create(size_t max_bytes, struct viva_arena **ret_arena)
{
	struct viva_arena *arena = calloc(1, sizeof *arena);
	if (!arena)
		return VIVA_ENOMEM;
	arena->max_bytes = max_bytes ? max_bytes : DEFAULT_MAX_BYTES;
	*ret_arena = arena;
	return 0;
}

struct viva_arena *viva_arena_destroy(struct viva_arena *arena)
{
	if (!arena)
		return NULL;
	for (struct cleanup *cleanup = arena->cleanups; cleanup; cleanup = cleanup->next)
		cleanup->on_destroy(cleanup->object);
	while (arena->chunks) {
		struct chunk *next = arena->chunks->next;
		free(arena->chunks);
		arena->chunks = next;
	}
	free(arena);
	return NULL;
}

static struct chunk *add_chunk(struct viva_arena *arena, size_t size)
{
	struct chunk *chunk = malloc(sizeof *chunk + size);
	if (!chunk)
		return NULL;
	chunk->used = 0;
	chunk->size = size;
	// A large allocation gets a chunk of its own behind the current one, whose rest stays in use.
	if (size > CHUNK_BYTES && arena->chunks) {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	} else {
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	return chunk;
}

void *viva_arena_alloc(struct viva_arena *arena, size_t size)
{
	if (size > arena->max_bytes)
		return NULL;
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (rounded > arena->max_bytes - arena->handed_out)
		return NULL;
	struct chunk *chunk = arena->chunks;
	if (!chunk || rounded > chunk->size - chunk->used)
		chunk = add_chunk(arena, VIVA_MAX(rounded, (size_t)CHUNK_BYTES));
	if (!chunk)
		return NULL;
	void *memory = chunk->bytes + chunk->used;
	chunk->used += rounded;
	arena->handed_out += rounded;
	return memset(memory, 0, size);
}

char *viva_arena_text(struct viva_arena *arena, const char *text, size_t size)
{
	char *copy = size < SIZE_MAX ? viva_arena_alloc(arena, size + 1) : NULL;
	if (copy && size)
		memcpy(copy, text, size);
	return copy;
}

char *viva_arena_vprintf(struct viva_arena *arena, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	char *text = length < 0 ? NULL : viva_arena_alloc(arena, (size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

char *viva_arena_printf(struct viva_arena *arena, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *text = viva_arena_vprintf(arena, format, arguments);
	va_end(arguments);
	return text;
}

int viva_arena_on_destroy(struct viva_arena *arena, void (*on_destroy)(void *object), void *object)
{
	struct cleanup *cleanup = viva_arena_alloc(arena, sizeof *cleanup);
	if (!cleanup)
		return VIVA_ENOMEM;
	*cleanup = (struct cleanup){.next = arena->cleanups, .on_destroy = on_destroy, .object = object};
	arena->cleanups = cleanup;
	return 0;
}
