// SPDX-License-Identifier: Apache-2.0
//
// Memory with the life of one request or message: allocate freely, free all at once.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_BASE_ARENA_H
#define VIVA_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/macros.h"

struct viva_arena;

// An arena that refuses to hand out more than max_bytes in all (0 = the default of 64 MiB). VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_arena_create(size_t max_bytes, struct viva_arena **ret_arena);
// Runs the cleanups, last added first, and frees everything. NULL is fine. Always NULL.
struct viva_arena *viva_arena_destroy(struct viva_arena *arena);
VIVA_DEFINE_AUTO(viva_arena)

// Zeroed memory aligned for any type, or NULL when memory or the limit is exhausted.
void *viva_arena_alloc(struct viva_arena *arena, size_t size);
char *viva_arena_text(struct viva_arena *arena, const char *text, size_t size);  // copy + terminator; NULL as above
char *viva_arena_printf(struct viva_arena *arena, const char *format, ...) VIVA_PRINTF(2, 3);
char *viva_arena_vprintf(struct viva_arena *arena, const char *format, va_list arguments) VIVA_PRINTF(2, 0);
// Calls on_destroy(object) when the arena goes. VIVA_ENOMEM, then on_destroy was not kept and the caller still owns.
VIVA_MUST_CHECK int viva_arena_on_destroy(struct viva_arena *arena, void (*on_destroy)(void *object), void *object);

#endif
