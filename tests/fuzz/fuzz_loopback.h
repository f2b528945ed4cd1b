// SPDX-License-Identifier: Apache-2.0
//
// A server inside the fuzz target's own thread, and a client's connection to it.
//
// Threads: one.
#ifndef FUZZ_LOOPBACK_H
#define FUZZ_LOOPBACK_H

#include <stddef.h>
#include <stdint.h>

#include "net/http_server.h"

// The loop and server of the process, made at the first call; aborts when that fails.
struct viva_loop *fuzz_loop(void);
uint16_t fuzz_server(const struct viva_http_route *routes, size_t route_count);
int fuzz_connect(uint16_t port);  // not blocking
// Lets the loop do what there is to do, waiting at most a few milliseconds for it.
void fuzz_turn(struct viva_loop *loop);
// Reads what the server sends until it closes; aborts if it hasn't after some seconds. Returns the size of what came,
// at most `size` bytes of which are in ret_text.
size_t fuzz_drain(int fd, char *ret_text, size_t size);

#endif
