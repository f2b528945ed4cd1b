// SPDX-License-Identifier: Apache-2.0
#include "resilience/balancer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"

struct viva_member {
	char *address;
	void *context;
	size_t in_flight;
	uint32_t failures_in_a_row;
	uint32_t ejections;        // in a row
	int64_t ejected_until_us;  // 0 = is in use
	int64_t left_us;           // when it went from the list; 0 = is in it
	bool is_listed;            // while a new list is compared
};

struct viva_balancer {
	struct viva_balancer_options options;
	struct viva_metric *member_count_metric, *ejected_metric, *ejections_metric;
	pthread_mutex_t mutex;  // guards all below
	size_t turn;
	size_t count;
	struct viva_member **members;  // those that have left, too, until their last call has ended
	size_t capacity;
};

struct viva_balancer_options viva_balancer_defaults(const char *target)
{
	return (struct viva_balancer_options){.target = target,
					      .max_failures_in_a_row = 5,
					      .ejection_ms = 10000,
					      .max_ejection_ms = 60000,
					      .max_connecting_ms = 5000,
					      .clock = viva_system_clock()};
}

static int64_t now_us(const struct viva_balancer *balancer)
{
	return viva_clock_monotonic_us(balancer->options.clock);
}

int viva_balancer_create(const struct viva_balancer_options *options, struct viva_balancer **ret_balancer)
{
	if (!options->target || options->ejection_ms == 0 || options->max_ejection_ms < options->ejection_ms)
		return VIVA_EINVAL;
	struct viva_balancer *balancer = calloc(1, sizeof *balancer);
	if (!balancer)
		return VIVA_ENOMEM;
	balancer->options = *options;
	pthread_mutex_init(&balancer->mutex, NULL);
	char label[64];
	snprintf(label, sizeof label, "target=\"%.40s\"", options->target);
	balancer->member_count_metric =
		viva_gauge("viva_balancer_members", label, "Instances that calls are spread over");
	balancer->ejected_metric =
		viva_gauge("viva_balancer_ejected", label, "Instances left out, as they kept failing");
	balancer->ejections_metric =
		viva_counter("viva_balancer_ejections_total", label, "How often an instance was left out");
	*ret_balancer = balancer;
	return 0;
}

int viva_balancer_tune(struct viva_balancer *balancer, const struct viva_balancer_options *options)
{
	if (options->ejection_ms == 0 || options->max_ejection_ms < options->ejection_ms)
		return VIVA_EINVAL;
	pthread_mutex_lock(&balancer->mutex);
	balancer->options.balancing = options->balancing;
	balancer->options.max_failures_in_a_row = options->max_failures_in_a_row;
	balancer->options.ejection_ms = options->ejection_ms;
	balancer->options.max_ejection_ms = options->max_ejection_ms;
	pthread_mutex_unlock(&balancer->mutex);
	return 0;
}

static void free_member(struct viva_balancer *balancer, struct viva_member *member)
{
	if (balancer->options.hooks)
		balancer->options.hooks->destroy(balancer->options.owner, member->context);
	free(member->address);
	free(member);
}

struct viva_balancer *viva_balancer_destroy(struct viva_balancer *balancer)
{
	if (!balancer)
		return NULL;
	for (size_t i = 0; i < balancer->count; i++)
		free_member(balancer, balancer->members[i]);
	free(balancer->members);
	pthread_mutex_destroy(&balancer->mutex);
	free(balancer);
	return NULL;
}

static enum viva_readiness readiness_of(const struct viva_balancer *balancer, const struct viva_member *member)
{
	return balancer->options.hooks ? balancer->options.hooks->readiness(member->context) : VIVA_MEMBER_READY;
}

static bool is_ejected(const struct viva_member *member, int64_t now)
{
	return member->ejected_until_us > now;
}

// Frees those that have left and have no call any more, if there is another to use or the wait for one is over.
static void retire(struct viva_balancer *balancer, int64_t now)
{
	bool is_any_ready = false;
	for (size_t i = 0; i < balancer->count && !is_any_ready; i++)
		is_any_ready = balancer->members[i]->left_us == 0 &&
			       readiness_of(balancer, balancer->members[i]) == VIVA_MEMBER_READY;
	size_t kept = 0;
	for (size_t i = 0; i < balancer->count; i++) {
		struct viva_member *member = balancer->members[i];
		bool is_late = now - member->left_us > (int64_t)balancer->options.max_connecting_ms * 1000;
		if (member->left_us != 0 && member->in_flight == 0 && (is_any_ready || is_late))
			free_member(balancer, member);
		else
			balancer->members[kept++] = member;
	}
	balancer->count = kept;
}

static void update_metrics(struct viva_balancer *balancer, int64_t now)
{
	size_t members = 0, ejected = 0;
	for (size_t i = 0; i < balancer->count; i++) {
		members += balancer->members[i]->left_us == 0;
		ejected += balancer->members[i]->left_us == 0 && is_ejected(balancer->members[i], now);
	}
	viva_metric_set(balancer->member_count_metric, (double)members);
	viva_metric_set(balancer->ejected_metric, (double)ejected);
}

static struct viva_member *find(const struct viva_balancer *balancer, const char *address)
{
	for (size_t i = 0; i < balancer->count; i++)
		if (strcmp(balancer->members[i]->address, address) == 0)
			return balancer->members[i];
	return NULL;
}

static int add(struct viva_balancer *balancer, const char *address)
{
	if (balancer->count == balancer->capacity) {
		size_t capacity = balancer->capacity > 0 ? 2 * balancer->capacity : 8;
		void *grown = realloc(balancer->members, capacity * sizeof balancer->members[0]);
		if (!grown)
			return VIVA_ENOMEM;
		balancer->members = grown;
		balancer->capacity = capacity;
	}
	struct viva_member *member = calloc(1, sizeof *member);
	char *copy = member ? strdup(address) : NULL;
	int result = copy ? 0 : VIVA_ENOMEM;
	const struct viva_member_hooks *hooks = balancer->options.hooks;
	if (result == 0 && hooks)
		result = hooks->create(balancer->options.owner, address, &member->context);
	if (result < 0) {
		free(copy);
		free(member);
		return result;
	}
	member->address = copy;
	member->is_listed = true;
	balancer->members[balancer->count++] = member;
	return 0;
}

static int set_locked(struct viva_balancer *balancer, const char *const *addresses, size_t count)
{
	size_t before = balancer->count;
	for (size_t i = 0; i < before; i++)
		balancer->members[i]->is_listed = false;
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++) {
		struct viva_member *member = find(balancer, addresses[i]);
		if (member)
			member->is_listed = true;
		else
			result = add(balancer, addresses[i]);
	}
	if (result < 0) {
		while (balancer->count > before)
			free_member(balancer, balancer->members[--balancer->count]);
		return result;
	}
	int64_t now = now_us(balancer);
	for (size_t i = 0; i < balancer->count; i++) {
		struct viva_member *member = balancer->members[i];
		if (member->is_listed)
			member->left_us = 0;
		else if (member->left_us == 0)
			member->left_us = VIVA_MAX(now, (int64_t)1);
	}
	retire(balancer, now);
	update_metrics(balancer, now);
	return 0;
}

int viva_balancer_set(struct viva_balancer *balancer, const char *const *addresses, size_t count)
{
	if (count > VIVA_BALANCER_MAX_MEMBERS)
		return VIVA_ELIMIT;
	pthread_mutex_lock(&balancer->mutex);
	int result = set_locked(balancer, addresses, count);
	pthread_mutex_unlock(&balancer->mutex);
	return result;
}

size_t viva_balancer_count(struct viva_balancer *balancer)
{
	size_t count = 0;
	pthread_mutex_lock(&balancer->mutex);
	for (size_t i = 0; i < balancer->count; i++)
		count += balancer->members[i]->left_us == 0;
	pthread_mutex_unlock(&balancer->mutex);
	return count;
}

// How good a choice a member is; the best class that has anyone is chosen from.
enum class { UNFIT, GONE_AND_LOST, LOST, TRYING, GONE, EJECTED, FIT };

static bool is_avoided(const struct viva_member *member, struct viva_member *const *avoided, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (avoided[i] == member)
			return true;
	return false;
}

static enum class classify(const struct viva_balancer *balancer, const struct viva_member *member, int64_t now) {
	enum viva_readiness readiness = readiness_of(balancer, member);
	if (member->left_us != 0) return readiness == VIVA_MEMBER_READY ? GONE : GONE_AND_LOST;
	if (readiness == VIVA_MEMBER_READY) return is_ejected(member, now) ? EJECTED : FIT;
	return readiness == VIVA_MEMBER_CONNECTING ? TRYING : LOST;
}

// The choice so far: the best class, and how many in it are equally good.
struct choice {
	enum class class;
	size_t in_flight;
	size_t equals;
};

static bool is_equal(const struct viva_balancer *balancer, const struct viva_member *member, enum class class,
		     const struct choice *choice)
{
	bool weighs_load = balancer->options.balancing == VIVA_BALANCING_LEAST_LOADED;
	return class == choice->class && (!weighs_load || member->in_flight == choice->in_flight);
}

static void consider(const struct viva_balancer *balancer, const struct viva_member *member, enum class class,
		     struct choice *choice)
{
	bool weighs_load = balancer->options.balancing == VIVA_BALANCING_LEAST_LOADED;
	bool is_better = class > choice->class ||
			 (class == choice->class && weighs_load && member->in_flight < choice->in_flight);
	if (is_better)
		*choice = (struct choice){.class = class, .in_flight = member->in_flight, .equals = 1};
	else if (class != UNFIT && is_equal(balancer, member, class, choice))
		choice->equals++;
}

static struct viva_member *choose(struct viva_balancer *balancer, struct viva_member *const *avoided,
				  size_t avoided_count, int64_t now)
{
	struct choice choice = {.class = UNFIT};
	enum class classes[2 * VIVA_BALANCER_MAX_MEMBERS];
	size_t count = VIVA_MIN(balancer->count, VIVA_COUNT(classes));
	for (size_t i = 0; i < count; i++) {
		bool is_out = is_avoided(balancer->members[i], avoided, avoided_count);
		classes[i] = is_out ? UNFIT : classify(balancer, balancer->members[i], now);
		consider(balancer, balancer->members[i], classes[i], &choice);
	}
	if (choice.class == UNFIT)
		return NULL;
	size_t which = balancer->turn++ % choice.equals;
	for (size_t i = 0; i < count; i++)
		if (is_equal(balancer, balancer->members[i], classes[i], &choice) && which-- == 0)
			return balancer->members[i];
	return NULL;
}

int viva_balancer_begin(struct viva_balancer *balancer, struct viva_member *const *avoided, size_t avoided_count,
			struct viva_member **ret_member)
{
	pthread_mutex_lock(&balancer->mutex);
	int64_t now = now_us(balancer);
	bool has_leavers = false;
	for (size_t i = 0; i < balancer->count && !has_leavers; i++)
		has_leavers = balancer->members[i]->left_us != 0;
	if (has_leavers)
		retire(balancer, now);
	struct viva_member *member = choose(balancer, avoided, avoided_count, now);
	if (member)
		member->in_flight++;
	pthread_mutex_unlock(&balancer->mutex);
	if (!member)
		return VIVA_EUNAVAILABLE;
	*ret_member = member;
	return 0;
}

// At most half of them, so never the last.
static bool may_eject(const struct viva_balancer *balancer, int64_t now)
{
	size_t members = 0, ejected = 0;
	for (size_t i = 0; i < balancer->count; i++) {
		members += balancer->members[i]->left_us == 0;
		ejected += balancer->members[i]->left_us == 0 && is_ejected(balancer->members[i], now);
	}
	return 2 * (ejected + 1) <= members;
}

static void eject(struct viva_balancer *balancer, struct viva_member *member, int64_t now, int code)
{
	int64_t pause_ms = balancer->options.ejection_ms;
	for (uint32_t i = 0; i < member->ejections && pause_ms < balancer->options.max_ejection_ms; i++)
		pause_ms *= 2;
	pause_ms = VIVA_MIN(pause_ms, (int64_t)balancer->options.max_ejection_ms);
	member->ejected_until_us = now + pause_ms * 1000;
	member->ejections++;
	viva_metric_add(balancer->ejections_metric, 1);
	viva_log_warn("%s: the instance %s is left out for %lld ms after %u failures in a row, the last with: %s",
		      balancer->options.target, member->address, (long long)pause_ms, member->failures_in_a_row,
		      viva_error_text(code));
}

static void judge(struct viva_balancer *balancer, struct viva_member *member, int64_t now, int code)
{
	uint32_t limit = balancer->options.max_failures_in_a_row;
	bool proves_nothing =
		code == VIVA_ECANCELLED || code == VIVA_EBREAKER || code == VIVA_ECLOSED || code == VIVA_EOVERLOAD;
	if (proves_nothing)
		return;
	if (!viva_error_counts_for_breaker(code)) {
		if (member->ejected_until_us != 0 && !is_ejected(member, now))
			viva_log_info("%s: the instance %s works again", balancer->options.target, member->address);
		if (!is_ejected(member, now)) {
			member->ejected_until_us = 0;
			member->ejections = 0;
		}
		member->failures_in_a_row = 0;
		return;
	}
	member->failures_in_a_row++;
	// One that comes back is on probation: its first failure is one too many.
	bool is_on_probation = member->ejections > 0 && !is_ejected(member, now);
	if (limit == 0 || member->left_us != 0 || is_ejected(member, now) ||
	    (member->failures_in_a_row < limit && !is_on_probation) || !may_eject(balancer, now))
		return;
	eject(balancer, member, now, code);
}

void viva_balancer_end(struct viva_balancer *balancer, struct viva_member *member, int code)
{
	pthread_mutex_lock(&balancer->mutex);
	int64_t now = now_us(balancer);
	member->in_flight--;
	judge(balancer, member, now, code);
	update_metrics(balancer, now);
	if (member->left_us != 0)
		retire(balancer, now);
	pthread_mutex_unlock(&balancer->mutex);
}

const char *viva_member_address(const struct viva_member *member)
{
	return member->address;
}

void *viva_member_context(const struct viva_member *member)
{
	return member->context;
}
