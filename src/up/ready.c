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

void viva_probe_init(struct viva_probe *probe, const struct viva_clock *clock, union viva_socket_address address)
{
	*probe = (struct viva_probe){
		.clock = clock, .address = address, .fd = -1, .next_start_ms = viva_clock_now_ms(clock)};
}

void viva_probe_cancel(struct viva_probe *probe)
{
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
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
	probe->deadline_ms = viva_clock_now_ms(probe->clock) + VIVA_PROBE_TIMEOUT_MS;
	probe->state = VIVA_PROBE_CONNECTING;
	if (probe->fd < 0 || (connect(probe->fd, &probe->address.any, viva_socket_address_size(&probe->address)) &&
			      errno != EINPROGRESS))
		viva_probe_cancel(probe);
}

static void ask(struct viva_probe *probe)
{
	char host[VIVA_SOCKET_ADDRESS_TEXT], request[192];
	viva_socket_address_text(&probe->address, host);
	int size = snprintf(request, sizeof request,
			    "GET /health/ready HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
	// A fresh socket's buffer takes so little at once; a connect that failed shows here, too.
	if (send(probe->fd, request, (size_t)size, MSG_NOSIGNAL) == size)
		probe->state = VIVA_PROBE_READING;
	else
		viva_probe_cancel(probe);
}

// Whether a whole "HTTP/1.1 200" was read; anything else that is final ends the question.
static bool read_answer(struct viva_probe *probe)
{
	static const char wanted[] = "HTTP/1.1 200";
	ssize_t got = recv(probe->fd, probe->answer + probe->size, sizeof probe->answer - probe->size, 0);
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
