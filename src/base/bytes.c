// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { FIRST_CAPACITY = 256 };

void viva_free_at_scope_end(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

struct viva_bytes viva_bytes_of_text(const char *text)
{
	return viva_bytes_of(text, strlen(text));
}

uint64_t viva_hash_more(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

void viva_buffer_init(struct viva_buffer *buffer, size_t limit)
{
	*buffer = (struct viva_buffer){.limit = limit};
}

void viva_buffer_finish(struct viva_buffer *buffer)
{
	free(buffer->data);
	viva_buffer_init(buffer, buffer->limit);
}

int viva_buffer_reserve(struct viva_buffer *buffer, size_t size)
{
	if (buffer->size > buffer->limit || size > buffer->limit - buffer->size)
		return VIVA_ELIMIT;
	if (size <= buffer->capacity - buffer->size)
		return 0;

	size_t capacity = VIVA_MAX(buffer->capacity, (size_t)FIRST_CAPACITY);
	while (capacity < buffer->size + size)
		capacity = capacity > buffer->limit / 2 ? buffer->limit : capacity * 2;
	uint8_t *data = realloc(buffer->data, capacity);
	if (!data)
		return VIVA_ENOMEM;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int viva_buffer_append(struct viva_buffer *buffer, const void *data, size_t size)
{
	int status = viva_buffer_reserve(buffer, size);
	if (status)
		return status;
	if (size)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return 0;
}

int viva_buffer_append_text(struct viva_buffer *buffer, const char *text)
{
	return viva_buffer_append(buffer, text, strlen(text));
}

int viva_buffer_printf(struct viva_buffer *buffer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	VIVA_AUTO_FREE char *text = NULL;
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text = NULL;
		return VIVA_ENOMEM;
	}
	return viva_buffer_append(buffer, text, (size_t)length);
}

void viva_buffer_consume(struct viva_buffer *buffer, size_t size)
{
	buffer->size -= size;
	if (buffer->size)
		memmove(buffer->data, buffer->data + size, buffer->size);
}

struct viva_blob {
	atomic_size_t references;
	size_t size;
	const uint8_t *data;
	uint8_t *owned;            // freed with the blob; NULL for a window or bytes of its own
	struct viva_blob *parent;  // of a window
	uint8_t bytes[];
};

static int allocate(size_t inline_size, struct viva_blob **ret_blob)
{
	struct viva_blob *blob = malloc(sizeof *blob + inline_size);
	if (!blob)
		return VIVA_ENOMEM;
	*blob = (struct viva_blob){.size = inline_size, .data = blob->bytes};
	atomic_init(&blob->references, 1);
	*ret_blob = blob;
	return 0;
}

int viva_blob_create_uninitialised(size_t size, struct viva_blob **ret_blob, uint8_t **ret_data)
{
	if (size > SIZE_MAX - sizeof(struct viva_blob))
		return VIVA_ENOMEM;
	int status = allocate(size, ret_blob);
	if (!status)
		*ret_data = (*ret_blob)->bytes;
	return status;
}

int viva_blob_create(const void *data, size_t size, struct viva_blob **ret_blob)
{
	uint8_t *bytes;
	int status = viva_blob_create_uninitialised(size, ret_blob, &bytes);
	if (!status && size)
		memcpy(bytes, data, size);
	return status;
}

int viva_blob_create_from_buffer(struct viva_buffer *buffer, struct viva_blob **ret_blob)
{
	struct viva_blob *blob;
	int status = allocate(0, &blob);
	if (status)
		return status;
	blob->size = buffer->size;
	blob->data = blob->owned = buffer->data;
	viva_buffer_init(buffer, buffer->limit);
	*ret_blob = blob;
	return 0;
}

int viva_blob_create_window(struct viva_blob *parent, size_t offset, size_t size, struct viva_blob **ret_blob)
{
	if (offset > parent->size || size > parent->size - offset)
		return VIVA_EINVAL;
	struct viva_blob *blob;
	int status = allocate(0, &blob);
	if (status)
		return status;
	blob->size = size;
	blob->data = size ? parent->data + offset : NULL;
	blob->parent = viva_blob_ref(parent);
	*ret_blob = blob;
	return 0;
}

struct viva_blob *viva_blob_ref(struct viva_blob *blob)
{
	atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
	return blob;
}

struct viva_blob *viva_blob_destroy(struct viva_blob *blob)
{
	if (!blob || atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) != 1)
		return NULL;
	viva_blob_destroy(blob->parent);
	free(blob->owned);
	free(blob);
	return NULL;
}

struct viva_bytes viva_blob_bytes(const struct viva_blob *blob)
{
	return blob ? viva_bytes_of(blob->data, blob->size) : viva_bytes_of(NULL, 0);
}
