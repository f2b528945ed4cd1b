// SPDX-License-Identifier: Apache-2.0
//
// An interview's emotion timeline, read page by page from the emotion service.
//
// Threads: any but the loop's: calls block on the emotion service.
#ifndef VIVA_INTERVIEW_TIMELINE_H
#define VIVA_INTERVIEW_TIMELINE_H

#include "interview/context.h"

// Takes one page: `emotions` is its array, `summary` an object or NULL; borrowed until it returns. Non-zero ends the
// reading and is given back.
typedef int interview_on_page(const json_t *emotions, const json_t *summary, void *context, struct viva_error *error);

// Reads the whole timeline in order; one that is empty or unknown has no rows and is no error. A summary comes with at
// least the first page of one that is known. VIVA_EEMOTIONDOWN, VIVA_EBADGATEWAY, VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_timeline_read(struct interview_service *service, const char *id,
					    interview_on_page *on_page, void *context, struct viva_error *error);

#endif
