// SPDX-License-Identifier: Apache-2.0
//
// GET …/export: all data held about an interview, in all services (GDPR art. 15 and 20).
//
// Threads: any but the loop's: blocks on the store, other services and the client.
#ifndef VIVA_INTERVIEW_EXPORT_H
#define VIVA_INTERVIEW_EXPORT_H

#include "interview/context.h"
#include "net/http_server.h"

// Streams {"interview","scoring","emotion_summary","emotions"}. VIVA_ENOTFOUND; VIVA_EEMOTIONDOWN and
// VIVA_ESCORINGDOWN, since an export that lacks something must not look whole.
VIVA_MUST_CHECK int interview_export(struct interview_service *service, const char *id, struct viva_arena *arena,
				     struct viva_http_response *response, struct viva_error *error);

#endif
