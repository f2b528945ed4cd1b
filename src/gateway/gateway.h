// SPDX-License-Identifier: Apache-2.0
//
// `viva gateway`: the one public door. Checks credentials and sizes, finds a healthy instance and passes requests,
// bodies and WebSockets on; serves the web pages. Keeps no state.
//
// Threads: main.
#ifndef VIVA_GATEWAY_H
#define VIVA_GATEWAY_H

// Runs until SIGINT or SIGTERM: the exit status of the process. `arguments` are those after "gateway".
int viva_gateway_main(int argument_count, char **arguments);

#endif
