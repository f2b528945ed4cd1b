// SPDX-License-Identifier: Apache-2.0
#include "emotion/sessions.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct emotion_session session;  // first, so that a session is its entry
	struct entry *next_in_slot;
	struct entry *newer, *older;  // by last use
	int64_t used_ms;
	uint64_t next_ticket;  // of the next frame to arrive
	uint64_t serving;      // the ticket whose turn it is
	char id[];
};

struct emotion_sessions {
	struct emotion_sessions_options options;
	pthread_mutex_t lock;
	pthread_cond_t turn_changed;
	struct entry *newest, *oldest;
	size_t count;
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
	size_t slot_count;  // a power of two
	struct entry *slots[];
};

struct emotion_sessions_options emotion_sessions_defaults(void)
{
	return (struct emotion_sessions_options){.max_sessions = 10000,
						 .max_idle_ms = 600000,
						 .max_waiting = 16,
						 .clock = viva_system_clock(),
						 .random = viva_system_random()};
}

int emotion_sessions_create(const struct emotion_sessions_options *options, struct emotion_sessions **ret_sessions)
{
	if (options->max_sessions == 0 || options->max_idle_ms <= 0 || options->max_waiting == 0)
		return VIVA_EINVAL;
	size_t slot_count = 1;
	while (slot_count < options->max_sessions)
		slot_count *= 2;
	struct emotion_sessions *sessions = calloc(1, sizeof *sessions + slot_count * sizeof sessions->slots[0]);
	if (!sessions)
		return VIVA_ENOMEM;
	sessions->options = *options;
	sessions->slot_count = slot_count;
	options->random->fill(options->random, sessions->hash_key, sizeof sessions->hash_key);
	pthread_mutex_init(&sessions->lock, NULL);
	pthread_cond_init(&sessions->turn_changed, NULL);
	*ret_sessions = sessions;
	return 0;
}

// Keyed, so that nobody can choose ids that all fall into one slot.
static struct entry **slot_of(struct emotion_sessions *sessions, const char *id)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t value;
	crypto_shorthash(hash, (const unsigned char *)id, strlen(id), sessions->hash_key);
	memcpy(&value, hash, sizeof value);
	return &sessions->slots[value & (sessions->slot_count - 1)];
}

static struct entry *find(struct emotion_sessions *sessions, const char *id)
{
	struct entry *entry = *slot_of(sessions, id);
	while (entry && strcmp(entry->id, id) != 0)
		entry = entry->next_in_slot;
	return entry;
}

static void unlink_use(struct emotion_sessions *sessions, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &sessions->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &sessions->oldest) = entry->newer;
	entry->newer = entry->older = NULL;
}

static void link_newest(struct emotion_sessions *sessions, struct entry *entry)
{
	entry->older = sessions->newest;
	*(entry->older ? &entry->older->newer : &sessions->oldest) = entry;
	sessions->newest = entry;
	entry->used_ms = viva_clock_now_ms(sessions->options.clock);
}

static bool is_in_work(const struct entry *entry)
{
	return entry->next_ticket != entry->serving;
}

static void forget(struct emotion_sessions *sessions, struct entry *entry)
{
	struct entry **link = slot_of(sessions, entry->id);
	while (*link != entry)
		link = &(*link)->next_in_slot;
	*link = entry->next_in_slot;
	unlink_use(sessions, entry);
	sessions->count--;
	free(entry);
}

// Forgets what is too old, then, if there is no room left, what was used longest ago; never what is in work.
static int make_room(struct emotion_sessions *sessions)
{
	int64_t now_ms = viva_clock_now_ms(sessions->options.clock);
	struct entry *entry = sessions->oldest;
	while (entry && now_ms - entry->used_ms > sessions->options.max_idle_ms) {
		struct entry *newer = entry->newer;
		if (!is_in_work(entry))
			forget(sessions, entry);
		entry = newer;
	}
	entry = sessions->oldest;
	while (entry && is_in_work(entry) && sessions->count >= sessions->options.max_sessions)
		entry = entry->newer;
	if (sessions->count < sessions->options.max_sessions)
		return 0;
	if (!entry)
		return VIVA_EOVERLOAD;
	forget(sessions, entry);
	return 0;
}

static int add(struct emotion_sessions *sessions, const char *id, struct entry **ret_entry)
{
	size_t size = strlen(id) + 1;
	int code = make_room(sessions);
	if (code != 0)
		return code;
	struct entry *entry = calloc(1, sizeof *entry + size);
	if (!entry)
		return VIVA_ENOMEM;
	memcpy(entry->id, id, size);
	struct entry **slot = slot_of(sessions, id);
	entry->next_in_slot = *slot;
	*slot = entry;
	link_newest(sessions, entry);
	sessions->count++;
	*ret_entry = entry;
	return 0;
}

struct emotion_sessions *emotion_sessions_destroy(struct emotion_sessions *sessions)
{
	if (!sessions)
		return NULL;
	while (sessions->oldest)
		forget(sessions, sessions->oldest);
	pthread_cond_destroy(&sessions->turn_changed);
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
	return NULL;
}

static int join(struct emotion_sessions *sessions, const char *id, struct entry **ret_entry)
{
	struct entry *entry = find(sessions, id);
	int64_t now_ms = viva_clock_now_ms(sessions->options.clock);
	if (entry && !is_in_work(entry) && now_ms - entry->used_ms > sessions->options.max_idle_ms) {
		forget(sessions, entry);
		entry = NULL;
	}
	if (!entry)
		return add(sessions, id, ret_entry);
	if (entry->next_ticket - entry->serving > sessions->options.max_waiting)
		return VIVA_EOVERLOAD;
	*ret_entry = entry;
	return 0;
}

int emotion_sessions_checkout(struct emotion_sessions *sessions, const char *session_id,
			      struct emotion_session **ret_session, struct viva_error *error)
{
	struct entry *entry = NULL;
	pthread_mutex_lock(&sessions->lock);
	int code = join(sessions, session_id, &entry);
	if (code == 0) {
		uint64_t ticket = entry->next_ticket++;
		while (entry->serving != ticket)
			pthread_cond_wait(&sessions->turn_changed, &sessions->lock);
		unlink_use(sessions, entry);
		link_newest(sessions, entry);
		*ret_session = &entry->session;
	}
	pthread_mutex_unlock(&sessions->lock);
	return code == VIVA_EOVERLOAD ? viva_fail(error, code, NULL, "too many frames of this session are waiting")
				      : code;
}

void emotion_sessions_checkin(struct emotion_sessions *sessions, struct emotion_session *session)
{
	struct entry *entry = (struct entry *)session;
	pthread_mutex_lock(&sessions->lock);
	entry->serving++;
	if (is_in_work(entry))
		pthread_cond_broadcast(&sessions->turn_changed);
	pthread_mutex_unlock(&sessions->lock);
}

size_t emotion_sessions_count(struct emotion_sessions *sessions)
{
	pthread_mutex_lock(&sessions->lock);
	size_t count = sessions->count;
	pthread_mutex_unlock(&sessions->lock);
	return count;
}
