// SPDX-License-Identifier: Apache-2.0
#include "language/words.h"

#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/ucasemap.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>

#include "base/error.h"
#include "base/text.h"
#include "language/clauses.h"
#include "language/lexicon.h"
#include "language/neutral.h"
#include "language/stem.h"
#include "language/unicode.h"

enum {
	MAX_WORD_BYTES = 400,
	MAX_WRITTEN_RUN = 40,  // words without a mark between them; more come from a recogniser that sets none
	MAX_BARE_RUN = 20,     // the same in a text that has no mark at all
};

// NFC of UTF-8, and at most max_characters of it.
static int normalise(struct viva_bytes input, size_t max_characters, struct viva_arena *arena, UChar **ret_text,
		     size_t *ret_size, bool *ret_is_capped)
{
	// NFC never has more characters than twice the input's prefix that matters, so cut generously, then exactly.
	size_t prefix = 0;
	for (size_t characters = 0; prefix < input.size && characters < 4 * max_characters; characters++)
		(void)viva_utf8_next(input.data, &prefix);
	UChar *units = viva_arena_alloc(arena, (prefix + 1) * sizeof *units);
	if (!units)
		return VIVA_ENOMEM;
	size_t used = 0;
	for (size_t i = 0; i < prefix;)
		viva_utf16_put(units, &used, viva_utf8_next(input.data, &i));

	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
	if (U_FAILURE(status))
		return VIVA_EINTERNAL;
	int32_t needed = unorm2_normalize(nfc, units, (int32_t)used, NULL, 0, &status);
	status = U_ZERO_ERROR;  // it asked for room
	UChar *out = viva_arena_alloc(arena, ((size_t)needed + 1) * sizeof *out);
	if (!out)
		return VIVA_ENOMEM;
	needed = unorm2_normalize(nfc, units, (int32_t)used, out, needed + 1, &status);
	if (U_FAILURE(status))
		return VIVA_EINTERNAL;
	*ret_is_capped = prefix < input.size;
	*ret_text = out;
	*ret_size = (size_t)needed;
	return 0;
}

static bool is_space(UChar32 c)
{
	return u_hasBinaryProperty(c, UCHAR_WHITE_SPACE) || u_charType(c) == U_CONTROL_CHAR;
}

static bool is_invisible(UChar32 c)
{
	return c == 0xad || c == 0xfffd || c == 0xfeff || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f);
}

static void count_letter(struct viva_text *text, UChar32 c)
{
	if (!u_isalpha(c))
		return;
	UErrorCode status = U_ZERO_ERROR;
	text->letters++;
	text->latin_letters += uscript_getScript(c, &status) == USCRIPT_LATIN;
}

// UTF-8 with single spaces, without what nobody sees, with straight apostrophes.
static int make_canonical(const UChar *units, size_t size, size_t max_characters, struct viva_arena *arena,
			  struct viva_text *text)
{
	uint8_t *out = viva_arena_alloc(arena, 3 * size + 2);
	if (!out)
		return VIVA_ENOMEM;
	size_t used = 0;
	bool wants_space = false;
	for (size_t i = 0; i < size;) {
		UChar32 c = viva_utf16_next(units, &i);
		if (is_invisible(c))
			continue;
		if (is_space(c)) {
			wants_space = used > 0;
			continue;
		}
		if (text->characters + wants_space >= max_characters) {
			text->is_capped = true;
			break;
		}
		if (wants_space)
			out[used++] = ' ';
		text->characters += 1 + wants_space;
		wants_space = false;
		if (c == 0x2019 || c == 0x2bc)
			c = '\'';
		count_letter(text, c);
		text->has_punctuation |= c == '.' || c == '!' || c == '?';
		viva_utf8_put(out, &used, c);
	}
	text->data = (const char *)out;
	text->size = used;
	return 0;
}

static UBreakIterator *open_breaks(UBreakIteratorType type, const char *data, size_t size, UText *text)
{
	UErrorCode status = U_ZERO_ERROR;
	utext_openUTF8(text, data, (int64_t)size, &status);
	UBreakIterator *breaks = ubrk_open(type, "en", NULL, 0, &status);
	ubrk_setUText(breaks, text, &status);
	if (U_SUCCESS(status))
		return breaks;
	ubrk_close(breaks);
	return NULL;
}

static int add_word(struct viva_text *text, size_t begin, size_t end, bool is_number, const UCaseMap *cases,
		    struct viva_stemmer *stemmer, struct viva_arena *arena)
{
	char folded[3 * MAX_WORD_BYTES + 1];
	char room[VIVA_NEUTRAL_MAX_BYTES];
	size_t size = viva_utf8_cut(text->data + begin, end - begin, MAX_WORD_BYTES);
	UErrorCode status = U_ZERO_ERROR;
	int32_t folded_size = ucasemap_utf8FoldCase(cases, folded, (int32_t)sizeof folded - 1, text->data + begin,
						    (int32_t)size, &status);
	if (U_FAILURE(status))
		return VIVA_EINTERNAL;
	struct viva_word word = {.begin = begin, .end = end, .is_number = is_number};
	word.text = viva_arena_text(arena, folded, (size_t)folded_size);
	word.stem = word.text ? viva_stem(stemmer, arena, viva_neutral_spelling(word.text, room)) : NULL;
	if (!word.stem)
		return VIVA_ENOMEM;
	word.flags = viva_lexicon_flags(word.text);
	word.is_foreign = viva_lexicon_is_foreign(word.text);
	text->words[text->word_count++] = word;
	return 0;
}

static int split_words(struct viva_text *text, struct viva_arena *arena)
{
	UText source = UTEXT_INITIALIZER;
	UErrorCode status = U_ZERO_ERROR;
	UCaseMap *cases = ucasemap_open("", U_FOLD_CASE_DEFAULT, &status);
	UBreakIterator *breaks = open_breaks(UBRK_WORD, text->data, text->size, &source);
	text->words = viva_arena_alloc(arena, (text->size + 1) / 2 * sizeof *text->words + sizeof *text->words);
	VIVA_AUTO(viva_stemmer) stemmer = NULL;
	int code = !cases || !breaks ? VIVA_EINTERNAL : text->words ? viva_stemmer_create(&stemmer) : VIVA_ENOMEM;

	int32_t begin = 0;
	for (int32_t end; code == 0 && (end = ubrk_next(breaks)) != UBRK_DONE; begin = end) {
		int32_t kind = ubrk_getRuleStatus(breaks);
		if (kind >= UBRK_WORD_NUMBER)
			code = add_word(text, (size_t)begin, (size_t)end, kind < UBRK_WORD_NUMBER_LIMIT, cases, stemmer,
					arena);
	}
	ubrk_close(breaks);
	ucasemap_close(cases);
	utext_close(&source);
	return code;
}

static bool is_abbreviation(const char *text, size_t at)
{
	static const char *const known[] = {"e.g", "i.e", "etc", "vs", "mr", "mrs", "dr", "prof", "no", "approx", "cf"};
	for (size_t i = 0; i < VIVA_COUNT(known); i++) {
		size_t size = strlen(known[i]);
		if (at >= size && strncasecmp(text + at - size, known[i], size) == 0 &&
		    (at == size || text[at - size - 1] == ' ' || text[at - size - 1] == '('))
			return strcmp(known[i], "no") != 0 || (text[at + 1] == ' ' && u_isdigit(text[at + 2]));
	}
	return false;
}

// ICU looks at the case of letters to tell the end of a sentence from an abbreviation. So that case changes nothing, it
// gets a copy in lower case with a capital after each sentence mark. ASCII letters only: offsets stay.
static char *copy_for_sentences(const struct viva_text *text, struct viva_arena *arena)
{
	char *copy = viva_arena_text(arena, text->data, text->size);
	bool begins = true;
	for (size_t i = 0; copy && i < text->size; i++) {
		char c = copy[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c >= 'a' && c <= 'z') {
			copy[i] = begins ? (char)(c - 'a' + 'A') : c;
			begins = false;
		} else if (c == '.' || c == '!' || c == '?') {
			begins = !is_abbreviation(text->data, i);
		} else if ((uint8_t)c >= 0x80 || (c >= '0' && c <= '9') || c == ',' || c == ';') {
			begins = false;
		}
	}
	return copy;
}

bool viva_word_is_counted(const struct viva_word *word)
{
	return (word->flags & VIVA_WORD_FILLER) == 0;
}

bool viva_word_ends_at_mark(const struct viva_text *text, size_t word)
{
	return strchr(",;:.!?", text->data[text->words[word].end]) != NULL;  // or the text's end
}

// Whether the words stand without the punctuation that writing has, as speech recognisers give them. Fillers don't
// count, here and below, so that they don't change where a text is cut.
static bool is_bare(const struct viva_text *text, size_t first, size_t count)
{
	size_t run = 0;
	for (size_t i = first; i < first + count; i++) {
		run += viva_word_is_counted(&text->words[i]);
		if (run > (text->has_punctuation ? MAX_WRITTEN_RUN : MAX_BARE_RUN))
			return true;
		if (viva_word_ends_at_mark(text, i))
			run = 0;
	}
	return false;
}

static void add_piece(struct viva_text *text, size_t from, size_t to, size_t until, bool is_continued, bool goes_on)
{
	// Where alphabets mix, a sentence may end for ICU within what is a word for it: "M.ס".
	until = VIVA_MAX(until, text->words[to - 1].end);
	while (until > text->words[to - 1].end && text->data[until - 1] == ' ')
		until--;
	text->sentences[text->sentence_count++] = (struct viva_sentence){.begin = text->words[from].begin,
									 .end = until,
									 .first_word = from,
									 .word_count = to - from,
									 .is_continued = is_continued,
									 .goes_on = goes_on};
}

// Even pieces of a sentence that is too long.
static size_t cut_evenly(const struct viva_text *text, size_t first, size_t count, size_t *ends)
{
	size_t counted = 0;
	for (size_t i = first; i < first + count; i++)
		counted += viva_word_is_counted(&text->words[i]);
	size_t parts = (counted + VIVA_TEXT_MAX_SENTENCE_WORDS - 1) / VIVA_TEXT_MAX_SENTENCE_WORDS;
	parts = VIVA_MAX(parts, (size_t)1);
	size_t to = 0;
	size_t passed = 0;
	for (size_t part = 0; part + 1 < parts; part++) {
		while (passed < counted * (part + 1) / parts)
			passed += viva_word_is_counted(&text->words[first + to++]);
		ends[part] = to;
	}
	ends[parts - 1] = count;
	return parts;
}

// The words up to the byte `end` as one sentence, or several when there are too many.
static int add_sentence(struct viva_text *text, size_t end, size_t *word, struct viva_arena *arena)
{
	size_t first = *word;
	while (*word < text->word_count && text->words[*word].begin < end)
		(*word)++;
	size_t count = *word - first;
	if (count == 0)
		return 0;
	size_t parts = 0;
	size_t *ends = viva_arena_alloc(arena, count * sizeof *ends);
	if (!ends)
		return VIVA_ENOMEM;
	if (is_bare(text, first, count)) {
		int code = viva_clauses_cut(text->words + first, count, arena, &ends, &parts);
		if (code != 0)
			return code;
	} else {
		parts = cut_evenly(text, first, count, ends);
	}
	for (size_t part = 0; part < parts; part++) {
		size_t from = first + (part > 0 ? ends[part - 1] : 0);
		size_t to = first + ends[part];
		bool goes_on = part + 1 < parts;
		add_piece(text, from, to, goes_on ? text->words[to].begin : end, part > 0, goes_on);
	}
	return 0;
}

static int split_sentences(struct viva_text *text, struct viva_arena *arena)
{
	char *copy = copy_for_sentences(text, arena);
	text->sentences = viva_arena_alloc(arena, (text->word_count + 1) * sizeof *text->sentences);
	if (!copy || !text->sentences)
		return VIVA_ENOMEM;
	UText source = UTEXT_INITIALIZER;
	UBreakIterator *breaks = open_breaks(UBRK_SENTENCE, copy, text->size, &source);
	size_t word = 0;
	int code = breaks ? 0 : VIVA_EINTERNAL;
	for (int32_t end; code == 0 && (end = ubrk_next(breaks)) != UBRK_DONE;)
		code = add_sentence(text, (size_t)end, &word, arena);
	ubrk_close(breaks);
	utext_close(&source);
	return code;
}

int viva_text_read(struct viva_bytes input, size_t max_characters, struct viva_arena *arena, struct viva_text *ret_text)
{
	if (max_characters > INT32_MAX / 16 || !viva_utf8_is_valid(input.data, input.size))
		return VIVA_EINVAL;
	struct viva_text text = {.data = ""};
	UChar *units = NULL;
	size_t size = 0;
	int code = normalise(input, max_characters, arena, &units, &size, &text.is_capped);
	if (code == 0)
		code = make_canonical(units, size, max_characters, arena, &text);
	if (code == 0)
		code = split_words(&text, arena);
	if (code == 0)
		code = split_sentences(&text, arena);
	if (code == 0)
		*ret_text = text;
	return code;
}
