// SPDX-License-Identifier: Apache-2.0
#include "up/children.h"

#include <sys/wait.h>

void viva_child_init(struct viva_child *child, const struct viva_clock *clock)
{
	*child = (struct viva_child){
		.clock = clock,
		.state = VIVA_CHILD_WAITING,
		.start_at_ms = viva_clock_now_ms(clock),
		.backoff_ms = VIVA_CHILD_BACKOFF_MIN_MS,
	};
}

bool viva_child_must_start(const struct viva_child *child)
{
	return child->state == VIVA_CHILD_WAITING && viva_clock_now_ms(child->clock) >= child->start_at_ms;
}

void viva_child_on_started(struct viva_child *child, pid_t pid)
{
	child->state = VIVA_CHILD_STARTING;
	child->pid = pid;
}

void viva_child_on_ready(struct viva_child *child)
{
	if (child->state != VIVA_CHILD_STARTING)
		return;
	child->state = VIVA_CHILD_READY;
	child->ready_at_ms = viva_clock_now_ms(child->clock);
	child->was_ever_ready = true;
}

// Status 1 is a failure at start and 2 wrong usage: neither heals by itself. A crash may.
static bool is_failed_start(const struct viva_child *child, int wait_status)
{
	if (child->was_ever_ready || !WIFEXITED(wait_status))
		return false;
	return WEXITSTATUS(wait_status) == 1 || WEXITSTATUS(wait_status) == 2;
}

void viva_child_on_exit(struct viva_child *child, int wait_status)
{
	int64_t now_ms = viva_clock_now_ms(child->clock);
	child->pid = 0;
	if (child->state == VIVA_CHILD_STOPPING) {
		child->state = VIVA_CHILD_STOPPED;
		return;
	}
	child->failed_starts = is_failed_start(child, wait_status) ? child->failed_starts + 1 : 0;
	if (child->failed_starts == VIVA_CHILD_MAX_FAILED_STARTS) {
		child->state = VIVA_CHILD_FAILED;
		return;
	}
	if (child->state == VIVA_CHILD_READY && now_ms - child->ready_at_ms >= VIVA_CHILD_RAN_WELL_MS)
		child->backoff_ms = VIVA_CHILD_BACKOFF_MIN_MS;
	child->state = VIVA_CHILD_WAITING;
	child->start_at_ms = now_ms + child->backoff_ms;
	child->backoff_ms = VIVA_MIN(2 * child->backoff_ms, (int64_t)VIVA_CHILD_BACKOFF_MAX_MS);
	child->restarts++;
}

bool viva_child_stop(struct viva_child *child, int64_t grace_ms)
{
	switch (child->state) {
	case VIVA_CHILD_WAITING:
		child->state = VIVA_CHILD_STOPPED;
		return false;
	case VIVA_CHILD_STARTING:
	case VIVA_CHILD_READY:
		child->state = VIVA_CHILD_STOPPING;
		child->kill_at_ms = viva_clock_now_ms(child->clock) + grace_ms;
		return true;
	case VIVA_CHILD_STOPPING:
	case VIVA_CHILD_STOPPED:
	case VIVA_CHILD_FAILED:
		break;
	}
	return false;
}

bool viva_child_must_kill(struct viva_child *child)
{
	if (child->state != VIVA_CHILD_STOPPING || viva_clock_now_ms(child->clock) < child->kill_at_ms)
		return false;
	child->kill_at_ms = VIVA_CHILD_NEVER_MS;
	return true;
}

bool viva_child_is_running(const struct viva_child *child)
{
	return child->pid != 0;
}

int64_t viva_child_wakes_at_ms(const struct viva_child *child)
{
	if (child->state == VIVA_CHILD_WAITING)
		return child->start_at_ms;
	if (child->state == VIVA_CHILD_STOPPING)
		return child->kill_at_ms;
	return VIVA_CHILD_NEVER_MS;
}
