// SPDX-License-Identifier: Apache-2.0
//
// The URL of a RabbitMQ (rabbitmq.com/uri-spec.html, /uri-query-parameters.html), taken apart:
//
//   amqp[s]://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]]…[/VHOST][?NAME=VALUE[&NAME=VALUE]…]
//
// Several hosts are the nodes of one cluster: whichever answers is used. Everything may be percent-encoded; a virtual
// host called a/b is a%2Fb, and none (also after a bare slash) means "/".
//
// Threads: any; nothing blocks.
#ifndef VIVA_BUS_RABBITMQ_URL_H
#define VIVA_BUS_RABBITMQ_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"

enum { VIVA_RABBITMQ_MAX_HOSTS = 16 };

struct viva_rabbitmq_host {
	char name[256];  // a name or an address, IPv6 without brackets
	int port;        // default 5672, with TLS 5671
};

struct viva_rabbitmq_url {
	bool is_tls;
	struct viva_rabbitmq_host hosts[VIVA_RABBITMQ_MAX_HOSTS];
	size_t host_count;
	char user[256];             // default guest
	char password[256];         // default guest
	char vhost[256];            // default /
	char cacertfile[1024];      // certificates to trust, PEM; "" = the system's
	char certfile[1024];        // the client's own, PEM; "" = none
	char keyfile[1024];         // its key; given if and only if certfile is
	bool verifies_peer;         // verify=verify_peer (default) or verify_none
	int heartbeat_s;            // heartbeat=, 1–3,600; default 10. A broker silent for twice as long is gone.
	int connection_timeout_ms;  // connection_timeout=, 100–300,000; default 10,000. Also of each request.
};

// VIVA_EUSAGE: says what is wrong and repeats nothing of the text, which may hold a password.
VIVA_MUST_CHECK int viva_rabbitmq_url_parse(const char *text, struct viva_rabbitmq_url *ret_url,
					    struct viva_error *error);

#endif
