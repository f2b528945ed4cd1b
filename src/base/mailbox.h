// SPDX-License-Identifier: Apache-2.0
//
// A bounded queue of pointers with a stated policy when full.
//
// Threads: any; nothing blocks.
#ifndef VIVA_BASE_MAILBOX_H
#define VIVA_BASE_MAILBOX_H

#include <stddef.h>

#include "base/macros.h"

enum viva_mailbox_policy {
	VIVA_MAILBOX_REJECT,       // a full mailbox refuses the newcomer: VIVA_EOVERLOAD
	VIVA_MAILBOX_DROP_OLDEST,  // a full mailbox drops its oldest (with capacity 1: the newest wins)
};

struct viva_mailbox;

// `on_drop` is called, outside the lock, for each item dropped by policy or left at destroy; may be NULL.
// VIVA_EINVAL (capacity 0), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_mailbox_create(size_t capacity, enum viva_mailbox_policy policy, void (*on_drop)(void *item),
					struct viva_mailbox **ret_mailbox);
struct viva_mailbox *viva_mailbox_destroy(struct viva_mailbox *mailbox);
VIVA_DEFINE_AUTO(viva_mailbox)

// Hands `item` over. On VIVA_EOVERLOAD the caller still owns it.
VIVA_MUST_CHECK int viva_mailbox_put(struct viva_mailbox *mailbox, void *item);
// The oldest item, now the caller's, or NULL.
void *viva_mailbox_take(struct viva_mailbox *mailbox);
size_t viva_mailbox_count(struct viva_mailbox *mailbox);
size_t viva_mailbox_dropped(struct viva_mailbox *mailbox);  // by policy, since creation

#endif
