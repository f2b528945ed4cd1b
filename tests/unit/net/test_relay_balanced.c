// SPDX-License-Identifier: Apache-2.0
//
// A relay whose upstreams a balancer chooses.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_relay.h"
#include "net_fixture.h"

enum { UPSTREAMS = 2, REQUESTS = 20 };

static struct viva_balancer *balancer;
static struct net_server *upstreams[UPSTREAMS], *front;
static char addresses[UPSTREAMS][32];
static const char *const names[UPSTREAMS] = {"a", "b"};

static int tell(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)error;
	const char *timeout = viva_http_header(request, "x-request-timeout");
	char *text = viva_arena_printf(request->arena, "I am %s; %s", (const char *)request->context,
				       timeout ? timeout : "no hurry");
	return viva_http_respond_text(response, 200, "text/plain", text);
}

static int break_down(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)request, (void)response;
	return viva_fail(error, VIVA_EBADGATEWAY, NULL, "broken");
}

static const struct viva_http_route good_routes[] = {{.pattern = "/*", .handle = tell, .max_body_bytes = 100}};
static const struct viva_http_route bad_routes[] = {{.pattern = "/*", .handle = break_down, .max_body_bytes = 100}};

static int choose(struct viva_http_request *request, struct viva_http_relay_choice *ret_choice,
		  struct viva_error *error)
{
	(void)request, (void)error;
	*ret_choice = (struct viva_http_relay_choice){.balancer = balancer};
	return 0;
}

static const struct viva_http_relay_route relay = {.choose = choose, .response_timeout_ms = 60000};
static const struct viva_http_route front_routes[] = {{.pattern = "/*", .relay = &relay, .max_body_bytes = 100}};

static void use_some(const struct viva_http_route *routes_of_b, enum viva_balancing balancing, size_t count)
{
	const char *list[UPSTREAMS];
	for (size_t i = 0; i < UPSTREAMS; i++) {
		struct viva_http_server_options options = viva_http_server_defaults();
		options.context = (void *)(uintptr_t)names[i];
		upstreams[i] = net_server_start(i == 1 ? routes_of_b : good_routes, 1, options);
		snprintf(addresses[i], sizeof addresses[i], "127.0.0.1:%u", net_server_port(upstreams[i]));
		list[i] = addresses[i];
	}
	struct viva_balancer_options options = viva_balancer_defaults("upstream");
	options.balancing = balancing;
	assert_ok(viva_balancer_create(&options, &balancer));
	assert_ok(viva_balancer_set(balancer, list, count));
	front = net_server_start(front_routes, VIVA_COUNT(front_routes), viva_http_server_defaults());
}

static void use(const struct viva_http_route *routes_of_b, enum viva_balancing balancing)
{
	use_some(routes_of_b, balancing, UPSTREAMS);
}

static int stop(void **state)
{
	(void)state;
	net_server_stop(front);
	for (size_t i = 0; i < UPSTREAMS; i++) {
		net_server_stop(upstreams[i]);
		upstreams[i] = NULL;
	}
	front = NULL;
	balancer = viva_balancer_destroy(balancer);
	return 0;
}

// How many of REQUESTS requests were answered by the upstream of this name.
static int answered_by(const char *name, const char *request)
{
	int count = 0;
	char wanted[16];
	snprintf(wanted, sizeof wanted, "I am %s", name);
	for (int i = 0; i < REQUESTS; i++) {
		char *answer = net_talk(net_server_port(front), request);
		count += strstr(answer, wanted) != NULL;
		free(answer);
	}
	return count;
}

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
static const char post[] = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";

static void test_relay__requests_are_spread_evenly(void **state)
{
	(void)state;
	use(good_routes, VIVA_BALANCING_LEAST_LOADED);
	assert_int_equal(answered_by("a", get), REQUESTS / 2);
	assert_int_equal(answered_by("b", post), REQUESTS / 2);
}

static void test_relay__one_that_is_gone_costs_no_request(void **state)
{
	(void)state;
	use(good_routes, VIVA_BALANCING_ROUND_ROBIN);
	net_server_stop(upstreams[1]);
	upstreams[1] = NULL;
	assert_int_equal(answered_by("a", post), REQUESTS);  // nothing was sent yet: even these go on
}

static void test_relay__one_that_breaks_down_is_left_out(void **state)
{
	(void)state;
	use(bad_routes, VIVA_BALANCING_ROUND_ROBIN);
	assert_int_equal(answered_by("a", get), REQUESTS - 5);  // five in a row, then it is left out
	assert_int_equal(answered_by("a", get), REQUESTS);
}

static void test_relay__nobody_known_is_503(void **state)
{
	(void)state;
	use_some(good_routes, VIVA_BALANCING_ROUND_ROBIN, 0);
	char *answer = net_talk(net_server_port(front), get);
	assert_begins(answer, "HTTP/1.1 503 ");
	free(answer);
}

static void test_relay__the_time_that_is_left_goes_along(void **state)
{
	(void)state;
	use(good_routes, VIVA_BALANCING_ROUND_ROBIN);
	char *answer = net_talk(net_server_port(front), "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
							"X-Request-Timeout: 5\r\n\r\n");
	const char *left = strstr(answer, "; ");
	assert_non_null(left);
	double seconds = strtod(left + 2, NULL);
	assert_true(seconds > 0 && seconds <= 5);
	free(answer);
	// Without the client's word it is the server's own limit.
	answer = net_talk(net_server_port(front), get);
	seconds = strtod(strstr(answer, "; ") + 2, NULL);
	assert_true(seconds > 5 && seconds <= 30);
	free(answer);
}

// A connection that an upstream of the test's own takes and closes after `bytes` of the request.
static int listen_as_b(void)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 10), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(addresses[1], sizeof addresses[1], "127.0.0.1:%u", ntohs(address.sin_port));
	return listener;
}

static void test_relay__one_that_dies_with_a_request_is_followed_by_another_if_that_is_safe(void **state)
{
	(void)state;
	use(good_routes, VIVA_BALANCING_ROUND_ROBIN);
	int listener = listen_as_b();
	const char *const list[] = {addresses[1], addresses[0]};
	static const char *const requests[] = {get, post};
	for (size_t i = 0; i < VIVA_COUNT(requests); i++) {
		assert_ok(viva_balancer_set(balancer, list, 1));  // the first try is the one that dies
		int client = net_connect(net_server_port(front));
		net_send_text(client, requests[i]);
		int upstream = accept(listener, NULL, NULL);
		free(net_receive_until(upstream, "\r\n\r\n"));
		assert_ok(viva_balancer_set(balancer, list, 2));
		close(upstream);
		char *answer = net_receive_all(client);
		assert_begins(answer, i == 0 ? "HTTP/1.1 200 " : "HTTP/1.1 502 ");
		free(answer);
		close(client);
	}
	close(listener);
}

static void test_relay__a_tunnel_counts_until_it_ends(void **state)
{
	(void)state;
	use(good_routes, VIVA_BALANCING_LEAST_LOADED);
	int listener = listen_as_b();
	const char *const only_b[] = {addresses[1]}, *const both[] = {addresses[0], addresses[1]};
	assert_ok(viva_balancer_set(balancer, only_b, 1));
	int client = net_connect(net_server_port(front));
	net_send_text(client, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
	int upstream = accept(listener, NULL, NULL);
	char *head = net_receive_until(upstream, "\r\n\r\n");
	assert_lacks(head, "x-request-timeout");  // it has no end
	free(head);
	net_send_text(upstream,
		      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	free(net_receive_until(client, "\r\n\r\n"));
	assert_ok(viva_balancer_set(balancer, both, 2));
	assert_int_equal(answered_by("a", get), REQUESTS);  // b is busier all the time
	close(client);
	free(net_receive_all(upstream));  // it hears the end, too
	close(upstream);
	close(listener);
}

#define RELAY_TEST(name) cmocka_unit_test_teardown(test_relay__##name, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RELAY_TEST(requests_are_spread_evenly),
		RELAY_TEST(one_that_is_gone_costs_no_request),
		RELAY_TEST(one_that_breaks_down_is_left_out),
		RELAY_TEST(nobody_known_is_503),
		RELAY_TEST(the_time_that_is_left_goes_along),
		RELAY_TEST(one_that_dies_with_a_request_is_followed_by_another_if_that_is_safe),
		RELAY_TEST(a_tunnel_counts_until_it_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
