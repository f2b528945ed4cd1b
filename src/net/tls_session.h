// SPDX-License-Identifier: Apache-2.0
//
// One TLS connection without a socket: takes the peer's bytes, gives plain ones, seals plain ones, and says what must
// be sent. It keeps no more than a record of input; output is the caller's to take away. For
// whoever has a socket of its own; a server's connections have it built in (net/http_server.h).
//
//   peer's bytes ──feed──> [ session ] ──read──> plain bytes
//   peer <──take_output──  [         ] <──write── plain bytes
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_NET_TLS_SESSION_H
#define VIVA_NET_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "net/tls.h"

struct viva_tls_session;

enum { VIVA_TLS_RECORD_BYTES = 16 * 1024 };  // of plain bytes (RFC 8446 §5.1)

// `host`, of a client that verifies: the name or address that the server's certificate must have; copied.
// VIVA_ENOMEM, VIVA_EINVAL (no such name).
VIVA_MUST_CHECK int viva_tls_session_create(struct viva_tls *tls, const char *host,
					    struct viva_tls_session **ret_session);
struct viva_tls_session *viva_tls_session_destroy(struct viva_tls_session *session);  // NULL is fine. Always NULL.
VIVA_DEFINE_AUTO(viva_tls_session)

// Lends the peer's bytes until read() wants more, i.e. gave 0 bytes or failed. Those of the last loan must be used up.
void viva_tls_session_feed(struct viva_tls_session *session, const void *data, size_t size);
// Goes on with the handshake only, until viva_tls_session_is_open or more must be fed. VIVA_EPROTOCOL.
VIVA_MUST_CHECK int viva_tls_session_shake_hands(struct viva_tls_session *session);
// Goes on with the handshake, then gives at most a record of plain bytes. *ret_size 0: more must be fed first.
// VIVA_ECLOSED: the peer says that nothing follows. VIVA_EPROTOCOL: it is over (viva_tls_session_failure tells why).
// There may be output after each call, a failed one, too.
VIVA_MUST_CHECK int viva_tls_session_read(struct viva_tls_session *session, void *buffer, size_t capacity,
					  size_t *ret_size);
// Seals at most a record. *ret_size is what was taken: 0 before the end of the handshake. VIVA_EPROTOCOL.
VIVA_MUST_CHECK int viva_tls_session_write(struct viva_tls_session *session, const void *data, size_t size,
					   size_t *ret_size);
// Says that nothing follows.
void viva_tls_session_end(struct viva_tls_session *session);

bool viva_tls_session_is_open(const struct viva_tls_session *session);     // the handshake is through
bool viva_tls_session_is_resumed(const struct viva_tls_session *session);  // by a ticket of an earlier one
size_t viva_tls_session_unsent(const struct viva_tls_session *session);    // bytes of output that wait to be taken
// The bytes that must be sent, in order; the caller's from now on.
struct viva_buffer viva_tls_session_take_output(struct viva_tls_session *session);
// Why it failed, for people; "" while it didn't.
const char *viva_tls_session_failure(const struct viva_tls_session *session);

#endif
