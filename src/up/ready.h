// SPDX-License-Identifier: Apache-2.0
//
// Asks a service whether it is ready: GET /health/ready, by TLS where it speaks that, without ever waiting.
//
// Threads: one owner; nothing blocks.
#ifndef VIVA_UP_READY_H
#define VIVA_UP_READY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/tls_session.h"

enum { VIVA_PROBE_INTERVAL_MS = 50, VIVA_PROBE_TIMEOUT_MS = 2000 };

// An IP address with a port.
union viva_socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

// Reads an IPv4 or IPv6 address or "localhost". VIVA_EINVAL.
VIVA_MUST_CHECK int viva_socket_address_parse(const char *host, uint16_t port, union viva_socket_address *ret_address);
// Where a client on this machine reaches a listener on `address`: itself, or loopback where that listens everywhere.
union viva_socket_address viva_socket_address_of_listener(union viva_socket_address address);
socklen_t viva_socket_address_size(const union viva_socket_address *address);
// "127.0.0.1:8000", "[::1]:8000".
enum { VIVA_SOCKET_ADDRESS_TEXT = 64 };
void viva_socket_address_text(const union viva_socket_address *address, char ret_text[VIVA_SOCKET_ADDRESS_TEXT]);

//   start            connected         status line came
//  IDLE ──▶ CONNECTING ──▶ READING ──▶ IDLE, with an answer
//                 └── timeout, refused, closed ──▶ IDLE, not ready
enum viva_probe_state { VIVA_PROBE_IDLE, VIVA_PROBE_CONNECTING, VIVA_PROBE_READING };

struct viva_probe {
	const struct viva_clock *clock;
	union viva_socket_address address;
	enum viva_probe_state state;
	int fd;                            // −1 while IDLE
	struct viva_tls *tls;              // borrowed; NULL = plain
	struct viva_tls_session *session;  // NULL while IDLE or CONNECTING
	bool has_asked;
	int64_t next_start_ms;  // monotonic; of IDLE
	int64_t deadline_ms;    // of the other two
	size_t size;
	char answer[16];  // "HTTP/1.1 200" and what fits
};

// Asks first at once; `clock` is borrowed. `tls`, of a client, is what the service speaks; borrowed, NULL = plain HTTP.
void viva_probe_init(struct viva_probe *probe, const struct viva_clock *clock, union viva_socket_address address,
		     struct viva_tls *tls);
// Gives up the question that is under way, also for good.
void viva_probe_cancel(struct viva_probe *probe);
// The event of poll(2) to wait for on probe->fd; 0 while IDLE.
short viva_probe_events(const struct viva_probe *probe);
// When advance() has something to do whatever happens on the socket: monotonic ms.
int64_t viva_probe_wakes_at_ms(const struct viva_probe *probe);
// Goes on as far as it can; a question that came to nothing is asked again after VIVA_PROBE_INTERVAL_MS.
// Whether the service said that it is ready.
VIVA_MUST_CHECK bool viva_probe_advance(struct viva_probe *probe);

#endif
