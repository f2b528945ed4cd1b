// SPDX-License-Identifier: Apache-2.0
//
// What tls_session.c needs of a struct viva_tls. Internal to net/.
//
// Threads: any.
#ifndef VIVA_NET_TLS_CONTEXT_H
#define VIVA_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "net/tls.h"

struct viva_tls {
	_Atomic unsigned references;
	SSL_CTX *context;
	bool is_server;
	bool is_verified;  // of a client: it asks the server for its name
	int64_t valid_from_s, valid_until_s;
};

// The last thing OpenSSL complained of on this thread, in its words; never NULL. Forgets it.
const char *tls_last_complaint(void);

#endif
