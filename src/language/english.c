// SPDX-License-Identifier: Apache-2.0
#include "language/english.h"

#include "language/lexicon.h"

enum {
	MIN_WORDS = 6,  // fewer are no evidence
	MAX_BYTES_LOOKED_AT = 8000,
};

// docs/scoring.md, "Language". English prose has about half function words, and 1.1–1.3 pieces a word in the English
// vocabulary; other languages in Latin script have 1.8 and more.
static const double MIN_LATIN_SHARE = .6;
static const double ENGLISH_FUNCTION_SHARE = .15;
static const double FOREIGN_FUNCTION_SHARE = .15;
static const double FOREIGN_PIECES_PER_WORD = 1.7;
// Some words of other languages look like English ones ("on", "me"): more pieces outweigh more of them.
static const double CHANCE_FUNCTION_SHARE = .30;
static const double CLEARLY_FOREIGN_PIECES_PER_WORD = 1.9;

int viva_english_check(const struct viva_tokenizer *tokenizer, const struct viva_text *text, struct viva_arena *arena,
		       bool *ret_is_english)
{
	if (text->letters > 0 && (double)text->latin_letters < MIN_LATIN_SHARE * (double)text->letters) {
		*ret_is_english = false;
		return 0;
	}
	*ret_is_english = true;
	if (text->word_count < MIN_WORDS)
		return 0;

	double english = 0;
	double foreign = 0;
	for (size_t i = 0; i < text->word_count; i++) {
		english += (text->words[i].flags & VIVA_WORD_FUNCTION) != 0;
		foreign += text->words[i].is_foreign;
	}
	double words = (double)text->word_count;
	if (foreign > english && foreign >= FOREIGN_FUNCTION_SHARE * words) {
		*ret_is_english = false;
		return 0;
	}
	if (english >= CHANCE_FUNCTION_SHARE * words)
		return 0;

	struct viva_tokens tokens;
	struct viva_bytes beginning = viva_bytes_of(text->data, VIVA_MIN(text->size, (size_t)MAX_BYTES_LOOKED_AT));
	while (beginning.size < text->size && ((uint8_t)text->data[beginning.size] & 0xc0) == 0x80)
		beginning.size--;
	int code = viva_tokenizer_encode(tokenizer, beginning, MAX_BYTES_LOOKED_AT, arena, &tokens);
	if (code != 0)
		return code;
	double pieces_per_word = (double)tokens.pieces / (double)VIVA_MAX(tokens.words, (size_t)1);
	*ret_is_english = pieces_per_word < (english >= ENGLISH_FUNCTION_SHARE * words ? CLEARLY_FOREIGN_PIECES_PER_WORD
										       : FOREIGN_PIECES_PER_WORD);
	return 0;
}
