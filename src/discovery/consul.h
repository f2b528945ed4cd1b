// SPDX-License-Identifier: Apache-2.0
//
// The parts of the Consul backend. One thread talks to the agent: a blocking query for each service that is followed
// (consul_watch.c), and this instance's registration (consul_register.c). Internal to discovery/.
//
// Threads: discovery's own, except where stated.
#ifndef VIVA_DISCOVERY_CONSUL_H
#define VIVA_DISCOVERY_CONSUL_H

#include "discovery/consul_answer.h"
#include "discovery/consul_request.h"
#include "discovery/consul_url.h"
#include "discovery/discovery_backend.h"
#include "resilience/rate_limiter.h"

struct viva_metric;
struct consul;

// Follows one service:
//
//   IDLE (until due_us) ──start──> ASKING ──answer──> IDLE
struct consul_watch {
	struct consul *consul;
	size_t service;  // its number in the table
	struct consul_request request;
	struct viva_rate_limiter limiter;
	uint64_t index;  // of the last answer; 0 = ask without waiting
	int64_t due_us;
	uint32_t failures;   // in a row
	bool is_kept;        // the addresses known are those of before an empty answer
	bool is_incomplete;  // the last answer had more, or other, entries than could be used
	struct viva_metric *instances, *changes, *errors;
};

enum registration_state {
	REGISTRATION_NONE,
	REGISTRATION_LOOKING,  // whether it is registered by file
	REGISTRATION_PUTTING,
	REGISTRATION_HELD,  // asks from time to time whether the agent still knows
	REGISTRATION_LEAVING,
	REGISTRATION_GONE,
};

struct consul_registration {
	struct consul *consul;
	struct consul_request request;
	enum registration_state state;
	int64_t due_us;  // of the next step; INT64_MAX = an answer is awaited
	uint32_t failures;
	char name[DISCOVERY_MAX_NAME + 16];
	char address[DISCOVERY_MAX_ADDRESS + 1];
	uint16_t port;
	char own_id[CONSUL_MAX_ID + 1];
	char twin_id[CONSUL_MAX_ID + 1];  // registered by file; "" = none
	char *body;                       // what is PUT
	int result;                       // of leaving
};

struct consul {
	struct viva_discovery base;  // first
	struct consul_url url;
	const struct viva_clock *clock;
	struct viva_random *random;
	CURLM *multi;
	pthread_t thread;
	bool has_thread;
	struct consul_watch watches[DISCOVERY_MAX_SERVICES];
	size_t watch_count;
	struct consul_registration registration;

	pthread_mutex_t mutex;   // guards what follows, which other threads set or wait for
	pthread_cond_t changed;  // on CLOCK_MONOTONIC
	bool must_stop;
	bool is_enrolled;  // registration may be worked on
	bool must_leave;
	bool has_left;
	bool was_asked[DISCOVERY_MAX_SERVICES];
};

// A pause before trial number `failures` (from 1): doubles from 250 ms to 5 s, half of it by chance.
int64_t consul_backoff_us(struct consul *consul, uint32_t failures);
// What an answer that is none means to an operator.
const char *consul_reason(const struct consul_request *request, int code, char *buffer, size_t size);
void consul_was_asked(struct consul *consul, size_t service);  // whoever waits for it may go on
void consul_has_left(struct consul *consul);
void consul_is_back(struct consul *consul);  // the agent answers again, and may have forgotten us

void consul_watch_init(struct consul_watch *watch, struct consul *consul, size_t service);
void consul_watch_advance(struct consul_watch *watch, int64_t now_us);
void consul_watch_finish(struct consul_watch *watch);

// On the caller's thread, before is_enrolled is set. VIVA_EINVAL, VIVA_ENOMEM.
VIVA_MUST_CHECK int consul_registration_init(struct consul_registration *registration, struct consul *consul,
					     const struct viva_discovery_instance *instance);
void consul_registration_advance(struct consul_registration *registration, int64_t now_us, bool must_leave);
void consul_registration_check_soon(struct consul_registration *registration);  // the agent may have been restarted
void consul_registration_finish(struct consul_registration *registration);

#endif
