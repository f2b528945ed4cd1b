// SPDX-License-Identifier: Apache-2.0
//
// The bytes of models/grading.json, which the build puts into the library.
#ifndef VIVA_LANGUAGE_GRADING_MODEL_H
#define VIVA_LANGUAGE_GRADING_MODEL_H

#include "base/bytes.h"

struct viva_bytes viva_grading_model(void);

#endif
