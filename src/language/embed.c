// SPDX-License-Identifier: Apache-2.0
#include "language/embed.h"

#include <limits.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "language/embedding_cache.h"
#include "language/encoder.h"
#include "models/model_files.h"

enum {
	MAX_CONCURRENT = 64,
	MAX_MANIFEST_BYTES = 64 << 10,
};

static const char MANIFEST[] = "sentence.json";

_Static_assert((int)VIVA_EMBEDDING_SIZE == (int)VIVA_ENCODER_SIZE, "an embedding is what the encoder writes");
_Static_assert(sizeof(struct viva_embedding) == VIVA_ENCODER_SIZE * sizeof(float), "one after another");

struct viva_embedder {
	char identity[256];
	struct viva_tokenizer *tokenizer;
	struct viva_embedding_cache *cache;
	struct viva_encoder *encoder;
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	struct viva_encoder_workspace *workspaces[MAX_CONCURRENT];
	struct viva_encoder_workspace *idle[MAX_CONCURRENT];
	size_t workspace_count;
	size_t idle_count;
};

struct viva_embedder_options viva_embedder_defaults(void)
{
	return (struct viva_embedder_options){.max_concurrent = 2, .cache_entries = 8192};
}

static int path_of(const char *directory, const char *name, char ret_path[PATH_MAX], struct viva_error *error)
{
	if (snprintf(ret_path, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "the model folder's path is too long");
	return 0;
}

static int make_workspaces(struct viva_embedder *embedder, size_t count)
{
	while (embedder->workspace_count < count) {
		struct viva_encoder_workspace *workspace = NULL;
		int code = viva_encoder_workspace_create(&workspace);
		if (code != 0)
			return code;
		embedder->workspaces[embedder->workspace_count++] = workspace;
		embedder->idle[embedder->idle_count++] = workspace;
	}
	return 0;
}

// The manifest holds the sums of the files, which were checked against it.
static int identify(struct viva_embedder *embedder, const char *directory, struct viva_error *error)
{
	char path[PATH_MAX];
	VIVA_AUTO_FREE char *manifest = NULL;
	size_t size = 0;
	int code = path_of(directory, MANIFEST, path, error);
	if (code == 0 && viva_file_read(path, MAX_MANIFEST_BYTES, &manifest, &size) != 0)
		code = viva_fail(error, VIVA_EMODEL, "model-dir", "%s can't be read", path);
	if (code != 0)
		return code;
	uint8_t sum[SHA256_DIGEST_LENGTH];
	char hex[2 * sizeof sum + 1];
	SHA256((const uint8_t *)manifest, size, sum);
	viva_hex_encode(sum, sizeof sum, hex);
	snprintf(embedder->identity, sizeof embedder->identity, "%s %s", hex, viva_encoder_best_kernel()->name);
	return 0;
}

static int open_parts(struct viva_embedder *embedder, const struct viva_embedder_options *options,
		      struct viva_error *error)
{
	static const char *const names[] = {"vocab.txt", "sentence.bin"};
	const char *directory = options->model_directory;
	char path[PATH_MAX];
	int code = viva_model_files_check(directory, MANIFEST, names, VIVA_COUNT(names), error);
	if (code == 0)
		code = identify(embedder, directory, error);
	if (code == 0)
		code = viva_embedding_cache_create(options->cache_entries, &embedder->cache);
	if (code == 0)
		code = path_of(directory, "vocab.txt", path, error);
	if (code == 0)
		code = viva_tokenizer_open(path, &embedder->tokenizer, error);
	if (code == 0 && viva_tokenizer_entry_count(embedder->tokenizer) > VIVA_ENCODER_VOCABULARY)
		code = viva_fail(error, VIVA_EMODEL, "model-dir", "%s has more entries than the sentence model", path);
	if (code == 0)
		code = path_of(directory, "sentence.bin", path, error);
	if (code == 0)
		code = viva_encoder_open(path, &embedder->encoder, error);
	if (code == 0)
		code = make_workspaces(embedder, options->max_concurrent);
	return code;
}

int viva_embedder_open(const struct viva_embedder_options *options, struct viva_embedder **ret_embedder,
		       struct viva_error *error)
{
	if (options->max_concurrent == 0 || options->max_concurrent > MAX_CONCURRENT || options->cache_entries == 0)
		return viva_fail(error, VIVA_EINVAL, NULL, "an embedder's limit is out of range");
	struct viva_embedder *embedder = calloc(1, sizeof *embedder);
	if (!embedder)
		return VIVA_ENOMEM;
	pthread_mutex_init(&embedder->lock, NULL);
	pthread_cond_init(&embedder->given_back, NULL);
	int code = open_parts(embedder, options, error);
	if (code != 0) {
		viva_embedder_destroy(embedder);
		return code;
	}
	*ret_embedder = embedder;
	return 0;
}

struct viva_embedder *viva_embedder_destroy(struct viva_embedder *embedder)
{
	if (!embedder)
		return NULL;
	for (size_t i = 0; i < embedder->workspace_count; i++)
		viva_encoder_workspace_destroy(embedder->workspaces[i]);
	viva_encoder_destroy(embedder->encoder);
	viva_tokenizer_destroy(embedder->tokenizer);
	viva_embedding_cache_destroy(embedder->cache);
	pthread_cond_destroy(&embedder->given_back);
	pthread_mutex_destroy(&embedder->lock);
	free(embedder);
	return NULL;
}

const struct viva_tokenizer *viva_embedder_tokenizer(const struct viva_embedder *embedder)
{
	return embedder->tokenizer;
}

const char *viva_embedder_identity(const struct viva_embedder *embedder)
{
	return embedder->identity;
}

static struct viva_encoder_workspace *take_workspace(struct viva_embedder *embedder)
{
	pthread_mutex_lock(&embedder->lock);
	while (embedder->idle_count == 0)
		pthread_cond_wait(&embedder->given_back, &embedder->lock);
	struct viva_encoder_workspace *workspace = embedder->idle[--embedder->idle_count];
	pthread_mutex_unlock(&embedder->lock);
	return workspace;
}

static void give_back_workspace(struct viva_embedder *embedder, struct viva_encoder_workspace *workspace)
{
	pthread_mutex_lock(&embedder->lock);
	embedder->idle[embedder->idle_count++] = workspace;
	pthread_cond_signal(&embedder->given_back);
	pthread_mutex_unlock(&embedder->lock);
}

int viva_embed(struct viva_embedder *embedder, const struct viva_bytes *texts, size_t count, struct viva_arena *arena,
	       struct viva_embedding *ret_embeddings, struct viva_error *error)
{
	struct viva_tokens *tokens = viva_arena_alloc(arena, (count + 1) * sizeof *tokens);
	if (!tokens)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int code = viva_tokenizer_encode(embedder->tokenizer, texts[i], VIVA_EMBEDDING_MAX_TOKENS, arena,
						 &tokens[i]);
		if (code == VIVA_EINVAL)
			return viva_fail(error, code, NULL, "the text is not UTF-8");
		if (code != 0)
			return code;
	}
	if (count == 0)
		return 0;
	struct viva_encoder_workspace *workspace = take_workspace(embedder);
	viva_encoder_run(embedder->encoder, workspace, tokens, count, ret_embeddings->values);
	give_back_workspace(embedder, workspace);
	for (size_t i = 0; i < count; i++) {
		if (tokens[i].count <= 2)  // nothing between begin and end
			ret_embeddings[i] = (struct viva_embedding){0};
	}
	return 0;
}

int viva_embed_cached(struct viva_embedder *embedder, const struct viva_bytes *texts, size_t count,
		      struct viva_arena *arena, struct viva_embedding *ret_embeddings, struct viva_error *error)
{
	struct viva_bytes *missing = viva_arena_alloc(arena, (count + 1) * sizeof *missing);
	size_t *places = viva_arena_alloc(arena, (count + 1) * sizeof *places);
	struct viva_embedding *fresh = viva_arena_alloc(arena, (count + 1) * sizeof *fresh);
	if (!missing || !places || !fresh)
		return VIVA_ENOMEM;
	size_t missing_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (viva_embedding_cache_get(embedder->cache, texts[i], &ret_embeddings[i]))
			continue;
		missing[missing_count] = texts[i];
		places[missing_count++] = i;
	}
	int code = viva_embed(embedder, missing, missing_count, arena, fresh, error);
	for (size_t i = 0; i < missing_count && code == 0; i++) {
		ret_embeddings[places[i]] = fresh[i];
		viva_embedding_cache_put(embedder->cache, missing[i], &fresh[i]);
	}
	return code;
}

double viva_embedding_cosine(const struct viva_embedding *a, const struct viva_embedding *b)
{
	float sum = 0;
	for (size_t i = 0; i < VIVA_EMBEDDING_SIZE; i++)
		sum += a->values[i] * b->values[i];
	return (double)sum;
}
