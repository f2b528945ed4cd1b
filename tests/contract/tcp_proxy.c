// SPDX-License-Identifier: Apache-2.0
#include "tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_PAIRS = 64, BUFFER = 64 * 1024, ROUND_MS = 2 };

struct pair {
	int client, server;
	bool is_frozen;
	bool is_doomed;  // ends with the server's next answer
};

struct tcp_proxy {
	pthread_t thread;
	pthread_mutex_t lock;  // of all below
	int port, target_port;
	int listener;  // −1 = closed
	size_t pair_count;
	struct pair pairs[MAX_PAIRS];
	const char *cut_text;  // NULL = none
	enum tcp_proxy_cut_manner manner;
	bool is_stopping;
};

static void give_up(const char *what)
{
	perror(what);
	abort();
}

static int listen_on(int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, MAX_PAIRS) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		give_up("proxy");
	*port = ntohs(address.sin_port);
	return fd;
}

static void end_pair(struct tcp_proxy *proxy, size_t i)
{
	close(proxy->pairs[i].client);
	close(proxy->pairs[i].server);
	proxy->pairs[i] = proxy->pairs[--proxy->pair_count];
}

static void end_all(struct tcp_proxy *proxy)
{
	while (proxy->pair_count > 0)
		end_pair(proxy, 0);
}

static void accept_one(struct tcp_proxy *proxy)
{
	struct sockaddr_in target = {.sin_family = AF_INET,
				     .sin_port = htons((uint16_t)proxy->target_port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0 || proxy->pair_count == MAX_PAIRS ||
	    connect(server, (struct sockaddr *)&target, sizeof target)) {
		close(client);
		close(server);
		return;
	}
	proxy->pairs[proxy->pair_count++] = (struct pair){.client = client, .server = server};
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = send(fd, data, size, MSG_NOSIGNAL);
		if (written <= 0)
			return false;
		data += written;
		size -= (size_t)written;
	}
	return true;
}

// False: the pair is over.
static bool pass_on(struct tcp_proxy *proxy, struct pair *pair, bool is_from_client)
{
	static char buffer[BUFFER];
	ssize_t size = recv(is_from_client ? pair->client : pair->server, buffer, sizeof buffer, 0);
	if (size <= 0 || (pair->is_doomed && !is_from_client))
		return false;
	if (is_from_client && proxy->cut_text &&
	    memmem(buffer, (size_t)size, proxy->cut_text, strlen(proxy->cut_text))) {
		proxy->cut_text = NULL;
		if (proxy->manner == TCP_PROXY_CUT_BEFORE)
			return false;
		pair->is_doomed = true;
	}
	return write_all(is_from_client ? pair->server : pair->client, buffer, (size_t)size);
}

static void serve(struct tcp_proxy *proxy)
{
	struct pollfd fds[2 * MAX_PAIRS + 1];
	size_t count = proxy->pair_count;
	for (size_t i = 0; i < count; i++) {
		bool is_frozen = proxy->pairs[i].is_frozen;
		fds[2 * i] = (struct pollfd){.fd = is_frozen ? -1 : proxy->pairs[i].client, .events = POLLIN};
		fds[2 * i + 1] = (struct pollfd){.fd = is_frozen ? -1 : proxy->pairs[i].server, .events = POLLIN};
	}
	fds[2 * count] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
	if (poll(fds, 2 * count + 1, 0) <= 0)
		return;
	for (size_t i = count; i-- > 0;) {
		bool is_open = !fds[2 * i].revents || pass_on(proxy, &proxy->pairs[i], true);
		is_open = is_open && (!fds[2 * i + 1].revents || pass_on(proxy, &proxy->pairs[i], false));
		if (!is_open)
			end_pair(proxy, i);
	}
	if (fds[2 * count].revents & POLLIN)
		accept_one(proxy);
}

static void *run(void *context)
{
	struct tcp_proxy *proxy = context;
	for (;;) {
		pthread_mutex_lock(&proxy->lock);
		bool is_stopping = proxy->is_stopping;
		if (!is_stopping)
			serve(proxy);
		pthread_mutex_unlock(&proxy->lock);
		if (is_stopping)
			return NULL;
		// Whoever wants something done gets the lock in this pause.
		poll(NULL, 0, ROUND_MS);
	}
}

struct tcp_proxy *tcp_proxy_start(int target_port)
{
	struct tcp_proxy *proxy = calloc(1, sizeof *proxy);
	if (!proxy)
		give_up("proxy");
	proxy->target_port = target_port;
	proxy->listener = listen_on(&proxy->port);
	pthread_mutex_init(&proxy->lock, NULL);
	if (pthread_create(&proxy->thread, NULL, run, proxy))
		give_up("proxy");
	return proxy;
}

struct tcp_proxy *tcp_proxy_stop(struct tcp_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->is_stopping = true;
	pthread_mutex_unlock(&proxy->lock);
	pthread_join(proxy->thread, NULL);
	end_all(proxy);
	if (proxy->listener >= 0)
		close(proxy->listener);
	pthread_mutex_destroy(&proxy->lock);
	free(proxy);
	return NULL;
}

int tcp_proxy_port(const struct tcp_proxy *proxy)
{
	return proxy->port;
}

void tcp_proxy_cut(struct tcp_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	end_all(proxy);
	pthread_mutex_unlock(&proxy->lock);
}

void tcp_proxy_close(struct tcp_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	end_all(proxy);
	close(proxy->listener);
	proxy->listener = -1;
	pthread_mutex_unlock(&proxy->lock);
}

void tcp_proxy_open(struct tcp_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->listener = listen_on(&proxy->port);
	pthread_mutex_unlock(&proxy->lock);
}

void tcp_proxy_freeze(struct tcp_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	for (size_t i = 0; i < proxy->pair_count; i++)
		proxy->pairs[i].is_frozen = true;
	pthread_mutex_unlock(&proxy->lock);
}

void tcp_proxy_cut_at(struct tcp_proxy *proxy, const char *text, enum tcp_proxy_cut_manner manner)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->cut_text = text;
	proxy->manner = manner;
	pthread_mutex_unlock(&proxy->lock);
}
