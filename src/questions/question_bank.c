// SPDX-License-Identifier: Apache-2.0
#include "questions/question_bank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "questions/question_reader.h"

enum { ARENA_BYTES = 32 << 20 };

const char *viva_question_bank_default_path(void)
{
	return VIVA_QUESTIONS_PATH;
}

static int read_file(const char *path, char **ret_text, size_t *ret_size, struct viva_error *error)
{
	int code = viva_file_read(path, VIVA_QUESTION_BANK_MAX_BYTES, ret_text, ret_size);
	if (code == VIVA_ELIMIT)
		return viva_fail(error, code, "questions", "the question bank %s is over %d bytes", path,
				 VIVA_QUESTION_BANK_MAX_BYTES);
	if (code == VIVA_ENOTFOUND || code == VIVA_EIO)
		return viva_fail(error, VIVA_EIO, "questions", "the question bank %s can't be read: %s", path,
				 strerror(errno));
	return code;
}

int viva_question_bank_read(struct viva_bytes text, const char *name, struct viva_question_bank **ret_bank,
			    struct viva_error *error)
{
	VIVA_AUTO(viva_question_bank) bank = calloc(1, sizeof *bank);
	VIVA_AUTO_JSON json = NULL;
	struct viva_error cause = {0};
	if (!bank)
		return VIVA_ENOMEM;
	int code = viva_arena_create(ARENA_BYTES, &bank->arena);
	if (code == 0)
		code = viva_json_parse_object(text, VIVA_QUESTION_BANK_MAX_BYTES, &json, &cause);
	if (code == VIVA_ENOMEM)
		return code;
	if (code != 0)
		return viva_fail(error, code, cause.field, "%s: %s", name, viva_error_message(&cause));
	code = viva_question_bank_fill(bank, json, name, error);
	if (code != 0)
		return code;
	*ret_bank = viva_take(&bank);
	return 0;
}

int viva_question_bank_open(const char *path, struct viva_question_bank **ret_bank, struct viva_error *error)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	path = path ? path : VIVA_QUESTIONS_PATH;
	int code = read_file(path, &text, &size, error);
	return code == 0 ? viva_question_bank_read(viva_bytes_of(text, size), path, ret_bank, error) : code;
}

struct viva_question_bank *viva_question_bank_destroy(struct viva_question_bank *bank)
{
	if (!bank)
		return NULL;
	viva_arena_destroy(bank->arena);
	free(bank);
	return NULL;
}

const struct viva_question_set *viva_question_bank_set(const struct viva_question_bank *bank, const char *name)
{
	for (size_t i = 0; i < bank->set_count; i++) {
		if (strcmp(bank->sets[i].name, name) == 0)
			return &bank->sets[i];
	}
	return NULL;
}

size_t viva_question_bank_set_count(const struct viva_question_bank *bank)
{
	return bank->set_count;
}

const struct viva_question_set *viva_question_bank_set_at(const struct viva_question_bank *bank, size_t index)
{
	return index < bank->set_count ? &bank->sets[index] : NULL;
}

size_t viva_question_bank_question_count(const struct viva_question_bank *bank)
{
	return bank->question_count;
}

const struct viva_question *viva_question_bank_question_at(const struct viva_question_bank *bank, size_t index)
{
	return index < bank->question_count ? &bank->questions[index] : NULL;
}

const struct viva_question *viva_question_bank_find(const struct viva_question_bank *bank, const char *id)
{
	for (size_t i = 0; i < bank->question_count; i++) {
		if (strcasecmp(bank->questions[i].id, id) == 0)
			return &bank->questions[i];
	}
	return NULL;
}

const struct viva_question *viva_question_bank_find_key(const struct viva_question_bank *bank, const char *key)
{
	for (size_t i = 0; i < bank->question_count; i++) {
		if (strcmp(bank->questions[i].key, key) == 0)
			return &bank->questions[i];
	}
	return NULL;
}

const struct viva_question *viva_question_bank_find_follow_up(const struct viva_question_bank *bank, const char *id,
							      size_t *ret_index)
{
	for (size_t i = 0; i < bank->question_count; i++) {
		for (size_t k = 0; k < bank->questions[i].follow_up_count; k++) {
			if (strcasecmp(bank->questions[i].follow_up_ids[k], id) == 0) {
				*ret_index = k;
				return &bank->questions[i];
			}
		}
	}
	return NULL;
}
