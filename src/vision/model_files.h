// SPDX-License-Identifier: Apache-2.0
//
// Whether the model files are there and whole.
//
// Threads: any; blocks on the disk.
#ifndef VIVA_VISION_MODEL_FILES_H
#define VIVA_VISION_MODEL_FILES_H

#include "base/error.h"
#include "base/macros.h"

// Compares each file that DIRECTORY/vision.json lists with its size and SHA-256 sum, and sees that `names` are among
// them (NULL-terminated). VIVA_EMODEL tells which file is missing or damaged, and the cure; VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_model_files_check(const char *directory, const char *const *names, struct viva_error *error);

#endif
