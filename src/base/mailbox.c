// SPDX-License-Identifier: Apache-2.0
#include "base/mailbox.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"

struct viva_mailbox {
	pthread_mutex_t lock;
	enum viva_mailbox_policy policy;
	void (*on_drop)(void *item);
	size_t capacity, first, count, dropped;
	void *items[];
};

int viva_mailbox_create(size_t capacity, enum viva_mailbox_policy policy, void (*on_drop)(void *item),
			struct viva_mailbox **ret_mailbox)
{
	if (capacity == 0)
		return VIVA_EINVAL;
	if (capacity > (SIZE_MAX - sizeof(struct viva_mailbox)) / sizeof(void *))
		return VIVA_ENOMEM;
	struct viva_mailbox *mailbox = calloc(1, sizeof *mailbox + capacity * sizeof mailbox->items[0]);
	if (!mailbox)
		return VIVA_ENOMEM;
	pthread_mutex_init(&mailbox->lock, NULL);
	mailbox->policy = policy;
	mailbox->on_drop = on_drop;
	mailbox->capacity = capacity;
	*ret_mailbox = mailbox;
	return 0;
}

static void *take_first(struct viva_mailbox *mailbox)
{
	if (mailbox->count == 0)
		return NULL;
	void *item = mailbox->items[mailbox->first];
	mailbox->first = (mailbox->first + 1) % mailbox->capacity;
	mailbox->count--;
	return item;
}

struct viva_mailbox *viva_mailbox_destroy(struct viva_mailbox *mailbox)
{
	if (!mailbox)
		return NULL;
	for (void *item; (item = take_first(mailbox));)
		if (mailbox->on_drop)
			mailbox->on_drop(item);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
	return NULL;
}

int viva_mailbox_put(struct viva_mailbox *mailbox, void *item)
{
	void *dropped = NULL;
	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->count == mailbox->capacity) {
		if (mailbox->policy == VIVA_MAILBOX_REJECT) {
			pthread_mutex_unlock(&mailbox->lock);
			return VIVA_EOVERLOAD;
		}
		dropped = take_first(mailbox);
		mailbox->dropped++;
	}
	mailbox->items[(mailbox->first + mailbox->count++) % mailbox->capacity] = item;
	pthread_mutex_unlock(&mailbox->lock);
	if (dropped && mailbox->on_drop)
		mailbox->on_drop(dropped);
	return 0;
}

void *viva_mailbox_take(struct viva_mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	void *item = take_first(mailbox);
	pthread_mutex_unlock(&mailbox->lock);
	return item;
}

size_t viva_mailbox_count(struct viva_mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	size_t count = mailbox->count;
	pthread_mutex_unlock(&mailbox->lock);
	return count;
}

size_t viva_mailbox_dropped(struct viva_mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	size_t dropped = mailbox->dropped;
	pthread_mutex_unlock(&mailbox->lock);
	return dropped;
}
