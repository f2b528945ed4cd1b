// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_error.h"

#include <string.h>

#include "base/macros.h"

enum { SQLSTATE_SIZE = 5 };

// A row stands for all SQLSTATEs that begin with `prefix`; the first that fits is taken.
struct meaning {
	const char *prefix;
	enum viva_postgres_failure_kind kind;
	int code;
	const char *sentence;  // NULL: the message, behind `introduction`
	const char *introduction;
};

static const char FAILED[] = "the store failed: ";

static const struct meaning MEANINGS[] = {
	{"40", VIVA_POSTGRES_COLLISION, VIVA_EOVERLOAD, "the store is busy with other transactions on the same", NULL},
	{"55P03", VIVA_POSTGRES_WAITED, VIVA_EOVERLOAD, "the store is busy with another transaction on the same", NULL},
	{"57014", VIVA_POSTGRES_WAITED, VIVA_EOVERLOAD, "the store took too long", NULL},
	{"23", VIVA_POSTGRES_REFUSED, VIVA_ECONFLICT, NULL, "the store refused it: "},
	{"54", VIVA_POSTGRES_REFUSED, VIVA_ELIMIT, "a value is too large for the store", NULL},
	// 57P01 … 57P05 end a session, 57P03 refuses one for now.
	{"57", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE, NULL, "the store is not available: "},
	{"08", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE, NULL, "the store is not available: "},
	// Left idle in a transaction for too long: this process was stopped in its middle.
	{"25P03", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE, NULL, "the store is not available: "},
	// The prepared statements are not what this connection remembers: a proxy changed sessions, or a table its
	// columns.
	{"26", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE, NULL, FAILED},
	{"0A000", VIVA_POSTGRES_LOST, VIVA_EIO, NULL, FAILED},
	{"53300", VIVA_POSTGRES_LOST, VIVA_EOVERLOAD, "the store has as many connections as it may have", NULL},
	{"53", VIVA_POSTGRES_REFUSED, VIVA_EOVERLOAD, NULL, "the store has no resources left: "},
	// Values are quoted in messages of data exceptions (22…), and in those that functions and triggers make (P0…).
	{"22", VIVA_POSTGRES_REFUSED, VIVA_EIO, "the store failed: a value does not fit", NULL},
	{"P0", VIVA_POSTGRES_REFUSED, VIVA_EIO, "the store failed: a trigger or function refused it", NULL},
	{"", VIVA_POSTGRES_REFUSED, VIVA_EIO, NULL, FAILED},
};

static const struct meaning LOST = {"", VIVA_POSTGRES_LOST, VIVA_EUNAVAILABLE, NULL, "the store is not available: "};

static const struct meaning *meaning_of(const char *sqlstate)
{
	if (!sqlstate || strlen(sqlstate) != SQLSTATE_SIZE)
		return &LOST;
	const struct meaning *meaning = MEANINGS;
	while (strncmp(sqlstate, meaning->prefix, strlen(meaning->prefix)) != 0)
		meaning++;  // the last one fits all
	return meaning;
}

enum viva_postgres_failure_kind viva_postgres_failure_kind(const char *sqlstate)
{
	return meaning_of(sqlstate)->kind;
}

int viva_postgres_fail(struct viva_error *error, const char *sqlstate, const char *message)
{
	const struct meaning *meaning = meaning_of(sqlstate);
	if (meaning->sentence)
		return viva_fail(error, meaning->code, NULL, "%s", meaning->sentence);
	// libpq's own messages have several lines.
	int size = (int)strcspn(message ? message : "", "\n");
	return viva_fail(error, meaning->code, NULL, "%s%.*s", meaning->introduction, size, message ? message : "");
}
