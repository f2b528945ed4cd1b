// SPDX-License-Identifier: Apache-2.0
#include "language/grade_cache.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint8_t key[SHA256_DIGEST_LENGTH];  // of the three texts
	struct viva_grade_features features;
};

// Each key has one place.
struct viva_grade_cache {
	pthread_mutex_t lock;
	size_t capacity;
	struct entry *entries[];
};

int viva_grade_cache_create(size_t capacity, struct viva_grade_cache **ret_cache)
{
	if (capacity == 0 || capacity > 1 << 16)
		return VIVA_EINVAL;
	struct viva_grade_cache *cache = calloc(1, sizeof *cache + capacity * sizeof(struct entry *));
	if (!cache)
		return VIVA_ENOMEM;
	if (pthread_mutex_init(&cache->lock, NULL) != 0) {
		free(cache);
		return VIVA_ENOMEM;
	}
	cache->capacity = capacity;
	*ret_cache = cache;
	return 0;
}

struct viva_grade_cache *viva_grade_cache_destroy(struct viva_grade_cache *cache)
{
	if (!cache)
		return NULL;
	for (size_t i = 0; i < cache->capacity; i++)
		free(cache->entries[i]);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
	return NULL;
}

// Of the texts' own digests, so that none can reach into the next.
static void make_key(const struct viva_bytes texts[3], uint8_t ret_key[SHA256_DIGEST_LENGTH])
{
	uint8_t digests[3][SHA256_DIGEST_LENGTH];
	for (size_t i = 0; i < 3; i++)
		SHA256(texts[i].size > 0 ? texts[i].data : (const uint8_t *)"", texts[i].size, digests[i]);
	SHA256(digests[0], sizeof digests, ret_key);
}

static size_t place_of(const struct viva_grade_cache *cache, const uint8_t *key)
{
	uint32_t number;
	memcpy(&number, key, sizeof number);
	return number % cache->capacity;
}

static bool find(struct viva_grade_cache *cache, const uint8_t *key, struct viva_grade_features *ret_features)
{
	pthread_mutex_lock(&cache->lock);
	const struct entry *entry = cache->entries[place_of(cache, key)];
	bool is_there = entry && memcmp(entry->key, key, sizeof entry->key) == 0;
	if (is_there)
		*ret_features = entry->features;
	pthread_mutex_unlock(&cache->lock);
	return is_there;
}

// Without memory it is not kept.
static void keep(struct viva_grade_cache *cache, const uint8_t *key, const struct viva_grade_features *features)
{
	struct entry *entry = malloc(sizeof *entry);
	if (!entry)
		return;
	memcpy(entry->key, key, sizeof entry->key);
	entry->features = *features;
	pthread_mutex_lock(&cache->lock);
	struct entry **place = &cache->entries[place_of(cache, key)];
	struct entry *old = *place;
	*place = entry;
	pthread_mutex_unlock(&cache->lock);
	free(old);
}

int viva_grade_measure_cached(struct viva_grade_cache *cache, struct viva_embedder *embedder,
			      struct viva_bytes question, struct viva_bytes reference, struct viva_bytes answer,
			      struct viva_arena *arena, struct viva_grade_features *ret_features,
			      struct viva_error *error)
{
	const struct viva_bytes texts[] = {question, reference, answer};
	uint8_t key[SHA256_DIGEST_LENGTH];
	make_key(texts, key);
	if (find(cache, key, ret_features))
		return 0;
	int code = viva_grade_measure(embedder, question, reference, answer, arena, ret_features, error);
	if (code == 0)
		keep(cache, key, ret_features);
	return code;
}
