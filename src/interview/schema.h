// SPDX-License-Identifier: Apache-2.0
//
// The interview service's tables.
//
// Threads: constants only.
#ifndef VIVA_INTERVIEW_SCHEMA_H
#define VIVA_INTERVIEW_SCHEMA_H

#include "store/store.h"

extern const struct viva_migration interview_migrations[];
extern const size_t interview_migration_count;

#endif
