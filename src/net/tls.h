// SPDX-License-Identifier: Apache-2.0
//
// Who we are and whom we trust when a connection speaks TLS: 1.2 or later, by OpenSSL. Immutable once made; whoever
// replaces one leaves the connections that were begun with it as they are.
//
// Threads: any. Making one blocks on the disk.
#ifndef VIVA_NET_TLS_H
#define VIVA_NET_TLS_H

#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"

struct viva_tls;

// A server's side: a PEM file of the certificate, followed by those that lead to a known authority, and one of the
// private key, unencrypted. VIVA_EUSAGE names the file (and, as the field, "tls-certificate" or "tls-key") and what is
// wrong with it: it can't be read, isn't PEM, is too weak, the key belongs to another certificate. VIVA_ENOMEM.
// A certificate that is not valid now is no error: see viva_tls_valid_until_s.
VIVA_MUST_CHECK int viva_tls_create_server(const char *certificate_path, const char *key_path,
					   struct viva_tls **ret_tls, struct viva_error *error);
// A client's side: the server must prove its name by an authority of the PEM file `ca_path`, or one that the system
// knows where it is NULL. VIVA_EUSAGE (field "ca-file"), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_tls_create_client(const char *ca_path, struct viva_tls **ret_tls, struct viva_error *error);
// A client that believes any certificate: for a process that asks its own child on this machine. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_tls_create_unverified(struct viva_tls **ret_tls);

struct viva_tls *viva_tls_ref(struct viva_tls *tls);      // one more owner; gives tls back
struct viva_tls *viva_tls_destroy(struct viva_tls *tls);  // one owner less; the last one frees. Always NULL.
VIVA_DEFINE_AUTO(viva_tls)

// From when and until when the server's certificate is valid, in Unix seconds.
int64_t viva_tls_valid_from_s(const struct viva_tls *tls);
int64_t viva_tls_valid_until_s(const struct viva_tls *tls);

#endif
