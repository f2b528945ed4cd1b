// SPDX-License-Identifier: Apache-2.0
#include "interview/prefer.h"

#include <string.h>
#include <strings.h>

// One header's value, still to be read.
struct scanner {
	const char *at;
};

// RFC 9110 §5.6.2.
static bool is_token_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_space(struct scanner *scanner)
{
	scanner->at += strspn(scanner->at, " \t");
}

static struct viva_bytes take_token(struct scanner *scanner)
{
	const char *start = scanner->at;
	while (is_token_character(*scanner->at))
		scanner->at++;
	return viva_bytes_of(start, (size_t)(scanner->at - start));
}

// A token or a quoted string; of the latter the inside, its escapes as they stand. false: neither.
static bool take_word(struct scanner *scanner, struct viva_bytes *ret_word)
{
	if (*scanner->at != '"') {
		*ret_word = take_token(scanner);
		return ret_word->size > 0;
	}
	const char *start = ++scanner->at;
	while (*scanner->at != '\0' && *scanner->at != '"')
		scanner->at += scanner->at[0] == '\\' && scanner->at[1] != '\0' ? 2 : 1;
	if (*scanner->at == '\0')
		return false;
	*ret_word = viva_bytes_of(start, (size_t)(scanner->at - start));
	scanner->at++;
	return true;
}

// name [ "=" word ]
static bool take_pair(struct scanner *scanner, struct viva_bytes *ret_name, struct viva_bytes *ret_value,
		      bool *ret_has_value)
{
	*ret_name = take_token(scanner);
	*ret_value = (struct viva_bytes){0};
	*ret_has_value = false;
	if (ret_name->size == 0)
		return false;
	skip_space(scanner);
	if (*scanner->at != '=')
		return true;
	scanner->at++;
	skip_space(scanner);
	*ret_has_value = take_word(scanner, ret_value);
	return *ret_has_value;
}

// A preference with its parameters, which mean nothing here.
static bool take_preference(struct scanner *scanner, struct viva_bytes *ret_name, struct viva_bytes *ret_value,
			    bool *ret_has_value)
{
	if (!take_pair(scanner, ret_name, ret_value, ret_has_value))
		return false;
	skip_space(scanner);
	while (*scanner->at == ';') {
		struct viva_bytes name;
		struct viva_bytes value;
		bool has_value;
		scanner->at++;
		skip_space(scanner);
		if (*scanner->at != ';' && *scanner->at != ',' && *scanner->at != '\0' &&
		    !take_pair(scanner, &name, &value, &has_value))
			return false;
		skip_space(scanner);
	}
	return *scanner->at == ',' || *scanner->at == '\0';
}

// Past what could not be read, to the next preference; a comma within quotes ends none.
static void skip_preference(struct scanner *scanner)
{
	bool is_quoted = false;
	for (; *scanner->at != '\0' && (is_quoted || *scanner->at != ','); scanner->at++)
		is_quoted = is_quoted != (*scanner->at == '"');
}

static bool read_seconds(struct viva_bytes text, int64_t *ret_seconds)
{
	int64_t seconds = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		seconds = VIVA_MIN(seconds * 10 + (text.data[i] - '0'), (int64_t)INTERVIEW_MAX_WAIT_S);
	}
	*ret_seconds = seconds;
	return text.size > 0;
}

// Whether the value's list names `wait`. *ret_preference stays as it is when that can't be honoured.
static bool find_wait(const char *value, struct interview_preference *ret_preference)
{
	struct scanner scanner = {.at = value};
	for (;;) {
		scanner.at += strspn(scanner.at, " \t,");
		if (*scanner.at == '\0')
			return false;
		struct viva_bytes name;
		struct viva_bytes text;
		bool has_value;
		if (!take_preference(&scanner, &name, &text, &has_value)) {
			skip_preference(&scanner);
			continue;
		}
		if (name.size != strlen("wait") || strncasecmp((const char *)name.data, "wait", name.size) != 0)
			continue;
		// An empty value is as good as none (RFC 7240 §2).
		has_value = has_value && text.size > 0;
		int64_t seconds = 0;
		if (!has_value || read_seconds(text, &seconds))
			*ret_preference = (struct interview_preference){
				.is_given = true, .has_limit = has_value, .wait_s = seconds};
		return true;
	}
}

struct interview_preference interview_prefers_wait(const struct viva_http_request *request)
{
	struct interview_preference preference = {0};
	bool is_found = false;
	for (size_t i = 0; i < request->header_count && !is_found; i++) {
		if (strcasecmp(request->headers[i].name, "prefer") == 0)
			is_found = find_wait(request->headers[i].value, &preference);
	}
	return preference;
}
