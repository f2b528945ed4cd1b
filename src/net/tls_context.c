// SPDX-License-Identifier: Apache-2.0
#include "net/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/file.h"

enum { MAX_FILE_BYTES = 256 * 1024 };

// Of TLS 1.2 only what has forward secrecy and authenticated encryption; 1.3 has nothing else.
static const char tls12_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
// We speak one protocol; a client that offers others only must not take it for one of those (RFC 7301).
static const unsigned char protocol[] = "\x08http/1.1";

const char *tls_last_complaint(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	ERR_clear_error();
	return reason ? reason : "it is not as it should be";
}

static int choose_protocol(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_size,
			   const unsigned char *offered, unsigned offered_size, void *context)
{
	(void)ssl;
	(void)context;
	for (unsigned at = 0; at < offered_size; at += 1U + offered[at])
		if (offered[at] == protocol[0] && offered_size - at >= sizeof protocol - 1 &&
		    memcmp(offered + at, protocol, sizeof protocol - 1) == 0) {
			*ret_chosen = offered + at + 1;
			*ret_size = protocol[0];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int create(bool is_server, struct viva_tls **ret_tls)
{
	struct viva_tls *tls = calloc(1, sizeof *tls);
	if (!tls)
		return VIVA_ENOMEM;
	atomic_init(&tls->references, 1);
	tls->is_server = is_server;
	tls->context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	if (!tls->context || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(tls->context, tls12_ciphers) != 1) {
		ERR_clear_error();
		viva_tls_destroy(tls);
		return VIVA_ENOMEM;
	}
	SSL_CTX_set_options(tls->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	// An idle connection needs no buffers: a gateway holds thousands of WebSockets.
	SSL_CTX_set_mode(tls->context, SSL_MODE_RELEASE_BUFFERS);
	// Who comes back brings a ticket; nothing is kept of those who don't.
	SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
	*ret_tls = tls;
	return 0;
}

// Keys that need a passphrase are refused: OpenSSL would ask for it on the terminal.
static int refuse_passphrase(char *buffer, int size, int is_writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)is_writing;
	*(bool *)context = true;
	return -1;
}

static int read_file(const char *path, const char *field, const char *what, char **ret_text, size_t *ret_size,
		     struct viva_error *error)
{
	int code = viva_file_read(path, MAX_FILE_BYTES, ret_text, ret_size);
	if (code == 0)
		return 0;
	return viva_fail(error, code == VIVA_ENOMEM ? code : VIVA_EUSAGE, field, "the %s %.160s can't be read: %s",
			 what, path,
			 code == VIVA_ELIMIT ? "it is too large"
			 : errno != 0        ? strerror(errno)
					     : viva_error_text(code));
}

static int64_t unix_seconds(const ASN1_TIME *time)
{
	struct tm broken_down;
	return ASN1_TIME_to_tm(time, &broken_down) == 1 ? (int64_t)timegm(&broken_down) : 0;
}

static int use_certificate(struct viva_tls *tls, BIO *pem, const char *path, struct viva_error *error)
{
	X509 *certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
	if (!certificate) {
		ERR_clear_error();
		return viva_fail(error, VIVA_EUSAGE, "tls-certificate", "the certificate %.160s is not in PEM", path);
	}
	tls->valid_from_s = unix_seconds(X509_get0_notBefore(certificate));
	tls->valid_until_s = unix_seconds(X509_get0_notAfter(certificate));
	bool is_taken = SSL_CTX_use_certificate(tls->context, certificate) == 1;
	X509_free(certificate);
	for (X509 *next; is_taken && (next = PEM_read_bio_X509(pem, NULL, NULL, NULL));)
		if (SSL_CTX_add0_chain_cert(tls->context, next) != 1) {
			X509_free(next);
			is_taken = false;
		}
	// The end of the file is a complaint, too.
	if (is_taken && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		ERR_clear_error();
	if (is_taken && ERR_peek_last_error() == 0)
		return 0;
	return viva_fail(error, VIVA_EUSAGE, "tls-certificate", "the certificate %.120s can't be used: %s", path,
			 tls_last_complaint());
}

static int load_certificate(struct viva_tls *tls, const char *path, struct viva_error *error)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	int code = read_file(path, "tls-certificate", "certificate", &text, &size, error);
	if (code != 0)
		return code;
	BIO *pem = BIO_new_mem_buf(text, (int)size);
	if (!pem)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the certificate");
	code = use_certificate(tls, pem, path, error);
	BIO_free(pem);
	return code;
}

static int use_key(struct viva_tls *tls, BIO *pem, const char *path, const char *certificate_path,
		   struct viva_error *error)
{
	bool needs_passphrase = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, refuse_passphrase, &needs_passphrase);
	if (!key) {
		ERR_clear_error();
		return viva_fail(error, VIVA_EUSAGE, "tls-key", "the key %.160s %s", path,
				 needs_passphrase ? "is encrypted; it must be stored without a passphrase"
						  : "is no private key in PEM");
	}
	bool is_its = X509_check_private_key(SSL_CTX_get0_certificate(tls->context), key) == 1;
	bool is_taken = is_its && SSL_CTX_use_PrivateKey(tls->context, key) == 1;
	EVP_PKEY_free(key);
	if (is_taken)
		return 0;
	const char *complaint = tls_last_complaint();
	return is_its ? viva_fail(error, VIVA_EUSAGE, "tls-key", "the key %.120s can't be used: %s", path, complaint)
		      : viva_fail(error, VIVA_EUSAGE, "tls-key",
				  "the key %.100s does not belong to the certificate %.100s", path, certificate_path);
}

static int load_key(struct viva_tls *tls, const char *path, const char *certificate_path, struct viva_error *error)
{
	char *text = NULL;
	size_t size = 0;
	int code = read_file(path, "tls-key", "key", &text, &size, error);
	if (code != 0)
		return code;
	BIO *pem = BIO_new_mem_buf(text, (int)size);
	code = pem ? use_key(tls, pem, path, certificate_path, error)
		   : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the key");
	BIO_free(pem);
	explicit_bzero(text, size);
	free(text);
	return code;
}

int viva_tls_create_server(const char *certificate_path, const char *key_path, struct viva_tls **ret_tls,
			   struct viva_error *error)
{
	VIVA_AUTO(viva_tls) tls = NULL;
	ERR_clear_error();
	int code = create(true, &tls);
	if (code != 0)
		return viva_fail(error, code, NULL, "no memory for TLS");
	SSL_CTX_set_alpn_select_cb(tls->context, choose_protocol, NULL);
	code = load_certificate(tls, certificate_path, error);
	if (code == 0)
		code = load_key(tls, key_path, certificate_path, error);
	if (code == 0)
		*ret_tls = viva_take(&tls);
	return code;
}

int viva_tls_create_client(const char *ca_path, struct viva_tls **ret_tls, struct viva_error *error)
{
	VIVA_AUTO(viva_tls) tls = NULL;
	ERR_clear_error();
	int code = viva_tls_create_unverified(&tls);
	if (code != 0)
		return viva_fail(error, code, NULL, "no memory for TLS");
	tls->is_verified = true;
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	if (ca_path) {
		// OpenSSL doesn't tell a missing file from one without certificates.
		VIVA_AUTO_FREE char *text = NULL;
		size_t size = 0;
		code = viva_file_read(ca_path, (size_t)8 * MAX_FILE_BYTES, &text, &size);
		if (code != 0)
			return viva_fail(error, VIVA_EUSAGE, "ca-file", "the authorities %.160s can't be read: %s",
					 ca_path, code == VIVA_ELIMIT ? "the file is too large" : strerror(errno));
	}
	if (ca_path ? SSL_CTX_load_verify_file(tls->context, ca_path) != 1
		    : SSL_CTX_set_default_verify_paths(tls->context) != 1) {
		ERR_clear_error();
		return viva_fail(error, VIVA_EUSAGE, "ca-file", "%.160s holds no certificate in PEM",
				 ca_path ? ca_path : "the system's store");
	}
	*ret_tls = viva_take(&tls);
	return 0;
}

int viva_tls_create_unverified(struct viva_tls **ret_tls)
{
	VIVA_AUTO(viva_tls) tls = NULL;
	int code = create(false, &tls);
	if (code != 0)
		return code;
	// 0 is success here, unlike everywhere else in OpenSSL.
	if (SSL_CTX_set_alpn_protos(tls->context, protocol, sizeof protocol - 1) != 0)
		return VIVA_ENOMEM;
	*ret_tls = viva_take(&tls);
	return 0;
}

struct viva_tls *viva_tls_ref(struct viva_tls *tls)
{
	atomic_fetch_add(&tls->references, 1);
	return tls;
}

struct viva_tls *viva_tls_destroy(struct viva_tls *tls)
{
	if (!tls || atomic_fetch_sub(&tls->references, 1) != 1)
		return NULL;
	SSL_CTX_free(tls->context);
	free(tls);
	return NULL;
}

int64_t viva_tls_valid_from_s(const struct viva_tls *tls)
{
	return tls->valid_from_s;
}

int64_t viva_tls_valid_until_s(const struct viva_tls *tls)
{
	return tls->valid_until_s;
}
