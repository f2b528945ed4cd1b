// SPDX-License-Identifier: Apache-2.0
#include "bus/rabbitmq_url.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

enum { MAX_URL_BYTES = 8192, DEFAULT_PORT = 5672, DEFAULT_TLS_PORT = 5671 };

// A part of the URL's text, still encoded.
struct part {
	const char *data;
	size_t size;
};

static int refuse(struct viva_error *error, const char *why)
{
	return viva_fail(error, VIVA_EUSAGE, "bus-url", "the RabbitMQ URL %s", why);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// RFC 3986 §2.1. Neither control characters nor what does not fit.
static int decode(struct part part, char *ret_text, size_t size, struct viva_error *error)
{
	size_t used = 0;
	for (size_t i = 0; i < part.size; i++) {
		char c = part.data[i];
		if (c == '%') {
			int high = i + 2 < part.size ? digit_of(part.data[i + 1]) : -1;
			int low = i + 2 < part.size ? digit_of(part.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return refuse(error, "has a % without two hexadecimal digits behind it");
			c = (char)(high << 4 | low);
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return refuse(error, "holds a control character");
		if (used + 1 >= size)
			return refuse(error, "has a part that is too long");
		ret_text[used++] = c;
	}
	ret_text[used] = '\0';
	return viva_utf8_is_valid(ret_text, used) ? 0 : refuse(error, "is not UTF-8");
}

// Cuts what is before the first `mark` off *rest, and the mark with it; without one all of it.
static struct part cut(struct part *rest, char mark)
{
	const char *at = memchr(rest->data, mark, rest->size);
	struct part before = {rest->data, at ? (size_t)(at - rest->data) : rest->size};
	size_t taken = before.size + (at ? 1 : 0);
	*rest = (struct part){rest->data + taken, rest->size - taken};
	return before;
}

static bool has(struct part part, char c)
{
	return memchr(part.data, c, part.size) != NULL;
}

// ---- user and hosts

static int parse_user(struct part part, struct viva_rabbitmq_url *url, struct viva_error *error)
{
	bool has_password = has(part, ':');
	struct part user = cut(&part, ':');
	if (has(part, ':') || has(part, '@'))
		return refuse(error, "has a user or password with ':' or '@' in it, which must be %3A or %40");
	int status = decode(user, url->user, sizeof url->user, error);
	if (!status && has_password)
		status = decode(part, url->password, sizeof url->password, error);
	if (!status && url->user[0] == '\0')
		return refuse(error, "has an empty user");
	return status;
}

static int parse_port(struct part part, int *ret_port, struct viva_error *error)
{
	char text[8];
	int64_t port;
	if (part.size >= sizeof text)
		return refuse(error, "has a port that is no number from 1 to 65535");
	memcpy(text, part.data, part.size);
	text[part.size] = '\0';
	if (viva_parse_int64(text, 1, 65535, &port))
		return refuse(error, "has a port that is no number from 1 to 65535");
	*ret_port = (int)port;
	return 0;
}

// Letters, digits and what names and addresses have beside them; everything else would be a slip of the pen.
static bool is_host_name(const char *text)
{
	return text[0] != '\0' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] == '\0';
}

static int parse_host(struct part part, struct viva_rabbitmq_host *host, struct viva_error *error)
{
	struct in6_addr address;
	struct part name;
	bool is_v6 = part.size > 0 && part.data[0] == '[';
	if (is_v6) {
		part = (struct part){part.data + 1, part.size - 1};
		if (!has(part, ']'))
			return refuse(error, "has an IPv6 address without ']'");
		name = cut(&part, ']');
		if (part.size > 0 && part.data[0] != ':')
			return refuse(error, "has text behind an IPv6 address that is no port");
	} else {
		bool has_port = has(part, ':');
		name = cut(&part, ':');
		if (has_port)
			part = (struct part){part.data - 1, part.size + 1};
	}
	int status = decode(name, host->name, sizeof host->name, error);
	if (status)
		return status;
	if (is_v6 ? inet_pton(AF_INET6, host->name, &address) != 1 : !is_host_name(host->name))
		return refuse(error, "has a host that is neither a name nor an address");
	// What is left is empty or begins with a colon.
	return part.size > 0 ? parse_port((struct part){part.data + 1, part.size - 1}, &host->port, error) : 0;
}

static int parse_hosts(struct part part, struct viva_rabbitmq_url *url, struct viva_error *error)
{
	do {
		if (url->host_count == VIVA_RABBITMQ_MAX_HOSTS)
			return refuse(error, "has more than 16 hosts");
		struct viva_rabbitmq_host *host = &url->hosts[url->host_count++];
		host->port = url->is_tls ? DEFAULT_TLS_PORT : DEFAULT_PORT;
		bool is_last = !has(part, ',');
		int status = parse_host(cut(&part, ','), host, error);
		if (status || is_last)
			return status;
	} while (true);
}

static int parse_authority(struct part part, struct viva_rabbitmq_url *url, struct viva_error *error)
{
	// The last '@', so that an unencoded one in the password is found out rather than taken for a host.
	const char *at = memrchr(part.data, '@', part.size);
	if (at) {
		struct part user = {part.data, (size_t)(at - part.data)};
		int status = parse_user(user, url, error);
		if (status)
			return status;
		part = (struct part){at + 1, part.size - user.size - 1};
	}
	return parse_hosts(part, url, error);
}

// ---- the query

static int parse_number(const char *text, int min, int max, int *ret_number, const char *why, struct viva_error *error)
{
	int64_t number;
	if (viva_parse_int64(text, min, max, &number))
		return refuse(error, why);
	*ret_number = (int)number;
	return 0;
}

static int parse_verify(const char *text, struct viva_rabbitmq_url *url, struct viva_error *error)
{
	url->verifies_peer = strcmp(text, "verify_peer") == 0;
	if (!url->verifies_peer && strcmp(text, "verify_none") != 0)
		return refuse(error, "has a verify that is neither verify_peer nor verify_none");
	return 0;
}

static int parse_file(struct part value, char *ret_path, size_t size, const struct viva_rabbitmq_url *url,
		      struct viva_error *error)
{
	if (!url->is_tls)
		return refuse(error, "has settings of TLS, but begins with amqp:// instead of amqps://");
	int status = decode(value, ret_path, size, error);
	return status || ret_path[0] != '\0' ? status : refuse(error, "names an empty file");
}

static int parse_parameter(struct part part, struct viva_rabbitmq_url *url, struct viva_error *error)
{
	char name[64], text[64];
	int status = decode(cut(&part, '='), name, sizeof name, error);
	if (status)
		return status;
	if (strcmp(name, "cacertfile") == 0)
		return parse_file(part, url->cacertfile, sizeof url->cacertfile, url, error);
	if (strcmp(name, "certfile") == 0)
		return parse_file(part, url->certfile, sizeof url->certfile, url, error);
	if (strcmp(name, "keyfile") == 0)
		return parse_file(part, url->keyfile, sizeof url->keyfile, url, error);
	status = decode(part, text, sizeof text, error);
	if (status)
		return status;
	if (strcmp(name, "verify") == 0)
		return parse_verify(text, url, error);
	if (strcmp(name, "heartbeat") == 0)
		return parse_number(text, 1, 3600, &url->heartbeat_s,
				    "has a heartbeat that is no number of seconds from 1 to 3600", error);
	if (strcmp(name, "connection_timeout") == 0)
		return parse_number(text, 100, 300000, &url->connection_timeout_ms,
				    "has a connection_timeout that is no number of milliseconds from 100 to 300000",
				    error);
	return refuse(error, "has an unknown parameter; known are cacertfile, certfile, keyfile, verify, heartbeat and "
			     "connection_timeout");
}

static int parse_query(struct part part, struct viva_rabbitmq_url *url, struct viva_error *error)
{
	int status = 0;
	while (!status && part.size > 0)
		status = parse_parameter(cut(&part, '&'), url, error);
	if (!status && (url->certfile[0] == '\0') != (url->keyfile[0] == '\0'))
		return refuse(error, "needs certfile and keyfile together");
	return status;
}

int viva_rabbitmq_url_parse(const char *text, struct viva_rabbitmq_url *ret_url, struct viva_error *error)
{
	struct viva_rabbitmq_url url = {
		.user = "guest",
		.password = "guest",
		.vhost = "/",
		.verifies_peer = true,
		.heartbeat_s = 10,
		.connection_timeout_ms = 10000,
	};
	struct part rest = {text, strnlen(text, MAX_URL_BYTES + 1)};
	if (rest.size > MAX_URL_BYTES)
		return refuse(error, "is too long");
	url.is_tls = strncmp(text, "amqps://", 8) == 0;
	if (!url.is_tls && strncmp(text, "amqp://", 7) != 0)
		return refuse(error, "must begin with amqp:// or amqps://");
	rest = (struct part){rest.data + (url.is_tls ? 8 : 7), rest.size - (url.is_tls ? 8 : 7)};
	if (has(rest, '#'))
		return refuse(error, "holds a '#', which must be %23");

	struct part before_query = cut(&rest, '?');
	struct part authority = cut(&before_query, '/');
	if (has(before_query, '/'))
		return refuse(error, "has a virtual host with '/' in it, which must be %2F");
	int status = parse_authority(authority, &url, error);
	if (!status && before_query.size > 0)
		status = decode(before_query, url.vhost, sizeof url.vhost, error);
	if (!status)
		status = parse_query(rest, &url, error);
	if (!status)
		*ret_url = url;
	return status;
}
