// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resilience/balancer.h"
#include "viva_test.h"

enum { MEMBERS = 3, ROUNDS = 300 };

static const char *const abc[] = {"a:1", "b:1", "c:1"};
static struct fake_clock clock_;

static int set_up(void **state)
{
	(void)state;
	fake_clock_init(&clock_);
	return 0;
}

static struct viva_balancer *create(enum viva_balancing balancing, size_t count)
{
	struct viva_balancer_options options = viva_balancer_defaults("emotion");
	options.balancing = balancing;
	options.clock = &clock_.clock;
	struct viva_balancer *balancer = NULL;
	assert_ok(viva_balancer_create(&options, &balancer));
	assert_ok(viva_balancer_set(balancer, abc, count));
	return balancer;
}

static struct viva_member *begin(struct viva_balancer *balancer)
{
	struct viva_member *member = NULL;
	assert_ok(viva_balancer_begin(balancer, NULL, 0, &member));
	return member;
}

static char call(struct viva_balancer *balancer, int code)
{
	struct viva_member *member = begin(balancer);
	char name = viva_member_address(member)[0];
	viva_balancer_end(balancer, member, code);
	return name;
}

// How often each of "a", "b", "c" is chosen in ROUNDS calls, those at `bad` failing.
static void spread(struct viva_balancer *balancer, char bad, int ret_counts[MEMBERS])
{
	memset(ret_counts, 0, MEMBERS * sizeof *ret_counts);
	for (int i = 0; i < ROUNDS; i++) {
		struct viva_member *member = begin(balancer);
		char name = viva_member_address(member)[0];
		ret_counts[name - 'a']++;
		viva_balancer_end(balancer, member, name == bad ? VIVA_EUNAVAILABLE : 0);
	}
}

static void test_balancer__both_policies_spread_evenly(void **state)
{
	(void)state;
	for (int balancing = 0; balancing < 2; balancing++) {
		VIVA_AUTO(viva_balancer) balancer = create((enum viva_balancing)balancing, 3);
		int counts[MEMBERS];
		spread(balancer, 0, counts);
		for (int i = 0; i < MEMBERS; i++)
			assert_int_equal(counts[i], ROUNDS / MEMBERS);
	}
}

static void test_balancer__least_loaded_takes_whoever_has_the_fewest_calls(void **state)
{
	(void)state;
	VIVA_AUTO(viva_balancer) balancer = create(VIVA_BALANCING_LEAST_LOADED, 3);
	struct viva_member *held[4];
	for (int i = 0; i < 4; i++)
		held[i] = begin(balancer);  // one of them has two
	struct viva_member *busy = held[3];
	for (int i = 0; i < ROUNDS; i++) {
		struct viva_member *member = begin(balancer);
		assert_ptr_not_equal(member, busy);
		viva_balancer_end(balancer, member, 0);
	}
	for (int i = 0; i < 4; i++)
		viva_balancer_end(balancer, held[i], 0);
}

static void test_balancer__nobody_there_is_unavailable(void **state)
{
	(void)state;
	VIVA_AUTO(viva_balancer) balancer = create(VIVA_BALANCING_ROUND_ROBIN, 0);
	struct viva_member *member = NULL;
	assert_error(viva_balancer_begin(balancer, NULL, 0, &member), VIVA_EUNAVAILABLE);
	assert_ok(viva_balancer_set(balancer, abc, 1));
	member = begin(balancer);
	assert_error(viva_balancer_begin(balancer, &member, 1, &(struct viva_member *){NULL}), VIVA_EUNAVAILABLE);
	viva_balancer_end(balancer, member, 0);
}

static void test_balancer__a_new_member_is_used_and_one_that_left_is_not(void **state)
{
	(void)state;
	VIVA_AUTO(viva_balancer) balancer = create(VIVA_BALANCING_ROUND_ROBIN, 1);
	struct viva_member *old = begin(balancer);
	assert_ok(viva_balancer_set(balancer, abc + 1, 2));
	assert_int_equal(viva_balancer_count(balancer), 2);
	int counts[MEMBERS];
	spread(balancer, 0, counts);
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], ROUNDS / 2);
	assert_string_equal(viva_member_address(old), "a:1");  // alive until its call ends
	viva_balancer_end(balancer, old, 0);
}

static void test_balancer__one_that_keeps_failing_is_left_out_for_a_while(void **state)
{
	(void)state;
	VIVA_AUTO(viva_balancer) balancer = create(VIVA_BALANCING_ROUND_ROBIN, 3);
	int counts[MEMBERS];
	spread(balancer, 'b', counts);
	assert_int_equal(counts[1], 5);
	fake_clock_advance_ms(&clock_, 10000);
	spread(balancer, 'b', counts);
	assert_int_equal(counts[1], 1);  // on probation
	fake_clock_advance_ms(&clock_, 10000);
	spread(balancer, 'b', counts);
	assert_int_equal(counts[1], 0);  // twice as long
	fake_clock_advance_ms(&clock_, 10000);
	spread(balancer, 0, counts);
	assert_int_equal(counts[1], ROUNDS / MEMBERS);
	// It has made good: five failures again.
	spread(balancer, 'b', counts);
	assert_int_equal(counts[1], 5);
}

static void test_balancer__the_last_one_is_never_left_out(void **state)
{
	(void)state;
	for (size_t count = 1; count <= 3; count++) {
		VIVA_AUTO(viva_balancer) balancer = create(VIVA_BALANCING_ROUND_ROBIN, count);
		for (int i = 0; i < ROUNDS; i++)
			(void)call(balancer, VIVA_EUNAVAILABLE);
		char names[ROUNDS + 1] = "";
		for (int i = 0; i < ROUNDS; i++)
			names[i] = call(balancer, VIVA_EUNAVAILABLE);
		size_t used = 0;
		for (char name = 'a'; name < 'd'; name++)
			used += strchr(names, name) != NULL;
		assert_int_equal(used, count - count / 2);
	}
}

static void test_balancer__overload_and_the_callers_faults_leave_nobody_out(void **state)
{
	(void)state;
	static const int harmless[] = {VIVA_EOVERLOAD, VIVA_EINVAL, VIVA_ECANCELLED, VIVA_EBREAKER, VIVA_ENOTFOUND};
	for (size_t i = 0; i < VIVA_COUNT(harmless); i++) {
		VIVA_AUTO(viva_balancer) balancer = create(VIVA_BALANCING_ROUND_ROBIN, 2);
		for (int j = 0; j < ROUNDS; j++)
			(void)call(balancer, harmless[i]);
		char first = call(balancer, 0);
		assert_int_not_equal(call(balancer, 0), first);
	}
}

static void test_balancer__a_call_that_failed_at_one_may_ask_for_another(void **state)
{
	(void)state;
	VIVA_AUTO(viva_balancer) balancer = create(VIVA_BALANCING_ROUND_ROBIN, 3);
	for (int i = 0; i < ROUNDS; i++) {
		struct viva_member *tried[MEMBERS];
		for (size_t j = 0; j < MEMBERS; j++) {
			assert_ok(viva_balancer_begin(balancer, tried, j, &tried[j]));
			for (size_t k = 0; k < j; k++)
				assert_ptr_not_equal(tried[j], tried[k]);
		}
		for (size_t j = 0; j < MEMBERS; j++)
			viva_balancer_end(balancer, tried[j], 0);
	}
}

// Members with a readiness that the test sets by their names.
struct owner {
	enum viva_readiness readiness[MEMBERS];
	int alive;
	bool must_fail;
};

struct link {
	struct owner *owner;
	int index;
};

static int create_link(void *context, const char *address, void **ret_context)
{
	struct owner *owner = context;
	struct link *link = owner->must_fail ? NULL : malloc(sizeof *link);
	if (!link)
		return VIVA_ENOMEM;
	*link = (struct link){owner, address[0] - 'a'};
	owner->alive++;
	*ret_context = link;
	return 0;
}

static void destroy_link(void *context, void *link)
{
	((struct owner *)context)->alive--;
	free(link);
}

static enum viva_readiness readiness_of(void *context)
{
	const struct link *link = context;
	return link->owner->readiness[link->index];
}

static const struct viva_member_hooks hooks = {create_link, destroy_link, readiness_of};

static struct viva_balancer *create_linked(struct owner *owner)
{
	struct viva_balancer_options options = viva_balancer_defaults("emotion");
	options.clock = &clock_.clock;
	options.hooks = &hooks;
	options.owner = owner;
	struct viva_balancer *balancer = NULL;
	assert_ok(viva_balancer_create(&options, &balancer));
	assert_ok(viva_balancer_set(balancer, abc, 1));
	return balancer;
}

static void test_balancer__one_that_connects_waits_its_turn(void **state)
{
	(void)state;
	struct owner owner = {.readiness = {VIVA_MEMBER_READY, VIVA_MEMBER_CONNECTING, VIVA_MEMBER_FAILING}};
	VIVA_AUTO(viva_balancer) balancer = create_linked(&owner);
	assert_ok(viva_balancer_set(balancer, abc, 3));
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(call(balancer, 0), 'a');
	owner.readiness[0] = VIVA_MEMBER_FAILING;
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(call(balancer, 0), 'b');  // better one that may come up than one that is down
	owner.readiness[1] = VIVA_MEMBER_READY;
	owner.readiness[2] = VIVA_MEMBER_READY;
	char first = call(balancer, 0);
	assert_int_not_equal(call(balancer, 0), first);
}

static void test_balancer__old_members_serve_until_a_new_one_is_ready(void **state)
{
	(void)state;
	struct owner owner = {.readiness = {VIVA_MEMBER_READY, VIVA_MEMBER_CONNECTING}};
	VIVA_AUTO(viva_balancer) balancer = create_linked(&owner);
	assert_ok(viva_balancer_set(balancer, abc + 1, 1));
	assert_int_equal(call(balancer, 0), 'a');
	assert_int_equal(owner.alive, 2);
	owner.readiness[1] = VIVA_MEMBER_READY;
	assert_int_equal(call(balancer, 0), 'b');
	assert_int_equal(owner.alive, 1);
}

static void test_balancer__old_members_go_when_the_new_ones_take_too_long(void **state)
{
	(void)state;
	struct owner owner = {.readiness = {VIVA_MEMBER_READY, VIVA_MEMBER_CONNECTING}};
	VIVA_AUTO(viva_balancer) balancer = create_linked(&owner);
	struct viva_member *held = begin(balancer);
	assert_ok(viva_balancer_set(balancer, abc + 1, 1));
	fake_clock_advance_ms(&clock_, 5001);
	assert_int_equal(owner.alive, 2);  // a call is under way
	viva_balancer_end(balancer, held, 0);
	assert_int_equal(owner.alive, 1);
	assert_int_equal(call(balancer, 0), 'b');
}

static void test_balancer__one_that_comes_back_is_the_same_member(void **state)
{
	(void)state;
	struct owner owner = {.readiness = {VIVA_MEMBER_READY, VIVA_MEMBER_CONNECTING}};
	VIVA_AUTO(viva_balancer) balancer = create_linked(&owner);
	assert_ok(viva_balancer_set(balancer, abc + 1, 1));
	assert_ok(viva_balancer_set(balancer, abc, 2));
	assert_int_equal(owner.alive, 2);
	assert_int_equal(call(balancer, 0), 'a');
}

static void test_balancer__a_list_that_can_not_be_had_changes_nothing(void **state)
{
	(void)state;
	struct owner owner = {.readiness = {VIVA_MEMBER_READY, VIVA_MEMBER_READY, VIVA_MEMBER_READY}};
	VIVA_AUTO(viva_balancer) balancer = create_linked(&owner);
	owner.must_fail = true;
	assert_error(viva_balancer_set(balancer, abc, 3), VIVA_ENOMEM);
	owner.must_fail = false;
	fail_next_allocation(0);
	assert_error(viva_balancer_set(balancer, abc, 3), VIVA_ENOMEM);
	static const char *many[VIVA_BALANCER_MAX_MEMBERS + 1];
	for (size_t i = 0; i < VIVA_COUNT(many); i++)
		many[i] = "a:1";
	assert_error(viva_balancer_set(balancer, many, VIVA_COUNT(many)), VIVA_ELIMIT);
	assert_int_equal(viva_balancer_count(balancer), 1);
	assert_int_equal(owner.alive, 1);
	assert_int_equal(call(balancer, 0), 'a');
}

struct shared {
	struct viva_balancer *balancer;
	unsigned seed;
};

static void *call_at_random(void *context)
{
	struct shared *shared = context;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, shared->seed);
	for (int i = 0; i < 3000; i++) {
		struct viva_member *member = NULL;
		if (viva_random_below(&random.random, 20) == 0)
			assert_ok(viva_balancer_set(shared->balancer, abc,
						    1 + (size_t)viva_random_below(&random.random, MEMBERS)));
		assert_ok(viva_balancer_begin(shared->balancer, NULL, 0, &member));
		viva_balancer_end(shared->balancer, member,
				  viva_random_below(&random.random, 3) == 0 ? VIVA_EUNAVAILABLE : 0);
	}
	return NULL;
}

static void test_balancer__many_threads_share_it(void **state)
{
	(void)state;
	VIVA_AUTO(viva_balancer) balancer = create(VIVA_BALANCING_LEAST_LOADED, 3);
	pthread_t threads[4];
	struct shared shared[4];
	for (unsigned i = 0; i < VIVA_COUNT(threads); i++) {
		shared[i] = (struct shared){balancer, i};
		assert_int_equal(pthread_create(&threads[i], NULL, call_at_random, &shared[i]), 0);
	}
	for (size_t i = 0; i < VIVA_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_balancer__both_policies_spread_evenly, set_up),
		cmocka_unit_test_setup(test_balancer__least_loaded_takes_whoever_has_the_fewest_calls, set_up),
		cmocka_unit_test_setup(test_balancer__nobody_there_is_unavailable, set_up),
		cmocka_unit_test_setup(test_balancer__a_new_member_is_used_and_one_that_left_is_not, set_up),
		cmocka_unit_test_setup(test_balancer__one_that_keeps_failing_is_left_out_for_a_while, set_up),
		cmocka_unit_test_setup(test_balancer__the_last_one_is_never_left_out, set_up),
		cmocka_unit_test_setup(test_balancer__overload_and_the_callers_faults_leave_nobody_out, set_up),
		cmocka_unit_test_setup(test_balancer__a_call_that_failed_at_one_may_ask_for_another, set_up),
		cmocka_unit_test_setup(test_balancer__one_that_connects_waits_its_turn, set_up),
		cmocka_unit_test_setup(test_balancer__old_members_serve_until_a_new_one_is_ready, set_up),
		cmocka_unit_test_setup(test_balancer__old_members_go_when_the_new_ones_take_too_long, set_up),
		cmocka_unit_test_setup(test_balancer__one_that_comes_back_is_the_same_member, set_up),
		cmocka_unit_test_setup(test_balancer__a_list_that_can_not_be_had_changes_nothing, set_up),
		cmocka_unit_test_setup(test_balancer__many_threads_share_it, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
