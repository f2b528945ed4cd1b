// SPDX-License-Identifier: Apache-2.0
#include "postgres_fixture.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metrics.h"

static void drop_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

int postgres_fixture_run(const char *schema, const char *sql, char *ret_value, size_t size)
{
	PGconn *connection = PQconnectdb(getenv("VIVA_TEST_POSTGRES_URL"));
	PQsetNoticeReceiver(connection, drop_notice, NULL);
	char path[128];
	snprintf(path, sizeof path, "SET search_path = %s, public", schema[0] ? schema : "public");
	PQclear(PQexec(connection, path));
	PGresult *result = PQexec(connection, sql);
	ExecStatusType outcome = PQresultStatus(result);
	bool is_good = outcome == PGRES_COMMAND_OK || outcome == PGRES_TUPLES_OK;
	if (!is_good)
		fprintf(stderr, "%s: %s%s\n", sql, PQresultErrorMessage(result), PQerrorMessage(connection));
	else if (ret_value)
		snprintf(ret_value, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	PQfinish(connection);
	return is_good ? 0 : -1;
}

int postgres_fixture_make_schema(char *ret_schema, size_t schema_size, char *ret_url, size_t url_size)
{
	static unsigned made;
	const char *url = getenv("VIVA_TEST_POSTGRES_URL");
	ret_url[0] = '\0';
	if (!url || !url[0])
		return 0;
	snprintf(ret_schema, schema_size, "test_%d_%u", (int)getpid(), ++made);
	char sql[128];
	snprintf(sql, sizeof sql, "CREATE SCHEMA %s", ret_schema);
	if (postgres_fixture_run("", sql, NULL, 0))
		return -1;
	int size = snprintf(ret_url, url_size, "%s%coptions=-csearch_path%%3D%s", url, strchr(url, '?') ? '&' : '?',
			    ret_schema);
	return size > 0 && (size_t)size < url_size ? 0 : -1;
}

int postgres_fixture_drop_schema(const char *schema)
{
	char sql[128];
	snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", schema);
	return postgres_fixture_run("", sql, NULL, 0);
}

static char *setting(const char *keyword)
{
	PQconninfoOption *settings = PQconninfoParse(getenv("VIVA_TEST_POSTGRES_URL"), NULL);
	char *value = NULL;
	for (PQconninfoOption *each = settings; each && each->keyword; each++) {
		if (strcmp(each->keyword, keyword) == 0 && each->val)
			value = strdup(each->val);
	}
	PQconninfoFree(settings);
	return value;
}

int postgres_fixture_port(void)
{
	char *port = setting("port");
	int number = port ? atoi(port) : 5432;
	free(port);
	return number;
}

void postgres_fixture_url_through(int port, const char *schema, const char *more, char *ret_url, size_t url_size)
{
	char *user = setting("user"), *password = setting("password"), *database = setting("dbname");
	snprintf(ret_url, url_size, "postgresql://%s:%s@127.0.0.1:%d/%s?options=-csearch_path%%3D%s%s", user, password,
		 port, database, schema, more);
	free(user);
	free(password);
	free(database);
}

double postgres_fixture_metric(const char *series)
{
	struct viva_buffer text = {.limit = 1 << 20};
	char line[128];
	double value = 0;
	snprintf(line, sizeof line, "\n%s ", series);
	if (!viva_metrics_write(&text) && !viva_buffer_append(&text, "", 1)) {
		const char *at = strstr((const char *)text.data, line);
		value = at ? strtod(at + strlen(line), NULL) : 0;
	}
	viva_buffer_finish(&text);
	return value;
}
