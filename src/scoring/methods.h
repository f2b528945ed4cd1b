// SPDX-License-Identifier: Apache-2.0
//
// The gRPC methods of scoring.ScoringService; their context is the struct scoring_service.
//
// Threads: handlers run on the worker pool.
#ifndef VIVA_SCORING_METHODS_H
#define VIVA_SCORING_METHODS_H

#include "rpc/rpc_server.h"

extern const struct viva_rpc_method scoring_methods[];
extern const size_t scoring_method_count;
extern const char *const scoring_rpc_services[];

#endif
