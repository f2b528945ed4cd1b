// SPDX-License-Identifier: Apache-2.0
#include "rpc/descriptor_index.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/wire.h"

enum { MAX_FILES = 64, MAX_SYMBOLS = 16384, MAX_DEPTH = 16, INDEX_BYTES = 16 << 20 };

struct file {
	const char *path;
	struct viva_bytes bytes;
};

struct symbol {
	const char *name;
	int file;
};

struct descriptor_index {
	struct viva_arena *arena;
	struct file files[MAX_FILES];
	size_t file_count;
	struct symbol *symbols;  // sorted by name once made
	size_t symbol_count;
	int building;  // the file at hand
};

// What the fields of descriptor.proto's messages are, as far as names go.
enum kind { FILE_KIND, MESSAGE_KIND, ENUM_KIND, SERVICE_KIND, LEAF_KIND };

struct child {
	enum kind parent;
	uint32_t field;
	enum kind kind;
};

static const struct child children[] = {
	{FILE_KIND, 4, MESSAGE_KIND},     // FileDescriptorProto.message_type
	{FILE_KIND, 5, ENUM_KIND},        // .enum_type
	{FILE_KIND, 6, SERVICE_KIND},     // .service
	{FILE_KIND, 7, LEAF_KIND},        // .extension
	{MESSAGE_KIND, 2, LEAF_KIND},     // DescriptorProto.field
	{MESSAGE_KIND, 3, MESSAGE_KIND},  // .nested_type
	{MESSAGE_KIND, 4, ENUM_KIND},     // .enum_type
	{MESSAGE_KIND, 8, LEAF_KIND},     // .oneof_decl
	{SERVICE_KIND, 2, LEAF_KIND},     // ServiceDescriptorProto.method
};

static int add_symbol(struct descriptor_index *index, const char *name)
{
	if (index->symbol_count == MAX_SYMBOLS)
		return VIVA_EINVAL;
	index->symbols[index->symbol_count++] = (struct symbol){.name = name, .file = index->building};
	return 0;
}

// The first field of this number and kind, or none.
static struct viva_bytes find_field(struct viva_bytes message, uint32_t number)
{
	struct wire_field field;
	while (wire_next(&message, &field))
		if (field.number == number && field.type == WIRE_BYTES)
			return field.bytes;
	return (struct viva_bytes){0};
}

static const char *join(struct descriptor_index *index, const char *scope, struct viva_bytes name)
{
	return viva_arena_printf(index->arena, "%s%s%.*s", scope, *scope ? "." : "", (int)name.size,
				 name.size > 0 ? (const char *)name.data : "");
}

static int add_children(struct descriptor_index *index, enum kind kind, const char *scope, struct viva_bytes message,
			unsigned depth);

static int add_child(struct descriptor_index *index, enum kind kind, const char *scope, struct viva_bytes message,
		     unsigned depth)
{
	const char *name = join(index, scope, find_field(message, 1));  // all of them have `name = 1`
	if (!name)
		return VIVA_ENOMEM;
	int result = add_symbol(index, name);
	return result < 0 ? result : add_children(index, kind, name, message, depth + 1);
}

static int add_children(struct descriptor_index *index, enum kind kind, const char *scope, struct viva_bytes message,
			unsigned depth)
{
	if (depth > MAX_DEPTH)
		return VIVA_EINVAL;
	struct wire_field field;
	while (wire_next(&message, &field))
		for (size_t i = 0; i < VIVA_COUNT(children); i++) {
			if (children[i].parent != kind || children[i].field != field.number || field.type != WIRE_BYTES)
				continue;
			int result = add_child(index, children[i].kind, scope, field.bytes, depth);
			if (result < 0)
				return result;
		}
	return message.size == 0 ? 0 : VIVA_EINVAL;
}

static int add_file(struct descriptor_index *index, struct viva_bytes bytes)
{
	const char *path = join(index, "", find_field(bytes, 1));
	const char *package = join(index, "", find_field(bytes, 2));
	if (!path || !package)
		return VIVA_ENOMEM;
	if (descriptor_index_find_file(index, path) >= 0)
		return 0;
	if (index->file_count == MAX_FILES)
		return VIVA_EINVAL;
	index->building = (int)index->file_count;
	index->files[index->file_count++] = (struct file){.path = path, .bytes = bytes};
	return add_children(index, FILE_KIND, package, bytes, 0);
}

static int add_set(struct descriptor_index *index, struct viva_bytes set)
{
	struct wire_field field;
	while (wire_next(&set, &field)) {
		if (field.number != 1 || field.type != WIRE_BYTES)
			continue;
		int result = add_file(index, field.bytes);
		if (result < 0)
			return result;
	}
	return set.size == 0 ? 0 : VIVA_EINVAL;
}

static int compare_symbols(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

int descriptor_index_create(const struct viva_bytes *sets, size_t set_count, struct descriptor_index **ret_index,
			    struct viva_error *error)
{
	VIVA_AUTO(descriptor_index) index = calloc(1, sizeof *index);
	if (!index || viva_arena_create(INDEX_BYTES, &index->arena) < 0)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the protocol's descriptors");
	index->symbols = viva_arena_alloc(index->arena, MAX_SYMBOLS * sizeof *index->symbols);
	if (!index->symbols)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the protocol's descriptors");

	for (size_t i = 0; i < set_count; i++) {
		int result = add_set(index, sets[i]);
		if (result < 0)
			return viva_fail(error, result, NULL, "not a readable set of protocol descriptors");
	}
	qsort(index->symbols, index->symbol_count, sizeof *index->symbols, compare_symbols);
	*ret_index = viva_take(&index);
	return 0;
}

struct descriptor_index *descriptor_index_destroy(struct descriptor_index *index)
{
	if (!index)
		return NULL;
	viva_arena_destroy(index->arena);
	free(index);
	return NULL;
}

int descriptor_index_find_file(const struct descriptor_index *index, const char *path)
{
	for (size_t i = 0; i < index->file_count; i++)
		if (strcmp(index->files[i].path, path) == 0)
			return (int)i;
	return -1;
}

int descriptor_index_find_symbol(const struct descriptor_index *index, const char *symbol)
{
	struct symbol wanted = {.name = symbol};
	const struct symbol *found =
		bsearch(&wanted, index->symbols, index->symbol_count, sizeof *index->symbols, compare_symbols);
	return found ? found->file : -1;
}

static int find_import(const struct descriptor_index *index, struct viva_bytes path)
{
	for (size_t i = 0; i < index->file_count; i++)
		if (strlen(index->files[i].path) == path.size &&
		    memcmp(index->files[i].path, path.data, path.size) == 0)
			return (int)i;
	return -1;
}

int descriptor_index_closure(const struct descriptor_index *index, int file, struct viva_arena *arena,
			     struct viva_bytes **ret_files, size_t *ret_count)
{
	struct viva_bytes *files = viva_arena_alloc(arena, MAX_FILES * sizeof *files);
	if (!files)
		return VIVA_ENOMEM;
	bool is_in[MAX_FILES] = {0};
	is_in[file] = true;
	size_t count = 0;
	files[count++] = index->files[file].bytes;

	// What a file imports joins the end of the list, so that its own imports are looked at in their turn.
	for (size_t i = 0; i < count; i++) {
		struct viva_bytes rest = files[i];
		struct wire_field field;
		while (wire_next(&rest, &field)) {
			int import =
				field.number == 3 && field.type == WIRE_BYTES ? find_import(index, field.bytes) : -1;
			if (import < 0 || is_in[import])
				continue;
			is_in[import] = true;
			files[count++] = index->files[import].bytes;
		}
	}
	*ret_files = files;
	*ret_count = count;
	return 0;
}
