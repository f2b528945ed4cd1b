// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_url.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
	STATEMENT_TIMEOUT_MS = 30 * 1000,
	IDLE_TIMEOUT_MS = 30 * 1000,  // a transaction whose process stopped in its middle must not hold locks for ever
	MAX_SESSION_OPTIONS = 2048,
	MIN_REDACTED = 3,  // a shorter password would star out half the message, and is none
};

// What a connection gets where neither the URL nor the environment says otherwise.
static const struct {
	const char *keyword;
	const char *value;
} DEFAULTS[] = {
	{"connect_timeout", "5"},
	{"keepalives_idle", "30"},
	{"keepalives_interval", "10"},
	{"keepalives_count", "3"},
	{"tcp_user_timeout", "30000"},        // unacknowledged for so long: the server is gone
	{"gssencmode", "disable"},            // libpq 15 can't tell who polls its socket what Kerberos has read ahead
	{"target_session_attrs", "primary"},  // of several hosts the one that may be written to
};

// ---- the text, before libpq sees it: its own complaints would quote what they complain about, passwords too

static bool is_keyword(const PQconninfoOption *known, const char *name, size_t size)
{
	// A relic of JDBC that libpq takes for sslmode=require.
	if (size == 3 && memcmp(name, "ssl", 3) == 0)
		return true;
	for (; known->keyword; known++) {
		if (strlen(known->keyword) == size && memcmp(known->keyword, name, size) == 0)
			return true;
	}
	return false;
}

static bool is_plain_word(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!islower((unsigned char)text[i]) && text[i] != '_')
			return false;
	}
	return size > 0 && size < 32;
}

static int check_query(const char *query, struct viva_error *error)
{
	PQconninfoOption *known = PQconndefaults();
	if (!known)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store's URL");
	int status = 0;
	while (*query && !status) {
		size_t size = strcspn(query, "&");
		size_t name_size = strcspn(query, "=&");
		if (!is_plain_word(query, name_size))
			status = viva_fail(error, VIVA_EINVAL, "store-url",
					   "a parameter of the store's URL has no proper name");
		else if (!is_keyword(known, query, name_size))
			status = viva_fail(error, VIVA_EINVAL, "store-url",
					   "the store's URL has an unknown parameter '%.*s'", (int)name_size, query);
		query += size;
		query += *query == '&';
	}
	PQconninfoFree(known);
	return status;
}

// A password with a bare '/' or '@' would make libpq take parts of it for a host or a database.
static int check_text(const char *url, struct viva_error *error)
{
	const char *authority = strstr(url, "://");
	if (!authority)
		return viva_fail(error, VIVA_EINVAL, "store-url",
				 "the store's URL must look like postgresql://user@host:port/database");
	authority += 3;
	size_t authority_size = strcspn(authority, "/?");
	const char *path = authority + authority_size;
	const char *query = strchr(path, '?');
	const char *first_at = memchr(authority, '@', authority_size);
	// With a name in the right place, an @ behind the question mark is only a value's.
	size_t searched = first_at && query ? (size_t)(query - authority) : strlen(authority);
	const char *last_at = memrchr(authority, '@', searched);
	if (last_at && last_at != first_at)
		return viva_fail(
			error, VIVA_EINVAL, "store-url",
			"special characters in the store's URL must be percent-encoded: %%40 for @, %%2F for /");
	return query ? check_query(query + 1, error) : 0;
}

// ---- the settings

static const char *find(const PQconninfoOption *settings, const char *keyword)
{
	for (; settings->keyword; settings++) {
		if (strcmp(settings->keyword, keyword) == 0)
			return settings->val && settings->val[0] ? settings->val : NULL;
	}
	return NULL;
}

// Also what the environment says (PGHOST, PGCONNECT_TIMEOUT, …) comes before our defaults.
static const char *find_in_environment(const PQconninfoOption *settings, const char *keyword)
{
	for (; settings->keyword; settings++) {
		if (strcmp(settings->keyword, keyword) == 0 && settings->envvar)
			return getenv(settings->envvar);
	}
	return NULL;
}

static int set(struct viva_postgres_url *url, const char *keyword, const char *value)
{
	size_t i = 0;
	while (url->keywords[i] && strcmp(url->keywords[i], keyword) != 0)
		i++;
	char *copy = strdup(value);
	char *name = url->keywords[i] || !copy ? NULL : strdup(keyword);
	if (!copy || i == VIVA_POSTGRES_SETTINGS || (!url->keywords[i] && !name)) {
		free(copy);
		free(name);
		return VIVA_ENOMEM;
	}
	if (name)
		url->keywords[i] = name;
	free(url->values[i]);
	url->values[i] = copy;
	return 0;
}

// The session's settings, as the server's command line takes them; what comes later wins.
static int set_session_options(struct viva_postgres_url *url, const PQconninfoOption *settings,
			       const struct viva_store_options *options)
{
	const char *given = find(settings, "options");
	if (!given)
		given = getenv("PGOPTIONS");
	char text[MAX_SESSION_OPTIONS];
	int size = snprintf(text, sizeof text,
			    "-c default_transaction_isolation=read\\ committed -c jit=off -c lock_timeout=%u"
			    " -c statement_timeout=%d -c idle_in_transaction_session_timeout=%d %s",
			    options->busy_ms, STATEMENT_TIMEOUT_MS, IDLE_TIMEOUT_MS, given ? given : "");
	return size < 0 || (size_t)size >= sizeof text ? VIVA_EINVAL : set(url, "options", text);
}

static int set_all(struct viva_postgres_url *url, const PQconninfoOption *settings,
		   const struct viva_store_options *options)
{
	int status = 0;
	for (const PQconninfoOption *setting = settings; setting->keyword && !status; setting++) {
		if (setting->val && setting->val[0])
			status = set(url, setting->keyword, setting->val);
	}
	for (size_t i = 0; i < VIVA_COUNT(DEFAULTS) && !status; i++) {
		const char *keyword = DEFAULTS[i].keyword;
		if (!find(settings, keyword) && !find_in_environment(settings, keyword))
			status = set(url, keyword, DEFAULTS[i].value);
	}
	char name[64];
	snprintf(name, sizeof name, "viva-%s", options->service);
	if (!status)
		status = set(url, "fallback_application_name", name);
	if (!status)
		status = set(url, "client_encoding", "UTF8");
	return status ? status : set_session_options(url, settings, options);
}

static const char *or_else(const char *first, const char *second, const char *third)
{
	return first && first[0] ? first : second && second[0] ? second : third;
}

static void name_place(struct viva_postgres_url *url, const PQconninfoOption *settings)
{
	const char *host = or_else(find(settings, "host"), find(settings, "hostaddr"), getenv("PGHOST"));
	const char *port = or_else(find(settings, "port"), getenv("PGPORT"), "5432");
	const char *database = or_else(find(settings, "dbname"), getenv("PGDATABASE"), NULL);
	snprintf(url->place, sizeof url->place, "%.96s:%.24s%s%.64s", host ? host : "localhost", port,
		 database ? "/" : "", database ? database : "");
	for (char *at = url->place; *at; at++) {
		if (!isprint((unsigned char)*at))
			*at = '?';
	}
}

// A port that is none may be the second half of a password that libpq took for the host.
static int check_ports(const PQconninfoOption *settings, struct viva_error *error)
{
	const char *port = find(settings, "port");
	for (; port && *port; port += *port == ',') {
		char text[8] = "";
		size_t size = strcspn(port, ",");
		int64_t number = 0;
		if (size < sizeof text)
			memcpy(text, port, size);
		if (size > 0 && viva_parse_int64(text, 1, 65535, &number))
			return viva_fail(error, VIVA_EINVAL, "store-url", "the store's URL has a port that is none");
		port += size;
	}
	return 0;
}

int viva_postgres_url_parse(const struct viva_store_options *options, struct viva_postgres_url **ret_url,
			    struct viva_error *error)
{
	int status = check_text(options->url, error);
	if (status)
		return status;
	char *complaint = NULL;
	PQconninfoOption *settings = PQconninfoParse(options->url, &complaint);
	if (!settings) {
		PQfreemem(complaint);
		return viva_fail(error, VIVA_EINVAL, "store-url", "the store's URL can't be read as one of PostgreSQL");
	}
	status = check_ports(settings, error);
	struct viva_postgres_url *url = status ? NULL : calloc(1, sizeof *url);
	if (!status)
		status = url ? set_all(url, settings, options) : VIVA_ENOMEM;
	if (status == VIVA_ENOMEM)
		viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store's URL");
	else if (status && url)
		viva_fail(error, status, "store-url", "the options in the store's URL are too long");
	if (!status)
		name_place(url, settings);
	PQconninfoFree(settings);
	if (status)
		viva_postgres_url_destroy(url);
	else
		*ret_url = url;
	return status;
}

struct viva_postgres_url *viva_postgres_url_destroy(struct viva_postgres_url *url)
{
	if (!url)
		return NULL;
	for (size_t i = 0; url->keywords[i]; i++) {
		explicit_bzero(url->values[i], strlen(url->values[i]));
		free(url->values[i]);
		free((char *)(uintptr_t)url->keywords[i]);
	}
	free(url);
	return NULL;
}

const char *viva_postgres_url_get(const struct viva_postgres_url *url, const char *keyword)
{
	for (size_t i = 0; url->keywords[i]; i++) {
		if (strcmp(url->keywords[i], keyword) == 0)
			return url->values[i];
	}
	return NULL;
}

void viva_postgres_url_redact(const struct viva_postgres_url *url, char *text)
{
	static const char *const secrets[] = {"password", "sslpassword"};
	for (size_t i = 0; i < VIVA_COUNT(secrets); i++) {
		const char *secret = viva_postgres_url_get(url, secrets[i]);
		size_t size = secret ? strlen(secret) : 0;
		for (char *at = text; size >= MIN_REDACTED && (at = strstr(at, secret)); at += size)
			memset(at, '*', size);
	}
}
