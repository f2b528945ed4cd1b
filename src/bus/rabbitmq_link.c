// SPDX-License-Identifier: Apache-2.0
#include "bus/rabbitmq_link.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MAX_BYTES = 131072, CHANNEL_MAX = 8 };

// ---- what the broker says

// The broker's words, as far as they are printable; it never repeats a password.
static void copy_words(char *ret_text, size_t size, amqp_bytes_t words)
{
	size_t used = 0;
	for (size_t i = 0; i < words.len && used + 1 < size; i++) {
		unsigned char c = ((const unsigned char *)words.bytes)[i];
		ret_text[used++] = c >= 0x20 && c < 0x7f ? (char)c : ' ';
	}
	ret_text[used] = '\0';
}

static int close_status(int reply_code)
{
	switch (reply_code) {
	case AMQP_PRECONDITION_FAILED:
		return VIVA_ECONFLICT;
	case AMQP_NOT_FOUND:
		return VIVA_ENOTFOUND;
	default:
		return VIVA_EUNAVAILABLE;
	}
}

// A close of the connection or the channel: answers it as the protocol wants and tells its reason.
static int take_close(struct viva_rabbitmq_link *link, const amqp_method_t *method, const char *what,
		      struct viva_error *error)
{
	char words[200];
	if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
		const amqp_connection_close_t *close = method->decoded;
		copy_words(words, sizeof words, close->reply_text);
		amqp_connection_close_ok_t answer = {0};
		(void)!amqp_send_method(link->state, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &answer);
		link->is_lost = true;
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "%s: RabbitMQ closed the connection: %s", what, words);
	}
	const amqp_channel_close_t *close = method->decoded;
	copy_words(words, sizeof words, close->reply_text);
	amqp_channel_close_ok_t answer = {0};
	(void)!amqp_send_method(link->state, VIVA_RABBITMQ_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &answer);
	return viva_fail(error, close_status(close->reply_code), NULL, "%s: RabbitMQ refused: %s", what, words);
}

int viva_rabbitmq_check_sent(struct viva_rabbitmq_link *link, int status, const char *what, struct viva_error *error)
{
	if (status == AMQP_STATUS_OK)
		return 0;
	link->is_lost = true;
	if (status == AMQP_STATUS_NO_MEMORY)
		return viva_fail(error, VIVA_ENOMEM, NULL, "%s: no memory", what);
	return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "%s: %s", what, amqp_error_string2(status));
}

static int check_reply(struct viva_rabbitmq_link *link, const amqp_rpc_reply_t *reply, const char *what,
		       struct viva_error *error)
{
	switch (reply->reply_type) {
	case AMQP_RESPONSE_NORMAL:
		return 0;
	case AMQP_RESPONSE_SERVER_EXCEPTION:
		return take_close(link, &reply->reply, what, error);
	case AMQP_RESPONSE_LIBRARY_EXCEPTION:
		return viva_rabbitmq_check_sent(link, reply->library_error, what, error);
	default:
		link->is_lost = true;
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "%s: no answer", what);
	}
}

int viva_rabbitmq_check_reply(struct viva_rabbitmq_link *link, const char *what, struct viva_error *error)
{
	amqp_rpc_reply_t reply = amqp_get_rpc_reply(link->state);
	return check_reply(link, &reply, what, error);
}

// ---- connecting

static int have_no_passphrase(char *buffer, int size, int is_writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)is_writing;
	(void)context;
	return 0;
}

// OpenSSL checks the certificate against the host's name or address within the handshake, before the password goes out.
static bool expect_host(SSL_CTX *context, const char *host)
{
	X509_VERIFY_PARAM *expected = SSL_CTX_get0_param(context);
	unsigned char address[sizeof(struct in6_addr)];
	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1;
	return X509_VERIFY_PARAM_set1_host(expected, host, 0) == 1;
}

static int make_tls_socket(const struct viva_rabbitmq_url *url, const struct viva_rabbitmq_host *host,
			   amqp_connection_state_t state, amqp_socket_t **ret_socket, struct viva_error *error)
{
	amqp_socket_t *socket = amqp_ssl_socket_new(state);
	if (!socket)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for TLS");
	SSL_CTX *context = amqp_ssl_socket_get_context(socket);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_default_passwd_cb(context, have_no_passphrase);
	// rabbitmq-c's own check of the name knows no addresses: OpenSSL's does it.
	amqp_ssl_socket_set_verify_hostname(socket, false);
	amqp_ssl_socket_set_verify_peer(socket, url->verifies_peer);
	if (url->verifies_peer) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		if (!expect_host(context, host->name))
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for TLS");
	}
	if (url->cacertfile[0] == '\0')
		SSL_CTX_set_default_verify_paths(context);
	else if (amqp_ssl_socket_set_cacert(socket, url->cacertfile) != AMQP_STATUS_OK)
		return viva_fail(error, VIVA_EUSAGE, "bus-url", "can't read the certificates of %s", url->cacertfile);
	if (url->certfile[0] != '\0' && amqp_ssl_socket_set_key(socket, url->certfile, url->keyfile) != AMQP_STATUS_OK)
		return viva_fail(error, VIVA_EUSAGE, "bus-url", "can't use the certificate %s with the key %s",
				 url->certfile, url->keyfile);
	*ret_socket = socket;
	return 0;
}

static amqp_table_entry_t flag(const char *name)
{
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
				    .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

static int log_in(const struct viva_rabbitmq_url *url, const char *name, struct viva_rabbitmq_link *link,
		  struct viva_error *error)
{
	amqp_table_entry_t capabilities[] = {flag("connection.blocked"), flag("basic.nack"), flag("publisher_confirms"),
					     flag("consumer_cancel_notify")};
	amqp_table_entry_t properties[] = {
		{.key = amqp_cstring_bytes("connection_name"),
		 .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(name)}},
		{.key = amqp_cstring_bytes("capabilities"),
		 .value = {.kind = AMQP_FIELD_KIND_TABLE, .value.table = {VIVA_COUNT(capabilities), capabilities}}},
	};
	amqp_table_t table = {VIVA_COUNT(properties), properties};
	amqp_rpc_reply_t reply =
		amqp_login_with_properties(link->state, url->vhost, CHANNEL_MAX, FRAME_MAX_BYTES, url->heartbeat_s,
					   &table, AMQP_SASL_METHOD_PLAIN, url->user, url->password);
	int status = check_reply(link, &reply, "logging in to RabbitMQ", error);
	if (status)
		return status;
	amqp_channel_open(link->state, VIVA_RABBITMQ_CHANNEL);
	return viva_rabbitmq_check_reply(link, "opening a channel", error);
}

static int connect_to(const struct viva_rabbitmq_url *url, const struct viva_rabbitmq_host *host, const char *name,
		      struct viva_rabbitmq_link *link, struct viva_error *error)
{
	struct timeval limit = {.tv_sec = url->connection_timeout_ms / 1000,
				.tv_usec = url->connection_timeout_ms % 1000 * 1000};
	amqp_socket_t *socket = NULL;
	int status = 0;
	if (url->is_tls)
		status = make_tls_socket(url, host, link->state, &socket, error);
	else if (!(socket = amqp_tcp_socket_new(link->state)))
		status = viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a connection");
	if (status)
		return status;
	char what[320];
	snprintf(what, sizeof what, "connecting to RabbitMQ at %.200s:%d", host->name, host->port);
	status = viva_rabbitmq_check_sent(link, amqp_socket_open_noblock(socket, host->name, host->port, &limit), what,
					  error);
	if (status)
		return status;
	link->is_lost = false;
	link->fd = fcntl(amqp_get_sockfd(link->state), F_DUPFD_CLOEXEC, 0);
	if (link->fd < 0)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "%s: no file descriptor", what);
	amqp_set_handshake_timeout(link->state, &limit);
	amqp_set_rpc_timeout(link->state, &limit);
	return log_in(url, name, link, error);
}

int viva_rabbitmq_link_open(const struct viva_rabbitmq_url *url, size_t attempt, const char *name,
			    struct viva_rabbitmq_link *ret_link, struct viva_error *error)
{
	struct viva_rabbitmq_link link = {.state = amqp_new_connection(), .fd = -1, .is_lost = true};
	if (!link.state)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a connection");
	int status = connect_to(url, &url->hosts[attempt % url->host_count], name, &link, error);
	if (status) {
		viva_rabbitmq_link_finish(&link);
		bool is_refusal = status == VIVA_ECONFLICT || status == VIVA_ENOTFOUND;  // no such virtual host
		return is_refusal ? VIVA_EUNAVAILABLE : status;
	}
	*ret_link = link;
	return 0;
}

void viva_rabbitmq_link_finish(struct viva_rabbitmq_link *link)
{
	if (!link->is_lost)
		amqp_connection_close(link->state, AMQP_REPLY_SUCCESS);
	amqp_destroy_connection(link->state);
	if (link->fd >= 0)
		close(link->fd);
	*link = (struct viva_rabbitmq_link){.fd = -1, .is_lost = true};
}

// ---- frames

int viva_rabbitmq_next_frame(struct viva_rabbitmq_link *link, amqp_frame_t *ret_frame, bool *ret_has_frame,
			     struct viva_error *error)
{
	struct timeval none = {0};
	*ret_has_frame = false;
	int got = amqp_simple_wait_frame_noblock(link->state, ret_frame, &none);
	if (got == AMQP_STATUS_TIMEOUT)
		return 0;
	int status = viva_rabbitmq_check_sent(link, got, "reading from RabbitMQ", error);
	if (status)
		return status;
	bool is_close = ret_frame->frame_type == AMQP_FRAME_METHOD &&
			(ret_frame->payload.method.id == AMQP_CONNECTION_CLOSE_METHOD ||
			 ret_frame->payload.method.id == AMQP_CHANNEL_CLOSE_METHOD);
	if (is_close)
		return take_close(link, &ret_frame->payload.method, "in use", error);
	*ret_has_frame = true;
	return 0;
}

void viva_rabbitmq_release(struct viva_rabbitmq_link *link, const amqp_frame_t *frame)
{
	amqp_maybe_release_buffers_on_channel(link->state, frame->channel);
}

void viva_rabbitmq_cork(struct viva_rabbitmq_link *link)
{
	setsockopt(link->fd, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int));
}

void viva_rabbitmq_uncork(struct viva_rabbitmq_link *link)
{
	setsockopt(link->fd, IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof(int));
}
