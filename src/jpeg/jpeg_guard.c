// SPDX-License-Identifier: Apache-2.0
#include "jpeg/jpeg_guard.h"

static void give_up(j_common_ptr jpeg)
{
	struct viva_jpeg_guard *guard = (struct viva_jpeg_guard *)jpeg->err;
	longjmp(guard->escape, 1);
}

// Warnings have levels below zero.
static void on_message(j_common_ptr jpeg, int level)
{
	const struct viva_jpeg_guard *guard = (const struct viva_jpeg_guard *)jpeg->err;
	if (level < 0 && jpeg->err->msg_code != guard->forgiven)
		give_up(jpeg);
}

struct jpeg_error_mgr *viva_jpeg_guard_init(struct viva_jpeg_guard *guard, int forgiven)
{
	jpeg_std_error(&guard->manager);
	guard->manager.error_exit = give_up;
	guard->manager.emit_message = on_message;
	guard->forgiven = forgiven;
	return &guard->manager;
}

bool viva_jpeg_guarded(struct viva_jpeg_guard *guard, int (*work)(void *context), void *context, int *ret_code)
{
	if (setjmp(guard->escape) != 0)
		return false;
	*ret_code = work(context);
	return true;
}
