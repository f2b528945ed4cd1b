// SPDX-License-Identifier: Apache-2.0
//
// The store of a fleet: a PostgreSQL server, shared by all instances of all services.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres_keeper.h"
#include "store/postgres_transaction.h"
#include "store/postgres_url.h"
#include "store/postgres_writer.h"
#include "store/store_backend.h"

enum { MAX_QUERY_RUNS = 3 };  // of a query whose connection breaks

struct postgres_store {
	struct viva_store store;
	struct viva_postgres_url *url;
	char *service;
	struct viva_postgres_pool *readers;
	struct viva_postgres_pool *writers;
	struct viva_postgres_writer *writer;
	pthread_mutex_t scrub_lock;  // of all below
	pthread_cond_t scrubbed;
	bool is_scrubbing;
	uint64_t scrubs_begun;
	uint64_t scrubs_ended;
	struct viva_error scrub_reason;  // of the last one; code 0 = it went well
};

// The inverse of `&store->store`, which is the first member.
static struct postgres_store *of_store(struct viva_store *store)
{
	return (struct postgres_store *)store;
}

static void destroy_store(struct viva_store *base)
{
	struct postgres_store *store = of_store(base);
	viva_postgres_writer_destroy(store->writer);
	viva_postgres_pool_destroy(store->writers);
	viva_postgres_pool_destroy(store->readers);
	viva_postgres_url_destroy(store->url);
	pthread_cond_destroy(&store->scrubbed);
	pthread_mutex_destroy(&store->scrub_lock);
	free(store->service);
	free(store);
}

static int make_pools(struct postgres_store *store, const struct viva_store_options *options)
{
	store->service = strdup(options->service);
	if (!store->service)
		return VIVA_ENOMEM;
	int status = viva_postgres_pool_create(store->url, VIVA_POSTGRES_READER, options->readers, options->busy_ms,
					       &store->readers);
	if (!status)
		status = viva_postgres_pool_create(store->url, VIVA_POSTGRES_WRITER, options->writers, options->busy_ms,
						   &store->writers);
	if (!status)
		status = viva_postgres_writer_create(store->writers, options, &store->writer);
	return status;
}

static int open_store(const struct viva_store_options *options, const char *location, struct viva_store **ret_store,
		      struct viva_error *error)
{
	(void)location;
	struct postgres_store *store = calloc(1, sizeof *store);
	if (!store)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	store->store.backend = &viva_store_postgres;
	pthread_mutex_init(&store->scrub_lock, NULL);
	pthread_cond_init(&store->scrubbed, NULL);
	int status = viva_postgres_url_parse(options, &store->url, error);
	if (!status) {
		struct viva_error reason = {0};
		status = viva_postgres_migrate(store->url, options, &reason);
		if (status)
			viva_fail(error, status, "store-url", "cannot open the store at %s: %s", store->url->place,
				  viva_error_message(&reason));
	}
	if (!status && (status = make_pools(store, options)))
		viva_fail(error, status, NULL, "no memory for the store");
	if (status)
		destroy_store(&store->store);
	else
		*ret_store = &store->store;
	return status;
}

static int query(struct viva_store *base, struct viva_arena *arena, const char *sql, const struct viva_value *values,
		 size_t value_count, struct viva_rows *ret_rows, struct viva_error *error)
{
	struct postgres_store *store = of_store(base);
	const struct viva_postgres_answer answer = {.arena = arena, .ret_rows = ret_rows};
	struct viva_postgres_failure failure = {0};
	int status = 0;
	for (int runs = 0; runs < MAX_QUERY_RUNS; runs++) {
		struct viva_postgres_connection *connection = NULL;
		status = viva_postgres_pool_take(store->readers, &connection, error);
		if (status)
			return status;
		failure.kind = VIVA_POSTGRES_SOUND;
		status = viva_postgres_send(connection, sql, values, value_count, &answer, &failure.error);
		if (!status)
			status = viva_postgres_settle(connection, &failure);
		viva_postgres_pool_give(store->readers, connection);
		if (failure.kind != VIVA_POSTGRES_LOST)
			break;
	}
	if (status && error)
		*error = failure.error;
	return status;
}

static int transact(struct viva_store *store, viva_store_work *work, void *context, struct viva_error *error)
{
	return viva_postgres_writer_transact(of_store(store)->writer, work, context, false, error);
}

static int transact_lazily(struct viva_store *store, viva_store_work *work, void *context, struct viva_error *error)
{
	return viva_postgres_writer_transact(of_store(store)->writer, work, context, true, error);
}

// One at a time, and each for all who asked before it began.
static int scrub(struct viva_store *base, struct viva_error *error)
{
	struct postgres_store *store = of_store(base);
	pthread_mutex_lock(&store->scrub_lock);
	uint64_t mine = store->scrubs_begun + 1;
	while (store->scrubs_ended < mine) {
		if (store->is_scrubbing) {
			pthread_cond_wait(&store->scrubbed, &store->scrub_lock);
			continue;
		}
		store->is_scrubbing = true;
		store->scrubs_begun++;
		pthread_mutex_unlock(&store->scrub_lock);
		struct viva_error reason = {0};
		reason.code = viva_postgres_vacuum(store->url, store->service, &reason);
		pthread_mutex_lock(&store->scrub_lock);
		store->scrub_reason = reason;
		store->is_scrubbing = false;
		store->scrubs_ended = store->scrubs_begun;
		pthread_cond_broadcast(&store->scrubbed);
	}
	struct viva_error reason = store->scrub_reason;
	pthread_mutex_unlock(&store->scrub_lock);
	if (reason.code && error)
		*error = reason;
	return reason.code;
}

static int ping(struct viva_store *base, struct viva_error *error)
{
	struct postgres_store *store = of_store(base);
	struct viva_postgres_connection *connection = NULL;
	struct viva_error reason = {0};
	int status = viva_postgres_pool_take_now(store->readers, &connection, &reason);
	// All are in use, so the server works.
	if (status == VIVA_EOVERLOAD)
		return 0;
	if (!status) {
		status = viva_postgres_run(connection, "SELECT 1", NULL, 0, NULL, &reason);
		viva_postgres_pool_give(store->readers, connection);
	}
	if (status && error)
		*error = reason;
	return status;
}

const struct viva_store_backend viva_store_postgres = {
	.schemes = {"postgresql", "postgres"},
	.open = open_store,
	.destroy = destroy_store,
	.query = query,
	.transact = transact,
	.transact_lazily = transact_lazily,
	.transaction_execute = viva_postgres_transaction_execute,
	.transaction_query = viva_postgres_transaction_query,
	.transaction_lock = viva_postgres_transaction_lock,
	.transaction_try_lock = viva_postgres_transaction_try_lock,
	.scrub = scrub,
	.ping = ping,
};
