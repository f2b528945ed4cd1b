// SPDX-License-Identifier: Apache-2.0
//
// The running platform that these commands ask, and how they end.
//
// Threads: main.
#ifndef VIVA_REVIEW_PLATFORM_H
#define VIVA_REVIEW_PLATFORM_H

#include "base/config.h"
#include "candidate/client.h"

enum { REVIEW_FAILED = 1, REVIEW_USAGE = 2 };

// Loads --url, --api-key and the command's own options. With --help or wrong usage it says so, and gives no config:
// *ret_status is the process's then.
struct viva_config *review_load(const char *command, const char *usage, const struct viva_option *options,
				size_t option_count, int argument_count, char **arguments, int *ret_status);
// A client with the credential that the settings give. Nothing is called yet. VIVA_EUSAGE, VIVA_ENOMEM.
VIVA_MUST_CHECK int review_connect(const struct viva_config *config, struct candidate_client **ret_client,
				   struct viva_error *error);
// Says on stderr why it failed: the process's status.
int review_fail(const char *command, int code, const struct viva_error *error);

#endif
