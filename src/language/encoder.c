// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "language/encoder_parts.h"

enum { ALIGNMENT = 64 };

static const char MAGIC[16] = "viva-encoder-1";

static bool always(void)
{
	return true;
}

#if defined(__x86_64__)
static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_sse4(void)
{
	return __builtin_cpu_supports("sse4.1");
}
#endif

static const struct viva_encoder_kernel kernels[] = {
#if defined(__x86_64__)
	{"avx2", has_avx2, viva_encoder_run_avx2},
	{"sse4", has_sse4, viva_encoder_run_sse4},
#endif
	{"plain", always, viva_encoder_run_plain},
};

const struct viva_encoder_kernel *viva_encoder_kernels(size_t *ret_count)
{
	*ret_count = VIVA_COUNT(kernels);
	return kernels;
}

const struct viva_encoder_kernel *viva_encoder_best_kernel(void)
{
	const struct viva_encoder_kernel *best = kernels;
	while (!best->is_supported())
		best++;
	return best;
}

// Takes array after array from the file; sizes are constants, so that the whole has one right size.
struct reader {
	const uint8_t *at;
	size_t used;
};

static const void *take(struct reader *reader, size_t bytes)
{
	const uint8_t *array = reader->at ? reader->at + reader->used : NULL;
	reader->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return array;
}

static struct encoder_norm take_norm(struct reader *reader)
{
	struct encoder_norm norm = {0};
	norm.weight = take(reader, VIVA_ENCODER_SIZE * sizeof *norm.weight);
	norm.bias = take(reader, VIVA_ENCODER_SIZE * sizeof *norm.bias);
	return norm;
}

static struct encoder_linear take_linear(struct reader *reader, size_t inputs, size_t outputs)
{
	struct encoder_linear linear = {.inputs = inputs, .outputs = outputs};
	linear.weights = take(reader, inputs * outputs * sizeof *linear.weights);
	linear.steps = take(reader, outputs * sizeof *linear.steps);
	linear.bias = take(reader, outputs * sizeof *linear.bias);
	return linear;
}

static size_t take_all(struct viva_encoder *encoder, const void *file)
{
	const size_t size = VIVA_ENCODER_SIZE;
	struct reader reader = {.at = file, .used = ALIGNMENT};
	encoder->words = take(&reader, VIVA_ENCODER_VOCABULARY * size * sizeof *encoder->words);
	encoder->word_steps = take(&reader, VIVA_ENCODER_VOCABULARY * sizeof *encoder->word_steps);
	encoder->places = take(&reader, VIVA_ENCODER_MAX_TOKENS * size * sizeof *encoder->places);
	encoder->norm = take_norm(&reader);
	for (size_t i = 0; i < ENCODER_LAYERS; i++) {
		struct encoder_layer *layer = &encoder->layers[i];
		layer->heads = take_linear(&reader, size, 3 * size);
		layer->joined = take_linear(&reader, size, size);
		layer->joined_norm = take_norm(&reader);
		layer->inner = take_linear(&reader, size, ENCODER_INNER);
		layer->outer = take_linear(&reader, ENCODER_INNER, size);
		layer->outer_norm = take_norm(&reader);
	}
	return reader.used;
}

static int map(struct viva_encoder *encoder, const char *path, struct viva_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (fd < 0)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s can't be read", path);
	size_t size = take_all(encoder, NULL);
	if (fstat(fd, &status) == 0 && status.st_size == (off_t)size) {
		void *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		encoder->file = file == MAP_FAILED ? NULL : file;
	}
	close(fd);
	encoder->file_size = size;
	if (!encoder->file || memcmp(encoder->file, MAGIC, sizeof MAGIC) != 0)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s is not a sentence model", path);
	take_all(encoder, encoder->file);
	return 0;
}

int viva_encoder_open(const char *path, struct viva_encoder **ret_encoder, struct viva_error *error)
{
	VIVA_AUTO(viva_encoder) encoder = calloc(1, sizeof *encoder);
	if (!encoder)
		return VIVA_ENOMEM;
	int code = map(encoder, path, error);
	if (code == 0)
		*ret_encoder = viva_take(&encoder);
	return code;
}

struct viva_encoder *viva_encoder_destroy(struct viva_encoder *encoder)
{
	if (!encoder)
		return NULL;
	if (encoder->file)
		munmap((void *)(uintptr_t)encoder->file, encoder->file_size);
	free(encoder);
	return NULL;
}

int viva_encoder_workspace_create(struct viva_encoder_workspace **ret_workspace)
{
	struct viva_encoder_workspace *workspace = aligned_alloc(ALIGNMENT, sizeof *workspace);
	if (!workspace)
		return VIVA_ENOMEM;
	*ret_workspace = workspace;
	return 0;
}

struct viva_encoder_workspace *viva_encoder_workspace_destroy(struct viva_encoder_workspace *workspace)
{
	free(workspace);
	return NULL;
}

void viva_encoder_run(const struct viva_encoder *encoder, struct viva_encoder_workspace *workspace,
		      const struct viva_tokens *texts, size_t count, float *ret_vectors)
{
	viva_encoder_best_kernel()->run(encoder, workspace, texts, count, ret_vectors);
}
