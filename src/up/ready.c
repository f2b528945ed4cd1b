// SPDX-License-Identifier: Apache-2.0
#include "up/ready.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int viva_socket_address_parse(const char *host, uint16_t port, union viva_socket_address *ret_address)
{
	union viva_socket_address address = {0};
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &address.v4.sin_addr) == 1) {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, host, &address.v6.sin6_addr) == 1) {
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons(port);
	} else {
		return VIVA_EINVAL;
	}
	*ret_address = address;
	return 0;
}

union viva_socket_address viva_socket_address_of_listener(union viva_socket_address address)
{
	if (address.any.sa_family == AF_INET && address.v4.sin_addr.s_addr == htonl(INADDR_ANY))
		address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (address.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr))
		address.v6.sin6_addr = in6addr_loopback;
	return address;
}

socklen_t viva_socket_address_size(const union viva_socket_address *address)
{
	return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

void viva_socket_address_text(const union viva_socket_address *address, char ret_text[VIVA_SOCKET_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";
	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
		snprintf(ret_text, VIVA_SOCKET_ADDRESS_TEXT, "%s:%u", host, ntohs(address->v4.sin_port));
	} else {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
		snprintf(ret_text, VIVA_SOCKET_ADDRESS_TEXT, "[%s]:%u", host, ntohs(address->v6.sin6_port));
	}
}

void viva_probe_init(struct viva_probe *probe, const struct viva_clock *clock, union viva_socket_address address,
		     struct viva_tls *tls)
{
	*probe = (struct viva_probe){
		.clock = clock, .address = address, .tls = tls, .fd = -1, .next_start_ms = viva_clock_now_ms(clock)};
}

void viva_probe_cancel(struct viva_probe *probe)
{
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
	probe->session = viva_tls_session_destroy(probe->session);
	probe->state = VIVA_PROBE_IDLE;
	probe->next_start_ms = viva_clock_now_ms(probe->clock) + VIVA_PROBE_INTERVAL_MS;
}

short viva_probe_events(const struct viva_probe *probe)
{
	switch (probe->state) {
	case VIVA_PROBE_CONNECTING:
		return POLLOUT;
	case VIVA_PROBE_READING:
		return POLLIN;
	case VIVA_PROBE_IDLE:
		break;
	}
	return 0;
}

int64_t viva_probe_wakes_at_ms(const struct viva_probe *probe)
{
	return probe->state == VIVA_PROBE_IDLE ? probe->next_start_ms : probe->deadline_ms;
}

static bool is_writable(int fd)
{
	struct pollfd watched = {.fd = fd, .events = POLLOUT};
	return poll(&watched, 1, 0) == 1;
}

static void begin(struct viva_probe *probe)
{
	probe->fd = socket(probe->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	probe->size = 0;
	probe->has_asked = false;
	probe->deadline_ms = viva_clock_now_ms(probe->clock) + VIVA_PROBE_TIMEOUT_MS;
	probe->state = VIVA_PROBE_CONNECTING;
	if (probe->fd < 0 || (connect(probe->fd, &probe->address.any, viva_socket_address_size(&probe->address)) &&
			      errno != EINPROGRESS))
		viva_probe_cancel(probe);
}

static bool send_all(const struct viva_probe *probe, const void *data, size_t size)
{
	// A fresh socket's buffer takes so little at once; a connect that failed shows here, too.
	return send(probe->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static size_t write_request(const struct viva_probe *probe, char *request, size_t size)
{
	char host[VIVA_SOCKET_ADDRESS_TEXT];
	viva_socket_address_text(&probe->address, host);
	return (size_t)snprintf(request, size, "GET /health/ready HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
				host);
}

// Goes on with the handshake, and asks at its end.
static bool ask_by_tls(struct viva_probe *probe)
{
	if (!probe->session && viva_tls_session_create(probe->tls, NULL, &probe->session))
		return false;
	if (viva_tls_session_shake_hands(probe->session))
		return false;
	if (viva_tls_session_is_open(probe->session) && !probe->has_asked) {
		char request[192];
		size_t size = write_request(probe, request, sizeof request);
		size_t taken = 0;
		if (viva_tls_session_write(probe->session, request, size, &taken) || taken != size)
			return false;
		probe->has_asked = true;
	}
	struct viva_buffer output = viva_tls_session_take_output(probe->session);
	bool is_sent = output.size == 0 || send_all(probe, output.data, output.size);
	viva_buffer_finish(&output);
	return is_sent;
}

static bool ask_plainly(const struct viva_probe *probe)
{
	char request[192];
	size_t size = write_request(probe, request, sizeof request);
	return send_all(probe, request, size);
}

static void ask(struct viva_probe *probe)
{
	if (probe->tls ? ask_by_tls(probe) : ask_plainly(probe))
		probe->state = VIVA_PROBE_READING;
	else
		viva_probe_cancel(probe);
}

// As recv(2): −1 with EAGAIN while the answer isn't there yet.
static ssize_t receive_by_tls(struct viva_probe *probe, void *buffer, size_t capacity)
{
	uint8_t sealed[4096];
	ssize_t got = recv(probe->fd, sealed, sizeof sealed, 0);
	if (got <= 0)
		return got;
	size_t plain = 0;
	viva_tls_session_feed(probe->session, sealed, (size_t)got);
	if (!ask_by_tls(probe) || viva_tls_session_read(probe->session, buffer, capacity, &plain))
		return 0;
	errno = EAGAIN;
	return plain > 0 ? (ssize_t)plain : -1;
}

// Whether a whole "HTTP/1.1 200" was read; anything else that is final ends the question.
static bool read_answer(struct viva_probe *probe)
{
	static const char wanted[] = "HTTP/1.1 200";
	char *end = probe->answer + probe->size;
	size_t room = sizeof probe->answer - probe->size;
	ssize_t got = probe->tls ? receive_by_tls(probe, end, room) : recv(probe->fd, end, room, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got > 0) {
		probe->size += (size_t)got;
		if (probe->size < sizeof wanted - 1)
			return false;
	}
	bool is_ready = got > 0 && memcmp(probe->answer, wanted, sizeof wanted - 1) == 0;
	viva_probe_cancel(probe);
	return is_ready;
}

bool viva_probe_advance(struct viva_probe *probe)
{
	int64_t now_ms = viva_clock_now_ms(probe->clock);
	if (probe->state == VIVA_PROBE_IDLE && now_ms >= probe->next_start_ms)
		begin(probe);
	else if (probe->state != VIVA_PROBE_IDLE && now_ms >= probe->deadline_ms)
		viva_probe_cancel(probe);
	if (probe->state == VIVA_PROBE_CONNECTING && is_writable(probe->fd))
		ask(probe);
	return probe->state == VIVA_PROBE_READING && read_answer(probe);
}
