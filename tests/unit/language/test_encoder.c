// SPDX-License-Identifier: Apache-2.0
#include "language/encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "language/embed.h"
#include "viva_test.h"

enum {
	TEXTS = 12,
	COMPARED = 6,  // by the plain way as well, which takes long under sanitizers
};

static const char *const texts[TEXTS] = {
	"A cat sits on the mat.",
	"A kitten is on the rug.",
	"Stock prices fell sharply.",
	"thread",
	"",
	"A process has its own address space, and threads share that of theirs.",
	"Because nothing has to be copied or mapped anew, a thread is created faster than a process.",
	"I asked the team what they needed, wrote it down, and we shipped two weeks later.",
	"0 1 2 3 4 5 6 7 8 9",
	"…",
	"naïve café",
	"locks, atomics or message queues",
};

struct fixture {
	struct viva_embedder *embedder;
	struct viva_arena *arena;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct viva_error error = {0};
	struct viva_embedder_options options = viva_embedder_defaults();
	options.model_directory = getenv("VIVA_MODEL_DIR");
	assert_ok(viva_embedder_open(&options, &fixture.embedder, &error));
	*state = &fixture;
	return viva_arena_create(0, &fixture.arena);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	fixture->embedder = viva_embedder_destroy(fixture->embedder);
	fixture->arena = viva_arena_destroy(fixture->arena);
	return 0;
}

static void embed_all(struct fixture *fixture, size_t count, struct viva_embedding *ret_embeddings)
{
	struct viva_bytes bytes[TEXTS];
	struct viva_error error = {0};
	for (size_t i = 0; i < count; i++)
		bytes[i] = viva_bytes_of_text(texts[i]);
	assert_ok(viva_embed(fixture->embedder, bytes, count, fixture->arena, ret_embeddings, &error));
}

static void test_encoder__gives_the_vectors_of_the_published_model(void **state)
{
	// By ONNX Runtime in 32-bit floating point (bench/language_peer.py).
	static const float expected[3][6] = {
		{.12654f, -.03285f, -.02906f, .04441f, -.04345f, .03210f},
		{.04819f, .01266f, .03310f, .01827f, -.01558f, .05447f},
		{.04082f, -.00866f, .09400f, .06971f, -.00961f, .01723f},
	};
	struct viva_embedding found[3];
	embed_all(*state, 3, found);
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 6; k++)
			assert_float_equal(found[i].values[k], expected[i][k], 3e-4);
	}
	assert_float_equal(viva_embedding_cosine(&found[0], &found[1]), .61400, 3e-4);
	assert_float_equal(viva_embedding_cosine(&found[0], &found[2]), .06536, 3e-4);
}

static void test_encoder__gives_a_text_the_same_bits_whatever_comes_with_it(void **state)
{
	struct fixture *fixture = *state;
	static struct viva_embedding together[TEXTS], alone;
	struct viva_error error = {0};
	embed_all(fixture, TEXTS, together);
	for (size_t i = 0; i < TEXTS; i++) {
		struct viva_bytes text = viva_bytes_of_text(texts[i]);
		assert_ok(viva_embed(fixture->embedder, &text, 1, fixture->arena, &alone, &error));
		assert_memory_equal(&alone, &together[i], sizeof alone);
	}
}

static void test_encoder__gives_unit_vectors_and_none_for_no_text(void **state)
{
	static struct viva_embedding found[TEXTS];
	embed_all(*state, TEXTS, found);
	for (size_t i = 0; i < TEXTS; i++)
		assert_float_equal(viva_embedding_cosine(&found[i], &found[i]), texts[i][0] != '\0', 1e-5);
}

static void test_encoder__reads_the_first_256_tokens_of_a_long_text(void **state)
{
	struct fixture *fixture = *state;
	static char first[2 * 254 + 1], longer[2 * 600 + 1];
	for (size_t i = 0; i < sizeof longer - 1; i++)
		longer[i] = i % 2 == 0 ? 'a' : ' ';
	memcpy(first, longer, sizeof first - 1);
	struct viva_bytes bytes[] = {viva_bytes_of_text(first), viva_bytes_of_text(longer)};
	static struct viva_embedding found[2];
	struct viva_error error = {0};
	assert_ok(viva_embed(fixture->embedder, bytes, 2, fixture->arena, found, &error));
	assert_memory_equal(&found[0], &found[1], sizeof found[0]);
}

static void test_encoder__computes_the_same_by_every_instruction_set(void **state)
{
	struct fixture *fixture = *state;
	struct viva_tokens tokens[COMPARED];
	static float plain[COMPARED][VIVA_ENCODER_SIZE], found[COMPARED][VIVA_ENCODER_SIZE];
	VIVA_AUTO(viva_encoder) encoder = NULL;
	VIVA_AUTO(viva_encoder_workspace) workspace = NULL;
	char path[4096];
	size_t count = 0;
	const struct viva_encoder_kernel *kernels = viva_encoder_kernels(&count);
	snprintf(path, sizeof path, "%s/sentence.bin", getenv("VIVA_MODEL_DIR"));
	struct viva_error error = {0};
	assert_ok(viva_encoder_open(path, &encoder, &error));
	assert_ok(viva_encoder_workspace_create(&workspace));
	for (size_t i = 0; i < COMPARED; i++)
		assert_ok(viva_tokenizer_encode(viva_embedder_tokenizer(fixture->embedder),
						viva_bytes_of_text(texts[i]), VIVA_ENCODER_MAX_TOKENS, fixture->arena,
						&tokens[i]));
	kernels[count - 1].run(encoder, workspace, tokens, COMPARED, plain[0]);
	for (size_t set = 0; set + 1 < count; set++) {
		if (!kernels[set].is_supported())
			continue;
		kernels[set].run(encoder, workspace, tokens, COMPARED, found[0]);
		for (size_t i = 0; i < COMPARED; i++) {
			double cosine = 0;
			for (size_t k = 0; k < VIVA_ENCODER_SIZE; k++) {
				assert_float_equal(found[i][k], plain[i][k], 1e-3);
				cosine += (double)found[i][k] * (double)plain[i][k];
			}
			assert_float_equal(cosine, 1, 1e-5);
		}
	}
}

static void test_encoder__refuses_a_file_that_is_no_model(void **state)
{
	(void)state;
	struct viva_encoder *encoder = NULL;
	struct viva_error error = {0};
	assert_int_equal(viva_encoder_open("/dev/null", &encoder, &error), VIVA_EMODEL);
	assert_int_equal(viva_encoder_open("/nowhere/sentence.bin", &encoder, &error), VIVA_EMODEL);
	char path[4096];
	snprintf(path, sizeof path, "%s/vocab.txt", getenv("VIVA_MODEL_DIR"));
	assert_int_equal(viva_encoder_open(path, &encoder, &error), VIVA_EMODEL);
	assert_null(encoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoder__gives_the_vectors_of_the_published_model),
		cmocka_unit_test(test_encoder__gives_a_text_the_same_bits_whatever_comes_with_it),
		cmocka_unit_test(test_encoder__gives_unit_vectors_and_none_for_no_text),
		cmocka_unit_test(test_encoder__reads_the_first_256_tokens_of_a_long_text),
		cmocka_unit_test(test_encoder__computes_the_same_by_every_instruction_set),
		cmocka_unit_test(test_encoder__refuses_a_file_that_is_no_model),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
