// SPDX-License-Identifier: Apache-2.0
#include "models/model_files.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

enum {
	MANIFEST_FORMAT = 1,
	MAX_MANIFEST_BYTES = 64 << 10,
	MAX_MANIFEST_FILES = 64,
	SHA256_BYTES = 32,
	SHA256_TEXT = 2 * SHA256_BYTES + 1,
};

#define CURE "run ./dev deps"

static int digest_file(FILE *file, char ret_hex[SHA256_TEXT])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	char *chunk = malloc(1 << 20);
	int code = digest && chunk ? 0 : VIVA_ENOMEM;
	if (code == 0 && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		code = VIVA_EINTERNAL;
	while (code == 0 && !feof(file) && !ferror(file)) {
		size_t size = fread(chunk, 1, 1 << 20, file);
		if (EVP_DigestUpdate(digest, chunk, size) != 1)
			code = VIVA_EINTERNAL;
	}
	uint8_t sum[EVP_MAX_MD_SIZE];
	if (code == 0 && EVP_DigestFinal_ex(digest, sum, NULL) != 1)
		code = VIVA_EINTERNAL;
	if (code == 0 && ferror(file))
		code = VIVA_EIO;
	if (code == 0)
		viva_hex_encode(sum, SHA256_BYTES, ret_hex);
	EVP_MD_CTX_free(digest);
	free(chunk);
	return code;
}

static int check_file(const char *directory, const char *name, int64_t size, const char *sha256,
		      struct viva_error *error)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "the model folder's path is too long");
	FILE *file = fopen(path, "rbe");
	if (!file)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s is missing: " CURE, path);

	struct stat status;
	char actual[SHA256_TEXT] = "";
	int code = fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) ? 0 : VIVA_EIO;
	bool is_right_size = code == 0 && status.st_size == size;
	if (is_right_size)
		code = digest_file(file, actual);
	fclose(file);

	if (code == VIVA_ENOMEM || code == VIVA_EINTERNAL)
		return code;
	if (code != 0)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s can't be read: " CURE, path);
	if (!is_right_size)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s is damaged (%lld bytes instead of %lld): " CURE,
				 path, (long long)status.st_size, (long long)size);
	if (strcmp(actual, sha256) != 0)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s is damaged (wrong SHA-256 sum): " CURE, path);
	return 0;
}

static int check_listed(const char *directory, const char *manifest, const json_t *files, const char *name,
			struct viva_error *error)
{
	size_t index;
	const json_t *file;
	json_array_foreach(files, index, file)
	{
		const char *listed = json_string_value(json_object_get(file, "name"));
		if (!listed || strcmp(listed, name) != 0)
			continue;
		const char *sha256 = json_string_value(json_object_get(file, "sha256"));
		const json_t *size = json_object_get(file, "size");
		if (!sha256 || !json_is_integer(size))
			break;
		return check_file(directory, name, json_integer_value(size), sha256, error);
	}
	return viva_fail(error, VIVA_EMODEL, "model-dir", "%s/%s does not list %s: " CURE, directory, manifest, name);
}

int viva_model_files_check(const char *directory, const char *manifest, const char *const *names, size_t name_count,
			   struct viva_error *error)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/%s", directory, manifest) >= (int)sizeof path)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "the model folder's path is too long");
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	int code = viva_file_read(path, MAX_MANIFEST_BYTES, &text, &size);
	if (code == VIVA_ENOMEM)
		return code;
	if (code != 0)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s is missing or can't be read: " CURE, path);

	VIVA_AUTO_JSON json = NULL;
	json_t *files = NULL;
	int64_t format = 0;
	code = viva_json_parse_object(viva_bytes_of(text, size), MAX_MANIFEST_BYTES, &json, NULL);
	if (code == 0)
		code = viva_json_get_int(json, "format", true, MANIFEST_FORMAT, MANIFEST_FORMAT, &format, NULL);
	if (code == 0)
		code = viva_json_get_array(json, "files", true, MAX_MANIFEST_FILES, &files, NULL);
	if (code == VIVA_ENOMEM)
		return code;
	if (code != 0)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s is damaged: " CURE, path);
	for (size_t i = 0; i < name_count && code == 0; i++)
		code = check_listed(directory, manifest, files, names[i], error);
	return code;
}
