// SPDX-License-Identifier: Apache-2.0
#include "discovery/consul_url.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char scheme[] = "consul://";

enum { HTTP_PORT = 8500, HTTPS_PORT = 8501 };  // Consul's defaults

int consul_token_check(const char *token, struct viva_error *error)
{
	size_t size = strlen(token);
	// It becomes a header's value.
	for (size_t i = 0; i < size; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return viva_fail(error, VIVA_EUSAGE, NULL, "Consul's token has characters that no token has");
	return size <= CONSUL_MAX_TOKEN ? 0 : viva_fail(error, VIVA_EUSAGE, NULL, "Consul's token is too long");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes %XX; nothing else is special.
static int decode(const char *text, size_t size, char *ret_text, size_t capacity)
{
	size_t written = 0;
	for (size_t i = 0; i < size; i++) {
		int byte = (unsigned char)text[i];
		if (byte == '%') {
			int high = i + 2 < size ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < size ? hex_digit(text[i + 2]) : -1;
			byte = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		if (byte == 0 || written + 1 >= capacity)
			return VIVA_EUSAGE;
		ret_text[written++] = (char)byte;
	}
	ret_text[written] = '\0';
	return 0;
}

static int read_switch(const char *value, const char *on, bool *ret_is_on)
{
	bool is_on = strcmp(value, on) == 0;
	if (!is_on && strcmp(value, "off") != 0)
		return VIVA_EUSAGE;
	*ret_is_on = is_on;
	return 0;
}

static bool is_datacenter(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
			return false;
	return *name != '\0';
}

static int read_member(const char *text, size_t size, struct consul_url *url, bool *is_tls, struct viva_error *error)
{
	static const char *const names[] = {"token", "dc", "ca-file", "tls", "stale"};
	const char *equals = memchr(text, '=', size);
	size_t name_size = equals ? (size_t)(equals - text) : size;
	size_t which = 0;
	while (which < VIVA_COUNT(names) &&
	       (strlen(names[which]) != name_size || memcmp(names[which], text, name_size) != 0))
		which++;
	if (!equals || which == VIVA_COUNT(names))
		return viva_fail(error, VIVA_EUSAGE, NULL,
				 "\"%.*s\" is no member of a Consul URL (tls, ca-file, token, dc, stale)",
				 (int)VIVA_MIN(name_size, (size_t)32), text);

	char value[PATH_MAX];
	int result = decode(equals + 1, size - name_size - 1, value, sizeof value);
	if (result == 0 && which == 0) {
		result = consul_token_check(value, error);
		if (result < 0)
			return result;
		strcpy(url->token, value);
	} else if (result == 0 && which == 1) {
		result = strlen(value) <= CONSUL_MAX_DATACENTER && is_datacenter(value) ? 0 : VIVA_EUSAGE;
		if (result == 0)
			strcpy(url->datacenter, value);
	} else if (result == 0 && which == 2) {
		strcpy(url->ca_file, value);
	} else if (result == 0) {
		result = read_switch(value, "on", which == 3 ? is_tls : &url->is_stale_allowed);
	}
	return result < 0 ? viva_fail(error, VIVA_EUSAGE, NULL, "the Consul URL's %s can't be read", names[which]) : 0;
}

static int read_query(const char *query, struct consul_url *url, bool *is_tls, struct viva_error *error)
{
	while (*query) {
		size_t size = strcspn(query, "&");
		int result = size > 0 ? read_member(query, size, url, is_tls, error) : 0;
		if (result < 0)
			return result;
		query += size;
		query += *query == '&';
	}
	return 0;
}

static int read_authority(const char *text, size_t size, struct consul_url *url, bool is_tls, struct viva_error *error)
{
	size_t host_size = size;
	int64_t port = is_tls ? HTTPS_PORT : HTTP_PORT;
	const char *bracket = memchr(text, ']', size);
	const char *colon = memrchr(bracket ? bracket : text, ':', size - (bracket ? (size_t)(bracket - text) : 0));
	if (colon) {
		char digits[8] = "";
		host_size = (size_t)(colon - text);
		size_t digit_count = size - host_size - 1;
		if (digit_count < sizeof digits)
			memcpy(digits, colon + 1, digit_count);
		if (viva_parse_int64(digits, 1, 65535, &port) < 0)
			return viva_fail(error, VIVA_EUSAGE, NULL, "Consul's port is not within 1 to 65535");
	}
	int result = discovery_check_host(text, host_size, error);
	if (result < 0)
		return result;
	snprintf(url->base, sizeof url->base, "http%s://%.*s:%d", is_tls ? "s" : "", (int)host_size, text, (int)port);
	return 0;
}

int consul_url_parse(const char *url, struct consul_url *ret_url, struct viva_error *error)
{
	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "Consul's URL is of the form consul://HOST:PORT");
	url += strlen(scheme);
	size_t size = strcspn(url, "/?");
	if (url[size] == '/' && url[size + 1] != '\0' && url[size + 1] != '?')
		return viva_fail(error, VIVA_EUSAGE, NULL, "Consul's URL has no path");
	if (strchr(url, '@') && strchr(url, '@') < url + size)
		return viva_fail(error, VIVA_EUSAGE, NULL, "Consul's URL has no user; a token is ?token=");
	const char *query = url + size + (url[size] == '/');
	bool is_tls = false;
	struct consul_url parsed = {.is_stale_allowed = true};
	int result = read_query(*query == '?' ? query + 1 : query, &parsed, &is_tls, error);
	if (result == 0)
		result = read_authority(url, size, &parsed, is_tls, error);
	if (result == 0)
		*ret_url = parsed;
	return result;
}
