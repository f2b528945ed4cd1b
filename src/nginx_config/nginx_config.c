// SPDX-License-Identifier: Apache-2.0
#include "nginx_config/nginx_config.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/command.h"
#include "base/file.h"
#include "base/log.h"
#include "discovery/discovery.h"
#include "nginx_config/nginx_template.h"
#include "nginx_config/publish.h"
#include "nginx_config/template.h"

enum {
	SETTLE_MS = 100,  // changes that come together are written together
	TRY_AGAIN_S = 5,  // what could not be written or tested
	MAX_TEMPLATE = 1 << 18,
	WAKE_UP = SIGUSR1,  // from discovery's thread to the main thread
};

static const char *const services[] = {"gateway", "interview", "emotion", "scoring", "worker"};

static const struct viva_option options[] = {
	{"discovery-url", VIVA_OPTION_TEXT, "static:", 0, 0, "URL",
	 "Where the services are: consul://HOST:PORT?…, or static: as the services understand it", true},
	{"consul-token", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "ACL token for Consul", true},
	{"template", VIVA_OPTION_TEXT, NULL, 0, 0, "path",
	 "Template; default deploy/nginx/nginx.conf.template as built in", false},
	{"out", VIVA_OPTION_TEXT, NULL, 0, 0, "path", "The file to write; replaced in one step", false},
	{"watch", VIVA_OPTION_FLAG, NULL, 0, 0, NULL, "Go on, and write it again whenever instances come or go", false},
	{"test-command", VIVA_OPTION_TEXT, NULL, 0, 0, "command",
	 "Must succeed before the file is replaced, such as: nginx -t -q -c \"$FILE\"", false},
	{"reload-pid", VIVA_OPTION_TEXT, NULL, 0, 0, "path", "File with nginx's process id, which gets SIGHUP", false},
	{"reload-command", VIVA_OPTION_TEXT, NULL, 0, 0, "command", "Run after each change", false},
	{"http-listen", VIVA_OPTION_TEXT, "9000", 0, 0, "address", "Where nginx takes REST and WebSockets", false},
	{"emotion-grpc-listen", VIVA_OPTION_TEXT, "127.0.0.1:9001", 0, 0, "address", "Where it takes gRPC for emotion",
	 false},
	{"scoring-grpc-listen", VIVA_OPTION_TEXT, "127.0.0.1:9002", 0, 0, "address", "Where it takes gRPC for scoring",
	 false},
	{"access-log", VIVA_OPTION_TEXT, "off", 0, 0, "path|off", "nginx's access log, as JSON lines without queries",
	 false},
	{"temp-path", VIVA_OPTION_TEXT, NULL, 0, 0, "path",
	 "Folder of nginx's temporary files; default the one that nginx was built with", false},
	VIVA_LOG_OPTIONS,
};

struct writer {
	struct viva_config *config;
	struct viva_discovery *discovery;
	struct viva_discovery_watch *watches[VIVA_COUNT(services)];
	pthread_t main_thread;
	char *template_text;  // NULL = built in
	struct viva_bytes template;
	char temp_paths[2048];
	char access_log[1024];
};

static const char *text_of(const struct writer *writer, const char *name)
{
	return viva_config_text(writer->config, name);
}

// On discovery's thread.
static void on_change(void *context, const char *service, const char *const *addresses, size_t count)
{
	struct writer *writer = context;
	(void)service, (void)addresses, (void)count;
	pthread_kill(writer->main_thread, WAKE_UP);
}

static int open_template(struct writer *writer, struct viva_error *error)
{
	const char *path = text_of(writer, "template");
	writer->template = viva_nginx_template();
	if (!path)
		return 0;
	size_t size = 0;
	if (viva_file_read(path, MAX_TEMPLATE, &writer->template_text, &size) != 0)
		return viva_fail(error, VIVA_EIO, "template", "the template %.128s can't be read", path);
	writer->template = viva_bytes_of(writer->template_text, size);
	return 0;
}

static int open_writer(struct writer *writer, struct viva_error *error)
{
	struct viva_discovery_options discovery = viva_discovery_defaults(text_of(writer, "discovery-url"));
	discovery.token = text_of(writer, "consul-token");
	int code = open_template(writer, error);
	if (code == 0)
		code = viva_discovery_open_with(&discovery, &writer->discovery, error);
	for (size_t i = 0; i < VIVA_COUNT(services) && code == 0; i++)
		code = viva_discovery_watch(writer->discovery, services[i], on_change, writer, &writer->watches[i],
					    error);
	return code;
}

static void close_writer(struct writer *writer)
{
	for (size_t i = 0; i < VIVA_COUNT(services); i++)
		viva_discovery_watch_end(writer->watches[i]);
	viva_discovery_destroy(writer->discovery);
	free(writer->template_text);
	viva_config_destroy(writer->config);
}

static void write_temp_paths(struct writer *writer)
{
	static const char *const kinds[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
	const char *path = text_of(writer, "temp-path");
	size_t used = 0;
	writer->temp_paths[0] = '\0';
	for (size_t i = 0; i < VIVA_COUNT(kinds) && path; i++)
		used += (size_t)snprintf(writer->temp_paths + used, sizeof writer->temp_paths - used,
					 "%s%s_temp_path %.300s/%s;", i > 0 ? " " : "", kinds[i], path, kinds[i]);
	const char *log = text_of(writer, "access-log");
	snprintf(writer->access_log, sizeof writer->access_log, "%.1000s%s", log,
		 strcmp(log, "off") == 0 ? "" : " viva");
}

// How many of the services are known; the rest are drawn as down.
static size_t look_up(struct writer *writer, struct viva_arena *arena, struct nginx_upstream *ret_upstreams)
{
	size_t known = 0;
	for (size_t i = 0; i < VIVA_COUNT(services); i++) {
		struct nginx_upstream *upstream = &ret_upstreams[i];
		*upstream = (struct nginx_upstream){.service = services[i]};
		known += viva_discovery_addresses(writer->discovery, services[i], arena, &upstream->addresses,
						  &upstream->count, NULL) == 0;
	}
	return known;
}

static int render(struct writer *writer, struct viva_arena *arena, struct viva_buffer *ret_text, size_t *ret_known,
		  struct viva_error *error)
{
	struct nginx_upstream upstreams[VIVA_COUNT(services)];
	*ret_known = look_up(writer, arena, upstreams);
	const struct nginx_value values[] = {
		{"http_listen", text_of(writer, "http-listen")},
		{"emotion_grpc_listen", text_of(writer, "emotion-grpc-listen")},
		{"scoring_grpc_listen", text_of(writer, "scoring-grpc-listen")},
		{"access_log", writer->access_log},
		{"temp_paths", writer->temp_paths},
	};
	const struct nginx_view view = {upstreams, VIVA_COUNT(upstreams), values, VIVA_COUNT(values)};
	return nginx_template_render(writer->template, &view, ret_text, error);
}

static int publish(struct writer *writer, struct viva_bytes text, struct viva_error *error)
{
	const struct nginx_publisher publisher = {
		.path = text_of(writer, "out"),
		.test_command = text_of(writer, "test-command"),
		.reload_command = text_of(writer, "reload-command"),
		.reload_pid = text_of(writer, "reload-pid"),
	};
	bool is_new = false;
	int code = nginx_publish(&publisher, text, &is_new, error);
	if (code == 0 && is_new) {
		viva_log_info("%s is new", publisher.path);
		code = nginx_reload(&publisher, error);
	}
	return code;
}

static int write_once(struct writer *writer, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	size_t known = 0;
	struct viva_buffer text;
	viva_buffer_init(&text, NGINX_CONFIG_MAX_BYTES);
	int code = viva_arena_create(0, &arena);
	if (code == 0)
		code = render(writer, arena, &text, &known, error);
	// Consul that can't be asked is no reason to write that there is nobody, where there is a file already.
	if (code == 0 && known == 0 && access(text_of(writer, "out"), F_OK) == 0)
		viva_log_warn("no instance of any service is known: %s stays as it is", text_of(writer, "out"));
	else if (code == 0)
		code = publish(writer, viva_bytes_of(text.data, text.size), error);
	viva_buffer_finish(&text);
	return code;
}

static void block_signals(sigset_t *ret_set)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, WAKE_UP};
	sigemptyset(ret_set);
	for (size_t i = 0; i < VIVA_COUNT(numbers); i++)
		sigaddset(ret_set, numbers[i]);
	pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

// Waits for a change, or until it is time to try again. Whether to go on.
static bool wait_for_change(const sigset_t *set, bool has_failed)
{
	struct timespec limit = {.tv_sec = TRY_AGAIN_S}, settle = {.tv_nsec = SETTLE_MS * 1000000};
	int number = has_failed ? sigtimedwait(set, NULL, &limit) : sigwaitinfo(set, NULL);
	while (number == WAKE_UP)
		number = sigtimedwait(set, NULL, &settle);
	return number != SIGINT && number != SIGTERM;
}

// Only what stands in the way of the first file is a failure; later the last good one stays.
static int watch(struct writer *writer, const sigset_t *set, struct viva_error *error)
{
	int code = write_once(writer, error);
	if (code != 0 || !viva_config_flag(writer->config, "watch"))
		return code;
	while (wait_for_change(set, code != 0)) {
		struct viva_error cause = {0};
		code = write_once(writer, &cause);
		if (code != 0)
			viva_log_error("%s", viva_error_message(&cause));
	}
	return 0;
}

static int configure(struct writer *writer, struct viva_error *error)
{
	static const char *const inserted[] = {"http-listen", "emotion-grpc-listen", "scoring-grpc-listen",
					       "access-log", "temp-path"};
	if (viva_config_positional_count(writer->config) > 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "unexpected argument \"%.64s\"",
				 viva_config_positional(writer->config, 0));
	if (!text_of(writer, "out"))
		return viva_fail(error, VIVA_EUSAGE, "out", "--out is missing: the file to write");
	for (size_t i = 0; i < VIVA_COUNT(inserted); i++) {
		const char *value = text_of(writer, inserted[i]);
		if (value && strpbrk(value, ";{}\"'\\\r\n"))
			return viva_fail(error, VIVA_EUSAGE, inserted[i],
					 "--%s has characters that nginx's configuration can't", inserted[i]);
	}
	viva_log_configure("nginx-config", (enum viva_log_level)viva_config_choice(writer->config, "log-level"),
			   (enum viva_log_format)viva_config_choice(writer->config, "log-format"));
	write_temp_paths(writer);
	return 0;
}

int viva_nginx_config_main(int argument_count, char **arguments)
{
	const struct viva_command command = {
		.name = "nginx-config",
		.usage = "viva nginx-config --out FILE [OPTIONS]\n"
			 "Writes nginx's configuration from the instances that discovery knows.",
		.tables = {options},
		.counts = {VIVA_COUNT(options)},
	};
	int status = 0;
	struct writer writer = {.main_thread = pthread_self()};
	struct viva_error error = {0};
	sigset_t set;
	writer.config = viva_command_load(&command, argument_count, arguments, &status);
	if (!writer.config)
		return status;
	block_signals(&set);  // before there is another thread
	int code = configure(&writer, &error);
	if (code == 0)
		code = open_writer(&writer, &error);
	if (code == 0)
		code = watch(&writer, &set, &error);
	close_writer(&writer);
	return code == 0 ? 0 : viva_command_fail(command.name, code, &error);
}
