// SPDX-License-Identifier: Apache-2.0
//
// The protocol definitions as data: each a serialized google.protobuf.FileDescriptorSet with all its imports.
//
// Threads: any; constants of the program, alive for ever.
#ifndef VIVA_DESCRIPTOR_SETS_H
#define VIVA_DESCRIPTOR_SETS_H

#include "base/bytes.h"

struct viva_bytes viva_emotion_descriptor_set(void);
struct viva_bytes viva_scoring_descriptor_set(void);
struct viva_bytes viva_rpc_descriptor_set(void);  // grpc.health.v1, grpc.reflection.v1 and v1alpha

#endif
