// SPDX-License-Identifier: Apache-2.0
//
// Whether the files of a model are there and whole, by the manifest that their preparation wrote.
//
// Threads: any; blocks on the disk.
#ifndef VIVA_MODEL_FILES_H
#define VIVA_MODEL_FILES_H

#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"

// Checks that `directory` holds `manifest` ("face_networks.json") and, with the sizes and SHA-256 sums it lists, each
// of `names`. VIVA_EMODEL: the sentence names the file, what is wrong with it, and the cure. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_model_files_check(const char *directory, const char *manifest, const char *const *names,
					   size_t name_count, struct viva_error *error);

#endif
