// SPDX-License-Identifier: Apache-2.0
#include "base/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>

#include "viva_test.h"

static int items[100];
static atomic_int dropped_count;
static void *dropped_last;

static void note_drop(void *item)
{
	dropped_count++;
	dropped_last = item;
}

static struct viva_mailbox *mailbox_of(size_t capacity, enum viva_mailbox_policy policy)
{
	dropped_count = 0;
	dropped_last = NULL;
	struct viva_mailbox *mailbox = NULL;
	assert_ok(viva_mailbox_create(capacity, policy, note_drop, &mailbox));
	return mailbox;
}

static void test_mailbox__items_leave_in_the_order_they_came(void **state)
{
	(void)state;
	VIVA_AUTO(viva_mailbox) mailbox = mailbox_of(3, VIVA_MAILBOX_REJECT);
	assert_null(viva_mailbox_take(mailbox));
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 3; i++)
			assert_ok(viva_mailbox_put(mailbox, &items[i]));
		assert_int_equal(viva_mailbox_count(mailbox), 3);
		for (int i = 0; i < 3; i++)
			assert_ptr_equal(viva_mailbox_take(mailbox), &items[i]);
	}
}

static void test_mailbox__a_full_one_may_refuse_the_newcomer(void **state)
{
	(void)state;
	VIVA_AUTO(viva_mailbox) mailbox = mailbox_of(1, VIVA_MAILBOX_REJECT);
	assert_ok(viva_mailbox_put(mailbox, &items[0]));
	assert_error(viva_mailbox_put(mailbox, &items[1]), VIVA_EOVERLOAD);
	assert_int_equal(dropped_count, 0);
	assert_ptr_equal(viva_mailbox_take(mailbox), &items[0]);
}

static void test_mailbox__with_one_place_the_newest_wins(void **state)
{
	(void)state;
	VIVA_AUTO(viva_mailbox) mailbox = mailbox_of(1, VIVA_MAILBOX_DROP_OLDEST);
	for (int i = 0; i < 5; i++)
		assert_ok(viva_mailbox_put(mailbox, &items[i]));
	assert_int_equal(dropped_count, 4);
	assert_ptr_equal(dropped_last, &items[3]);
	assert_int_equal(viva_mailbox_dropped(mailbox), 4);
	assert_ptr_equal(viva_mailbox_take(mailbox), &items[4]);
}

static void test_mailbox__what_is_left_at_the_end_is_dropped(void **state)
{
	(void)state;
	struct viva_mailbox *mailbox = mailbox_of(4, VIVA_MAILBOX_REJECT);
	assert_ok(viva_mailbox_put(mailbox, &items[0]));
	assert_ok(viva_mailbox_put(mailbox, &items[1]));
	assert_null(viva_mailbox_destroy(mailbox));
	assert_int_equal(dropped_count, 2);
	assert_null(viva_mailbox_destroy(NULL));
}

static void test_mailbox__one_without_room_is_refused(void **state)
{
	(void)state;
	struct viva_mailbox *mailbox = NULL;
	assert_error(viva_mailbox_create(0, VIVA_MAILBOX_REJECT, NULL, &mailbox), VIVA_EINVAL);
	assert_error(viva_mailbox_create(SIZE_MAX / 4, VIVA_MAILBOX_REJECT, NULL, &mailbox), VIVA_ENOMEM);
	assert_null(mailbox);
}

static void *put_all(void *context)
{
	for (size_t i = 0; i < VIVA_COUNT(items); i++)
		assert_ok(viva_mailbox_put(context, &items[i]));
	return NULL;
}

static void test_mailbox__between_threads_each_item_is_taken_or_dropped(void **state)
{
	(void)state;
	struct viva_mailbox *mailbox = mailbox_of(3, VIVA_MAILBOX_DROP_OLDEST);
	pthread_t putter;
	assert_int_equal(pthread_create(&putter, NULL, put_all, mailbox), 0);
	size_t taken = 0;
	for (int i = 0; i < 1000; i++)
		taken += viva_mailbox_take(mailbox) != NULL;
	pthread_join(putter, NULL);
	viva_mailbox_destroy(mailbox);
	assert_int_equal(taken + (size_t)dropped_count, VIVA_COUNT(items));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mailbox__items_leave_in_the_order_they_came),
		cmocka_unit_test(test_mailbox__a_full_one_may_refuse_the_newcomer),
		cmocka_unit_test(test_mailbox__with_one_place_the_newest_wins),
		cmocka_unit_test(test_mailbox__what_is_left_at_the_end_is_dropped),
		cmocka_unit_test(test_mailbox__one_without_room_is_refused),
		cmocka_unit_test(test_mailbox__between_threads_each_item_is_taken_or_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
