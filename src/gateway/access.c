// SPDX-License-Identifier: Apache-2.0
#include "gateway/access.h"

#include <string.h>
#include <strings.h>

#define SUBPROTOCOL_PREFIX "viva.token."

// The token inside an offered subprotocol, in the arena. NULL = none.
static const char *subprotocol_token(const struct viva_http_request *request)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (strcmp(request->headers[i].name, "sec-websocket-protocol") != 0)
			continue;
		const char *at = request->headers[i].value;
		while (*(at += strspn(at, ", \t")) != '\0') {
			size_t size = strcspn(at, ", \t");
			size_t prefix = strlen(SUBPROTOCOL_PREFIX);
			if (size > prefix && memcmp(at, SUBPROTOCOL_PREFIX, prefix) == 0)
				return viva_arena_text(request->arena, at + prefix, size - prefix);
			at += size;
		}
	}
	return NULL;
}

static const char *websocket_token(const struct viva_http_request *request)
{
	const char *upgrade = viva_http_header(request, "upgrade");
	if (!upgrade || strcasecmp(upgrade, "websocket") != 0)
		return NULL;
	const char *token = viva_http_query(request, "token");
	return token ? token : subprotocol_token(request);
}

int gateway_check_access(const struct viva_auth *auth, enum gateway_access access,
			 const struct viva_http_request *request, struct viva_error *error)
{
	const char *authorization = viva_http_header(request, "authorization");
	const char *token = access == GATEWAY_INTERVIEW ? websocket_token(request) : NULL;
	enum viva_grant grant;
	struct viva_claims claims;
	switch (access) {
	case GATEWAY_OPEN:
		return 0;
	case GATEWAY_API_KEY:
		return viva_auth_check_api_key(auth, authorization, error);
	case GATEWAY_INTERVIEW:
		return viva_auth_check_interview(auth, authorization, token, viva_http_parameter(request, "id"), &grant,
						 &claims, error);
	case GATEWAY_ANY_GRANT:
		return viva_auth_check(auth, authorization, NULL, &grant, &claims, error);
	}
	return VIVA_EINTERNAL;
}
