// SPDX-License-Identifier: Apache-2.0
//
// A postgresql:// URL taken apart for libpq: its settings, those that Viva adds where it says nothing, and what may be
// told of it.
//
// Threads: any; read only once made. Nothing blocks.
#ifndef VIVA_STORE_POSTGRES_URL_H
#define VIVA_STORE_POSTGRES_URL_H

#include <stddef.h>

#include "store/store.h"

enum { VIVA_POSTGRES_SETTINGS = 64 };

struct viva_postgres_url {
	const char *keywords[VIVA_POSTGRES_SETTINGS + 1];  // for PQconnectdbParams, ended by NULL
	char *values[VIVA_POSTGRES_SETTINGS + 1];          // owned; may hold a password
	char place[192];                                   // "host:port/database", for messages; without credentials
};

// Takes `options->url` apart, which may have all that libpq knows (PostgreSQL 15, §34.1.1.2 and §34.1.2), and adds:
// sessions of UTF-8 at READ COMMITTED, lock_timeout = busy_ms, a statement's and an idle transaction's longest time,
// keepalives, a connection's longest time to come about, the server that may be written to. What the URL sets itself
// stands, UTF-8 aside. VIVA_EINVAL, in a sentence that repeats nothing that could be a part of a password; VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_postgres_url_parse(const struct viva_store_options *options,
					    struct viva_postgres_url **ret_url, struct viva_error *error);
// Overwrites what may be secret. NULL is fine. Always NULL.
struct viva_postgres_url *viva_postgres_url_destroy(struct viva_postgres_url *url);
VIVA_DEFINE_AUTO(viva_postgres_url)

// The value of a setting, NULL when there is none.
const char *viva_postgres_url_get(const struct viva_postgres_url *url, const char *keyword);
// Replaces each password of the URL that stands in `text` by as many stars.
void viva_postgres_url_redact(const struct viva_postgres_url *url, char *text);

#endif
