// SPDX-License-Identifier: Apache-2.0
#include "candidate/candidate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/command.h"
#include "base/json.h"
#include "base/log.h"
#include "candidate/client.h"
#include "candidate/conversation.h"

static const char usage[] = "viva candidate [OPTIONS]\nTakes a whole interview from the terminal: shows frames and "
			    "gives answers from files.";

static const struct viva_option options[] = {
	{.name = "user", .type = VIVA_OPTION_TEXT, .default_value = "candidate", .help = "Name of the candidate"},
	{.name = "frames",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "path",
	 .help = "Folder of JPEGs and PNGs, or file of concatenated JPEGs; none: no frames are sent"},
	{.name = "fps",
	 .type = VIVA_OPTION_REAL,
	 .default_value = "10",
	 .min = 0,
	 .max = 120,
	 .unit = "frames/s",
	 .help = "Rate of the frames; 0 = the next as soon as the last was analysed; the folder's frames.json is "
		 "followed "
		 "where the flag is not given"},
	{.name = "answers",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "path",
	 .help = "Answers as JSON: a list, or one a line, of transcript, duration, confidence, segments, and "
		 "question_id, key or "
		 "category"},
	{.name = "seconds-per-question",
	 .type = VIVA_OPTION_REAL,
	 .default_value = "3",
	 .min = 0,
	 .max = 600,
	 .unit = "s",
	 .help = "How long frames are sent before each answer"},
	{.name = "question-set", .type = VIVA_OPTION_TEXT, .help = "Set of questions; none: the platform's default"},
	{.name = "questions",
	 .type = VIVA_OPTION_INT,
	 .default_value = "0",
	 .min = 0,
	 .max = 50,
	 .help = "Number of questions; 0 = the whole set"},
	{.name = "mode",
	 .type = VIVA_OPTION_CHOICE,
	 .default_value = "practice",
	 .unit = "practice|recruitment",
	 .help = "What the interview is for"},
	{.name = "consent-emotion", .type = VIVA_OPTION_FLAG, .help = "Agree to the analysis of emotions"},
	{.name = "no-consent-emotion",
	 .type = VIVA_OPTION_FLAG,
	 .help = "Do not agree to it (as when nothing is said)"},
	{.name = "consent-recording",
	 .type = VIVA_OPTION_FLAG,
	 .help = "Agree to a few pictures being stored, too; the report then shows them"},
	{.name = "report",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "path",
	 .help = "File for the report: a PDF or a web page where it ends in .pdf or .html, else JSON; none: no report"},
	{.name = "json",
	 .type = VIVA_OPTION_FLAG,
	 .help = "The result as one JSON object on stdout; what happens meanwhile goes to stderr"},
};

static int make_plan(const struct viva_config *config, struct candidate_plan *plan, struct viva_error *error)
{
	*plan = (struct candidate_plan){
		.user_id = viva_config_text(config, "user"),
		.question_set = viva_config_text(config, "question-set"),
		.question_count = (int)viva_config_int(config, "questions"),
		.mode = viva_config_text(config, "mode"),
		.consents_to_emotion = viva_config_flag(config, "consent-emotion"),
		.consents_to_recording = viva_config_flag(config, "consent-recording"),
		.frames_per_second = viva_config_real(config, "fps"),
		.seconds_per_question = viva_config_real(config, "seconds-per-question"),
		.report_path = viva_config_text(config, "report"),
	};
	if (viva_config_positional_count(config) > 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "unexpected argument \"%.64s\"",
				 viva_config_positional(config, 0));
	if (plan->consents_to_emotion && viva_config_flag(config, "no-consent-emotion"))
		return viva_fail(error, VIVA_EUSAGE, "consent-emotion",
				 "--consent-emotion and --no-consent-emotion exclude each other");
	if (plan->consents_to_recording && !plan->consents_to_emotion)
		return viva_fail(error, VIVA_EUSAGE, "consent-recording",
				 "--consent-recording needs --consent-emotion: without it no picture is taken");
	if (!viva_config_text(config, "answers"))
		return viva_fail(error, VIVA_EUSAGE, "answers",
				 "--answers is missing: a candidate must have something to say");
	return 0;
}

static int print_json(const struct candidate_outcome *outcome, const struct candidate_plan *plan,
		      struct viva_error *error)
{
	VIVA_AUTO_JSON result =
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:O, s:O, s:s?}", "interview_id", outcome->interview_id, "frames",
			  (json_int_t)outcome->frames, "emotion_updates", (json_int_t)outcome->updates, "blinks",
			  (json_int_t)outcome->blinks, "reconnections", (json_int_t)outcome->reconnections, "answers",
			  outcome->answers, "score", outcome->score, "report", plan->report_path);
	VIVA_AUTO_FREE char *text = result ? json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(10)) : NULL;
	if (!text)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the result, or a name in it is not UTF-8");
	printf("%s\n", text);
	return 0;
}

static int run(const struct viva_config *config, struct viva_error *error)
{
	struct candidate_plan plan;
	VIVA_AUTO(candidate_client) client = NULL;
	VIVA_AUTO(viva_film) frames = NULL;
	VIVA_AUTO(candidate_answers) answers = NULL;
	const char *frames_path = viva_config_text(config, "frames");

	int result = make_plan(config, &plan, error);
	if (result == 0)
		result = candidate_client_create(config, &client, error);
	if (result == 0)
		result = candidate_answers_open(viva_config_text(config, "answers"), &answers, error);
	if (result == 0 && frames_path)
		result = viva_film_open(frames_path, &frames, error);
	if (result < 0)
		return result;
	if (frames && !viva_config_is_set(config, "fps") && viva_film_per_second(frames) > 0)
		plan.frames_per_second = viva_film_per_second(frames);

	bool wants_json = viva_config_flag(config, "json");
	struct candidate_view view;
	struct candidate_outcome outcome = {0};
	candidate_view_init(&view, wants_json ? stderr : stdout);
	result = candidate_converse(client, &plan, frames, answers, &view, &outcome, error);
	if (result < 0)
		return result;
	candidate_view_say(&view, "  %lld frames, %lld emotion updates, %lld blinks", (long long)outcome.frames,
			   (long long)outcome.updates, (long long)outcome.blinks);
	if (plan.report_path)
		candidate_view_say(&view, "  report: %.900s", plan.report_path);
	if (wants_json)
		result = print_json(&outcome, &plan, error);
	json_decref(outcome.answers);
	json_decref(outcome.score);
	return result;
}

int viva_candidate_main(int argument_count, char **arguments)
{
	const struct viva_command command = {"candidate",
					     usage,
					     {candidate_platform_options, options},
					     {candidate_platform_option_count, VIVA_COUNT(options)}};
	int status = 0;
	struct viva_error error = {0};
	signal(SIGPIPE, SIG_IGN);
	viva_log_configure("candidate", VIVA_LOG_WARN, VIVA_LOG_AUTO);
	VIVA_AUTO(viva_config) config = viva_command_load(&command, argument_count, arguments, &status);
	if (!config)
		return status;
	status = run(config, &error);
	return status ? viva_command_fail(command.name, status, &error) : 0;
}
