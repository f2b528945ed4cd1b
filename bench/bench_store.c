// SPDX-License-Identifier: Apache-2.0
//
// Times a store's transactions, durable on return.
//   viva-bench-store URL WORK [THREADS [SECONDS [WRITERS [MAX_BATCH]]]]
// WORK `frame` is what a frame costs the emotion service: a row and an upsert of the session's state (600 bytes), no
// results needed. `answer` is what an answer costs the interview service: lock, two queries, an insert, an update by
// version. The last line is JSON.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "store/store.h"

enum { SESSIONS = 2000, STATE_BYTES = 600, MAX_THREADS = 512, TRANSCRIPT_BYTES = 400 };

static const struct viva_migration migrations[] = {
	{1, "CREATE TABLE bench_frames (session_id TEXT NOT NULL, number BIGINT NOT NULL, emotion TEXT NOT NULL,"
	    " confidence DOUBLE PRECISION NOT NULL, recorded_at BIGINT NOT NULL, PRIMARY KEY (session_id, number));"
	    "CREATE INDEX bench_frames_by_age ON bench_frames (recorded_at);"
	    "CREATE TABLE bench_sessions (session_id TEXT PRIMARY KEY, last_ms BIGINT NOT NULL, state BYTEA NOT NULL);"
	    "CREATE TABLE bench_interviews (id TEXT PRIMARY KEY, answered INTEGER NOT NULL, version BIGINT NOT NULL);"
	    "CREATE TABLE bench_answers (interview_id TEXT NOT NULL REFERENCES bench_interviews (id) ON DELETE CASCADE,"
	    " question_id TEXT NOT NULL, transcript TEXT NOT NULL, PRIMARY KEY (interview_id, question_id));"},
};

static atomic_bool is_over;

struct runner {
	pthread_t thread;
	struct viva_store *store;
	viva_store_work *work;
	struct viva_arena *arena;
	struct viva_seeded_random random;
	int64_t number;  // of this thread's next transaction; no other uses it
	int64_t done;
	int64_t failed;
	struct viva_error error;
	char session[64];
	char question[32];
};

static int add_frame(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	static const uint8_t state[STATE_BYTES] = {1, 2, 3};
	struct runner *runner = context;
	struct viva_value values[] = {viva_value_text(runner->session), viva_value_int(runner->number),
				      viva_value_text("happy"), viva_value_real(.75), viva_value_int(runner->number)};
	int status = viva_transaction_execute(transaction,
					      "INSERT INTO bench_frames (session_id, number, emotion, confidence,"
					      " recorded_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
					      values, VIVA_COUNT(values), NULL, error);
	struct viva_value session[] = {values[0], values[1], viva_value_bytes(viva_bytes_of(state, sizeof state))};
	if (!status)
		status = viva_transaction_execute(
			transaction,
			"INSERT INTO bench_sessions (session_id, last_ms, state) VALUES ($1, $2, $3)"
			" ON CONFLICT (session_id) DO UPDATE SET last_ms = excluded.last_ms, state = excluded.state"
			" WHERE excluded.last_ms >= bench_sessions.last_ms",
			session, VIVA_COUNT(session), NULL, error);
	return status;
}

static int add_answer(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	static char transcript[TRANSCRIPT_BYTES + 1];
	if (!transcript[0])
		memset(transcript, 'a', TRANSCRIPT_BYTES);
	struct runner *runner = context;
	char lock[96];
	snprintf(lock, sizeof lock, "bench/%s", runner->session);
	struct viva_rows rows = {0}, answers = {0};
	struct viva_value id[] = {viva_value_text(runner->session)};
	int status = viva_transaction_lock(transaction, lock, error);
	if (!status)
		status = viva_transaction_query(transaction, runner->arena,
						"SELECT answered, version FROM bench_interviews WHERE id = $1", id, 1,
						&rows, error);
	if (!status)
		status = viva_transaction_query(transaction, runner->arena,
						"SELECT count(*) FROM bench_answers WHERE interview_id = $1", id, 1,
						&answers, error);
	struct viva_value answer[] = {id[0], viva_value_text(runner->question), viva_value_text(transcript)};
	if (!status)
		status = viva_transaction_execute(transaction,
						  "INSERT INTO bench_answers (interview_id, question_id, transcript)"
						  " VALUES ($1, $2, $3)",
						  answer, VIVA_COUNT(answer), NULL, error);
	struct viva_value update[] = {viva_value_int(viva_rows_int(&answers, 0, 0) + 1), id[0],
				      viva_value_int(viva_rows_int(&rows, 0, 1))};
	int64_t changed = 0;
	if (!status)
		status = viva_transaction_execute(transaction,
						  "UPDATE bench_interviews SET answered = $1, version = version + 1"
						  " WHERE id = $2 AND version = $3",
						  update, VIVA_COUNT(update), &changed, error);
	return status || changed == 1 ? status : viva_fail(error, VIVA_ECONFLICT, NULL, "lost an update");
}

static void *run(void *context)
{
	struct runner *runner = context;
	while (!atomic_load(&is_over)) {
		if (viva_arena_create(0, &runner->arena))
			abort();
		uint64_t session = viva_random_below(&runner->random.random, SESSIONS);
		snprintf(runner->session, sizeof runner->session, "01a20bf7-f235-7290-b604-%012llu",
			 (unsigned long long)session);
		snprintf(runner->question, sizeof runner->question, "q%lld", (long long)runner->number);
		if (viva_store_transact(runner->store, runner->work, runner, &runner->error))
			runner->failed++;
		else
			runner->done++;
		runner->number++;
		runner->arena = viva_arena_destroy(runner->arena);
	}
	return NULL;
}

static int add_interviews(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	(void)context;
	int status = 0;
	for (int i = 0; i < SESSIONS && !status; i++) {
		char id[64];
		snprintf(id, sizeof id, "01a20bf7-f235-7290-b604-%012d", i);
		struct viva_value values[] = {viva_value_text(id)};
		status = viva_transaction_execute(transaction,
						  "INSERT INTO bench_interviews (id, answered, version)"
						  " VALUES ($1, 0, 1) ON CONFLICT DO NOTHING",
						  values, VIVA_COUNT(values), NULL, error);
	}
	return status;
}

static double metric(const char *name)
{
	struct viva_buffer text = {.limit = 1 << 20};
	double value = 0;
	if (!viva_metrics_write(&text) && !viva_buffer_append(&text, "", 1)) {
		char line[128];
		snprintf(line, sizeof line, "\n%s ", name);
		const char *at = strstr((const char *)text.data, line);
		value = at ? strtod(at + strlen(line), NULL) : 0;
	}
	viva_buffer_finish(&text);
	return value;
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void stop(const char *what, const struct viva_error *error)
{
	fprintf(stderr, "viva-bench-store: %s: %s\n", what, error ? viva_error_message(error) : "wrong argument");
	exit(2);
}

static int64_t argument(int count, char **arguments, int index, int64_t max, int64_t otherwise)
{
	int64_t value = otherwise;
	if (index < count && viva_parse_int64(arguments[index], 1, max, &value))
		stop(arguments[index], NULL);
	return value;
}

static void measure(struct runner *runners, int64_t threads, int64_t seconds)
{
	double commits = metric("viva_store_commits_total"), cpu = cpu_seconds();
	int64_t began_us = viva_clock_monotonic_us(viva_system_clock()), done = 0, failed = 0;
	const struct viva_error *error = NULL;
	for (int64_t i = 0; i < threads; i++) {
		if (pthread_create(&runners[i].thread, NULL, run, &runners[i]))
			abort();
	}
	sleep((unsigned)seconds);
	atomic_store(&is_over, true);
	for (int64_t i = 0; i < threads; i++) {
		pthread_join(runners[i].thread, NULL);
		done += runners[i].done;
		failed += runners[i].failed;
		if (runners[i].failed > 0)
			error = &runners[i].error;
	}
	double elapsed = (double)(viva_clock_monotonic_us(viva_system_clock()) - began_us) * 1e-6;
	if (error)
		fprintf(stderr, "viva-bench-store: %lld failed: %s\n", (long long)failed, viva_error_message(error));
	printf("{\"threads\": %lld, \"transactions_per_s\": %.0f, \"commits_per_s\": %.0f, \"failed\": %lld,"
	       " \"client_cpu_us_per_transaction\": %.1f}\n",
	       (long long)threads, (double)done / elapsed, (metric("viva_store_commits_total") - commits) / elapsed,
	       (long long)failed, (cpu_seconds() - cpu) * 1e6 / (double)VIVA_MAX(done, 1));
}

int main(int count, char **arguments)
{
	if (count < 3)
		stop("usage: viva-bench-store URL frame|answer [THREADS [SECONDS [WRITERS [MAX_BATCH]]]]", NULL);
	struct viva_store_options options = viva_store_defaults();
	options.url = arguments[1];
	options.service = "bench";
	options.migrations = migrations;
	options.migration_count = VIVA_COUNT(migrations);
	options.writers = (size_t)argument(count, arguments, 5, 64, (int64_t)options.writers);
	options.max_batch = (size_t)argument(count, arguments, 6, 4096, (int64_t)options.max_batch);
	int64_t threads = argument(count, arguments, 3, MAX_THREADS, 8);
	int64_t seconds = argument(count, arguments, 4, 3600, 5);
	struct viva_error error = {0};
	VIVA_AUTO(viva_store) store = NULL;
	if (viva_store_open(&options, &store, &error) || viva_store_transact(store, add_interviews, NULL, &error))
		stop("the store", &error);
	struct runner *runners = calloc((size_t)threads, sizeof *runners);
	for (int64_t i = 0; i < threads && runners; i++) {
		runners[i].store = store;
		runners[i].work = strcmp(arguments[2], "answer") == 0 ? add_answer : add_frame;
		// Numbers grow from run to run, so that runs on one store don't meet the rows of earlier ones.
		runners[i].number = viva_clock_unix_ms(viva_system_clock()) * 1000000 + i * 1000;
		runners[i].number += (int64_t)getpid() % 1000 * 1000000000;
		viva_seeded_random_init(&runners[i].random, (uint64_t)i);
	}
	measure(runners, threads, seconds);
	free(runners);
	return 0;
}
