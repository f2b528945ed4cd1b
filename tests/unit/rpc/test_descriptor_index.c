// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "descriptor_sets.h"
#include "rpc/descriptor_index.h"
#include "rpc/wire.h"
#include "viva_test.h"

static struct descriptor_index *real_index(void)
{
	const struct viva_bytes sets[] = {viva_emotion_descriptor_set(), viva_rpc_descriptor_set(),
					  viva_emotion_descriptor_set()};
	struct descriptor_index *index = NULL;
	assert_ok(descriptor_index_create(sets, VIVA_COUNT(sets), &index, NULL));
	return index;
}

static void test_descriptor_index__finds_files_by_path(void **state)
{
	(void)state;
	VIVA_AUTO(descriptor_index) index = real_index();
	assert_true(descriptor_index_find_file(index, "emotion.proto") >= 0);
	assert_true(descriptor_index_find_file(index, "grpc/health/v1/health.proto") >= 0);
	assert_int_equal(descriptor_index_find_file(index, "scoring.proto"), -1);
	assert_int_equal(descriptor_index_find_file(index, ""), -1);
}

static void test_descriptor_index__finds_every_kind_of_symbol(void **state)
{
	(void)state;
	static const char *const symbols[] = {
		"emotion.EmotionService", "emotion.EmotionService.AnalyzeBatch",
		"emotion.FrameRequest",   "emotion.FrameRequest.continuation",
		"emotion.Landmark",
	};
	VIVA_AUTO(descriptor_index) index = real_index();
	int file = descriptor_index_find_file(index, "emotion.proto");
	for (size_t i = 0; i < VIVA_COUNT(symbols); i++)
		assert_int_equal(descriptor_index_find_symbol(index, symbols[i]), file);
	assert_int_equal(descriptor_index_find_symbol(index, "grpc.health.v1.HealthCheckResponse.ServingStatus"),
			 descriptor_index_find_file(index, "grpc/health/v1/health.proto"));
}

static void test_descriptor_index__does_not_find_what_is_not_there(void **state)
{
	(void)state;
	static const char *const symbols[] = {"", ".emotion.FrameRequest", "emotion", "FrameRequest", "emotion.Frame"};
	VIVA_AUTO(descriptor_index) index = real_index();
	for (size_t i = 0; i < VIVA_COUNT(symbols); i++)
		assert_int_equal(descriptor_index_find_symbol(index, symbols[i]), -1);
}

// Two files, b importing a: FileDescriptorSet {file {name: "a"} file {name: "b" dependency: "a" dependency: "gone"}}.
static const char importing[] = "\x0a\x03\x0a\x01"
				"a"
				"\x0a\x0c\x0a\x01"
				"b"
				"\x1a\x01"
				"a"
				"\x1a\x04gone";

static void test_descriptor_index__a_file_comes_with_what_it_imports(void **state)
{
	(void)state;
	struct viva_bytes set = viva_bytes_of(importing, sizeof importing - 1);
	VIVA_AUTO(descriptor_index) index = NULL;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(descriptor_index_create(&set, 1, &index, NULL));
	assert_ok(viva_arena_create(0, &arena));

	struct viva_bytes *files = NULL;
	size_t count = 0;
	assert_ok(descriptor_index_closure(index, descriptor_index_find_file(index, "b"), arena, &files, &count));
	assert_int_equal(count, 2);
	assert_memory_equal(files[0].data + 2, "b", 1);
	assert_memory_equal(files[1].data + 2, "a", 1);
}

static void test_descriptor_index__refuses_what_is_no_descriptor_set(void **state)
{
	(void)state;
	static const char *const wrong[] = {"not a set at all", "\x0a\x05"
								"ab"};
	for (size_t i = 0; i < VIVA_COUNT(wrong); i++) {
		struct viva_bytes set = viva_bytes_of(wrong[i], strlen(wrong[i]));
		struct descriptor_index *index = NULL;
		assert_error(descriptor_index_create(&set, 1, &index, NULL), VIVA_EINVAL);
		assert_null(index);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor_index__finds_files_by_path),
		cmocka_unit_test(test_descriptor_index__finds_every_kind_of_symbol),
		cmocka_unit_test(test_descriptor_index__does_not_find_what_is_not_there),
		cmocka_unit_test(test_descriptor_index__a_file_comes_with_what_it_imports),
		cmocka_unit_test(test_descriptor_index__refuses_what_is_no_descriptor_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
