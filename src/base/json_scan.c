// SPDX-License-Identifier: Apache-2.0
#include "base/json_scan.h"

#include <string.h>

void viva_json_skip_space(struct viva_json_scanner *scanner)
{
	while (scanner->at < scanner->end &&
	       (*scanner->at == ' ' || *scanner->at == '\t' || *scanner->at == '\n' || *scanner->at == '\r'))
		scanner->at++;
}

bool viva_json_take(struct viva_json_scanner *scanner, uint8_t expected)
{
	viva_json_skip_space(scanner);
	if (scanner->at == scanner->end || *scanner->at != expected)
		return false;
	scanner->at++;
	return true;
}

bool viva_json_take_plain_string(struct viva_json_scanner *scanner, struct viva_bytes *ret_content)
{
	if (!viva_json_take(scanner, '"'))
		return false;
	const uint8_t *start = scanner->at;
	const uint8_t *quote = memchr(start, '"', (size_t)(scanner->end - start));
	if (!quote || memchr(start, '\\', (size_t)(quote - start)))
		return false;
	*ret_content = viva_bytes_of(start, (size_t)(quote - start));
	scanner->at = quote + 1;
	return true;
}

static bool skip_string(struct viva_json_scanner *scanner)
{
	for (scanner->at++; scanner->at < scanner->end; scanner->at++) {
		if (*scanner->at == '"') {
			scanner->at++;
			return true;
		}
		if (*scanner->at == '\\' && ++scanner->at == scanner->end)
			return false;
	}
	return false;
}

bool viva_json_skip_value(struct viva_json_scanner *scanner)
{
	size_t depth = 0;
	while (scanner->at < scanner->end) {
		uint8_t c = *scanner->at;
		bool is_closing = c == '}' || c == ']';
		if (depth == 0 && (c == ',' || is_closing))
			return true;
		if (c == '"') {
			if (!skip_string(scanner))
				return false;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if (is_closing)
			depth--;
		scanner->at++;
	}
	return false;
}

bool viva_json_is_text(struct viva_bytes content, const char *text)
{
	return content.size == strlen(text) && memcmp(content.data, text, content.size) == 0;
}
