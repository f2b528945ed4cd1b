// SPDX-License-Identifier: Apache-2.0
//
// The interview service of the fixture behind a real HTTP server, listening to its bus, and WebSocket clients of it.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_INTERVIEW_SOCKETS_H
#define VIVA_TEST_INTERVIEW_SOCKETS_H

#include "interview_fixture.h"
#include "net/websocket_client.h"

#define INTERVIEW_CONSENTED "{\"user_id\":\"u\",\"total_questions\":1,\"consent\":{\"emotion_analysis\":true}}"

int interview_sockets_set_up(void **state);
int interview_sockets_tear_down(void **state);
// From now on the scoring service is one that knows a score, calculated later than anything that the clock says.
void interview_sockets_find_scoring(struct interview_fixture *fixture);

// Connects with the interview's token, which expires in an hour.
struct viva_websocket_client *socket_open(struct interview_fixture *fixture, const char *id);
// The same, and takes the status of the greeting.
struct viva_websocket_client *socket_connect(struct interview_fixture *fixture, const char *id);
// The same with a new interview, and takes the question, too.
struct viva_websocket_client *socket_begin(struct interview_fixture *fixture, const char **ret_id);
// The next message's data; it must be of this type.
json_t *socket_receive(struct viva_websocket_client *client, const char *type);
void socket_expect(struct viva_websocket_client *client, const char *type);
void socket_expect_end(struct viva_websocket_client *client);
void socket_send(struct viva_websocket_client *client, const char *text);

#endif
