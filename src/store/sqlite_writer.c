// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_writer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "store/sqlite_gate.h"

// One transaction that waits; it lives on its caller's stack until done.
struct job {
	struct job *next;
	viva_store_work *work;  // NULL: a checkpoint
	void *context;
	enum viva_durability durability;
	struct viva_error reason;
	int status;
	bool is_done;
};

struct viva_sqlite_writer {
	struct viva_sqlite_connection *connection;
	int gate;
	size_t max_batch;
	size_t max_waiting;
	enum viva_durability most;     // that a commit is given; a store of less durability never syncs
	enum viva_durability current;  // of the connection
	pthread_t thread;
	pthread_mutex_t lock;  // of all below
	pthread_cond_t has_work;
	pthread_cond_t has_done;
	struct job *first;
	struct job **end;
	size_t waiting;
	bool is_stopping;
	struct viva_metric *transactions;
	struct viva_metric *commits;
	struct viva_metric *refused;
};

static int run_plain(struct viva_sqlite_writer *writer, const char *sql, struct viva_error *error)
{
	return viva_sqlite_run(writer->connection, NULL, sql, NULL, 0, NULL, NULL, error);
}

// A full disk or a failing one makes SQLite end a transaction by itself, with all that others did in it.
static bool is_in_transaction(const struct viva_sqlite_writer *writer)
{
	return !sqlite3_get_autocommit(writer->connection->handle);
}

// Runs one job inside the open transaction. When it fails, what it did is undone and the others' work stays.
static void run_in_savepoint(struct viva_sqlite_writer *writer, struct job *job)
{
	job->reason = (struct viva_error){0};
	job->status = run_plain(writer, "SAVEPOINT job", &job->reason);
	if (job->status)
		return;
	struct viva_sqlite_transaction transaction = {.transaction = {.backend = &viva_store_sqlite},
						      .connection = writer->connection};
	job->status = job->work(&transaction.transaction, job->context, &job->reason);
	if (!is_in_transaction(writer))
		return;
	int undone = job->status ? run_plain(writer, "ROLLBACK TO job", NULL) : 0;
	int released = run_plain(writer, "RELEASE job", job->status ? NULL : &job->reason);
	if (!job->status)
		job->status = released;
	// A savepoint that can't be undone would commit half a transaction: give the whole batch up.
	if ((undone || released) && is_in_transaction(writer))
		(void)!run_plain(writer, "ROLLBACK", NULL);
}

static void refuse_batch(struct job *batch, int status, const struct viva_error *reason)
{
	for (struct job *job = batch; job; job = job->next) {
		if (job->status)
			continue;
		job->status = status;
		job->reason = *reason;
	}
}

static void commit_one(struct viva_sqlite_writer *writer, struct job *job);

// One that must survive power loss has all that share its commit do so.
static int set_durability(struct viva_sqlite_writer *writer, const struct job *batch, struct viva_error *error)
{
	enum viva_durability needed = VIVA_DURABLE_CRASH;
	for (const struct job *job = batch; job && writer->most == VIVA_DURABLE_POWER_LOSS; job = job->next)
		if (job->durability == VIVA_DURABLE_POWER_LOSS)
			needed = VIVA_DURABLE_POWER_LOSS;
	if (needed == writer->current)
		return 0;
	// Not as a prepared statement: this one has its effect when it is compiled.
	bool is_full = needed == VIVA_DURABLE_POWER_LOSS;
	int status = viva_sqlite_run_script(writer->connection,
					    is_full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", error);
	if (!status)
		writer->current = needed;
	return status;
}

// Takes SQLite's lock for writing in turn with other processes.
static int begin(struct viva_sqlite_writer *writer, struct viva_error *error)
{
	bool is_inside = viva_sqlite_gate_enter(writer->gate);
	int status = run_plain(writer, "BEGIN IMMEDIATE", error);
	if (is_inside)
		viva_sqlite_gate_leave(writer->gate);
	return status;
}

// All of a batch in one commit, so that they share its fsync.
static void commit_batch(struct viva_sqlite_writer *writer, struct job *batch)
{
	struct viva_error reason = {0};
	int status = set_durability(writer, batch, &reason);
	if (!status)
		status = begin(writer, &reason);
	if (status) {
		refuse_batch(batch, status, &reason);
		return;
	}
	for (struct job *job = batch; job && is_in_transaction(writer); job = job->next)
		run_in_savepoint(writer, job);

	if (is_in_transaction(writer)) {
		status = run_plain(writer, "COMMIT", &reason);
		viva_metric_add(writer->commits, 1);
		if (status && is_in_transaction(writer))
			(void)!run_plain(writer, "ROLLBACK", NULL);
	} else if (batch->next) {
		// One of them took the others' work with it: each gets a commit of its own.
		for (struct job *job = batch; job; job = job->next)
			commit_one(writer, job);
		return;
	} else {
		status = viva_fail(&reason, VIVA_EIO, NULL, "the store rolled the transaction back");
	}
	if (status)
		refuse_batch(batch, status, &reason);
}

static void commit_one(struct viva_sqlite_writer *writer, struct job *job)
{
	struct job *next = job->next;
	job->next = NULL;
	job->status = 0;
	commit_batch(writer, job);
	job->next = next;
}

// Readers of other processes may be in the way for long: the writers that wait behind this come first.
enum { CHECKPOINT_BUSY_MS = 50 };

static void checkpoint(struct viva_sqlite_writer *writer, struct job *job)
{
	uint32_t busy_ms = writer->connection->busy_ms;
	writer->connection->busy_ms = VIVA_MIN(busy_ms, (uint32_t)CHECKPOINT_BUSY_MS);
	sqlite3 *handle = writer->connection->handle;
	int result = sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	writer->connection->busy_ms = busy_ms;
	if (result == SQLITE_BUSY)
		job->status = viva_fail(&job->reason, VIVA_EOVERLOAD, NULL, "the store is being read");
	else if (result != SQLITE_OK)
		job->status = viva_fail(&job->reason, VIVA_EIO, NULL, "the store failed: %s", sqlite3_errstr(result));
}

// The oldest jobs that may share a commit, cut out of the queue; NULL when the writer is to end.
static struct job *take_batch(struct viva_sqlite_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	while (!writer->first && !writer->is_stopping)
		pthread_cond_wait(&writer->has_work, &writer->lock);

	struct job *batch = writer->first;
	size_t count = 0;
	struct job **end = &batch;
	while (*end && count < writer->max_batch && (count == 0 || ((*end)->work && batch->work))) {
		end = &(*end)->next;
		count++;
	}
	writer->first = *end;
	if (!writer->first)
		writer->end = &writer->first;
	*end = NULL;
	writer->waiting -= count;
	pthread_mutex_unlock(&writer->lock);
	return batch;
}

static void finish_batch(struct viva_sqlite_writer *writer, struct job *batch)
{
	pthread_mutex_lock(&writer->lock);
	for (struct job *job = batch; job; job = job->next)
		job->is_done = true;
	pthread_cond_broadcast(&writer->has_done);
	pthread_mutex_unlock(&writer->lock);
}

static void *write_until_stopped(void *context)
{
	struct viva_sqlite_writer *writer = context;
	struct job *batch;
	while ((batch = take_batch(writer))) {
		if (batch->work)
			commit_batch(writer, batch);
		else
			checkpoint(writer, batch);
		finish_batch(writer, batch);
	}
	return NULL;
}

int viva_sqlite_writer_create(struct viva_sqlite_connection *connection, const char *path,
			      const struct viva_store_options *options, struct viva_sqlite_writer **ret_writer,
			      struct viva_error *error)
{
	struct viva_sqlite_writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	writer->connection = connection;
	writer->gate = viva_sqlite_gate_open(path);
	writer->max_batch = options->max_batch;
	writer->max_waiting = options->max_waiting;
	writer->most = options->durability;
	writer->current = options->durability;
	writer->end = &writer->first;
	writer->transactions = viva_counter("viva_store_transactions_total", "", "Transactions taken by the store");
	writer->commits = viva_counter("viva_store_commits_total", "", "Commits, each of one or more transactions");
	writer->refused = viva_counter("viva_store_refused_total", "", "Transactions refused as too many waited");
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->has_work, NULL);
	pthread_cond_init(&writer->has_done, NULL);
	if (pthread_create(&writer->thread, NULL, write_until_stopped, writer)) {
		viva_sqlite_gate_close(writer->gate);
		free(writer);
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the store");
	}
	pthread_setname_np(writer->thread, "store-writer");
	*ret_writer = writer;
	return 0;
}

struct viva_sqlite_writer *viva_sqlite_writer_destroy(struct viva_sqlite_writer *writer)
{
	if (!writer)
		return NULL;
	pthread_mutex_lock(&writer->lock);
	writer->is_stopping = true;
	pthread_cond_signal(&writer->has_work);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	pthread_cond_destroy(&writer->has_done);
	pthread_cond_destroy(&writer->has_work);
	pthread_mutex_destroy(&writer->lock);
	viva_sqlite_disconnect(writer->connection);
	viva_sqlite_gate_close(writer->gate);
	free(writer);
	return NULL;
}

static int queue_and_wait(struct viva_sqlite_writer *writer, struct job *job, struct viva_error *error)
{
	pthread_mutex_lock(&writer->lock);
	if (writer->waiting >= writer->max_waiting) {
		pthread_mutex_unlock(&writer->lock);
		viva_metric_add(writer->refused, 1);
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "too many transactions wait for the store");
	}
	*writer->end = job;
	writer->end = &job->next;
	writer->waiting++;
	pthread_cond_signal(&writer->has_work);
	viva_metric_add(writer->transactions, 1);
	while (!job->is_done)
		pthread_cond_wait(&writer->has_done, &writer->lock);
	pthread_mutex_unlock(&writer->lock);
	if (job->status && error)
		*error = job->reason;
	return job->status;
}

int viva_sqlite_writer_transact(struct viva_sqlite_writer *writer, enum viva_durability durability,
				viva_store_work *work, void *context, struct viva_error *error)
{
	struct job job = {.work = work, .context = context, .durability = durability};
	return queue_and_wait(writer, &job, error);
}

int viva_sqlite_writer_checkpoint(struct viva_sqlite_writer *writer, struct viva_error *error)
{
	struct job job = {0};
	return queue_and_wait(writer, &job, error);
}
