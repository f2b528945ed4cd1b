// SPDX-License-Identifier: Apache-2.0
#include "language/embedding_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT_BYTES = 2048 };

struct entry {
	struct entry *newer, *older;  // by last use
	struct entry *next_in_slot;
	uint64_t hash;
	struct viva_embedding embedding;
	size_t size;
	uint8_t text[];
};

struct viva_embedding_cache {
	pthread_mutex_t lock;
	struct entry *newest, *oldest;
	size_t count, max_entries;
	size_t slot_count;  // a power of two
	struct entry *slots[];
};

static uint64_t hash_of(struct viva_bytes text)
{
	uint64_t hash = 14695981039346656037u;  // FNV-1a
	for (size_t i = 0; i < text.size; i++)
		hash = (hash ^ text.data[i]) * 1099511628211u;
	return hash ^ hash >> 29;
}

int viva_embedding_cache_create(size_t max_entries, struct viva_embedding_cache **ret_cache)
{
	if (max_entries == 0 || max_entries > 1 << 20)
		return VIVA_EINVAL;
	size_t slots = 1;
	while (slots < max_entries)
		slots *= 2;
	struct viva_embedding_cache *cache = calloc(1, sizeof *cache + slots * sizeof(struct entry *));
	if (!cache)
		return VIVA_ENOMEM;
	if (pthread_mutex_init(&cache->lock, NULL) != 0) {
		free(cache);
		return VIVA_ENOMEM;
	}
	cache->max_entries = max_entries;
	cache->slot_count = slots;
	*ret_cache = cache;
	return 0;
}

struct viva_embedding_cache *viva_embedding_cache_destroy(struct viva_embedding_cache *cache)
{
	if (!cache)
		return NULL;
	for (struct entry *entry = cache->newest; entry;) {
		struct entry *older = entry->older;
		free(entry);
		entry = older;
	}
	pthread_mutex_destroy(&cache->lock);
	free(cache);
	return NULL;
}

static struct entry **slot_of(struct viva_embedding_cache *cache, uint64_t hash)
{
	return &cache->slots[hash & (cache->slot_count - 1)];
}

static struct entry *find(struct viva_embedding_cache *cache, struct viva_bytes text, uint64_t hash)
{
	struct entry *entry = *slot_of(cache, hash);
	while (entry && (entry->hash != hash || entry->size != text.size ||
			 (text.size > 0 && memcmp(entry->text, text.data, text.size) != 0)))
		entry = entry->next_in_slot;
	return entry;
}

static void unlink_by_use(struct viva_embedding_cache *cache, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_newest(struct viva_embedding_cache *cache, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

static void evict_oldest(struct viva_embedding_cache *cache)
{
	struct entry *entry = cache->oldest;
	struct entry **link = slot_of(cache, entry->hash);
	while (*link != entry)
		link = &(*link)->next_in_slot;
	*link = entry->next_in_slot;
	unlink_by_use(cache, entry);
	free(entry);
	cache->count--;
}

bool viva_embedding_cache_get(struct viva_embedding_cache *cache, struct viva_bytes text,
			      struct viva_embedding *ret_embedding)
{
	uint64_t hash = hash_of(text);
	pthread_mutex_lock(&cache->lock);
	struct entry *entry = find(cache, text, hash);
	if (entry) {
		unlink_by_use(cache, entry);
		link_newest(cache, entry);
		*ret_embedding = entry->embedding;
	}
	pthread_mutex_unlock(&cache->lock);
	return entry != NULL;
}

void viva_embedding_cache_put(struct viva_embedding_cache *cache, struct viva_bytes text,
			      const struct viva_embedding *embedding)
{
	if (text.size > MAX_TEXT_BYTES)
		return;
	struct entry *fresh = malloc(sizeof *fresh + text.size);
	if (!fresh)
		return;
	fresh->hash = hash_of(text);
	fresh->embedding = *embedding;
	fresh->size = text.size;
	if (text.size > 0)
		memcpy(fresh->text, text.data, text.size);

	pthread_mutex_lock(&cache->lock);
	if (find(cache, text, fresh->hash)) {
		free(fresh);  // another thread was first, with the same vector
	} else {
		if (cache->count == cache->max_entries)
			evict_oldest(cache);
		struct entry **slot = slot_of(cache, fresh->hash);
		fresh->next_in_slot = *slot;
		*slot = fresh;
		link_newest(cache, fresh);
		cache->count++;
	}
	pthread_mutex_unlock(&cache->lock);
}
