// SPDX-License-Identifier: Apache-2.0
#include "language/embed.h"

#include <limits.h>
#include <math.h>
#include <openssl/sha.h>
#include <openvino/c/openvino.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/file.h"
#include "base/text.h"
#include "language/embedding_cache.h"
#include "models/model_files.h"

enum {
	MAX_CONCURRENT = 64,
	MAX_MANIFEST_BYTES = 64 << 10,
	BATCH_TOKENS = 512,  // padded, of one inference: past that, batching gains nothing (.13 ms a token either way)
	ENOUGH_TOKENS = 64,  // of a batch whose texts are equally long
	LENGTH_STEP = 4,     // lengths are padded to its multiples: each new shape costs about 10 ms once
};

struct viva_embedder {
	char identity[256];
	struct viva_tokenizer *tokenizer;
	struct viva_embedding_cache *cache;
	ov_core_t *core;
	ov_model_t *model;
	ov_compiled_model_t *compiled;
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	ov_infer_request_t *requests[MAX_CONCURRENT];
	ov_infer_request_t *idle[MAX_CONCURRENT];
	size_t request_count;
	size_t idle_count;
};

struct viva_embedder_options viva_embedder_defaults(void)
{
	return (struct viva_embedder_options){.max_concurrent = 2, .cache_entries = 1024};
}

// Whether this processor multiplies bfloat16 natively (AVX512_BF16 or AMX); elsewhere OpenVINO would emulate it slowly.
static bool has_bf16(void)
{
#if defined(__x86_64__)
	unsigned a = 0, b = 0, c = 0, d = 0;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & 1u << 22) != 0)
		return true;
	return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5) != 0;
#else
	return false;
#endif
}

static int model_failure(struct viva_error *error, const char *what)
{
	const char *reason = ov_get_last_err_msg();
	int length = reason ? (int)strcspn(reason, "\n") : 0;
	return viva_fail(error, VIVA_EMODEL, NULL, "OpenVINO %s: %.*s", what, length, reason ? reason : "");
}

static int compile(struct viva_embedder *embedder, const char *directory, struct viva_error *error)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/minilm.xml", directory) >= (int)sizeof path)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "the model folder's path is too long");
	if (ov_core_create(&embedder->core) != OK)
		return model_failure(error, "can't start");
	if (ov_core_read_model(embedder->core, path, NULL, &embedder->model) != OK)
		return model_failure(error, "can't read the sentence model");
	// Ten strings; pinning would put every process on the first core.
	if (ov_core_compile_model(embedder->core, embedder->model, "CPU", 10, &embedder->compiled,
				  "INFERENCE_NUM_THREADS", "1", "NUM_STREAMS", "1", "PERFORMANCE_HINT", "LATENCY",
				  "ENABLE_CPU_PINNING", "NO", "INFERENCE_PRECISION_HINT",
				  has_bf16() ? "bf16" : "f32") != OK)
		return model_failure(error, "can't compile the sentence model");
	return 0;
}

static int make_requests(struct viva_embedder *embedder, size_t count, struct viva_error *error)
{
	while (embedder->request_count < count) {
		ov_infer_request_t *request = NULL;
		if (ov_compiled_model_create_infer_request(embedder->compiled, &request) != OK)
			return model_failure(error, "can't make an inference request");
		embedder->requests[embedder->request_count++] = request;
		embedder->idle[embedder->idle_count++] = request;
	}
	return 0;
}

// The manifest holds the sums of the files, which were checked against it.
static int identify(struct viva_embedder *embedder, const char *directory)
{
	char path[PATH_MAX];
	VIVA_AUTO_FREE char *manifest = NULL;
	size_t size = 0;
	if (snprintf(path, sizeof path, "%s/language.json", directory) >= (int)sizeof path ||
	    viva_file_read(path, MAX_MANIFEST_BYTES, &manifest, &size) != 0)
		return VIVA_EMODEL;
	uint8_t sum[SHA256_DIGEST_LENGTH];
	char hex[2 * sizeof sum + 1];
	SHA256((const uint8_t *)manifest, size, sum);
	viva_hex_encode(sum, sizeof sum, hex);
	ov_version_t version = {0};
	bool has_version = ov_get_openvino_version(&version) == OK;
	snprintf(embedder->identity, sizeof embedder->identity, "%s %s %s", hex, has_bf16() ? "bf16" : "f32",
		 has_version && version.buildNumber ? version.buildNumber : "");
	if (has_version)
		ov_version_free(&version);
	return 0;
}

static int open_parts(struct viva_embedder *embedder, const struct viva_embedder_options *options,
		      struct viva_error *error)
{
	static const char *const names[] = {"vocab.txt", "minilm.xml", "minilm.bin"};
	const char *directory = options->model_directory;
	int code = viva_model_files_check(directory, "language.json", names, VIVA_COUNT(names), error);
	if (code == 0)
		code = identify(embedder, directory);
	if (code == 0)
		code = viva_embedding_cache_create(options->cache_entries, &embedder->cache);
	if (code != 0)
		return code;

	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/vocab.txt", directory) >= (int)sizeof path)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "the model folder's path is too long");
	code = viva_tokenizer_open(path, &embedder->tokenizer, error);
	if (code == 0)
		code = compile(embedder, directory, error);
	if (code == 0)
		code = make_requests(embedder, options->max_concurrent, error);
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
	for (size_t i = 0; i < embedder->request_count; i++)
		ov_infer_request_free(embedder->requests[i]);
	if (embedder->compiled)
		ov_compiled_model_free(embedder->compiled);
	if (embedder->model)
		ov_model_free(embedder->model);
	if (embedder->core)
		ov_core_free(embedder->core);
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

static ov_infer_request_t *take_request(struct viva_embedder *embedder)
{
	pthread_mutex_lock(&embedder->lock);
	while (embedder->idle_count == 0)
		pthread_cond_wait(&embedder->given_back, &embedder->lock);
	ov_infer_request_t *request = embedder->idle[--embedder->idle_count];
	pthread_mutex_unlock(&embedder->lock);
	return request;
}

static void give_back_request(struct viva_embedder *embedder, ov_infer_request_t *request)
{
	pthread_mutex_lock(&embedder->lock);
	embedder->idle[embedder->idle_count++] = request;
	pthread_cond_signal(&embedder->given_back);
	pthread_mutex_unlock(&embedder->lock);
}

// One text of a call, on its way into a batch.
struct job {
	size_t index;  // of the text and of its embedding
	struct viva_tokens tokens;
};

static int by_length(const void *a, const void *b)
{
	const struct job *x = a, *y = b;
	if (x->tokens.count != y->tokens.count)
		return x->tokens.count < y->tokens.count ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int set_input(ov_infer_request_t *request, const char *name, ov_shape_t shape, int64_t *values)
{
	ov_tensor_t *tensor = NULL;
	if (ov_tensor_create_from_host_ptr(I64, shape, values, &tensor) != OK)
		return VIVA_EMODEL;
	ov_status_e status = ov_infer_request_set_tensor(request, name, tensor);
	ov_tensor_free(tensor);  // the request holds its own reference
	return status == OK ? 0 : VIVA_EMODEL;
}

static int read_output(ov_infer_request_t *request, const struct job *jobs, size_t count,
		       struct viva_embedding *ret_embeddings)
{
	ov_tensor_t *output = NULL;
	if (ov_infer_request_get_output_tensor_by_index(request, 0, &output) != OK)
		return VIVA_EMODEL;
	void *data = NULL;
	size_t values = 0;
	bool is_whole = ov_tensor_get_size(output, &values) == OK && values == count * VIVA_EMBEDDING_SIZE &&
			ov_tensor_data(output, &data) == OK;
	for (size_t i = 0; is_whole && i < count; i++)
		memcpy(ret_embeddings[jobs[i].index].values, (const float *)data + i * VIVA_EMBEDDING_SIZE,
		       sizeof ret_embeddings->values);
	ov_tensor_free(output);
	return is_whole ? 0 : VIVA_EMODEL;
}

static int infer(ov_infer_request_t *request, const struct job *jobs, size_t count, int64_t *ids, int64_t *mask,
		 size_t length, struct viva_embedding *ret_embeddings, struct viva_error *error)
{
	int64_t dimensions[2] = {(int64_t)count, (int64_t)length};
	ov_shape_t shape = {0};
	if (ov_shape_create(2, dimensions, &shape) != OK)
		return VIVA_ENOMEM;
	int code = set_input(request, "input_ids", shape, ids);
	if (code == 0)
		code = set_input(request, "attention_mask", shape, mask);
	ov_shape_free(&shape);
	if (code == 0 && ov_infer_request_infer(request) != OK)
		code = VIVA_EMODEL;
	if (code == 0)
		code = read_output(request, jobs, count, ret_embeddings);
	return code == VIVA_EMODEL ? model_failure(error, "can't embed a text") : code;
}

static size_t padded(size_t length)
{
	return (length + LENGTH_STEP - 1) / LENGTH_STEP * LENGTH_STEP;
}

static int embed_batch(struct viva_embedder *embedder, const struct job *jobs, size_t count, struct viva_arena *arena,
		       struct viva_embedding *ret_embeddings, struct viva_error *error)
{
	size_t length = padded(jobs[count - 1].tokens.count);  // sorted: the last is the longest
	int64_t *ids = viva_arena_alloc(arena, count * length * sizeof *ids);
	int64_t *mask = viva_arena_alloc(arena, count * length * sizeof *mask);
	if (!ids || !mask)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < jobs[i].tokens.count; k++) {
			ids[i * length + k] = jobs[i].tokens.ids[k];
			mask[i * length + k] = 1;
		}
	}
	ov_infer_request_t *request = take_request(embedder);
	int code = infer(request, jobs, count, ids, mask, length, ret_embeddings, error);
	give_back_request(embedder, request);
	return code;
}

static size_t batch_size(const struct job *jobs, size_t count)
{
	size_t size = 1;
	size_t shortest = padded(jobs[0].tokens.count);
	while (size < count && (size + 1) * padded(jobs[size].tokens.count) <= BATCH_TOKENS) {
		// Longer ones would pad all shorter ones: past some tokens a batch of their own costs less.
		if (padded(jobs[size].tokens.count) > shortest && size * shortest >= ENOUGH_TOKENS)
			break;
		size++;
	}
	return size;
}

int viva_embed(struct viva_embedder *embedder, const struct viva_bytes *texts, size_t count, struct viva_arena *arena,
	       struct viva_embedding *ret_embeddings, struct viva_error *error)
{
	struct job *jobs = viva_arena_alloc(arena, (count + 1) * sizeof *jobs);
	if (!jobs)
		return VIVA_ENOMEM;
	size_t job_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct job job = {.index = i};
		int code = viva_tokenizer_encode(embedder->tokenizer, texts[i], VIVA_EMBEDDING_MAX_TOKENS, arena,
						 &job.tokens);
		if (code == VIVA_EINVAL)
			return viva_fail(error, code, NULL, "the text is not UTF-8");
		if (code != 0)
			return code;
		if (job.tokens.count > 2)
			jobs[job_count++] = job;
		else
			ret_embeddings[i] = (struct viva_embedding){0};
	}
	qsort(jobs, job_count, sizeof *jobs, by_length);
	for (size_t begin = 0; begin < job_count;) {
		size_t size = batch_size(jobs + begin, job_count - begin);
		int code = embed_batch(embedder, jobs + begin, size, arena, ret_embeddings, error);
		if (code != 0)
			return code;
		begin += size;
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
	// One by one: an embedding must not depend, by the rounding of a batch, on what else was missing.
	for (size_t i = 0; i < missing_count; i++) {
		int code = viva_embed(embedder, &missing[i], 1, arena, &fresh[i], error);
		if (code != 0)
			return code;
		ret_embeddings[places[i]] = fresh[i];
		viva_embedding_cache_put(embedder->cache, missing[i], &fresh[i]);
	}
	return 0;
}

double viva_embedding_cosine(const struct viva_embedding *a, const struct viva_embedding *b)
{
	float sum = 0;
	for (size_t i = 0; i < VIVA_EMBEDDING_SIZE; i++)
		sum += a->values[i] * b->values[i];
	return (double)sum;
}
