// SPDX-License-Identifier: Apache-2.0
#include "vision/model_files.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/text.h"

enum {
	MANIFEST_FORMAT = 1,  // as tools/models/prepare_vision.py writes it
	MAX_MANIFEST_BYTES = 64 << 10,
	MAX_FILE_BYTES = 64 << 20,
	MAX_FILES = 64,
	SHA256_TEXT = 65,
};

#define CURE "run ./dev deps"

static int open_path(const char *directory, const char *name, char ret_path[PATH_MAX], FILE **ret_file,
		     struct viva_error *error)
{
	if (snprintf(ret_path, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "the model folder's path is too long");
	*ret_file = fopen(ret_path, "rbe");
	if (!*ret_file)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s is missing: " CURE, ret_path);
	return 0;
}

// The whole of a regular file of at most max_bytes; VIVA_EIO for anything else.
static int read_all(FILE *file, size_t max_bytes, char **ret_data, size_t *ret_size)
{
	struct stat status;
	if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode) || (uint64_t)status.st_size > max_bytes)
		return VIVA_EIO;
	size_t size = (size_t)status.st_size;
	char *data = malloc(size + 1);
	if (!data)
		return VIVA_ENOMEM;
	if (fread(data, 1, size, file) != size) {
		free(data);
		return VIVA_EIO;
	}
	*ret_data = data;
	*ret_size = size;
	return 0;
}

static int read_file(const char *directory, const char *name, size_t max_bytes, char **ret_data, size_t *ret_size,
		     struct viva_error *error)
{
	char path[PATH_MAX];
	FILE *file = NULL;
	int code = open_path(directory, name, path, &file, error);
	if (code != 0)
		return code;
	code = read_all(file, max_bytes, ret_data, ret_size);
	fclose(file);
	return code == VIVA_EIO ? viva_fail(error, VIVA_EMODEL, "model-dir", "%s can't be read: " CURE, path) : code;
}

static int damaged(const char *directory, const char *name, const char *how, struct viva_error *error)
{
	return viva_fail(error, VIVA_EMODEL, "model-dir", "%s/%s is damaged (%s): " CURE, directory, name, how);
}

static int check_file(const char *directory, const json_t *entry, struct viva_error *error)
{
	const char *name = NULL, *sha256 = NULL;
	int64_t size = 0;
	if (viva_json_get_text(entry, "name", true, 1, 100, &name, NULL) != 0 || strchr(name, '/') ||
	    viva_json_get_text(entry, "sha256", true, SHA256_TEXT - 1, SHA256_TEXT - 1, &sha256, NULL) != 0 ||
	    viva_json_get_int(entry, "size", true, 0, MAX_FILE_BYTES, &size, NULL) != 0)
		return damaged(directory, "vision.json", "an entry", error);

	VIVA_AUTO_FREE char *data = NULL;
	size_t actual_size = 0;
	int code = read_file(directory, name, MAX_FILE_BYTES, &data, &actual_size, error);
	if (code != 0)
		return code;
	if (actual_size != (size_t)size)
		return damaged(directory, name, "wrong size", error);
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned sum_size = 0;
	char actual[SHA256_TEXT] = "";
	if (EVP_Digest(data, actual_size, sum, &sum_size, EVP_sha256(), NULL) != 1 || sum_size != SHA256_TEXT / 2)
		return VIVA_ENOMEM;
	viva_hex_encode(sum, sum_size, actual);
	return strcmp(actual, sha256) == 0 ? 0 : damaged(directory, name, "wrong SHA-256 sum", error);
}

static bool is_listed(const json_t *files, const char *name)
{
	size_t index;
	const json_t *entry;
	json_array_foreach(files, index, entry)
	{
		const char *listed = json_string_value(json_object_get(entry, "name"));
		if (listed && strcmp(listed, name) == 0)
			return true;
	}
	return false;
}

int viva_model_files_check(const char *directory, const char *const *names, struct viva_error *error)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	int code = read_file(directory, "vision.json", MAX_MANIFEST_BYTES, &text, &size, error);
	if (code != 0)
		return code;
	VIVA_AUTO_JSON manifest = NULL;
	json_t *files = NULL;
	int64_t format = 0;
	if (viva_json_parse_object(viva_bytes_of(text, size), MAX_MANIFEST_BYTES, &manifest, NULL) != 0 ||
	    viva_json_get_int(manifest, "format", true, MANIFEST_FORMAT, MANIFEST_FORMAT, &format, NULL) != 0 ||
	    viva_json_get_array(manifest, "files", true, MAX_FILES, &files, NULL) != 0)
		return damaged(directory, "vision.json", "not a manifest of this version", error);
	for (; *names; names++) {
		if (!is_listed(files, *names))
			return damaged(directory, "vision.json", "a file is not listed", error);
	}
	size_t index;
	const json_t *entry;
	json_array_foreach(files, index, entry)
	{
		code = check_file(directory, entry, error);
		if (code != 0)
			return code;
	}
	return 0;
}
