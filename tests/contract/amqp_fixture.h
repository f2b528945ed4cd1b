// SPDX-License-Identifier: Apache-2.0
//
// A RabbitMQ for tests: tests/servers/rabbitmq.py starts one and tells where by VIVA_TEST_AMQP_URL (without a virtual
// host) and VIVA_TEST_AMQP_VHOSTS (a folder with a file for each virtual host that no test used yet).
//
// Threads: any, also of other processes.
#ifndef VIVA_TEST_AMQP_FIXTURE_H
#define VIVA_TEST_AMQP_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

// Whether there is one.
bool amqp_fixture_is_there(void);
// Writes the URL of an untouched virtual host, which is this test's from now on. False when there is no RabbitMQ.
bool amqp_fixture_claim(char *ret_url, size_t size);

#endif
