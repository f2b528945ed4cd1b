// SPDX-License-Identifier: Apache-2.0
//
// Byte ranges, a growable buffer that knows its limit, and reference-counted immutable blobs.
//
// Threads: a range or buffer has one owner at a time; a blob may be shared by any threads. Nothing blocks.
#ifndef VIVA_BASE_BYTES_H
#define VIVA_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

// A borrowed range of bytes; data may be NULL only when size is 0.
struct viva_bytes {
	const uint8_t *data;
	size_t size;
};

static inline struct viva_bytes viva_bytes_of(const void *data, size_t size)
{
	return (struct viva_bytes){.data = data, .size = size};
}

struct viva_bytes viva_bytes_of_text(const char *text);

// FNV-1a of 64 bits (draft-eastlake-fnv): goes on from VIVA_HASH_START, or from the hash of what came before. For
// tables and for chance that repeats; nothing that an adversary must not meet.
#define VIVA_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t viva_hash_more(uint64_t hash, const void *data, size_t size);

// A growable array of bytes that refuses to grow past `limit`. `{.limit = n}` is a valid empty one.
struct viva_buffer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	size_t limit;  // > 0
};

void viva_buffer_init(struct viva_buffer *buffer, size_t limit);
void viva_buffer_finish(struct viva_buffer *buffer);  // frees the bytes; the buffer is empty and usable again
// Appends; VIVA_ELIMIT when it would pass the limit, VIVA_ENOMEM; on failure nothing changed.
VIVA_MUST_CHECK int viva_buffer_append(struct viva_buffer *buffer, const void *data, size_t size);
VIVA_MUST_CHECK int viva_buffer_append_text(struct viva_buffer *buffer, const char *text);
VIVA_MUST_CHECK int viva_buffer_printf(struct viva_buffer *buffer, const char *format, ...) VIVA_PRINTF(2, 3);
// Room for `size` more bytes at data + size; commit by adding to buffer->size. Errors as for append.
VIVA_MUST_CHECK int viva_buffer_reserve(struct viva_buffer *buffer, size_t size);
// Drops the first `size` bytes (≤ buffer->size).
void viva_buffer_consume(struct viva_buffer *buffer, size_t size);

// An immutable run of bytes shared by reference: a frame, a body, a message. Never copied on its way.
struct viva_blob;

// Copies `size` bytes. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_blob_create(const void *data, size_t size, struct viva_blob **ret_blob);
// An uninitialised one of `size` bytes for its maker to fill through *ret_data before anyone else sees it.
VIVA_MUST_CHECK int viva_blob_create_uninitialised(size_t size, struct viva_blob **ret_blob, uint8_t **ret_data);
// Takes the buffer's bytes over without a copy; the buffer is empty afterwards.
VIVA_MUST_CHECK int viva_blob_create_from_buffer(struct viva_buffer *buffer, struct viva_blob **ret_blob);
// A window on `parent` that holds a reference on it: nothing is copied. offset + size must lie within the parent.
VIVA_MUST_CHECK int viva_blob_create_window(struct viva_blob *parent, size_t offset, size_t size,
					    struct viva_blob **ret_blob);
struct viva_blob *viva_blob_ref(struct viva_blob *blob);          // one more owner; gives blob back
struct viva_blob *viva_blob_destroy(struct viva_blob *blob);      // one owner less; the last one frees. Always NULL.
struct viva_bytes viva_blob_bytes(const struct viva_blob *blob);  // valid while a reference is held; NULL gives none
VIVA_DEFINE_AUTO(viva_blob)

#endif
