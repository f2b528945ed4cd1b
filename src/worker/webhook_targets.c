// SPDX-License-Identifier: Apache-2.0
#include "worker/webhook_targets.h"

#include <string.h>

#include "net/http_client.h"
#include "service/settings.h"

static int check_url(const char *url, bool is_insecure, struct viva_arena *arena, const char **ret_host,
		     struct viva_error *error)
{
	struct viva_http_url parsed;
	int status = strlen(url) > WORKER_MAX_WEBHOOK_URL ? VIVA_EINVAL : viva_http_url_parse(url, arena, &parsed);
	if (status == VIVA_EINVAL)
		return viva_fail(error, VIVA_EUSAGE, "webhook-url",
				 "--webhook-url takes https:// URLs of at most %d bytes, without user or password,"
				 " separated by commas",
				 WORKER_MAX_WEBHOOK_URL);
	if (status)
		return status;
	bool is_safe = strcmp(parsed.scheme, "https") == 0 || viva_settings_is_loopback(parsed.host);
	if (!is_safe && !is_insecure)
		return viva_fail(error, VIVA_EUSAGE, "webhook-url",
				 "--webhook-url must be https:// for the host %.64s (--webhook-insecure on allows"
				 " http://)",
				 parsed.host);
	*ret_host = parsed.host;
	return 0;
}

static int add_target(const char *url, bool is_insecure, struct viva_arena *arena,
		      struct worker_webhook_targets *targets, struct viva_error *error)
{
	if (targets->count == WORKER_MAX_WEBHOOKS)
		return viva_fail(error, VIVA_EUSAGE, "webhook-url", "--webhook-url takes at most %d URLs",
				 WORKER_MAX_WEBHOOKS);
	for (size_t i = 0; i < targets->count; i++)
		if (strcmp(targets->items[i].url, url) == 0)
			return viva_fail(error, VIVA_EUSAGE, "webhook-url", "--webhook-url names one URL twice");
	const char *host = NULL;
	int status = check_url(url, is_insecure, arena, &host, error);
	if (!status)
		targets->items[targets->count++] = (struct worker_webhook_target){.url = url, .host = host};
	return status;
}

int worker_webhook_targets_read(const char *urls, const char *secret, bool is_insecure, struct viva_arena *arena,
				struct worker_webhook_targets *ret_targets, struct viva_error *error)
{
	struct worker_webhook_targets targets = {0};
	char *rest = urls && urls[0] ? viva_arena_text(arena, urls, strlen(urls)) : NULL;
	if (urls && urls[0] && !rest)
		return VIVA_ENOMEM;
	for (char *url; (url = strsep(&rest, ",")) != NULL;) {
		url += strspn(url, " ");
		url[strcspn(url, " ")] = '\0';
		int status = add_target(url, is_insecure, arena, &targets, error);
		if (status)
			return status;
	}
	if (targets.count > 0) {
		if (!secret || strlen(secret) < WORKER_MIN_WEBHOOK_SECRET)
			return viva_fail(error, VIVA_EUSAGE, "webhook-secret",
					 "--webhook-url needs a --webhook-secret (VIVA_WEBHOOK_SECRET) of at least %d"
					 " characters, by which receivers know that a call is yours",
					 WORKER_MIN_WEBHOOK_SECRET);
		targets.secret = secret;
	}
	*ret_targets = targets;
	return 0;
}
