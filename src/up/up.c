// SPDX-License-Identifier: Apache-2.0
#include "up/up.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/command.h"
#include "base/log.h"
#include "up/announce.h"
#include "up/children.h"
#include "up/output.h"
#include "up/plan.h"
#include "up/ready.h"
#include "up/spawn.h"

enum { FIRST_COLOUR = 32, COLOURS = 5 };

// The kernel's name of this very program, even when its file was replaced meanwhile.
static const char own_program[] = "/proc/self/exe";

struct member {
	const struct viva_planned_service *service;
	struct viva_child child;
	struct viva_output output;
	struct viva_probe probe;
	int output_fd;  // −1 = none
};

//  STARTING ──all ready──▶ UP
//     └──────stop, or a service that can't start──────┴──▶ STOPPING, rank by rank
enum phase { STARTING, UP, STOPPING };

struct supervisor {
	const struct viva_clock *clock;
	struct viva_config *config;
	struct viva_plan plan;
	struct viva_tls *tls;  // to ask the gateway; NULL where it speaks none
	struct member members[VIVA_PLAN_MAX_SERVICES];
	enum phase phase;
	bool was_announced;  // there may be a ready file
	bool is_hurried;     // a second signal came: no grace
	unsigned stop_rank;
	const struct member *failed;
	int signal_fd;
	int exit_status;
};

static void start(struct member *member)
{
	struct viva_error error = {0};
	pid_t pid = 0;
	if (viva_spawn(own_program, member->service->arguments, &pid, &member->output_fd, &error)) {
		viva_log_error("%s: %s", member->service->name, viva_error_message(&error));
		viva_child_on_exit(&member->child, SIGKILL);
		return;
	}
	viva_child_on_started(&member->child, pid);
	viva_log_debug("%s started as process %d", member->service->name, (int)pid);
}

static void read_output(struct member *member)
{
	char part[4096];
	ssize_t size;
	// A child that never pauses must not keep us from the others: a part per turn.
	do
		size = read(member->output_fd, part, sizeof part);
	while (size < 0 && errno == EINTR);
	if (size > 0) {
		viva_output_feed(&member->output, part, (size_t)size);
	} else if (size == 0) {
		viva_output_flush(&member->output);
		close(member->output_fd);
		member->output_fd = -1;
	}
}

// What a child said before it ended is in the pipe: at most its capacity, unless a grandchild goes on writing.
static void drain_output(struct member *member)
{
	enum { PIPE_CAPACITY = 64 * 1024 };
	char part[4096];
	ssize_t size;
	size_t total = 0;
	while (member->output_fd >= 0 && total < PIPE_CAPACITY &&
	       (size = read(member->output_fd, part, sizeof part)) > 0) {
		viva_output_feed(&member->output, part, (size_t)size);
		total += (size_t)size;
	}
	viva_output_flush(&member->output);
	if (member->output_fd >= 0)
		close(member->output_fd);
	member->output_fd = -1;
}

static void kill_all(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->plan.count; i++)
		if (viva_child_is_running(&supervisor->members[i].child))
			kill(supervisor->members[i].child.pid, SIGKILL);
}

// Asks those of the current rank to end, once they are all gone those of the next.
static void stop_ranks(struct supervisor *supervisor)
{
	int64_t grace_ms = supervisor->is_hurried ? 0 : viva_config_int(supervisor->config, "grace-ms");
	unsigned last = 0;
	for (size_t i = 0; i < supervisor->plan.count; i++)
		last = VIVA_MAX(last, supervisor->plan.services[i].stop_rank);
	for (; supervisor->stop_rank <= last; supervisor->stop_rank++) {
		bool is_rank_over = true;
		for (size_t i = 0; i < supervisor->plan.count; i++) {
			struct member *member = &supervisor->members[i];
			if (member->service->stop_rank != supervisor->stop_rank)
				continue;
			if (viva_child_stop(&member->child, grace_ms))
				kill(member->child.pid, SIGTERM);
			is_rank_over = is_rank_over && !viva_child_is_running(&member->child);
		}
		if (!is_rank_over)
			return;
	}
}

static void pass_reload_on(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->plan.count; i++)
		if (viva_child_is_running(&supervisor->members[i].child))
			kill(supervisor->members[i].child.pid, SIGHUP);
}

static void begin_stop(struct supervisor *supervisor)
{
	if (supervisor->phase == STOPPING)
		return;
	supervisor->phase = STOPPING;
	for (size_t i = 0; i < supervisor->plan.count; i++)
		viva_probe_cancel(&supervisor->members[i].probe);
	const char *ready_file = viva_config_text(supervisor->config, "ready-file");
	if (ready_file && supervisor->was_announced)
		unlink(ready_file);
}

static void on_stop_signal(struct supervisor *supervisor, int number)
{
	if (supervisor->phase != STOPPING) {
		viva_log_info("stopping");
		begin_stop(supervisor);
	} else if (!supervisor->is_hurried) {
		supervisor->is_hurried = true;
		supervisor->exit_status = 128 + number;
		kill_all(supervisor);
	}
}

static void log_end(const struct supervisor *supervisor, const struct member *member, pid_t pid, int wait_status)
{
	const char *name = member->service->name;
	char again[48] = "";
	if (member->child.state == VIVA_CHILD_WAITING && supervisor->phase != STOPPING)
		snprintf(again, sizeof again, "; it starts again in %lld ms",
			 (long long)VIVA_MAX(member->child.start_at_ms - viva_clock_now_ms(member->child.clock),
					     (int64_t)0));
	// One that is still starting has no handler of SIGTERM yet: that is an end as asked, too.
	bool is_orderly = (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) ||
			  (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGTERM);
	if (member->child.state == VIVA_CHILD_STOPPED && is_orderly)
		viva_log_debug("%s (process %d) ended", name, (int)pid);
	else if (WIFSIGNALED(wait_status))
		viva_log_warn("%s (process %d) was ended by signal %d (%s)%s", name, (int)pid, WTERMSIG(wait_status),
			      strsignal(WTERMSIG(wait_status)), again);
	else
		viva_log_warn("%s (process %d) ended with status %d%s", name, (int)pid, WEXITSTATUS(wait_status),
			      again);
}

static void reap(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->plan.count; i++) {
		struct member *member = &supervisor->members[i];
		pid_t pid = member->child.pid;
		int wait_status;
		if (!viva_child_is_running(&member->child) || waitpid(pid, &wait_status, WNOHANG) != pid)
			continue;
		drain_output(member);
		viva_probe_cancel(&member->probe);
		viva_child_on_exit(&member->child, wait_status);
		log_end(supervisor, member, pid, wait_status);
		if (member->child.state == VIVA_CHILD_FAILED && !supervisor->failed) {
			supervisor->failed = member;
			supervisor->exit_status = VIVA_COMMAND_FAILED;
			begin_stop(supervisor);
		}
	}
}

// A file of settings, or a certificate; else SIGHUP is what it is to most programs.
static bool has_something_to_reload(const struct supervisor *supervisor)
{
	return viva_config_text(supervisor->config, VIVA_CONFIG_FILE_OPTION) || supervisor->plan.has_tls;
}

static void read_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;
	while (read(supervisor->signal_fd, &info, sizeof info) == sizeof info)
		if (info.ssi_signo == SIGHUP && has_something_to_reload(supervisor))
			pass_reload_on(supervisor);
		else if (info.ssi_signo != SIGCHLD)
			on_stop_signal(supervisor, (int)info.ssi_signo);
}

// Tells once that all are ready; after a restart the ready file alone, as its process ids are new.
static void announce(struct supervisor *supervisor)
{
	pid_t pids[VIVA_PLAN_MAX_SERVICES];
	for (size_t i = 0; i < supervisor->plan.count; i++) {
		if (supervisor->members[i].child.state != VIVA_CHILD_READY)
			return;
		pids[i] = supervisor->members[i].child.pid;
	}
	if (!supervisor->was_announced)
		viva_announce_table(&supervisor->plan, pids, stdout);
	supervisor->was_announced = true;
	supervisor->phase = UP;

	struct viva_error error = {0};
	const char *ready_file = viva_config_text(supervisor->config, "ready-file");
	if (ready_file && viva_announce_ready_file(&supervisor->plan, pids, ready_file, &error))
		viva_log_error("%s", viva_error_message(&error));
}

static void probe(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->plan.count; i++) {
		struct member *member = &supervisor->members[i];
		if (member->child.state != VIVA_CHILD_STARTING || !viva_probe_advance(&member->probe))
			continue;
		viva_child_on_ready(&member->child);
		if (supervisor->was_announced)
			viva_log_info("%s is ready again as process %d", member->service->name, (int)member->child.pid);
		announce(supervisor);
	}
}

static void act(struct supervisor *supervisor)
{
	if (supervisor->phase == STOPPING)
		stop_ranks(supervisor);
	else
		probe(supervisor);
	for (size_t i = 0; i < supervisor->plan.count; i++) {
		struct member *member = &supervisor->members[i];
		if (supervisor->phase != STOPPING && viva_child_must_start(&member->child))
			start(member);
		if (viva_child_must_kill(&member->child)) {
			viva_log_warn("%s did not end in time and is killed", member->service->name);
			kill(member->child.pid, SIGKILL);
		}
	}
}

static int wait_ms(const struct supervisor *supervisor)
{
	int64_t wakes_at_ms = VIVA_CHILD_NEVER_MS;
	for (size_t i = 0; i < supervisor->plan.count; i++) {
		const struct member *member = &supervisor->members[i];
		wakes_at_ms = VIVA_MIN(wakes_at_ms, viva_child_wakes_at_ms(&member->child));
		if (member->child.state == VIVA_CHILD_STARTING)
			wakes_at_ms = VIVA_MIN(wakes_at_ms, viva_probe_wakes_at_ms(&member->probe));
	}
	if (wakes_at_ms == VIVA_CHILD_NEVER_MS)
		return -1;
	// One more, as the clock's milliseconds are rounded down.
	int64_t left_ms = wakes_at_ms - viva_clock_now_ms(supervisor->clock) + 1;
	return (int)VIVA_MAX(VIVA_MIN(left_ms, (int64_t)60 * 1000), (int64_t)0);
}

static void wait_for_something(struct supervisor *supervisor)
{
	struct pollfd watched[1 + 2 * VIVA_PLAN_MAX_SERVICES] = {{.fd = supervisor->signal_fd, .events = POLLIN}};
	nfds_t count = 1;
	// poll(2) passes over negative descriptors.
	for (size_t i = 0; i < supervisor->plan.count; i++) {
		struct member *member = &supervisor->members[i];
		watched[count++] = (struct pollfd){.fd = member->output_fd, .events = POLLIN};
		watched[count++] = (struct pollfd){.fd = member->probe.fd, .events = viva_probe_events(&member->probe)};
	}
	if (poll(watched, count, wait_ms(supervisor)) <= 0)
		return;
	for (size_t i = 0; i < supervisor->plan.count; i++)
		if (watched[1 + 2 * i].revents)
			read_output(&supervisor->members[i]);
	if (watched[0].revents)
		read_signals(supervisor);
}

static bool is_over(const struct supervisor *supervisor)
{
	if (supervisor->phase != STOPPING)
		return false;
	for (size_t i = 0; i < supervisor->plan.count; i++)
		if (supervisor->members[i].child.state != VIVA_CHILD_STOPPED &&
		    supervisor->members[i].child.state != VIVA_CHILD_FAILED)
			return false;
	return true;
}

static void supervise(struct supervisor *supervisor)
{
	for (act(supervisor); !is_over(supervisor); act(supervisor)) {
		wait_for_something(supervisor);
		reap(supervisor);
	}
}

// Gives the format that was chosen.
static const char *configure_log(const struct viva_config *config)
{
	enum viva_log_format format = (enum viva_log_format)viva_config_choice(config, "log-format");
	// The children write into pipes, so only we can tell what "auto" means.
	if (format == VIVA_LOG_AUTO)
		format = isatty(STDERR_FILENO) ? VIVA_LOG_TEXT : VIVA_LOG_JSON;
	viva_log_configure("up", (enum viva_log_level)viva_config_choice(config, "log-level"), format);
	return format == VIVA_LOG_JSON ? "json" : "text";
}

// Makes the secrets before the children do, so that a new API key is printed here, and once.
static int make_secrets(const struct viva_config *config, struct viva_error *error)
{
	const char *auth_setting = viva_config_text(config, "auth");
	const struct viva_auth_options options = {
		.data_directory = viva_config_text(config, "data-dir"),
		.api_key = viva_config_text(config, "api-key"),
		.token_key = viva_config_text(config, "token-key"),
		.is_off = strcmp(auth_setting, "off") == 0,
		.clock = viva_system_clock(),
	};
	VIVA_AUTO(viva_auth) auth = NULL;
	return viva_auth_open(&options, &auth, error);
}

static int make_environment(const struct viva_config *config, struct viva_error *error)
{
	// Those that only some services have would be refused by the others as arguments.
	static const struct {
		const char *option, *variable;
	} passed_on[] = {
		{"api-key", "VIVA_API_KEY"},
		{"token-key", "VIVA_TOKEN_KEY"},
		{"store-url", "VIVA_STORE_URL"},
		{"bus-url", "VIVA_BUS_URL"},
		{"webhook-url", "VIVA_WEBHOOK_URL"},
		{"webhook-secret", "VIVA_WEBHOOK_SECRET"},
		{VIVA_CONFIG_FILE_OPTION, "VIVA_CONFIG_FILE"},
	};
	char partitions[16];
	snprintf(partitions, sizeof partitions, "%lld", (long long)viva_config_int(config, "frame-partitions"));
	int status = setenv("VIVA_FRAME_PARTITIONS", partitions, 1);
	for (size_t i = 0; i < VIVA_COUNT(passed_on) && !status; i++) {
		const char *value = viva_config_text(config, passed_on[i].option);
		// What the file says the children read themselves, and read again.
		if (value && !viva_config_is_from_file(config, passed_on[i].option))
			status = setenv(passed_on[i].variable, value, 1);
	}
	// Our ready file is none of theirs.
	if (status || unsetenv("VIVA_READY_FILE"))
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	return 0;
}

static int watch_signals(struct supervisor *supervisor, struct viva_error *error)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	sigset_t watched;
	sigemptyset(&watched);
	for (size_t i = 0; i < VIVA_COUNT(numbers); i++)
		sigaddset(&watched, numbers[i]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);  // ignored by whoever started us, it would reap the children behind our back
	if (sigprocmask(SIG_BLOCK, &watched, NULL))
		return viva_fail(error, VIVA_EINTERNAL, NULL, "signals can't be blocked: %s", strerror(errno));
	supervisor->signal_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	if (supervisor->signal_fd < 0)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "signals can't be watched: %s", strerror(errno));
	return 0;
}

static void init_members(struct supervisor *supervisor, bool keeps_json)
{
	bool is_terminal = isatty(STDERR_FILENO);
	size_t width = 0;
	for (size_t i = 0; i < supervisor->plan.count; i++)
		width = VIVA_MAX(width, strlen(supervisor->plan.services[i].name));
	for (size_t i = 0; i < supervisor->plan.count; i++) {
		struct member *member = &supervisor->members[i];
		member->service = &supervisor->plan.services[i];
		member->output_fd = -1;
		member->output = (struct viva_output){
			.name = member->service->name,
			.fd = STDERR_FILENO,
			.name_width = (int)width,
			.colour = is_terminal ? FIRST_COLOUR + (int)i % COLOURS : 0,
			.keeps_json = keeps_json,
		};
		viva_child_init(&member->child, supervisor->clock);
		viva_probe_init(&member->probe, supervisor->clock, member->service->address,
				i == 0 ? supervisor->tls : NULL);
	}
}

static int prepare(struct supervisor *supervisor, struct viva_error *error)
{
	if (viva_config_positional_count(supervisor->config) > 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "unexpected argument \"%.64s\"",
				 viva_config_positional(supervisor->config, 0));
	const char *log_format = configure_log(supervisor->config);
	int status = viva_plan_make(supervisor->config, log_format, &supervisor->plan, error);
	if (!status && supervisor->plan.has_tls && viva_tls_create_unverified(&supervisor->tls))
		status = viva_fail(error, VIVA_ENOMEM, NULL, "no memory for TLS");
	if (!status)
		status = make_secrets(supervisor->config, error);
	if (!status)
		status = make_environment(supervisor->config, error);
	if (!status)
		status = watch_signals(supervisor, error);
	// One that a killed predecessor left behind would lie.
	const char *ready_file = viva_config_text(supervisor->config, "ready-file");
	if (!status && ready_file && unlink(ready_file) && errno != ENOENT)
		status = viva_fail(error, VIVA_EIO, "ready-file", "the ready file %s can't be replaced: %s", ready_file,
				   strerror(errno));
	if (!status)
		init_members(supervisor, strcmp(log_format, "json") == 0);
	return status;
}

int viva_up_main(int argument_count, char **arguments)
{
	const struct viva_command command = {
		.name = "up",
		.usage = "viva up [OPTIONS]\nRuns all services on this machine. What else they understand reaches them "
			 "by "
			 "VIVA_* variables.",
		.tables = {viva_up_options},
		.counts = {viva_up_option_count},
	};
	int status = 0;
	struct viva_error error = {0};
	VIVA_AUTO(viva_config) config = viva_command_load(&command, argument_count, arguments, &status);
	if (!config)
		return status;

	static struct supervisor supervisor;
	supervisor = (struct supervisor){.clock = viva_system_clock(), .config = config, .signal_fd = -1};
	status = prepare(&supervisor, &error);
	if (status)
		return viva_command_fail(command.name, status, &error);
	supervise(&supervisor);
	close(supervisor.signal_fd);
	viva_plan_finish(&supervisor.plan);
	supervisor.tls = viva_tls_destroy(supervisor.tls);
	if (supervisor.failed)
		fprintf(stderr, "viva up: %s can't start: %s\n", supervisor.failed->service->name,
			supervisor.failed->output.last);
	return supervisor.exit_status;
}
