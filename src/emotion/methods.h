// SPDX-License-Identifier: Apache-2.0
//
// The methods of emotion.EmotionService.
//
// Threads: constants of the program.
#ifndef VIVA_EMOTION_METHODS_H
#define VIVA_EMOTION_METHODS_H

#include <stddef.h>

#include "rpc/rpc_server.h"

extern const char *const emotion_rpc_services[];  // NULL-terminated
extern const struct viva_rpc_method emotion_methods[];
extern const size_t emotion_method_count;

#endif
