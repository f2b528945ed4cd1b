// SPDX-License-Identifier: Apache-2.0
//
// A TCP proxy on 127.0.0.1 that does to connections what bad networks and dying servers do.
//
// Threads: one at a time; the proxy has a thread of its own. What is asked for is done when the call returns.
#ifndef VIVA_TEST_TCP_PROXY_H
#define VIVA_TEST_TCP_PROXY_H

#include <stdbool.h>

struct tcp_proxy;

// Passes connections on to 127.0.0.1:target_port. Aborts the test program when it can't be started.
struct tcp_proxy *tcp_proxy_start(int target_port);
struct tcp_proxy *tcp_proxy_stop(struct tcp_proxy *proxy);
int tcp_proxy_port(const struct tcp_proxy *proxy);

// Ends all connections; those that are closed refuses new ones, too, until it is opened.
void tcp_proxy_cut(struct tcp_proxy *proxy);
void tcp_proxy_close(struct tcp_proxy *proxy);
void tcp_proxy_open(struct tcp_proxy *proxy);
// From now on nothing passes through the connections there are; they stay open. New ones work.
void tcp_proxy_freeze(struct tcp_proxy *proxy);

enum tcp_proxy_cut_manner {
	TCP_PROXY_CUT_BEFORE,  // the server does not get it any more
	TCP_PROXY_CUT_AFTER,   // the server gets it, and the client does not get the answer
};
// Ends the connection on which the client next sends this text.
void tcp_proxy_cut_at(struct tcp_proxy *proxy, const char *text, enum tcp_proxy_cut_manner manner);

#endif
