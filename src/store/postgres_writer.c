// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "store/postgres_transaction.h"

enum {
	// A batch holds the locks of all its transactions: it waits only so long for somebody else's, then each of
	// them goes alone.
	BATCH_LOCK_MS = 100,
	MAX_RUNS = 5,              // of one transaction that collides with others, or whose connection breaks
	COLLISION_WAIT_US = 5000,  // doubles; a random part of it is waited
};

// One transaction; it lives on its caller's stack until done.
struct job {
	struct job *next;
	viva_store_work *work;
	void *context;
	bool is_lazy;     // its commit need not wait for the disk
	bool is_alone;    // was in a batch that failed
	bool is_settled;  // its outcome is known to whoever runs it
	bool is_done;     // … and to its caller
	int status;
	struct viva_error reason;
	pthread_cond_t wake;  // it is done, or may be the one that runs the next batch
};

struct viva_postgres_writer {
	struct viva_postgres_pool *pool;
	size_t max_running;
	size_t max_batch;
	size_t max_waiting;
	pthread_mutex_t lock;  // of all below, and of what is queued
	struct job *first;
	struct job **end;
	size_t waiting;
	size_t running;  // batches
	struct viva_metric *transactions;
	struct viva_metric *commits;
	struct viva_metric *refused;
	struct viva_metric *collisions;
	struct viva_metric *broken;
	struct viva_metric *split;
	struct viva_metric *careful;
};

// ---- running

static void finish_job(struct job *job, int status, const struct viva_error *reason)
{
	job->status = status;
	job->is_settled = true;
	if (status)
		job->reason = *reason;
}

static void finish_all(struct job *batch, int status, const struct viva_error *reason)
{
	for (struct job *job = batch; job; job = job->next)
		finish_job(job, status, reason);
}

static int fail_unknown(struct viva_error *error)
{
	return viva_fail(error, VIVA_EUNAVAILABLE, NULL,
			 "the connection to the store broke in the middle of a commit: it may have been done or not");
}

static void run_job(struct viva_postgres_transaction *transaction, struct job *job)
{
	job->reason = (struct viva_error){0};
	job->status = job->work(&transaction->transaction, job->context, &job->reason);
}

// Several in one transaction. What is not done afterwards has to go alone: one of them failed, or would have to be
// undone, which takes the others with it.
static void run_together(struct viva_postgres_writer *writer, struct viva_postgres_connection *connection,
			 struct job *batch)
{
	struct viva_postgres_transaction transaction;
	viva_postgres_transaction_begin(&transaction, connection, false, BATCH_LOCK_MS);
	bool is_good = true;
	transaction.is_lazy = true;
	for (struct job *job = batch; job && is_good; job = job->next) {
		transaction.is_lazy = transaction.is_lazy && job->is_lazy;
		transaction.has_written = false;
		run_job(&transaction, job);
		is_good = transaction.failure.kind == VIVA_POSTGRES_SOUND && !(job->status && transaction.has_written);
	}
	enum viva_postgres_outcome outcome =
		is_good ? viva_postgres_transaction_commit(&transaction) : VIVA_POSTGRES_NOT_COMMITTED;
	struct viva_error reason = {0};
	switch (outcome) {
	case VIVA_POSTGRES_COMMITTED:
		viva_metric_add(writer->commits, 1);
		for (struct job *job = batch; job; job = job->next)
			job->is_settled = true;
		break;
	case VIVA_POSTGRES_UNKNOWN:
		finish_all(batch, fail_unknown(&reason), &reason);
		break;
	case VIVA_POSTGRES_NOT_COMMITTED:
		viva_postgres_transaction_roll_back(&transaction);
		viva_metric_add(writer->split, 1);
		for (struct job *job = batch; job; job = job->next)
			job->is_alone = true;
		break;
	}
}

static enum viva_postgres_outcome run_and_commit(struct viva_postgres_transaction *transaction, struct job *job)
{
	run_job(transaction, job);
	if (job->status)
		viva_postgres_transaction_check(transaction);
	bool is_good = transaction->failure.kind == VIVA_POSTGRES_SOUND && !job->status;
	return is_good ? viva_postgres_transaction_commit(transaction) : VIVA_POSTGRES_NOT_COMMITTED;
}

// Whether running it again would be in vain.
static bool is_final(enum viva_postgres_failure_kind kind, bool is_careful)
{
	switch (kind) {
	case VIVA_POSTGRES_SOUND:  // the work itself said no
	case VIVA_POSTGRES_WAITED:
		return true;
	case VIVA_POSTGRES_REFUSED:
		return is_careful;
	case VIVA_POSTGRES_COLLISION:
	case VIVA_POSTGRES_LOST:
		break;
	}
	return false;
}

// One run of one transaction. *ret_failure says why it is not settled, if it is not.
static void run_once(struct viva_postgres_writer *writer, struct viva_postgres_connection *connection, struct job *job,
		     bool is_careful, struct viva_postgres_failure *ret_failure)
{
	struct viva_postgres_transaction transaction;
	viva_postgres_transaction_begin(&transaction, connection, is_careful, 0);
	transaction.is_lazy = job->is_lazy;
	struct viva_error reason = {0};
	switch (run_and_commit(&transaction, job)) {
	case VIVA_POSTGRES_COMMITTED:
		viva_metric_add(writer->commits, 1);
		job->is_settled = true;
		break;
	case VIVA_POSTGRES_UNKNOWN:
		finish_job(job, fail_unknown(&reason), &reason);
		break;
	case VIVA_POSTGRES_NOT_COMMITTED:
		viva_postgres_transaction_roll_back(&transaction);
		*ret_failure = transaction.failure;
		job->is_settled = is_final(transaction.failure.kind, is_careful);
		if (job->is_settled && transaction.failure.kind != VIVA_POSTGRES_SOUND)
			finish_job(job, transaction.failure.error.code, &transaction.failure.error);
		break;
	}
}

static void wait_after_collision(int runs)
{
	uint64_t most_us = (uint64_t)COLLISION_WAIT_US << runs;
	usleep((useconds_t)viva_random_below(viva_system_random(), most_us));
}

static void run_alone(struct viva_postgres_writer *writer, struct job *job)
{
	bool is_careful = false;
	struct viva_postgres_failure failure = {0};
	for (int runs = 0; runs < MAX_RUNS; runs++) {
		struct viva_postgres_connection *connection = NULL;
		struct viva_error reason = {0};
		int status = viva_postgres_pool_take(writer->pool, &connection, &reason);
		if (status) {
			finish_job(job, status, &reason);
			return;
		}
		run_once(writer, connection, job, is_careful, &failure);
		viva_postgres_pool_give(writer->pool, connection);
		if (job->is_settled)
			return;
		if (failure.kind == VIVA_POSTGRES_REFUSED) {
			is_careful = true;
			viva_metric_add(writer->careful, 1);
		} else if (failure.kind == VIVA_POSTGRES_COLLISION) {
			viva_metric_add(writer->collisions, 1);
			wait_after_collision(runs);
		} else {
			viva_metric_add(writer->broken, 1);
		}
	}
	finish_job(job, failure.error.code, &failure.error);
}

static void run_batch(struct viva_postgres_writer *writer, struct job *batch)
{
	if (!batch->next) {
		run_alone(writer, batch);
		return;
	}
	struct viva_postgres_connection *connection = NULL;
	struct viva_error reason = {0};
	int status = viva_postgres_pool_take(writer->pool, &connection, &reason);
	if (status) {
		finish_all(batch, status, &reason);
		return;
	}
	run_together(writer, connection, batch);
	viva_postgres_pool_give(writer->pool, connection);
}

// ---- waiting; all with the lock

static void put_behind(struct viva_postgres_writer *writer, struct job *job)
{
	*writer->end = job;
	writer->end = &job->next;
	writer->waiting++;
}

// What may go in one commit: each connection's share of those that wait, so that none does all the work while the
// others have none.
static struct job *cut_batch(struct viva_postgres_writer *writer)
{
	size_t share = (writer->waiting + writer->max_running - 1) / writer->max_running;
	size_t most = writer->first->is_alone ? 1 : VIVA_MIN(share, writer->max_batch);
	struct job *batch = writer->first;
	struct job **end = &batch;
	size_t count = 0;
	while (*end && count < most && (count == 0 || !(*end)->is_alone)) {
		end = &(*end)->next;
		count++;
	}
	writer->first = *end;
	if (!writer->first)
		writer->end = &writer->first;
	*end = NULL;
	writer->waiting -= count;
	return batch;
}

static void wake_next(struct viva_postgres_writer *writer)
{
	if (writer->first && writer->running < writer->max_running)
		pthread_cond_signal(&writer->first->wake);
}

// Lets go who is done; the others go to the front, in their order, each alone.
static void return_batch(struct viva_postgres_writer *writer, struct job *batch)
{
	struct job *again = NULL;
	struct job **again_end = &again;
	size_t count = 0;
	for (struct job *job = batch, *next; job; job = next) {
		next = job->next;
		if (job->is_settled) {
			job->is_done = true;
			pthread_cond_signal(&job->wake);
			continue;
		}
		*again_end = job;
		again_end = &job->next;
		count++;
	}
	if (count == 0)
		return;
	*again_end = writer->first;
	if (!writer->first)
		writer->end = again_end;
	writer->first = again;
	writer->waiting += count;
}

static void lead(struct viva_postgres_writer *writer)
{
	struct job *batch = cut_batch(writer);
	writer->running++;
	wake_next(writer);
	pthread_mutex_unlock(&writer->lock);
	run_batch(writer, batch);
	pthread_mutex_lock(&writer->lock);
	writer->running--;
	return_batch(writer, batch);
	wake_next(writer);
}

int viva_postgres_writer_transact(struct viva_postgres_writer *writer, viva_store_work *work, void *context,
				  bool is_lazy, struct viva_error *error)
{
	struct job job = {.work = work, .context = context, .is_lazy = is_lazy, .wake = PTHREAD_COND_INITIALIZER};
	pthread_mutex_lock(&writer->lock);
	if (writer->waiting >= writer->max_waiting) {
		pthread_mutex_unlock(&writer->lock);
		viva_metric_add(writer->refused, 1);
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "too many transactions wait for the store");
	}
	put_behind(writer, &job);
	viva_metric_add(writer->transactions, 1);
	while (!job.is_done) {
		if (writer->first == &job && writer->running < writer->max_running)
			lead(writer);
		else
			pthread_cond_wait(&job.wake, &writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
	pthread_cond_destroy(&job.wake);
	if (job.status && error)
		*error = job.reason;
	return job.status;
}

int viva_postgres_writer_create(struct viva_postgres_pool *pool, const struct viva_store_options *options,
				struct viva_postgres_writer **ret_writer)
{
	static const char retries[] = "viva_store_retries_total", why[] = "Transactions that were run again, by reason";
	struct viva_postgres_writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return VIVA_ENOMEM;
	writer->pool = pool;
	writer->max_running = options->writers;
	writer->max_batch = options->max_batch;
	writer->max_waiting = options->max_waiting;
	writer->end = &writer->first;
	pthread_mutex_init(&writer->lock, NULL);
	writer->transactions = viva_counter("viva_store_transactions_total", "", "Transactions taken by the store");
	writer->commits = viva_counter("viva_store_commits_total", "", "Commits, each of one or more transactions");
	writer->refused = viva_counter("viva_store_refused_total", "", "Transactions refused as too many waited");
	writer->collisions = viva_counter(retries, "reason=\"collision\"", why);
	writer->broken = viva_counter(retries, "reason=\"connection\"", why);
	writer->split = viva_counter(retries, "reason=\"batch\"", why);
	writer->careful = viva_counter(retries, "reason=\"refused\"", why);
	*ret_writer = writer;
	return 0;
}

struct viva_postgres_writer *viva_postgres_writer_destroy(struct viva_postgres_writer *writer)
{
	if (!writer)
		return NULL;
	pthread_mutex_destroy(&writer->lock);
	free(writer);
	return NULL;
}
