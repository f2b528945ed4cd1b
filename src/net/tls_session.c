// SPDX-License-Identifier: Apache-2.0
#include "net/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_context.h"

// A certificate's file at its largest, and what a read's worth of input may call forth.
enum { MAX_OUTPUT_BYTES = 1024 * 1024 };

struct viva_tls_session {
	SSL *ssl;
	struct viva_bytes input;  // lent, not yet used
	struct viva_buffer output;
	bool has_failed;
	char failure[160];
};

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int read_input(BIO *bio, char *buffer, int size)
{
	struct viva_tls_session *session = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (session->input.size == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t taken = VIVA_MIN((size_t)size, session->input.size);
	memcpy(buffer, session->input.data, taken);
	session->input = viva_bytes_of(session->input.data + taken, session->input.size - taken);
	return (int)taken;
}

static int write_output(BIO *bio, const char *data, int size)
{
	struct viva_tls_session *session = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	return viva_buffer_append(&session->output, data, (size_t)size) == 0 ? size : -1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static void make_method(void)
{
	BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "viva");
	if (!made)
		return;
	BIO_meth_set_read(made, read_input);
	BIO_meth_set_write(made, write_output);
	BIO_meth_set_ctrl(made, control);
	method = made;
}

static int name_server(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);
	if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1)
		return 0;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	bool is_set = SSL_set_tlsext_host_name(ssl, host) == 1 && X509_VERIFY_PARAM_set1_host(wanted, host, 0) == 1;
	return is_set ? 0 : VIVA_EINVAL;
}

int viva_tls_session_create(struct viva_tls *tls, const char *host, struct viva_tls_session **ret_session)
{
	pthread_once(&method_once, make_method);
	VIVA_AUTO(viva_tls_session) session = calloc(1, sizeof *session);
	BIO *bio = session && method ? BIO_new(method) : NULL;
	if (!bio)
		return VIVA_ENOMEM;
	BIO_set_data(bio, session);
	BIO_set_init(bio, 1);
	viva_buffer_init(&session->output, MAX_OUTPUT_BYTES);
	session->ssl = SSL_new(tls->context);
	if (!session->ssl) {
		BIO_free(bio);
		ERR_clear_error();
		return VIVA_ENOMEM;
	}
	SSL_set_bio(session->ssl, bio, bio);
	if (tls->is_server)
		SSL_set_accept_state(session->ssl);
	else
		SSL_set_connect_state(session->ssl);
	// A verification that compares no name would let anybody's certificate pass.
	if (tls->is_verified && (!host || name_server(session->ssl, host) != 0)) {
		ERR_clear_error();
		return VIVA_EINVAL;
	}
	*ret_session = viva_take(&session);
	return 0;
}

struct viva_tls_session *viva_tls_session_destroy(struct viva_tls_session *session)
{
	if (!session)
		return NULL;
	SSL_free(session->ssl);
	viva_buffer_finish(&session->output);
	free(session);
	return NULL;
}

void viva_tls_session_feed(struct viva_tls_session *session, const void *data, size_t size)
{
	session->input = viva_bytes_of(data, size);
}

static int fail(struct viva_tls_session *session)
{
	long verified = SSL_get_verify_result(session->ssl);
	const char *reason = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
						   : ERR_reason_error_string(ERR_peek_error());
	if (!session->has_failed)
		snprintf(session->failure, sizeof session->failure, "%s", reason ? reason : "the connection broke off");
	session->has_failed = true;
	session->input = (struct viva_bytes){0};
	ERR_clear_error();
	return VIVA_EPROTOCOL;
}

int viva_tls_session_shake_hands(struct viva_tls_session *session)
{
	if (session->has_failed)
		return VIVA_EPROTOCOL;
	ERR_clear_error();
	int result = SSL_do_handshake(session->ssl);
	return result == 1 || SSL_get_error(session->ssl, result) == SSL_ERROR_WANT_READ ? 0 : fail(session);
}

int viva_tls_session_read(struct viva_tls_session *session, void *buffer, size_t capacity, size_t *ret_size)
{
	if (session->has_failed)
		return VIVA_EPROTOCOL;
	ERR_clear_error();
	size_t size = 0;
	int result = SSL_read_ex(session->ssl, buffer, capacity, &size);
	if (result == 1) {
		*ret_size = size;
		return 0;
	}
	switch (SSL_get_error(session->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		*ret_size = 0;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		session->input = (struct viva_bytes){0};
		return VIVA_ECLOSED;
	default:
		return fail(session);
	}
}

int viva_tls_session_write(struct viva_tls_session *session, const void *data, size_t size, size_t *ret_size)
{
	if (session->has_failed)
		return VIVA_EPROTOCOL;
	*ret_size = 0;
	if (!viva_tls_session_is_open(session) || size == 0)
		return 0;
	ERR_clear_error();
	size_t part = VIVA_MIN(size, (size_t)VIVA_TLS_RECORD_BYTES);
	// The output takes whatever comes, so a write is whole or has failed.
	return SSL_write_ex(session->ssl, data, part, ret_size) == 1 ? 0 : fail(session);
}

void viva_tls_session_end(struct viva_tls_session *session)
{
	// OpenSSL's own rule: none after a failure or amid a handshake.
	if (session->has_failed || !viva_tls_session_is_open(session))
		return;
	ERR_clear_error();
	if (SSL_shutdown(session->ssl) < 0)
		ERR_clear_error();
}

bool viva_tls_session_is_open(const struct viva_tls_session *session)
{
	return SSL_is_init_finished(session->ssl) == 1;
}

bool viva_tls_session_is_resumed(const struct viva_tls_session *session)
{
	return SSL_session_reused(session->ssl) == 1;
}

size_t viva_tls_session_unsent(const struct viva_tls_session *session)
{
	return session->output.size;
}

struct viva_buffer viva_tls_session_take_output(struct viva_tls_session *session)
{
	struct viva_buffer output = session->output;
	viva_buffer_init(&session->output, MAX_OUTPUT_BYTES);
	return output;
}

const char *viva_tls_session_failure(const struct viva_tls_session *session)
{
	return session->failure;
}
