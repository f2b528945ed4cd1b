// SPDX-License-Identifier: Apache-2.0
#include "net/http_router.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct http_router {
	size_t count;
	struct http_route routes[];  // most specific first
};

static bool pattern_is_readable(const char *pattern)
{
	if (pattern[0] != '/')
		return false;
	size_t parameters = 0, segments = 0;
	for (const char *at = pattern; *at == '/'; segments++) {
		at++;
		size_t size = strcspn(at, "/");
		parameters += *at == ':' || *at == '*';
		if (*at == '*' && at[1] != '\0')
			return false;
		if (*at == ':' && size == 1)
			return false;
		at += size;
	}
	return parameters <= HTTP_MAX_PARAMETERS && segments <= HTTP_MAX_SEGMENTS;
}

static int segment_rank(const char *segment)
{
	return *segment == '*' ? 2 : *segment == ':' ? 1 : 0;
}

// Orders by the first segment in which the two differ in kind.
static int by_specificity(const void *left, const void *right)
{
	const char *a = ((const struct http_route *)left)->route->pattern;
	const char *b = ((const struct http_route *)right)->route->pattern;
	while (*a == '/' && *b == '/') {
		int difference = segment_rank(++a) - segment_rank(++b);
		if (difference != 0)
			return difference;
		a += strcspn(a, "/");
		b += strcspn(b, "/");
	}
	return 0;
}

// qsort isn't stable, and the order of the tables must decide between equals.
static void sort_routes(struct http_route *routes, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct http_route route = routes[i];
		size_t at = i;
		for (; at > 0 && by_specificity(&routes[at - 1], &route) > 0; at--)
			routes[at] = routes[at - 1];
		routes[at] = route;
	}
}

int http_router_create(const struct viva_http_route *const *tables, const size_t *counts, size_t table_count,
		       struct http_router **ret_router, struct viva_error *error)
{
	size_t total = 0;
	for (size_t i = 0; i < table_count; i++)
		total += counts[i];
	VIVA_AUTO(http_router) router = calloc(1, sizeof *router + total * sizeof router->routes[0]);
	if (!router)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < table_count; i++) {
		for (size_t j = 0; j < counts[i]; j++) {
			const struct viva_http_route *route = &tables[i][j];
			if (!pattern_is_readable(route->pattern))
				return viva_fail(error, VIVA_EUSAGE, NULL, "the route %s can't be read",
						 route->pattern);
			router->routes[router->count++].route = route;
		}
	}
	sort_routes(router->routes, router->count);
	*ret_router = viva_take(&router);
	return 0;
}

struct http_router *http_router_destroy(struct http_router *router)
{
	free(router);
	return NULL;
}

struct span {
	const char *text;
	size_t size;
};

static bool matches(const char *pattern, const char *path, struct span *parameters, size_t *ret_count)
{
	size_t count = 0;
	while (*pattern == '/' && *path == '/') {
		pattern++;
		path++;
		size_t size = strcspn(path, "/");
		size_t wanted = strcspn(pattern, "/");
		if (*pattern == '*') {
			parameters[count++] = (struct span){path, strlen(path)};
			*ret_count = count;
			return true;
		}
		if (*pattern == ':') {
			if (size == 0)
				return false;
			parameters[count++] = (struct span){path, size};
		} else if (size != wanted || memcmp(pattern, path, size) != 0) {
			return false;
		}
		pattern += wanted;
		path += size;
	}
	*ret_count = count;
	return *pattern == '\0' && *path == '\0';
}

static bool serves(const struct viva_http_route *route, const char *method)
{
	if (!route->method)
		return strcmp(method, "TRACE") != 0 && strcmp(method, "CONNECT") != 0;
	return strcmp(route->method, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0 && !route->websocket);
}

static const char *add_method(struct viva_arena *arena, const char *allow, const char *method)
{
	const char *found = strstr(allow, method);
	size_t size = strlen(method);
	// No method's name is part of another's, except at a comma.
	if (found && (found[size] == ',' || found[size] == '\0'))
		return allow;
	return viva_arena_printf(arena, "%s%s%s", allow, *allow ? ", " : "", method);
}

static const char *add_methods(struct viva_arena *arena, const char *allow, const struct viva_http_route *route)
{
	static const char *const any[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
	if (!route->method) {
		for (size_t i = 0; i < VIVA_COUNT(any) && allow; i++)
			allow = add_method(arena, allow, any[i]);
		return allow;
	}
	allow = add_method(arena, allow, route->method);
	if (allow && strcmp(route->method, "GET") == 0 && !route->websocket)
		allow = add_method(arena, allow, "HEAD");
	return allow;
}

static int keep_parameters(struct viva_arena *arena, const struct span *spans, size_t count,
			   const char *const **ret_parameters)
{
	const char **parameters = viva_arena_alloc(arena, (count + 1) * sizeof *parameters);
	if (!parameters)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		parameters[i] = viva_arena_text(arena, spans[i].text, spans[i].size);
		if (!parameters[i])
			return VIVA_ENOMEM;
	}
	*ret_parameters = parameters;
	return 0;
}

int http_router_find(struct http_router *router, struct viva_arena *arena, const char *method, const char *path,
		     struct http_match *ret_match)
{
	struct http_match match = {.allow = ""};
	for (size_t i = 0; i < router->count; i++) {
		struct http_route *candidate = &router->routes[i];
		struct span spans[HTTP_MAX_PARAMETERS];
		size_t count = 0;
		if (!matches(candidate->route->pattern, path, spans, &count))
			continue;
		if (serves(candidate->route, method)) {
			match.route = candidate;
			int code = keep_parameters(arena, spans, count, &match.parameters);
			if (code != 0)
				return code;
			break;
		}
		match.allow = add_methods(arena, match.allow, candidate->route);
		if (!match.allow)
			return VIVA_ENOMEM;
	}
	if (!match.route && *match.allow) {
		match.allow = add_method(arena, match.allow, "OPTIONS");
		if (!match.allow)
			return VIVA_ENOMEM;
	}
	*ret_match = match;
	return 0;
}

const char *http_pattern_parameter(const char *pattern, size_t index, size_t *ret_size)
{
	for (const char *at = pattern; *at == '/';) {
		at++;
		size_t size = strcspn(at, "/");
		if (*at == ':' || *at == '*') {
			if (index == 0) {
				*ret_size = *at == ':' ? size - 1 : size;
				return *at == ':' ? at + 1 : at;
			}
			index--;
		}
		at += size;
	}
	return NULL;
}
