// SPDX-License-Identifier: Apache-2.0
#include "net/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

void http_head_init(struct http_head *head, size_t max_bytes, size_t max_count)
{
	*head = (struct http_head){.max_count = max_count};
	// Terminators are ours: they don't count against what the peer may send.
	viva_buffer_init(&head->text, max_bytes + 2 * max_count + 2);
}

void http_head_finish(struct http_head *head)
{
	viva_buffer_finish(&head->text);
	free(head->fields);
	head->fields = NULL;
	head->count = head->capacity = 0;
}

static int add_text(struct http_head *head, const char *data, size_t size)
{
	int code = viva_buffer_append(&head->text, data, size);
	return code == VIVA_ELIMIT ? VIVA_EHEADERSIZE : code;
}

static int end_text(struct http_head *head)
{
	return add_text(head, "", 1);
}

int http_head_add_start(struct http_head *head, const char *data, size_t size)
{
	return add_text(head, data, size);
}

int http_head_end_start(struct http_head *head)
{
	return end_text(head);
}

static int add_field(struct http_head *head)
{
	if (head->count == head->max_count)
		return VIVA_EHEADERSIZE;
	if (head->count == head->capacity) {
		size_t capacity = head->capacity == 0 ? 16 : 2 * head->capacity;
		struct http_field *fields = realloc(head->fields, capacity * sizeof *fields);
		if (!fields)
			return VIVA_ENOMEM;
		head->fields = fields;
		head->capacity = capacity;
	}
	head->fields[head->count++] = (struct http_field){.name = (uint32_t)head->text.size};
	return 0;
}

int http_head_add_name(struct http_head *head, const char *data, size_t size)
{
	if (!head->is_in_name) {
		int code = add_field(head);
		if (code != 0)
			return code;
		head->is_in_name = true;
	}
	size_t begin = head->text.size;
	int code = add_text(head, data, size);
	if (code != 0)
		return code;
	for (size_t i = begin; i < head->text.size; i++)
		if (head->text.data[i] >= 'A' && head->text.data[i] <= 'Z')
			head->text.data[i] = (uint8_t)(head->text.data[i] | 0x20);
	return 0;
}

// A value may be empty, and then the parser gives no span for it: the name ends with whatever comes next.
static int begin_value(struct http_head *head)
{
	if (!head->is_in_name)
		return 0;
	int code = end_text(head);
	if (code != 0)
		return code;
	head->is_in_name = false;
	head->fields[head->count - 1].value = (uint32_t)head->text.size;
	return 0;
}

int http_head_add_value(struct http_head *head, const char *data, size_t size)
{
	int code = begin_value(head);
	return code != 0 ? code : add_text(head, data, size);
}

int http_head_end_value(struct http_head *head)
{
	int code = begin_value(head);
	if (code != 0)
		return code;
	size_t begin = head->fields[head->count - 1].value;
	while (head->text.size > begin && strchr(" \t", head->text.data[head->text.size - 1]))
		head->text.size--;
	return end_text(head);
}

const char *http_head_find(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->count; i++)
		if (strcmp(http_head_name(head, i), name) == 0)
			return http_head_value(head, i);
	return NULL;
}

size_t http_head_count(const struct http_head *head, const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < head->count; i++)
		count += strcmp(http_head_name(head, i), name) == 0;
	return count;
}

bool http_next_element(const char **list, struct viva_bytes *ret_element)
{
	const char *begin = *list + strspn(*list, " \t,");
	if (*begin == '\0')
		return false;
	size_t size = strcspn(begin, ",");
	*list = begin + size;
	while (size > 0 && strchr(" \t", begin[size - 1]))
		size--;
	*ret_element = viva_bytes_of(begin, size);
	return true;
}

bool http_element_is(struct viva_bytes element, const char *text)
{
	return element.size == strlen(text) && strncasecmp((const char *)element.data, text, element.size) == 0;
}

bool http_head_has_token(const struct http_head *head, const char *name, const char *token)
{
	for (size_t i = 0; i < head->count; i++) {
		if (strcmp(http_head_name(head, i), name) != 0)
			continue;
		const char *list = http_head_value(head, i);
		struct viva_bytes element;
		while (http_next_element(&list, &element))
			if (http_element_is(element, token))
				return true;
	}
	return false;
}

// RFC 9110 §15 and the IANA registry; 499 as nginx has it.
static const struct {
	int status;
	const char *phrase;
} reasons[] = {
	{100, "Continue"},
	{101, "Switching Protocols"},
	{102, "Processing"},
	{103, "Early Hints"},
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{203, "Non-Authoritative Information"},
	{204, "No Content"},
	{205, "Reset Content"},
	{206, "Partial Content"},
	{207, "Multi-Status"},
	{300, "Multiple Choices"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{402, "Payment Required"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{407, "Proxy Authentication Required"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{422, "Unprocessable Content"},
	{423, "Locked"},
	{424, "Failed Dependency"},
	{425, "Too Early"},
	{426, "Upgrade Required"},
	{428, "Precondition Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{451, "Unavailable For Legal Reasons"},
	{499, "Client Closed Request"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
	{511, "Network Authentication Required"},
};

const char *http_reason(int status)
{
	size_t low = 0, high = VIVA_COUNT(reasons);
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (reasons[middle].status == status)
			return reasons[middle].phrase;
		if (reasons[middle].status < status)
			low = middle + 1;
		else
			high = middle;
	}
	return "";
}
