// SPDX-License-Identifier: Apache-2.0
//
// A Consul agent that says what a test wants: instances of every service with one index, answered as blocking queries
// are, and the calls by which an instance registers.
//
// Threads: the test's.
#ifndef FAKE_CONSUL_H
#define FAKE_CONSUL_H

#include <stdbool.h>
#include <stdint.h>

#include "discovery/discovery.h"
#include "net_fixture.h"

struct fake_consul;

struct fake_consul *fake_consul_start(void);
void fake_consul_stop(struct fake_consul *consul);
// "consul://127.0.0.1:PORT" and `query` ("" or "?…"), valid until the next call.
const char *fake_consul_url(struct fake_consul *consul, const char *query);

// From now on queries about instances get this body and index; those that wait are answered. `status` 0 = 200.
void fake_consul_answer(struct fake_consul *consul, uint64_t index, int status, const char *body);
// Each query about instances is answered at once, with the next index: a service that flaps.
void fake_consul_flap(struct fake_consul *consul);
// What /v1/agent/services says, and whether the agent knows the service that it is asked about.
void fake_consul_set_agent(struct fake_consul *consul, const char *services, bool is_known);

// Waits (10 s at most) until a request that contains `part` was the `count`-th of its kind; gives it back. A request is
// "METHOD TARGET token=TOKEN BODY". Valid until stop.
const char *fake_consul_await(struct fake_consul *consul, const char *part, size_t count);
size_t fake_consul_count(struct fake_consul *consul, const char *part);

#endif
