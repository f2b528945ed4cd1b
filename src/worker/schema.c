// SPDX-License-Identifier: Apache-2.0
#include "worker/schema.h"

#include "bus/inbox.h"

// Times are Unix milliseconds.
static const char VERSION_1[] =
	"CREATE TABLE worker_frames ("
	" session_id TEXT NOT NULL,"
	" frame_number BIGINT NOT NULL,"
	" outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'superseded')),"
	" message_id TEXT NOT NULL,"
	" at BIGINT NOT NULL,"
	" PRIMARY KEY (session_id, frame_number));"
	"CREATE INDEX worker_frames_by_age ON worker_frames (at);"

	// By message: the frame of a duplicate has its row already, and an invalid one may have no number. What of it
	// could be read is kept.
	"CREATE TABLE worker_drops ("
	" message_id TEXT PRIMARY KEY,"
	" session_id TEXT NOT NULL,"
	" frame_number BIGINT,"
	" outcome TEXT NOT NULL CHECK (outcome IN ('duplicate', 'erased', 'invalid')),"
	" at BIGINT NOT NULL);"
	"CREATE INDEX worker_drops_by_session ON worker_drops (session_id);"
	"CREATE INDEX worker_drops_by_age ON worker_drops (at);"

	"CREATE VIEW worker_ledger AS"
	" SELECT session_id, outcome, at FROM worker_frames"
	" UNION ALL SELECT session_id, outcome, at FROM worker_drops;"

	"CREATE TABLE worker_sessions ("
	" session_id TEXT PRIMARY KEY,"
	" newest BIGINT NOT NULL,"     // −1 = none
	" erased_at BIGINT NOT NULL,"  // 0 = it was not
	" updated_at BIGINT NOT NULL);"
	"CREATE INDEX worker_sessions_by_age ON worker_sessions (updated_at);"

	// `body` goes with an erasure. Only a delivery that is pending has a lease.
	"CREATE TABLE worker_deliveries ("
	" id TEXT PRIMARY KEY,"
	" event_id TEXT NOT NULL,"
	" type TEXT NOT NULL,"
	" session_id TEXT NOT NULL,"
	" url TEXT NOT NULL,"
	" body TEXT,"
	" state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'gone', 'expired', 'erased')),"
	" created_at BIGINT NOT NULL,"
	" expires_at BIGINT NOT NULL,"
	" attempts INTEGER NOT NULL,"
	" last_status INTEGER NOT NULL,"  // of HTTP; 0 = there was no answer yet
	" last_error TEXT NOT NULL,"
	" next_at BIGINT NOT NULL,"
	" leased_until BIGINT NOT NULL,"
	" updated_at BIGINT NOT NULL,"
	" delivered_at BIGINT);"
	"CREATE INDEX worker_deliveries_due ON worker_deliveries (url, next_at) WHERE state = 'pending';"
	"CREATE INDEX worker_deliveries_by_session ON worker_deliveries (session_id);"
	"CREATE INDEX worker_deliveries_by_age ON worker_deliveries (updated_at);" VIVA_INBOX_SCHEMA("worker");

static const struct viva_migration MIGRATIONS[] = {{1, VERSION_1}};

int worker_store_open(const char *url, size_t connections, struct viva_store **ret_store, struct viva_error *error)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = url;
	options.readers = options.writers = connections;
	options.service = "worker";
	options.migrations = MIGRATIONS;
	options.migration_count = VIVA_COUNT(MIGRATIONS);
	return viva_store_open(&options, ret_store, error);
}
