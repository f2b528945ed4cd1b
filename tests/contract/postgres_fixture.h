// SPDX-License-Identifier: Apache-2.0
//
// A PostgreSQL for tests: tests/servers/postgres.py starts one and tells where by VIVA_TEST_POSTGRES_URL. What a test
// makes there is in a schema of its own.
//
// Threads: one at a time.
#ifndef VIVA_TEST_POSTGRES_FIXTURE_H
#define VIVA_TEST_POSTGRES_FIXTURE_H

#include <stddef.h>

// Makes a schema and writes a URL that leads into it; the URL is "" where there is no server. 0, or −1.
int postgres_fixture_make_schema(char *ret_schema, size_t schema_size, char *ret_url, size_t url_size);
int postgres_fixture_drop_schema(const char *schema);
// Runs a statement as the server's superuser, outside of any store, in `schema`; the first value of the first row, ""
// if there is none, in ret_value. 0, or −1 with the reason printed.
int postgres_fixture_run(const char *schema, const char *sql, char *ret_value, size_t size);
// The test server's URL with another port, so that it leads through a proxy, into `schema`; `more` is put behind it
// ("&busy=…"; "" = nothing).
void postgres_fixture_url_through(int port, const char *schema, const char *more, char *ret_url, size_t url_size);
int postgres_fixture_port(void);  // of the test server
// The value of a series in this process's metrics: "viva_store_retries_total{reason=\"batch\"}".
double postgres_fixture_metric(const char *series);

#endif
