// SPDX-License-Identifier: Apache-2.0
//
// The embedded store: one SQLite file in WAL mode, shared by the services of one machine.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_connection.h"
#include "store/sqlite_writer.h"
#include "store/store_backend.h"

struct sqlite_store {
	struct viva_store store;
	struct viva_sqlite_connection writing;
	struct viva_sqlite_writer *writer;
	pthread_mutex_t lock;  // of idle and idle_count
	pthread_cond_t has_idle;
	struct viva_sqlite_connection **idle;  // a stack: what was used last has the warmest cache
	size_t idle_count;
	size_t reader_count;
	struct viva_sqlite_connection readers[];
};

// Splits the directory off a path: "." for a bare name. VIVA_EINVAL when the path is too long.
static int directory_of(const char *path, char ret_directory[PATH_MAX], struct viva_error *error)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;
	if (path[0] == '\0' || (slash && slash[1] == '\0') || strlen(path) >= PATH_MAX - 8)
		return viva_fail(error, VIVA_EINVAL, "store-url", "sqlite: needs the path of a file");
	if (slash == path)
		snprintf(ret_directory, PATH_MAX, "/");
	else
		snprintf(ret_directory, PATH_MAX, "%.*s", slash ? (int)size : 1, slash ? path : ".");
	return 0;
}

// One opener at a time, of all processes: switching a new file to WAL and migrating it are not for two at once.
// The lock is on the directory, for SQLite's own locks on the file die when any descriptor of it is closed.
static int lock_for_opening(const char *path, uint32_t busy_ms, int *ret_fd, struct viva_error *error)
{
	char directory[PATH_MAX];
	int status = directory_of(path, directory, error);
	if (status)
		return status;
	if (mkdir(directory, 0700) && errno != EEXIST)
		return viva_fail(error, VIVA_EIO, "store-url", "cannot make the folder %s: %s", directory,
				 strerror(errno));
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return viva_fail(error, VIVA_EIO, "store-url", "cannot open the folder %s: %s", directory,
				 strerror(errno));
	for (uint32_t waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB); waited_ms++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || waited_ms >= busy_ms) {
			close(fd);
			return viva_fail(error, VIVA_EOVERLOAD, "store-url", "another process keeps %s locked",
					 directory);
		}
		usleep(1000);
	}
	*ret_fd = fd;
	return 0;
}

// SQLite gives its -wal and -shm files the mode of the database.
static int make_private_file(const char *path, struct viva_error *error)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		return viva_fail(error, VIVA_EIO, "store-url", "it can't be made: %s", strerror(errno));
	return 0;
}

static int apply_migration(struct viva_sqlite_connection *connection, const char *service,
			   const struct viva_migration *migration, struct viva_error *error)
{
	struct viva_error reason = {0};
	int status = viva_sqlite_run_script(connection, migration->sql, &reason);
	if (status)
		return viva_fail(error, status == VIVA_EOVERLOAD ? status : VIVA_EIO, NULL,
				 "migration %d of %s failed: %s", migration->version, service,
				 viva_error_message(&reason));
	struct viva_value values[] = {viva_value_text(service), viva_value_int(migration->version)};
	return viva_sqlite_run(connection, NULL, "INSERT INTO viva_migrations (service, version) VALUES ($1, $2)",
			       values, VIVA_COUNT(values), NULL, NULL, error);
}

// Applies the migration after the newest applied one, if there is one. `*ret_more` tells whether to call again.
static int migrate_one_step(struct viva_sqlite_connection *connection, const struct viva_store_options *options,
			    struct viva_arena *arena, bool *ret_more, struct viva_error *error)
{
	struct viva_rows rows = {0};
	struct viva_value values[] = {viva_value_text(options->service)};
	int status = viva_sqlite_run(connection, arena, "SELECT max(version) FROM viva_migrations WHERE service = $1",
				     values, VIVA_COUNT(values), &rows, NULL, error);
	if (status)
		return status;
	int64_t applied = viva_rows_int(&rows, 0, 0);
	if (applied > (int64_t)options->migration_count)
		return viva_fail(error, VIVA_EIO, NULL,
				 "a newer version of %s made this store (schema %lld, known %zu)", options->service,
				 (long long)applied, options->migration_count);
	*ret_more = applied < (int64_t)options->migration_count;
	if (!*ret_more)
		return 0;
	return apply_migration(connection, options->service, &options->migrations[applied], error);
}

static int migrate(struct viva_sqlite_connection *connection, const struct viva_store_options *options,
		   struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	int status = viva_sqlite_run_script(connection,
					    "CREATE TABLE IF NOT EXISTS viva_migrations (service TEXT NOT NULL,"
					    " version INTEGER NOT NULL, PRIMARY KEY (service, version)) WITHOUT ROWID",
					    error);
	for (bool more = true; !status && more;) {
		status = viva_sqlite_run_script(connection, "BEGIN IMMEDIATE", error);
		if (status)
			return status;
		status = migrate_one_step(connection, options, arena, &more, error);
		if (!status)
			status = viva_sqlite_run_script(connection, "COMMIT", error);
		if (status)
			(void)!viva_sqlite_run_script(connection, "ROLLBACK", NULL);
	}
	return status;
}

static int connect_readers(struct sqlite_store *store, const char *path, const struct viva_store_options *options,
			   struct viva_error *error)
{
	for (size_t i = 0; i < options->readers; i++) {
		int status = viva_sqlite_connect(&store->readers[i], path, true, options, error);
		if (status)
			return status;
		store->idle[store->idle_count++] = &store->readers[i];
		store->reader_count++;
	}
	return 0;
}

static void disconnect_readers(struct sqlite_store *store)
{
	for (size_t i = 0; i < store->reader_count; i++)
		viva_sqlite_disconnect(&store->readers[i]);
}

static void free_store(struct sqlite_store *store)
{
	pthread_cond_destroy(&store->has_idle);
	pthread_mutex_destroy(&store->lock);
	free(store->idle);
	free(store);
}

static int connect_all(struct sqlite_store *store, const char *path, const struct viva_store_options *options,
		       struct viva_error *error)
{
	int status = make_private_file(path, error);
	if (!status)
		status = viva_sqlite_connect(&store->writing, path, false, options, error);
	if (status)
		return status;
	status = migrate(&store->writing, options, error);
	if (!status)
		status = connect_readers(store, path, options, error);
	if (!status)
		status = viva_sqlite_writer_create(&store->writing, path, options, &store->writer, error);
	if (status) {
		disconnect_readers(store);
		viva_sqlite_disconnect(&store->writing);
	}
	return status;
}

static int open_store(const struct viva_store_options *options, const char *path, struct viva_store **ret_store,
		      struct viva_error *error)
{
	struct sqlite_store *store = calloc(1, sizeof *store + options->readers * sizeof store->readers[0]);
	if (!store || !(store->idle = calloc(options->readers, sizeof(struct viva_sqlite_connection *)))) {
		free(store);
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	}
	store->store.backend = &viva_store_sqlite;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->has_idle, NULL);

	int fd = -1;
	struct viva_error reason = {0};
	int status = lock_for_opening(path, options->busy_ms, &fd, &reason);
	if (!status) {
		status = connect_all(store, path, options, &reason);
		close(fd);
	}
	if (status) {
		free_store(store);
		return viva_fail(error, status, "store-url", "cannot open %s: %s", path, viva_error_message(&reason));
	}
	*ret_store = &store->store;
	return 0;
}

// The inverse of `&store->store`, which is the first member.
static struct sqlite_store *of_store(struct viva_store *store)
{
	return (struct sqlite_store *)store;
}

static void destroy_store(struct viva_store *base)
{
	struct sqlite_store *store = of_store(base);
	viva_sqlite_writer_destroy(store->writer);
	disconnect_readers(store);
	free_store(store);
}

static int query(struct viva_store *base, struct viva_arena *arena, const char *sql, const struct viva_value *values,
		 size_t value_count, struct viva_rows *ret_rows, struct viva_error *error)
{
	struct sqlite_store *store = of_store(base);
	pthread_mutex_lock(&store->lock);
	while (store->idle_count == 0)
		pthread_cond_wait(&store->has_idle, &store->lock);
	struct viva_sqlite_connection *reader = store->idle[--store->idle_count];
	pthread_mutex_unlock(&store->lock);

	int status = viva_sqlite_run(reader, arena, sql, values, value_count, ret_rows, NULL, error);

	pthread_mutex_lock(&store->lock);
	store->idle[store->idle_count++] = reader;
	pthread_cond_signal(&store->has_idle);
	pthread_mutex_unlock(&store->lock);
	return status;
}

static int transact(struct viva_store *store, viva_store_work *work, void *context, struct viva_error *error)
{
	return viva_sqlite_writer_transact(of_store(store)->writer, VIVA_DURABLE_POWER_LOSS, work, context, error);
}

static int transact_lazily(struct viva_store *store, viva_store_work *work, void *context, struct viva_error *error)
{
	return viva_sqlite_writer_transact(of_store(store)->writer, VIVA_DURABLE_CRASH, work, context, error);
}

static int transaction_execute(struct viva_store_transaction *base, const char *sql, const struct viva_value *values,
			       size_t value_count, int64_t *ret_changed, struct viva_error *error)
{
	struct viva_sqlite_transaction *transaction = (struct viva_sqlite_transaction *)base;
	return viva_sqlite_run(transaction->connection, NULL, sql, values, value_count, NULL, ret_changed, error);
}

static int transaction_query(struct viva_store_transaction *base, struct viva_arena *arena, const char *sql,
			     const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
			     struct viva_error *error)
{
	struct viva_sqlite_transaction *transaction = (struct viva_sqlite_transaction *)base;
	return viva_sqlite_run(transaction->connection, arena, sql, values, value_count, ret_rows, NULL, error);
}

static int scrub(struct viva_store *store, struct viva_error *error)
{
	return viva_sqlite_writer_checkpoint(of_store(store)->writer, error);
}

static int ping(struct viva_store *store, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	struct viva_rows rows;
	return query(store, arena, "SELECT count(*) FROM viva_migrations", NULL, 0, &rows, error);
}

const struct viva_store_backend viva_store_sqlite = {
	.schemes = {"sqlite"},
	.open = open_store,
	.destroy = destroy_store,
	.query = query,
	.transact = transact,
	.transaction_execute = transaction_execute,
	.transaction_query = transaction_query,
	.scrub = scrub,
	.ping = ping,
	.transact_lazily = transact_lazily,
};
