// SPDX-License-Identifier: Apache-2.0
#include "net/client_stream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/tls_session.h"

struct client_stream {
	int fd;
	struct viva_tls_session *session;       // NULL = plain
	uint8_t sealed[VIVA_TLS_RECORD_BYTES];  // what the session was fed with last
};

int64_t client_stream_deadline(uint32_t timeout_ms)
{
	return viva_clock_now_ms(viva_system_clock()) + timeout_ms;
}

// 0 once `events` or an error can be had, VIVA_EDEADLINE.
static int wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		int64_t left = deadline_ms - viva_clock_now_ms(viva_system_clock());
		struct pollfd poll_fd = {.fd = fd, .events = events};
		int ready = poll(&poll_fd, 1, left > 0 ? (int)VIVA_MIN(left, (int64_t)INT32_MAX) : 0);
		if (ready > 0)
			return 0;
		if (ready == 0 && left <= 0)
			return VIVA_EDEADLINE;
		if (ready < 0 && errno != EINTR)
			return VIVA_ECLOSED;
	}
}

static int send_all(int fd, const void *data, size_t size, int64_t deadline_ms)
{
	const uint8_t *at = data;
	while (size > 0) {
		ssize_t written = send(fd, at, size, MSG_NOSIGNAL);
		if (written >= 0) {
			at += written;
			size -= (size_t)written;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return VIVA_ECLOSED;
		int code = errno == EAGAIN ? wait_for(fd, POLLOUT, deadline_ms) : 0;
		if (code != 0)
			return code;
	}
	return 0;
}

static int receive(int fd, void *buffer, size_t capacity, int64_t deadline_ms, size_t *ret_size)
{
	for (;;) {
		int code = wait_for(fd, POLLIN, deadline_ms);
		if (code != 0)
			return code;
		ssize_t size = recv(fd, buffer, capacity, 0);
		if (size > 0) {
			*ret_size = (size_t)size;
			return 0;
		}
		if (size == 0 || (errno != EAGAIN && errno != EINTR))
			return VIVA_ECLOSED;
	}
}

static int connect_one(const struct addrinfo *address, int64_t deadline_ms, int *ret_fd)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return VIVA_EUNAVAILABLE;
	int code = 0;
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
		code = errno == EINPROGRESS ? wait_for(fd, POLLOUT, deadline_ms) : VIVA_EUNAVAILABLE;
	int failure = 0;
	socklen_t length = sizeof failure;
	if (code == 0 && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length) != 0 || failure != 0))
		code = VIVA_EUNAVAILABLE;
	if (code != 0) {
		close(fd);
		return code;
	}
	int yes = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	*ret_fd = fd;
	return 0;
}

static int connect_any(const char *host, uint16_t port, int64_t deadline_ms, int *ret_fd, struct viva_error *error)
{
	char service[8];
	snprintf(service, sizeof service, "%u", port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int status = getaddrinfo(host, service, &hints, &found);
	if (status != 0)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "can't resolve %s: %s", host, gai_strerror(status));
	int code = VIVA_EUNAVAILABLE;
	for (const struct addrinfo *at = found; at && code != 0; at = at->ai_next)
		code = connect_one(at, deadline_ms, ret_fd);
	freeaddrinfo(found);
	return code == 0 ? 0 : viva_fail(error, code, NULL, "can't connect to %s port %u", host, port);
}

static int send_output(struct client_stream *stream, int64_t deadline_ms)
{
	struct viva_buffer output = viva_tls_session_take_output(stream->session);
	int code = send_all(stream->fd, output.data, output.size, deadline_ms);
	viva_buffer_finish(&output);
	return code;
}

// One step of the session: reads plain bytes if there are any (*ret_size 0 = none), sends what it wants sent.
static int step(struct client_stream *stream, void *buffer, size_t capacity, int64_t deadline_ms, size_t *ret_size)
{
	int code = viva_tls_session_read(stream->session, buffer, capacity, ret_size);
	int sent = send_output(stream, deadline_ms);
	return code != 0 ? code : sent;
}

static int feed(struct client_stream *stream, int64_t deadline_ms)
{
	size_t size = 0;
	int code = receive(stream->fd, stream->sealed, sizeof stream->sealed, deadline_ms, &size);
	if (code == 0)
		viva_tls_session_feed(stream->session, stream->sealed, size);
	return code;
}

static int shake_hands(struct client_stream *stream, int64_t deadline_ms)
{
	for (;;) {
		int code = viva_tls_session_shake_hands(stream->session);
		int sent = send_output(stream, deadline_ms);
		if (code != 0 || sent != 0)
			return code != 0 ? code : sent;
		if (viva_tls_session_is_open(stream->session))
			return 0;
		code = feed(stream, deadline_ms);
		if (code != 0)
			return code;
	}
}

static int start_tls(struct client_stream *stream, struct viva_tls *tls, const char *host, int64_t deadline_ms,
		     struct viva_error *error)
{
	int code = viva_tls_session_create(tls, host, &stream->session);
	if (code == 0)
		code = shake_hands(stream, deadline_ms);
	if (code == VIVA_EPROTOCOL)
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "no TLS with %.100s: %s", host,
				 viva_tls_session_failure(stream->session));
	if (code == VIVA_ECLOSED)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "%.100s closed during the TLS handshake", host);
	return code;
}

int client_stream_connect(const char *host, uint16_t port, struct viva_tls *tls, int64_t deadline_ms,
			  struct client_stream **ret_stream, struct viva_error *error)
{
	VIVA_AUTO(client_stream) stream = calloc(1, sizeof *stream);
	if (!stream)
		return VIVA_ENOMEM;
	stream->fd = -1;
	int code = connect_any(host, port, deadline_ms, &stream->fd, error);
	if (code == 0 && tls)
		code = start_tls(stream, tls, host, deadline_ms, error);
	if (code == 0)
		*ret_stream = viva_take(&stream);
	return code;
}

struct client_stream *client_stream_destroy(struct client_stream *stream)
{
	if (!stream)
		return NULL;
	if (stream->session) {
		viva_tls_session_end(stream->session);
		// A farewell for which there is no room is no loss.
		(void)!send_output(stream, 0);
	}
	viva_tls_session_destroy(stream->session);
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream);
	return NULL;
}

int client_stream_write(struct client_stream *stream, const void *data, size_t size, int64_t deadline_ms)
{
	if (!stream->session)
		return send_all(stream->fd, data, size, deadline_ms);
	const uint8_t *at = data;
	while (size > 0) {
		size_t taken = 0;
		if (viva_tls_session_write(stream->session, at, size, &taken) != 0 || taken == 0)
			return VIVA_ECLOSED;
		at += taken;
		size -= taken;
		int code = send_output(stream, deadline_ms);
		if (code != 0)
			return code;
	}
	return 0;
}

int client_stream_read(struct client_stream *stream, void *buffer, size_t capacity, int64_t deadline_ms,
		       size_t *ret_size)
{
	if (!stream->session)
		return receive(stream->fd, buffer, capacity, deadline_ms, ret_size);
	for (;;) {
		size_t size = 0;
		int code = step(stream, buffer, capacity, deadline_ms, &size);
		if (code == 0 && size > 0) {
			*ret_size = size;
			return 0;
		}
		if (code == 0)
			code = feed(stream, deadline_ms);
		if (code != 0)
			return code == VIVA_EPROTOCOL ? VIVA_ECLOSED : code;
	}
}
