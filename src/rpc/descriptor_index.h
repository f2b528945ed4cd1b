// SPDX-License-Identifier: Apache-2.0
//
// Which .proto file defines a symbol, and what that file imports: the data behind server reflection. Internal to rpc/.
//
// Threads: make it in one; reading is free from any.
#ifndef VIVA_RPC_DESCRIPTOR_INDEX_H
#define VIVA_RPC_DESCRIPTOR_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct descriptor_index;

// Reads serialized FileDescriptorSets, which are borrowed for the index's life. A file that two sets hold is kept once.
// VIVA_EINVAL (not a descriptor set), VIVA_ENOMEM.
VIVA_MUST_CHECK int descriptor_index_create(const struct viva_bytes *sets, size_t set_count,
					    struct descriptor_index **ret_index, struct viva_error *error);
struct descriptor_index *descriptor_index_destroy(struct descriptor_index *index);
VIVA_DEFINE_AUTO(descriptor_index)

// The number of the file with this path, or of the one that defines this symbol ("emotion.FrameRequest",
// "emotion.EmotionService.AnalyzeFrame", …); -1 = there is none.
int descriptor_index_find_file(const struct descriptor_index *index, const char *path);
int descriptor_index_find_symbol(const struct descriptor_index *index, const char *symbol);

// The file and all that it imports, each once, itself first: serialized FileDescriptorProtos, in the arena.
// VIVA_ENOMEM.
VIVA_MUST_CHECK int descriptor_index_closure(const struct descriptor_index *index, int file, struct viva_arena *arena,
					     struct viva_bytes **ret_files, size_t *ret_count);

#endif
