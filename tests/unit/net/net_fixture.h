// SPDX-License-Identifier: Apache-2.0
//
// A server on a thread of its own and a plain socket to talk to it byte by byte.
//
// Threads: the test's.
#ifndef NET_FIXTURE_H
#define NET_FIXTURE_H

#include "net/http_server.h"
#include "net/loop.h"
#include "viva_test.h"

struct net_server;

// Starts a server with `routes` on a free port; `options` may set anything but port, routes, loop and pool.
struct net_server *net_server_start(const struct viva_http_route *routes, size_t route_count,
				    struct viva_http_server_options options);
// Runs it on the server's loop and waits for its end.
void net_server_run(struct net_server *server, void (*run)(void *context), void *context);
void net_server_set_tls(struct net_server *server, struct viva_tls *tls);  // on its loop
uint16_t net_server_port(const struct net_server *server);
// Asks it to stop and waits until it did. NULL is fine.
void net_server_stop(struct net_server *server);

int net_connect(uint16_t port);
void net_send(int fd, const void *data, size_t size);
void net_send_text(int fd, const char *text);
// Whatever comes until `end` has been seen, or the end of the connection, as text; free it. Fails after 10 s.
char *net_receive_until(int fd, const char *end);
char *net_receive_all(int fd);
// Connects, sends `request`, receives all and closes.
char *net_talk(uint16_t port, const char *request);

void assert_contains(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);
void assert_begins(const char *text, const char *part);
size_t count_of(const char *text, const char *part);

#endif
