// SPDX-License-Identifier: Apache-2.0
#include "nginx_config/template.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_PARAMETERS = 200 };

static const char opening[] = "{{", closing[] = "}}", servers[] = "servers ";

static struct viva_bytes part(const char *begin, const char *end)
{
	return viva_bytes_of(begin, (size_t)(end - begin));
}

static bool is_text(struct viva_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static int write_value(struct viva_bytes name, const struct nginx_view *view, struct viva_buffer *out)
{
	for (size_t i = 0; i < view->value_count; i++)
		if (is_text(name, view->values[i].name))
			return viva_buffer_append_text(out, view->values[i].value);
	return VIVA_EINVAL;
}

static int write_server(const char *address, struct viva_bytes indent, struct viva_bytes parameters,
			struct viva_buffer *out)
{
	return viva_buffer_printf(out, "%.*sserver %s%.*s;\n", (int)indent.size, (const char *)indent.data, address,
				  (int)parameters.size, (const char *)parameters.data);
}

// `what` is "SERVICE PARAMETERS".
static int write_servers(struct viva_bytes what, struct viva_bytes indent, const struct nginx_view *view,
			 struct viva_buffer *out)
{
	const char *begin = (const char *)what.data, *end = begin + what.size;
	const char *space = memchr(begin, ' ', what.size);
	struct viva_bytes service = part(begin, space ? space : end);
	struct viva_bytes parameters = part(space ? space : end, end);
	if (parameters.size > MAX_PARAMETERS || memchr(parameters.data, ';', parameters.size))
		return VIVA_EINVAL;
	for (size_t i = 0; i < view->upstream_count; i++) {
		const struct nginx_upstream *upstream = &view->upstreams[i];
		if (!is_text(service, upstream->service))
			continue;
		int code = 0;
		for (size_t j = 0; j < upstream->count && code == 0; j++)
			code = write_server(upstream->addresses[j], indent, parameters, out);
		return upstream->count > 0 ? code : write_server("127.0.0.1:9 down", indent, part(end, end), out);
	}
	return VIVA_EINVAL;
}

// Whether the line is nothing but one {{servers …}}; then *ret_indent and *ret_what are its parts.
static bool is_servers(struct viva_bytes line, struct viva_bytes *ret_indent, struct viva_bytes *ret_what)
{
	const char *begin = (const char *)line.data, *end = begin + line.size;
	const char *at = begin;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	size_t head = strlen(opening) + strlen(servers);
	if ((size_t)(end - at) < head + strlen(closing) || memcmp(at, opening, strlen(opening)) != 0 ||
	    memcmp(at + strlen(opening), servers, strlen(servers)) != 0 ||
	    memcmp(end - strlen(closing), closing, strlen(closing)) != 0)
		return false;
	*ret_indent = part(begin, at);
	*ret_what = part(at + head, end - strlen(closing));
	return true;
}

static int write_line(struct viva_bytes line, const struct nginx_view *view, struct viva_buffer *out)
{
	struct viva_bytes indent, what;
	// Comments may tell of {{…}}.
	const char *first = (const char *)line.data;
	const char *end = first + line.size;
	while (first < end && (*first == ' ' || *first == '\t'))
		first++;
	if (is_servers(line, &indent, &what))
		return write_servers(what, indent, view, out);
	int code = 0;
	const char *at = (const char *)line.data;
	bool is_comment = first < end && *first == '#';
	for (const char *open; code == 0 && !is_comment && (open = memmem(at, (size_t)(end - at), opening, 2));) {
		const char *close = memmem(open, (size_t)(end - open), closing, 2);
		if (!close)
			return VIVA_EINVAL;
		code = viva_buffer_append(out, at, (size_t)(open - at));
		if (code == 0)
			code = write_value(part(open + 2, close), view, out);
		at = close + 2;
	}
	if (code == 0)
		code = viva_buffer_append(out, at, (size_t)(end - at));
	return code != 0 ? code : viva_buffer_append(out, "\n", 1);
}

int nginx_template_render(struct viva_bytes text, const struct nginx_view *view, struct viva_buffer *ret_text,
			  struct viva_error *error)
{
	const char *at = (const char *)text.data, *end = at + text.size;
	for (int number = 1; at < end; number++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		int code = write_line(part(at, stop), view, ret_text);
		if (code == VIVA_EINVAL)
			return viva_fail(error, code, "template", "line %d of the template can't be understood",
					 number);
		if (code != 0)
			return viva_fail(error, code, NULL, "nginx's configuration is too large");
		at = newline ? newline + 1 : end;
	}
	return 0;
}
