// SPDX-License-Identifier: Apache-2.0
#include "language/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/file.h"
#include "base/text.h"
#include "language/unicode.h"

enum {
	MAX_WORD_CHARACTERS = 100,  // a longer word is one [UNK]
	MAX_VOCABULARY_BYTES = 4 << 20,
	MIN_ENTRIES = VIVA_TOKEN_END + 1,
	MAX_ENTRIES = 1 << 20,
};

struct entry {
	const char *text;  // without "##"; NULL = free slot
	uint32_t size;
	int32_t id;
	bool continues;  // was "##…": goes on within a word
};

struct viva_tokenizer {
	char *vocabulary;  // the file; entries point into it
	struct entry *slots;
	size_t slot_count;     // a power of two
	size_t longest_entry;  // bytes
	size_t entry_count;
};

static uint32_t hash_of(const char *text, size_t size, bool continues)
{
	uint32_t hash = continues ? 0x9e3779b9u : 2166136261u;  // FNV-1a with two seeds
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static struct entry *slot_of(const struct viva_tokenizer *tokenizer, const char *text, size_t size, bool continues)
{
	size_t mask = tokenizer->slot_count - 1;
	for (size_t i = hash_of(text, size, continues) & mask;; i = (i + 1) & mask) {
		struct entry *entry = &tokenizer->slots[i];
		if (!entry->text)
			return entry;
		if (entry->size == size && entry->continues == continues && memcmp(entry->text, text, size) == 0)
			return entry;
	}
}

static void add_entry(struct viva_tokenizer *tokenizer, const char *text, size_t size, int32_t id)
{
	bool continues = size > 2 && text[0] == '#' && text[1] == '#';
	if (continues) {
		text += 2;
		size -= 2;
	}
	struct entry *entry = slot_of(tokenizer, text, size, continues);
	*entry = (struct entry){.text = text, .size = (uint32_t)size, .id = id, .continues = continues};
	tokenizer->longest_entry = VIVA_MAX(tokenizer->longest_entry, size);
}

static size_t count_lines(const char *text, size_t size)
{
	size_t lines = 0;
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	return lines + (size > 0 && text[size - 1] != '\n');
}

static bool has_special_tokens(const struct viva_tokenizer *tokenizer)
{
	static const struct {
		const char *text;
		int32_t id;
	} expected[] = {{"[PAD]", VIVA_TOKEN_PAD},
			{"[UNK]", VIVA_TOKEN_UNKNOWN},
			{"[CLS]", VIVA_TOKEN_BEGIN},
			{"[SEP]", VIVA_TOKEN_END}};
	for (size_t i = 0; i < VIVA_COUNT(expected); i++) {
		const struct entry *entry = slot_of(tokenizer, expected[i].text, strlen(expected[i].text), false);
		if (!entry->text || entry->id != expected[i].id)
			return false;
	}
	return true;
}

static int fill(struct viva_tokenizer *tokenizer, size_t size)
{
	size_t lines = count_lines(tokenizer->vocabulary, size);
	if (lines < MIN_ENTRIES || lines > MAX_ENTRIES)
		return VIVA_EMODEL;
	tokenizer->entry_count = lines;
	tokenizer->slot_count = 1;
	while (tokenizer->slot_count < 2 * lines)
		tokenizer->slot_count *= 2;
	tokenizer->slots = calloc(tokenizer->slot_count, sizeof *tokenizer->slots);
	if (!tokenizer->slots)
		return VIVA_ENOMEM;

	const char *line = tokenizer->vocabulary;
	const char *end = line + size;
	for (int32_t id = 0; line < end; id++) {
		const char *line_end = memchr(line, '\n', (size_t)(end - line));
		if (!line_end)
			line_end = end;
		size_t length = (size_t)(line_end - line);
		if (length > 0 && line[length - 1] == '\r')
			length--;
		add_entry(tokenizer, line, length, id);
		line = line_end + 1;
	}
	return has_special_tokens(tokenizer) ? 0 : VIVA_EMODEL;
}

int viva_tokenizer_open(const char *path, struct viva_tokenizer **ret_tokenizer, struct viva_error *error)
{
	VIVA_AUTO(viva_tokenizer) tokenizer = calloc(1, sizeof *tokenizer);
	if (!tokenizer)
		return VIVA_ENOMEM;
	size_t size = 0;
	int code = viva_file_read(path, MAX_VOCABULARY_BYTES, &tokenizer->vocabulary, &size);
	if (code == VIVA_ENOMEM)
		return code;
	if (code != 0)
		return viva_fail(error, VIVA_EMODEL, NULL, "%s can't be read; ./dev deps makes it", path);
	code = fill(tokenizer, size);
	if (code == VIVA_EMODEL)
		return viva_fail(error, code, NULL, "%s is not a BERT vocabulary; ./dev deps makes it anew", path);
	if (code != 0)
		return code;
	*ret_tokenizer = viva_take(&tokenizer);
	return 0;
}

size_t viva_tokenizer_entry_count(const struct viva_tokenizer *tokenizer)
{
	return tokenizer->entry_count;
}

struct viva_tokenizer *viva_tokenizer_destroy(struct viva_tokenizer *tokenizer)
{
	if (!tokenizer)
		return NULL;
	free(tokenizer->vocabulary);
	free(tokenizer->slots);
	free(tokenizer);
	return NULL;
}

// The ranges that BERT's tokenizer calls Chinese characters: CJK ideographs, not kana or hangul.
static bool is_ideograph(UChar32 c)
{
	return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
	       (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
	       (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

// The character's general category as a mask, by Unicode 8: what the `tokenizers` library's tables know. Younger
// characters are unassigned there: neither control characters nor punctuation nor accents.
static uint32_t category(UChar32 c)
{
	switch (c) {   // reclassified since
	case 0x166d:   // Canadian syllabics chi sign
	case 0x111c9:  // Sharada sandhi mark
		return U_GC_PO_MASK;
	case 0x1734:  // Hanunoo sign pamudpod
		return U_GC_MN_MASK;
	case 0x1885:  // Mongolian letters Ali Gali baluda
	case 0x1886:
		return U_GC_LO_MASK;
	case 0xa9bd:  // Javanese consonant sign keret
		return U_GC_MC_MASK;
	default:
		break;
	}
	UVersionInfo age;
	u_charAge(c, age);
	return age[0] > 8 ? U_GC_CN_MASK : U_GET_GC_MASK(c);
}

static bool is_space(UChar32 c)
{
	return u_hasBinaryProperty(c, UCHAR_WHITE_SPACE);
}

static bool is_dropped(UChar32 c)
{
	if (c == 0 || c == 0xfffd)
		return true;
	if (c == '\t' || c == '\n' || c == '\r')
		return false;
	return (category(c) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

static bool is_punctuation(UChar32 c)
{
	if (c < 128)
		return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
	return (category(c) & U_GC_P_MASK) != 0;
}

// UTF-16 without control characters, white space as spaces, and spaces around ideographs.
static int clean(struct viva_bytes text, struct viva_arena *arena, UChar **ret_clean, int32_t *ret_size)
{
	// Three units for an ideograph of the BMP (3 bytes), four for one beyond (4 bytes).
	UChar *out = viva_arena_alloc(arena, (text.size + 1) * sizeof *out);
	if (!out)
		return VIVA_ENOMEM;
	size_t used = 0;
	for (size_t i = 0; i < text.size;) {
		UChar32 c = viva_utf8_next(text.data, &i);
		if (is_dropped(c))
			continue;
		if (is_ideograph(c)) {
			out[used++] = ' ';
			viva_utf16_put(out, &used, c);
			out[used++] = ' ';
		} else {
			viva_utf16_put(out, &used, is_space(c) ? ' ' : c);
		}
	}
	*ret_clean = out;
	*ret_size = (int32_t)used;
	return 0;
}

static int decompose(const UChar *text, int32_t size, struct viva_arena *arena, UChar **ret_text, int32_t *ret_size)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *nfd = unorm2_getNFDInstance(&status);
	if (U_FAILURE(status))
		return VIVA_EINTERNAL;
	int32_t needed = unorm2_normalize(nfd, text, size, NULL, 0, &status);
	status = U_ZERO_ERROR;  // it asked for room
	UChar *out = viva_arena_alloc(arena, ((size_t)needed + 1) * sizeof *out);
	if (!out)
		return VIVA_ENOMEM;
	*ret_size = unorm2_normalize(nfd, text, size, out, needed + 1, &status);
	*ret_text = out;
	return U_SUCCESS(status) ? 0 : VIVA_EINTERNAL;
}

struct encoder {
	const struct viva_tokenizer *tokenizer;
	int64_t *ids;
	size_t count, max;
	size_t words, pieces;
	uint8_t word[4 * MAX_WORD_CHARACTERS];
	size_t word_size;
	size_t word_characters;
};

static void emit(struct encoder *encoder, int64_t id)
{
	encoder->pieces++;
	if (encoder->count < encoder->max)
		encoder->ids[encoder->count++] = id;
}

static bool is_boundary(const struct encoder *encoder, size_t at)
{
	return at == encoder->word_size || (encoder->word[at] & 0xc0) != 0x80;
}

// The longest entry that the word goes on with at `begin`, or NULL.
static const struct entry *longest_match(const struct encoder *encoder, size_t begin)
{
	size_t end = VIVA_MIN(encoder->word_size, begin + encoder->tokenizer->longest_entry);
	for (; end > begin; end--) {
		if (!is_boundary(encoder, end))
			continue;
		const struct entry *entry =
			slot_of(encoder->tokenizer, (const char *)encoder->word + begin, end - begin, begin > 0);
		if (entry->text)
			return entry;
	}
	return NULL;
}

// Greedy longest match; a word with an unmatched rest is one [UNK] as a whole.
static void finish_word(struct encoder *encoder)
{
	if (encoder->word_characters == 0)
		return;
	int32_t pieces[4 * MAX_WORD_CHARACTERS];
	size_t piece_count = 0;
	bool is_known = encoder->word_characters <= MAX_WORD_CHARACTERS;
	for (size_t at = 0; is_known && at < encoder->word_size;) {
		const struct entry *entry = longest_match(encoder, at);
		is_known = entry != NULL;
		if (entry) {
			pieces[piece_count++] = entry->id;
			at += entry->size;
		}
	}
	encoder->words++;
	if (!is_known)
		emit(encoder, VIVA_TOKEN_UNKNOWN);
	for (size_t i = 0; is_known && i < piece_count; i++)
		emit(encoder, pieces[i]);
	encoder->word_size = 0;
	encoder->word_characters = 0;
}

static void extend_word(struct encoder *encoder, UChar32 c)
{
	if (encoder->word_characters++ < MAX_WORD_CHARACTERS)
		viva_utf8_put(encoder->word, &encoder->word_size, c);
}

static void encode_text(struct encoder *encoder, const UChar *text, size_t size)
{
	for (size_t i = 0; i < size;) {
		UChar32 c = viva_utf16_next(text, &i);
		if (category(c) == U_GC_MN_MASK)
			continue;
		if (is_space(c)) {
			finish_word(encoder);
		} else if (is_punctuation(c)) {
			finish_word(encoder);
			extend_word(encoder, c);
			finish_word(encoder);
		} else {
			extend_word(encoder, u_tolower(c));
		}
	}
	finish_word(encoder);
}

int viva_tokenizer_encode(const struct viva_tokenizer *tokenizer, struct viva_bytes text, size_t max_tokens,
			  struct viva_arena *arena, struct viva_tokens *ret_tokens)
{
	if (max_tokens < 2 || text.size > INT32_MAX / 8 || !viva_utf8_is_valid(text.data, text.size))
		return VIVA_EINVAL;
	UChar *units = NULL;
	int32_t size = 0;
	int code = clean(text, arena, &units, &size);
	if (code == 0)
		code = decompose(units, size, arena, &units, &size);
	if (code != 0)
		return code;

	// A UTF-16 unit makes at most one piece.
	size_t room = VIVA_MIN(max_tokens, (size_t)size + 2);
	struct encoder encoder = {.tokenizer = tokenizer, .max = room - 1};
	encoder.ids = viva_arena_alloc(arena, room * sizeof *encoder.ids);
	if (!encoder.ids)
		return VIVA_ENOMEM;
	encoder.ids[encoder.count++] = VIVA_TOKEN_BEGIN;
	encode_text(&encoder, units, (size_t)size);
	encoder.ids[encoder.count++] = VIVA_TOKEN_END;

	*ret_tokens = (struct viva_tokens){.ids = encoder.ids,
					   .count = encoder.count,
					   .words = encoder.words,
					   .pieces = encoder.pieces,
					   .is_truncated = encoder.pieces > encoder.count - 2};
	return 0;
}
