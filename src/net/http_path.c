// SPDX-License-Identifier: Apache-2.0
#include "net/http_path.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/text.h"

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

// Decodes into `out` (room for size bytes); false for a broken escape. Terminates nothing.
static bool percent_decode(const char *text, size_t size, bool plus_is_space, char *out, size_t *ret_size)
{
	size_t used = 0;
	for (size_t i = 0; i < size; i++) {
		char byte = text[i];
		if (byte == '%') {
			if (size - i < 3)
				return false;
			int high = hex_value(text[i + 1]);
			int low = hex_value(text[i + 2]);
			if (high < 0 || low < 0)
				return false;
			byte = (char)(high << 4 | low);
			i += 2;
		} else if (byte == '+' && plus_is_space) {
			byte = ' ';
		}
		out[used++] = byte;
	}
	*ret_size = used;
	return true;
}

static const char *authority_of(const char *target)
{
	if (strncasecmp(target, "http://", 7) == 0)
		return target + 7;
	if (strncasecmp(target, "https://", 8) == 0)
		return target + 8;
	return NULL;
}

const char *http_path_origin_form(const char *target)
{
	const char *authority = authority_of(target);
	if (!authority)
		return target;
	const char *rest = authority + strcspn(authority, "/?");
	return *rest == '/' ? rest : "/";
}

static bool authority_is(const char *target, const char *host)
{
	const char *authority = authority_of(target);
	if (!authority)
		return true;
	size_t size = strcspn(authority, "/?");
	return host && size > 0 && strlen(host) == size && strncasecmp(authority, host, size) == 0 &&
	       !memchr(authority, '@', size) && authority[size] != '?';
}

static bool target_is_visible(const char *target)
{
	for (const char *at = target; *at; at++)
		if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f || *at == '#' || *at == '\\')
			return false;
	return true;
}

static bool decoded_is_safe(const char *path, size_t size, size_t slashes)
{
	size_t seen = 0;
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f || path[i] == '\\')
			return false;
		seen += path[i] == '/';
	}
	return seen == slashes && viva_utf8_is_valid(path, size);
}

// Whether each member of the query can be decoded: a handler that asks for one must not take it for absent.
static bool query_is_decodable(const char *query, char *scratch)
{
	size_t size = 0;
	return percent_decode(query, strlen(query), true, scratch, &size) && !memchr(scratch, '\0', size) &&
	       viva_utf8_is_valid(scratch, size);
}

int http_path_parse(struct viva_arena *arena, const char *target, const char *host, const char **ret_path,
		    const char **ret_query)
{
	if (!target_is_visible(target) || !authority_is(target, host))
		return VIVA_EPROTOCOL;
	const char *origin = http_path_origin_form(target);
	if (origin[0] != '/' && strcmp(origin, "*") != 0)
		return VIVA_EPROTOCOL;

	size_t size = strcspn(origin, "?");
	size_t slashes = 0;
	for (size_t i = 0; i < size; i++)
		slashes += origin[i] == '/';
	char *path = viva_arena_alloc(arena, size + 1);
	if (!path)
		return VIVA_ENOMEM;
	size_t path_size = 0;
	if (!percent_decode(origin, size, false, path, &path_size) || !decoded_is_safe(path, path_size, slashes))
		return VIVA_EPROTOCOL;
	path[path_size] = '\0';
	const char *query = origin[size] == '?' ? origin + size + 1 : "";
	char *scratch = viva_arena_alloc(arena, strlen(query) + 1);
	if (!scratch)
		return VIVA_ENOMEM;
	if (!query_is_decodable(query, scratch))
		return VIVA_EPROTOCOL;
	*ret_path = path;
	*ret_query = query;
	return 0;
}

static bool name_matches(const char *text, size_t size, const char *name)
{
	char decoded[64];
	size_t decoded_size = 0;
	return size <= sizeof decoded && percent_decode(text, size, true, decoded, &decoded_size) &&
	       decoded_size == strlen(name) && memcmp(decoded, name, decoded_size) == 0;
}

const char *http_path_query_member(struct viva_arena *arena, const char *query, const char *name)
{
	for (const char *at = query; *at; at += *at == '&') {
		size_t size = strcspn(at, "&");
		size_t name_size = strcspn(at, "=&");
		if (name_matches(at, name_size, name)) {
			size_t skip = name_size < size ? name_size + 1 : name_size;
			char *value = viva_arena_alloc(arena, size - skip + 1);
			size_t value_size = 0;
			if (!value || !percent_decode(at + skip, size - skip, true, value, &value_size))
				return NULL;
			value[value_size] = '\0';
			if (memchr(value, '\0', value_size) || !viva_utf8_is_valid(value, value_size))
				return NULL;
			return value;
		}
		at += size;
	}
	return NULL;
}
