// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/analyze.h"
#include "base/command.h"
#include "candidate/candidate.h"
#include "emotion/emotion.h"
#include "gateway/gateway.h"
#include "interview/interview.h"
#include "nginx_config/nginx_config.h"
#include "operate/operate.h"
#include "review/review.h"
#include "scoring/scoring.h"
#include "up/up.h"
#include "worker/worker.h"

static const struct command {
	const char *name, *summary;
	int (*run)(int argument_count, char **arguments);  // those after the subcommand's name
} commands[] = {
	{"up", "all services on this machine, watched and restarted", viva_up_main},
	{"gateway", "the public door: web pages, routing, credentials, limits", viva_gateway_main},
	{"interview", "interviews over REST and WebSocket", viva_interview_main},
	{"emotion", "faces and expressions in frames", viva_emotion_main},
	{"scoring", "scores of answers and whole interviews", viva_scoring_main},
	{"worker", "frames, reports and webhooks, behind the queues", viva_worker_main},
	{"webhooks", "what webhooks were sent; sends some again", viva_webhooks_main},
	{"candidate", "plays a candidate against a running platform", viva_candidate_main},
	{"analyze", "what is seen in a picture, a folder or a film", viva_analyze_main},
	{"report", "fetches the report of an interview: PDF, web page or JSON", viva_report_main},
	{"audit", "whether scores fall evenly on groups of candidates", viva_audit_main},
	{"queues", "how much waits on the bus", viva_queues_main},
	{"dead-letters", "messages that could not be dealt with: list, show, replay, drop", viva_dead_letters_main},
	{"questions", "question banks: lint, list, import, export", viva_questions_main},
	{"nginx-config", "nginx's configuration from the instances in discovery", viva_nginx_config_main},
};

static int help(void)
{
	puts("viva COMMAND [OPTIONS]\n\nCommands (viva COMMAND --help lists their options):");
	for (size_t i = 0; i < VIVA_COUNT(commands); i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].summary);
	puts("  help         this list\n  --version    the version");
	return 0;
}

// What a full disk cut off must not pass for a success.
static int end(const char *name, int status)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || status != 0)
		return status;
	fprintf(stderr, "viva %s: the output can't be written: %s\n", name, strerror(errno));
	return VIVA_COMMAND_FAILED;
}

int main(int argument_count, char **arguments)
{
	const char *name = argument_count > 1 ? arguments[1] : NULL;
	if (!name) {
		fputs("viva: a command is missing (viva help lists them)\n", stderr);
		return VIVA_COMMAND_USAGE;
	}
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return end("help", help());
	if (strcmp(name, "--version") == 0) {
		puts("viva " VIVA_VERSION);
		return end("--version", 0);
	}
	for (size_t i = 0; i < VIVA_COUNT(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return end(name, commands[i].run(argument_count - 2, arguments + 2));
	fprintf(stderr, "viva: there is no command \"%.64s\" (viva help lists them)\n", name);
	return VIVA_COMMAND_USAGE;
}
