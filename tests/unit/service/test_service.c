// SPDX-License-Identifier: Apache-2.0
#include "service/service.h"

#include <arpa/inet.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "viva_test.h"

static char data_directory[PATH_MAX];

static int set_up(void **state)
{
	(void)state;
	make_test_directory(data_directory, sizeof data_directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	remove_test_directory(data_directory);
	return 0;
}

static bool is_down;

static int start(const struct viva_service_runtime *runtime, void **ret_state, struct viva_error *error)
{
	(void)runtime, (void)error;
	static int state;
	*ret_state = &state;
	return 0;
}

static int check(void *state, json_t *detail, struct viva_error *error)
{
	(void)state;
	json_object_set_new(detail, "store", json_string(is_down ? "down" : "ok"));
	return is_down ? viva_fail(error, VIVA_EIO, NULL, "the store does not answer") : 0;
}

static void stop(void *state)
{
	(void)state;
}

static const struct viva_service sample = {
	.name = "sample",
	.summary = "A service for tests.",
	.default_port = 8099,
	.start = start,
	.check = check,
	.stop = stop,
};

// A run of the sample service as a process of its own, its stderr readable here.
struct run {
	pid_t pid;
	FILE *log;
};

static struct run run_sample(const char *arguments[])
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct run run = {.pid = fork()};
	assert_true(run.pid >= 0);
	if (run.pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		int count = 0;
		while (arguments[count])
			count++;
		int status = viva_service_main(&sample, count, (char **)(uintptr_t)arguments);
		fflush(stdout);
		_exit(status);
	}
	close(ends[1]);
	run.log = fdopen(ends[0], "r");
	return run;
}

static int wait_for(struct run *run)
{
	int status;
	assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
	fclose(run->log);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void read_first_line(struct run *run, char line[512])
{
	assert_non_null(fgets(line, 512, run->log));
}

static uint16_t wait_until_listening(struct run *run)
{
	char line[1024];
	while (fgets(line, sizeof line, run->log)) {
		const char *at = strstr(line, "listening on 127.0.0.1:");
		if (at)
			return (uint16_t)atoi(at + strlen("listening on 127.0.0.1:"));
	}
	fail_msg("the service ended before it listened");
	return 0;
}

static void get(uint16_t port, const char *path, char *ret_answer, size_t size)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	char request[256];
	int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	assert_int_equal(write(fd, request, (size_t)length), length);
	size_t got = 0;
	for (ssize_t part; got < size - 1 && (part = read(fd, ret_answer + got, size - 1 - got)) > 0;)
		got += (size_t)part;
	ret_answer[got] = '\0';
	close(fd);
}

static const char *serving[] = {"--port", "0", "--data-dir", data_directory, "--api-key", "viva_test_key_0123456789",
				NULL};

static void test_service__answers_health_and_metrics_and_ends_cleanly_on_sigterm(void **state)
{
	(void)state;
	char answer[65536];
	struct run run = run_sample(serving);
	uint16_t port = wait_until_listening(&run);

	get(port, "/health", answer, sizeof answer);
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	assert_non_null(strstr(answer, "\"status\":\"ok\""));
	assert_non_null(strstr(answer, "\"service\":\"sample\""));
	assert_non_null(strstr(answer, "\"store\":\"ok\""));
	get(port, "/health/live", answer, sizeof answer);
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	get(port, "/metrics", answer, sizeof answer);
	assert_non_null(strstr(answer, "process_resident_memory_bytes"));

	assert_int_equal(kill(run.pid, SIGTERM), 0);
	assert_int_equal(wait_for(&run), 0);
}

static void test_service__says_503_and_what_is_down(void **state)
{
	(void)state;
	char answer[4096];
	is_down = true;
	struct run run = run_sample(serving);
	is_down = false;
	uint16_t port = wait_until_listening(&run);

	get(port, "/health", answer, sizeof answer);
	assert_non_null(strstr(answer, "HTTP/1.1 503"));
	assert_non_null(strstr(answer, "the store does not answer"));
	get(port, "/health/live", answer, sizeof answer);
	assert_non_null(strstr(answer, "HTTP/1.1 200"));

	assert_int_equal(kill(run.pid, SIGINT), 0);
	assert_int_equal(wait_for(&run), 0);
}

// Runs to the end and checks the exit status and the one line that explains it.
static void assert_refused(const char *arguments[], int status, const char *words)
{
	char line[512];
	struct run run = run_sample(arguments);
	read_first_line(&run, line);
	if (!strstr(line, words))
		fail_msg("\"%s\" does not say \"%s\"", line, words);
	assert_null(fgets(line, sizeof line, run.log));
	assert_int_equal(wait_for(&run), status);
}

static void test_service__settings_that_make_no_sense_are_one_line_and_status_2(void **state)
{
	(void)state;
	assert_refused((const char *[]){"--prot", "1", NULL}, 2, "--prot");
	assert_refused((const char *[]){"--port", "70000", NULL}, 2, "--port");
	assert_refused((const char *[]){"--log-level", "loud", NULL}, 2, "--log-level");
	assert_refused((const char *[]){"surplus", NULL}, 2, "surplus");
	assert_refused((const char *[]){"--auth", "maybe", NULL}, 2, "--auth");
}

static void test_service__listening_beyond_loopback_demands_protection(void **state)
{
	(void)state;
	assert_refused((const char *[]){"--host", "0.0.0.0", NULL}, 2, "--service-key");
	assert_refused((const char *[]){"--host", "0.0.0.0", "--service-key", "k", "--auth", "off", NULL}, 2,
		       "loopback");
}

static void test_service__a_port_in_use_is_one_line_and_status_1(void **state)
{
	(void)state;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	char port[8];
	snprintf(port, sizeof port, "%u", ntohs(address.sin_port));

	assert_refused((const char *[]){"--port", port, "--data-dir", data_directory, "--api-key",
					"viva_test_key_0123456789", NULL},
		       1, port);
	close(fd);
}

static void test_service__help_lists_options_with_their_variables(void **state)
{
	(void)state;
	struct run run = run_sample((const char *[]){"--help", NULL});
	char text[16384];
	size_t size = fread(text, 1, sizeof text - 1, run.log);
	text[size] = '\0';

	assert_non_null(strstr(text, "A service for tests."));
	assert_non_null(strstr(text, "--discovery-url"));
	assert_non_null(strstr(text, "VIVA_DISCOVERY_URL"));
	assert_non_null(strstr(text, "8099"));
	assert_int_equal(wait_for(&run), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service__answers_health_and_metrics_and_ends_cleanly_on_sigterm),
		cmocka_unit_test(test_service__says_503_and_what_is_down),
		cmocka_unit_test(test_service__settings_that_make_no_sense_are_one_line_and_status_2),
		cmocka_unit_test(test_service__listening_beyond_loopback_demands_protection),
		cmocka_unit_test(test_service__a_port_in_use_is_one_line_and_status_1),
		cmocka_unit_test(test_service__help_lists_options_with_their_variables),
	};
	return cmocka_run_group_tests_name("service", tests, set_up, tear_down);
}
