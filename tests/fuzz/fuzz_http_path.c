// SPDX-License-Identifier: Apache-2.0
//
// Any text as a request target: what is accepted is safe to match, and to match the same twice.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/http_path.h"
#include "net/http_router.h"

static const struct viva_http_route routes[] = {
	{.method = "GET", .pattern = "/api/v1/interviews/:id"},
	{.method = "POST", .pattern = "/api/v1/interviews/start"},
	{.pattern = "/api/v1/interviews/:id/*"},
	{.method = "GET", .pattern = "/ws/interviews/:id"},
};

static struct http_router *router;

int LLVMFuzzerInitialize(int *argument_count, char ***arguments);
int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
	(void)argument_count;
	(void)arguments;
	const struct viva_http_route *tables[] = {routes};
	size_t counts[] = {VIVA_COUNT(routes)};
	return http_router_create(tables, counts, 1, &router, NULL);
}

static size_t slashes_in(const char *text, size_t size)
{
	size_t count = 0;
	for (size_t i = 0; i < size; i++)
		count += text[i] == '/';
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena) != 0)
		return 0;
	const char *target = viva_arena_text(arena, (const char *)data, size);
	const char *path = NULL, *query = NULL;
	if (http_path_parse(arena, target, "localhost:8000", &path, &query) != 0)
		return 0;
	if (!viva_utf8_is_valid(path, strlen(path)) || (path[0] != '/' && strcmp(path, "*") != 0))
		abort();
	const char *origin = http_path_origin_form(target);
	if (slashes_in(path, strlen(path)) != slashes_in(origin, strcspn(origin, "?")))
		abort();
	const char *token = http_path_query_member(arena, query, "token");
	if (token && !viva_utf8_is_valid(token, strlen(token)))
		abort();

	struct http_match match = {0};
	if (http_router_find(router, arena, "GET", path, &match) != 0)
		abort();
	if (match.route && match.parameters[0] && match.route->route->method &&
	    slashes_in(match.parameters[0], strlen(match.parameters[0])) != 0)
		abort();
	return 0;
}
