// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_connection.h"

#include <errno.h>
#include <libpq-fe.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/postgres_statements.h"
#include "store/row_collector.h"

enum {
	OLDEST_SERVER = 120000,  // as PQserverVersion() says it
	MAX_SENT = 48,           // statements; less than stay prepared, so that none is evicted that was just sent
	MAX_SENT_BYTES = 256 * 1024,
	MAX_ENTRIES = 2 * (MAX_SENT + 1),
	MAX_STALE = 256,
	// How much longer than its statement timeout a server may be silent: as long again, at most 10 s, and a second.
	MAX_GRACE_MS = 10 * 1000,
	MIN_GRACE_MS = 1000,
};

// What was sent and is to be answered, in this order.
struct entry {
	enum { ENTRY_PREPARE, ENTRY_EXECUTE } kind;
	struct viva_postgres_statement *statement;  // of PREPARE
	struct viva_postgres_answer answer;         // of EXECUTE
	bool is_commit;
	size_t position;
};

struct viva_postgres_connection {
	PGconn *handle;
	const struct viva_postgres_url *url;
	enum viva_postgres_role role;
	int silence_ms;  // so long the server may say nothing; -1 = for ever
	bool is_broken;
	size_t stale;  // statements that the server knows, and nobody remembers here
	size_t sent;
	size_t sent_bytes;
	size_t entry_count;
	struct entry entries[MAX_ENTRIES];
	struct viva_postgres_statements statements;
	struct viva_postgres_parameters parameters;  // of the statement that is being sent
};

static int fail_lost(struct viva_postgres_connection *connection, struct viva_error *error)
{
	connection->is_broken = true;
	const char *message = PQerrorMessage(connection->handle);
	int code = viva_postgres_fail(error, NULL, message[0] ? message : "the connection broke");
	if (error)
		viva_postgres_url_redact(connection->url, error->message);
	return code;
}

// ---- sending

static struct entry *add_entry(struct viva_postgres_connection *connection, int kind)
{
	struct entry *entry = &connection->entries[connection->entry_count++];
	*entry = (struct entry){.kind = (__typeof__(entry->kind))kind, .position = connection->sent};
	return entry;
}

static void send_prepare(struct viva_postgres_connection *connection, struct viva_postgres_statement *statement)
{
	if (!PQsendPrepare(connection->handle, statement->name, statement->sql, (int)statement->type_count,
			   statement->types))
		connection->is_broken = true;
	statement->state = VIVA_POSTGRES_PREPARING;
	add_entry(connection, ENTRY_PREPARE)->statement = statement;
}

int viva_postgres_send(struct viva_postgres_connection *connection, const char *sql, const struct viva_value *values,
		       size_t value_count, const struct viva_postgres_answer *answer, struct viva_error *error)
{
	struct viva_postgres_parameters *parameters = &connection->parameters;
	int status = viva_postgres_encode(values, value_count, parameters, error);
	if (!status && connection->sent > MAX_SENT)
		status = viva_fail(error, VIVA_EINTERNAL, NULL, "too many statements were sent without a look");
	struct viva_postgres_statement *statement = NULL;
	bool is_evicting = false;
	if (!status)
		status = viva_postgres_statements_find(&connection->statements, sql, parameters, &statement,
						       &is_evicting, error);
	if (status)
		return status;
	connection->stale += is_evicting;
	if (statement->state == VIVA_POSTGRES_UNPREPARED)
		send_prepare(connection, statement);
	if (!PQsendQueryPrepared(connection->handle, statement->name, (int)parameters->count, parameters->values,
				 parameters->lengths, parameters->formats, 1))
		connection->is_broken = true;
	struct entry *entry = add_entry(connection, ENTRY_EXECUTE);
	if (answer)
		entry->answer = *answer;
	entry->is_commit = strcmp(sql, "COMMIT") == 0;
	connection->sent++;
	connection->sent_bytes += parameters->bytes;
	return 0;
}

size_t viva_postgres_sent(const struct viva_postgres_connection *connection)
{
	return connection->sent;
}

bool viva_postgres_is_full(const struct viva_postgres_connection *connection)
{
	return connection->sent >= MAX_SENT || connection->sent_bytes >= MAX_SENT_BYTES;
}

// ---- receiving

// Bytes that TLS has read ahead: the socket says nothing of them, and libpq may not have taken them all.
static bool has_read_ahead(const struct viva_postgres_connection *connection)
{
	SSL *tls = PQsslStruct(connection->handle, "OpenSSL");
	return tls && SSL_pending(tls) > 0;
}

static bool wait_for_socket(struct viva_postgres_connection *connection, short events, short *ret_events)
{
	struct pollfd socket = {.fd = PQsocket(connection->handle), .events = events};
	int ready;
	do
		ready = poll(&socket, 1, connection->silence_ms);
	while (ready < 0 && errno == EINTR);
	*ret_events = socket.revents;
	return ready > 0;
}

// Moves bytes in both directions until the server has said something. False: the connection is broken.
static bool exchange(struct viva_postgres_connection *connection)
{
	int flushed = PQflush(connection->handle);
	if (flushed < 0)
		return false;
	short events = POLLIN;
	if (!has_read_ahead(connection) &&
	    !wait_for_socket(connection, (short)(POLLIN | (flushed > 0 ? POLLOUT : 0)), &events))
		return false;
	// What arrived before the connection ended is kept, and read first.
	return !(events & (POLLIN | POLLHUP | POLLERR)) || PQconsumeInput(connection->handle);
}

// The next result; NULL ends those of one entry. *ret_is_lost: there is none, for the connection broke.
static PGresult *next_result(struct viva_postgres_connection *connection, bool *ret_is_lost)
{
	while (PQisBusy(connection->handle)) {
		if (connection->is_broken) {
			*ret_is_lost = true;
			return NULL;
		}
		if (!exchange(connection))
			connection->is_broken = true;
	}
	return PQgetResult(connection->handle);
}

// What comes of one settle.
struct settling {
	struct viva_postgres_failure failure;
	int rows_status;  // of the first rows that could not be given out
	struct viva_error rows_error;
};

static void note_failure(struct settling *settling, enum viva_postgres_failure_kind kind, size_t position, bool is_told)
{
	settling->failure.kind = kind;
	settling->failure.position = position;
	settling->failure.is_told = is_told;
}

static void note_lost(struct viva_postgres_connection *connection, struct settling *settling, size_t position)
{
	if (settling->failure.kind != VIVA_POSTGRES_SOUND)
		position = settling->failure.position;
	bool is_told = settling->failure.is_told;
	(void)!fail_lost(connection, &settling->failure.error);
	note_failure(settling, VIVA_POSTGRES_LOST, position, is_told);
}

// A standby, or a primary that became one: there is a server, but not the one that is wanted.
static bool is_wrong_server(const struct viva_postgres_connection *connection, const char *sqlstate)
{
	return connection->role != VIVA_POSTGRES_READER && sqlstate && strcmp(sqlstate, "25006") == 0;
}

static void note_error(struct viva_postgres_connection *connection, struct settling *settling, const PGresult *result,
		       size_t position)
{
	if (settling->failure.kind != VIVA_POSTGRES_SOUND)
		return;
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (is_wrong_server(connection, sqlstate))
		sqlstate = "57P01";
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	note_failure(settling, viva_postgres_failure_kind(sqlstate), position, sqlstate != NULL);
	viva_postgres_fail(&settling->failure.error, sqlstate, message ? message : PQresultErrorMessage(result));
	viva_postgres_url_redact(connection->url, settling->failure.error.message);
}

static int read_row(struct viva_row_collector *rows, const PGresult *result, struct viva_error *error)
{
	int columns = PQnfields(result);
	struct viva_value *values = columns > 0 ? viva_row_collector_next(rows, (size_t)columns) : NULL;
	if (columns > 0 && !values)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store's answer");
	for (int column = 0; column < columns; column++) {
		int status = 0;
		if (PQgetisnull(result, 0, column))
			values[column] = viva_value_null();
		else
			status = viva_postgres_decode(rows->arena, PQftype(result, column),
						      PQgetvalue(result, 0, column),
						      (size_t)PQgetlength(result, 0, column), &values[column], error);
		if (status)
			return status;
	}
	rows->count += (size_t)columns;
	return 0;
}

static void take_row(struct settling *settling, struct viva_row_collector *rows, const PGresult *result)
{
	// The rest of an answer that is too large is read, for the connection's sake, and dropped.
	if (rows->arena && !settling->rows_status)
		settling->rows_status = read_row(rows, result, &settling->rows_error);
}

static void end_statement(struct settling *settling, const struct entry *entry, struct viva_row_collector *rows,
			  PGresult *result)
{
	if (entry->is_commit && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
		note_failure(settling, VIVA_POSTGRES_COLLISION, entry->position, true);
		viva_fail(&settling->failure.error, VIVA_EOVERLOAD, NULL, "the store rolled the transaction back");
		return;
	}
	if (entry->answer.ret_changed) {
		int64_t changed = 0;
		(void)!viva_parse_int64(PQcmdTuples(result), 0, INT64_MAX, &changed);
		*entry->answer.ret_changed = changed;
	}
	if (entry->answer.ret_rows && !settling->rows_status &&
	    viva_row_collector_give(rows, (size_t)PQnfields(result), entry->answer.ret_rows))
		settling->rows_status =
			viva_fail(&settling->rows_error, VIVA_ENOMEM, NULL, "the store's answer is too large");
}

// One of an entry's results.
static void take_result(struct viva_postgres_connection *connection, struct settling *settling, struct entry *entry,
			struct viva_row_collector *rows, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_SINGLE_TUPLE:
		take_row(settling, rows, result);
		break;
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		if (entry->kind == ENTRY_EXECUTE)
			end_statement(settling, entry, rows, result);
		else if (entry->kind == ENTRY_PREPARE)
			entry->statement->state = VIVA_POSTGRES_PREPARED;
		break;
	case PGRES_FATAL_ERROR:
		note_error(connection, settling, result, entry->position);
		break;
	case PGRES_PIPELINE_ABORTED:
		break;
	default:  // COPY and the like: nobody here asks for it
		connection->is_broken = true;
		note_lost(connection, settling, entry->position);
		break;
	}
}

static void settle_entry(struct viva_postgres_connection *connection, struct settling *settling, struct entry *entry)
{
	struct viva_row_collector rows = {.arena = entry->answer.ret_rows ? entry->answer.arena : NULL};
	// Row by row, so that the arena's limit is all the memory that an answer takes.
	if (entry->kind == ENTRY_EXECUTE)
		PQsetSingleRowMode(connection->handle);
	for (bool is_answered = false;; is_answered = true) {
		bool is_lost = false;
		PGresult *result = next_result(connection, &is_lost);
		if (is_lost || (!result && !is_answered))
			note_lost(connection, settling, entry->position);
		if (!result)
			break;
		take_result(connection, settling, entry, &rows, result);
		PQclear(result);
		if (settling->failure.kind == VIVA_POSTGRES_LOST)
			break;
	}
	viva_row_collector_finish(&rows);
}

static void settle_sync(struct viva_postgres_connection *connection, struct settling *settling)
{
	bool is_lost = false;
	PGresult *result = next_result(connection, &is_lost);
	if (!result || PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
		connection->is_broken = true;
		// Everything was answered all the same.
		if (settling->failure.kind != VIVA_POSTGRES_SOUND)
			note_lost(connection, settling, settling->failure.position);
	}
	PQclear(result);
}

int viva_postgres_settle(struct viva_postgres_connection *connection, struct viva_postgres_failure *ret_failure)
{
	struct settling settling = {0};
	if (!connection->is_broken && !PQpipelineSync(connection->handle))
		connection->is_broken = true;
	for (size_t i = 0; i < connection->entry_count && settling.failure.kind != VIVA_POSTGRES_LOST; i++)
		settle_entry(connection, &settling, &connection->entries[i]);
	if (settling.failure.kind != VIVA_POSTGRES_LOST)
		settle_sync(connection, &settling);
	else
		connection->is_broken = true;
	if (settling.failure.kind != VIVA_POSTGRES_SOUND)
		viva_postgres_statements_forget_preparing(&connection->statements);
	connection->entry_count = 0;
	connection->sent = 0;
	connection->sent_bytes = 0;
	if (settling.failure.kind == VIVA_POSTGRES_SOUND && settling.rows_status) {
		settling.failure.error = settling.rows_error;
		settling.failure.error.code = settling.rows_status;
	}
	int status = settling.failure.error.code;
	if (status)
		*ret_failure = settling.failure;
	return status;
}

int viva_postgres_run(struct viva_postgres_connection *connection, const char *sql, const struct viva_value *values,
		      size_t value_count, const struct viva_postgres_answer *answer, struct viva_error *error)
{
	int status = viva_postgres_send(connection, sql, values, value_count, answer, error);
	if (status)
		return status;
	struct viva_postgres_failure failure;
	status = viva_postgres_settle(connection, &failure);
	if (status && error)
		*error = failure.error;
	return status;
}

int viva_postgres_run_script(struct viva_postgres_connection *connection, const char *sql, struct viva_error *error)
{
	if (!PQexitPipelineMode(connection->handle))
		return fail_lost(connection, error);
	PGresult *result = PQexec(connection->handle, sql);
	ExecStatusType outcome = PQresultStatus(result);
	int status = 0;
	if (outcome != PGRES_COMMAND_OK && outcome != PGRES_TUPLES_OK && outcome != PGRES_EMPTY_QUERY) {
		struct settling settling = {0};
		note_error(connection, &settling, result, 0);
		connection->is_broken = settling.failure.kind == VIVA_POSTGRES_LOST;
		status = settling.failure.error.code;
		if (error)
			*error = settling.failure.error;
	}
	PQclear(result);
	if (!PQenterPipelineMode(connection->handle))
		connection->is_broken = true;
	return status;
}

// ---- connecting

// Notices are for people at a terminal; libpq would print them.
static void drop_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

static int check_server(const struct viva_postgres_connection *connection, struct viva_error *error)
{
	if (PQserverVersion(connection->handle) < OLDEST_SERVER)
		return viva_fail(error, VIVA_EIO, NULL, "the server is older than PostgreSQL %d",
				 OLDEST_SERVER / 10000);
	const char *encoding = PQparameterStatus(connection->handle, "server_encoding");
	if (!encoding || strcmp(encoding, "UTF8") != 0)
		return viva_fail(error, VIVA_EIO, NULL, "the database's encoding is %s, not UTF8",
				 encoding ? encoding : "unknown");
	return 0;
}

static int begin_session(struct viva_postgres_connection *connection, struct viva_error *error)
{
	static const char *const begin[] = {
		[VIVA_POSTGRES_READER] = "SET default_transaction_read_only = on",
		[VIVA_POSTGRES_WRITER] = "SET default_transaction_read_only = off",
		[VIVA_POSTGRES_KEEPER] = "SET statement_timeout = 0",
	};
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	struct viva_rows rows = {0};
	const struct viva_postgres_answer answer = {.arena = arena, .ret_rows = &rows};
	int status = viva_postgres_send(connection, begin[connection->role], NULL, 0, NULL, error);
	if (!status)
		status = viva_postgres_run(
			connection, "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'", NULL,
			0, &answer, error);
	if (status)
		return status;
	const char *text = viva_rows_text(&rows, 0, 0);
	int64_t timeout_ms = 0;
	(void)!viva_parse_int64(text ? text : "", 0, INT32_MAX / 2, &timeout_ms);
	int grace_ms = MIN_GRACE_MS + (int)VIVA_MIN(timeout_ms, (int64_t)MAX_GRACE_MS);
	connection->silence_ms = timeout_ms > 0 ? (int)timeout_ms + grace_ms : -1;
	return 0;
}

static int open_session(struct viva_postgres_connection *connection, struct viva_error *error)
{
	const struct viva_postgres_url *url = connection->url;
	connection->handle = PQconnectdbParams(url->keywords, (const char *const *)url->values, 0);
	if (!connection->handle)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	if (PQstatus(connection->handle) != CONNECTION_OK)
		return fail_lost(connection, error);
	PQsetNoticeReceiver(connection->handle, drop_notice, NULL);
	int status = check_server(connection, error);
	if (status)
		return status;
	if (PQsetnonblocking(connection->handle, 1) || !PQenterPipelineMode(connection->handle))
		return fail_lost(connection, error);
	return begin_session(connection, error);
}

int viva_postgres_connect(const struct viva_postgres_url *url, enum viva_postgres_role role,
			  struct viva_postgres_connection **ret_connection, struct viva_error *error)
{
	struct viva_postgres_connection *connection = calloc(1, sizeof *connection);
	if (!connection)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	connection->url = url;
	connection->role = role;
	connection->silence_ms = MAX_GRACE_MS;
	int status = open_session(connection, error);
	if (status)
		viva_postgres_disconnect(connection);
	else
		*ret_connection = connection;
	return status;
}

bool viva_postgres_is_refusing(const struct viva_postgres_url *url)
{
	return PQpingParams(url->keywords, (const char *const *)url->values, 0) == PQPING_OK;
}

struct viva_postgres_connection *viva_postgres_disconnect(struct viva_postgres_connection *connection)
{
	if (!connection)
		return NULL;
	viva_postgres_statements_finish(&connection->statements);
	PQfinish(connection->handle);
	free(connection);
	return NULL;
}

void viva_postgres_give_up(struct viva_postgres_connection *connection)
{
	connection->is_broken = true;
}

// In a transaction that failed it could not be done, so it is done between transactions, and then for many at once.
static void forget_statements(struct viva_postgres_connection *connection)
{
	viva_postgres_statements_finish(&connection->statements);
	connection->stale = 0;
	if (viva_postgres_run(connection, "DEALLOCATE ALL", NULL, 0, NULL, NULL))
		connection->is_broken = true;
	// It forgot itself, too.
	viva_postgres_statements_finish(&connection->statements);
}

bool viva_postgres_is_usable(struct viva_postgres_connection *connection)
{
	if (connection->is_broken || connection->sent > 0)
		return !connection->is_broken;
	struct pollfd socket = {.fd = PQsocket(connection->handle), .events = POLLIN | POLLRDHUP};
	if (poll(&socket, 1, 0) > 0 &&
	    ((socket.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) || !PQconsumeInput(connection->handle)))
		connection->is_broken = true;
	if (!connection->is_broken && connection->stale >= MAX_STALE)
		forget_statements(connection);
	return !connection->is_broken;
}
