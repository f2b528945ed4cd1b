// SPDX-License-Identifier: Apache-2.0
#include "scoring/llm_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "net/http_client.h"

enum { MAX_KEY_BYTES = 4096 };

static int read_key(const struct viva_config *config, char **ret_key, struct viva_error *error)
{
	const char *key = viva_config_text(config, "llm-key");
	const char *path = viva_config_text(config, "llm-key-file");
	if (key && path)
		return viva_fail(error, VIVA_EUSAGE, "llm-key-file", "--llm-key and --llm-key-file are both given");
	VIVA_AUTO_FREE char *text = key ? strdup(key) : NULL;
	size_t size = 0;
	int code = path ? viva_file_read(path, MAX_KEY_BYTES, &text, &size) : 0;
	if (code != 0)
		return viva_fail(error, VIVA_EIO, "llm-key-file", "--llm-key-file %.200s can't be read: %s", path,
				 code == VIVA_ELIMIT ? "it is too large for a key" : strerror(errno));
	if (!text)
		return key ? VIVA_ENOMEM : 0;
	size = strlen(text);
	while (size > 0 && strchr(" \t\r\n", text[size - 1]))
		text[--size] = '\0';
	for (size_t i = 0; i < size; i++) {
		if (text[i] <= 0x20 || text[i] == 0x7f)
			size = 0;
	}
	if (size == 0 || size > MAX_KEY_BYTES)
		return viva_fail(error, VIVA_EUSAGE, path ? "llm-key-file" : "llm-key",
				 "the language model's key must be one line of visible ASCII characters");
	*ret_key = viva_take(&text);
	return 0;
}

static int read_url(struct scoring_llm_settings *settings, const char *url, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_http_url parsed;
	int code = viva_arena_create(0, &arena);
	if (code != 0)
		return code;
	if (viva_http_url_parse(url, arena, &parsed) != 0 || strpbrk(url, "?#"))
		return viva_fail(error, VIVA_EUSAGE, "llm-url",
				 "--llm-url must be an http or https URL such as "
				 "https://api.example.com/v1");
	size_t size = strlen(url);
	while (size > 0 && url[size - 1] == '/')
		size--;
	if (asprintf(&settings->url, "%.*s/chat/completions", (int)size, url) < 0) {
		settings->url = NULL;
		return VIVA_ENOMEM;
	}
	bool is_local = strcmp(parsed.host, "127.0.0.1") == 0 || strcmp(parsed.host, "::1") == 0 ||
			strcmp(parsed.host, "localhost") == 0;
	if (strcmp(parsed.scheme, "http") == 0 && !is_local)
		viva_log_warn("--llm-url is not https: transcripts go to %.100s unencrypted", parsed.host);
	return 0;
}

bool scoring_llm_is_wanted(const struct viva_config *config)
{
	const char *url = viva_config_text(config, "llm-url");
	return url && url[0] != '\0';
}

static int fill(struct scoring_llm_settings *settings, const struct viva_config *config, struct viva_error *error)
{
	const char *model = viva_config_text(config, "llm-model");
	if (!model || !model[0] || strlen(model) > 200)
		return viva_fail(error, VIVA_EUSAGE, "llm-model", "--llm-url needs --llm-model, of 1 to 200 bytes");
	settings->model = strdup(model);
	settings->timeout_ms = viva_config_int(config, "llm-timeout-ms");
	settings->lanes = (size_t)viva_config_int(config, "llm-concurrency");
	settings->max_shift = viva_config_real(config, "llm-max-shift");
	settings->limits = (struct scoring_llm_limits){
		.calls_per_interview = viva_config_int(config, "llm-calls-per-interview"),
		.calls_per_day = viva_config_int(config, "llm-calls-per-day"),
		.tokens_per_day = viva_config_int(config, "llm-tokens-per-day"),
	};
	VIVA_AUTO_FREE char *key = NULL;
	int code = settings->model ? read_url(settings, viva_config_text(config, "llm-url"), error) : VIVA_ENOMEM;
	if (code == 0)
		code = read_key(config, &key, error);
	if (code == 0 && key && asprintf(&settings->authorization, "Authorization: Bearer %s", key) < 0) {
		settings->authorization = NULL;
		code = VIVA_ENOMEM;
	}
	if (key)
		explicit_bzero(key, strlen(key));
	return code;
}

int scoring_llm_settings_read(const struct viva_config *config, struct scoring_llm_settings *ret_settings,
			      struct viva_error *error)
{
	struct scoring_llm_settings settings = {0};
	int code = fill(&settings, config, error);
	if (code == 0)
		*ret_settings = settings;
	else
		scoring_llm_settings_finish(&settings);
	return code;
}

void scoring_llm_settings_finish(struct scoring_llm_settings *settings)
{
	if (settings->authorization)
		explicit_bzero(settings->authorization, strlen(settings->authorization));
	free(settings->authorization);
	free(settings->model);
	free(settings->url);
	*settings = (struct scoring_llm_settings){0};
}
