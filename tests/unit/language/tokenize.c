// SPDX-License-Identifier: Apache-2.0
//
// viva-tokenize VOCABULARY: reads one JSON string a line, writes its token ids as one JSON array a line. For the parity
// test against the `tokenizers` library (tests/integration/test_tokenizer_parity.py).
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "language/tokenizer.h"

static int print_ids(const struct viva_tokenizer *tokenizer, const json_t *text)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_tokens tokens;
	if (viva_arena_create(0, &arena) != 0)
		return 1;
	struct viva_bytes bytes = viva_bytes_of(json_string_value(text), json_string_length(text));
	if (viva_tokenizer_encode(tokenizer, bytes, 1 << 20, arena, &tokens) != 0)
		return 1;
	for (size_t i = 0; i < tokens.count; i++)
		printf("%s%lld", i == 0 ? "[" : ",", (long long)tokens.ids[i]);
	puts("]");
	return 0;
}

int main(int argument_count, char **arguments)
{
	VIVA_AUTO(viva_tokenizer) tokenizer = NULL;
	struct viva_error error = {0};
	if (argument_count != 2 || viva_tokenizer_open(arguments[1], &tokenizer, &error) != 0) {
		fprintf(stderr, "usage: viva-tokenize VOCABULARY <STRINGS.jsonl\n%s\n", viva_error_message(&error));
		return 2;
	}
	char *line = NULL;
	size_t capacity = 0;
	int status = 0;
	while (status == 0 && getline(&line, &capacity, stdin) > 0) {
		json_t *text = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		status = json_is_string(text) ? print_ids(tokenizer, text) : 1;
		json_decref(text);
	}
	free(line);
	return status;
}
