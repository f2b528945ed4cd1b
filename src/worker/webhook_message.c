// SPDX-License-Identifier: Apache-2.0
#include "worker/webhook_message.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/text.h"

int worker_webhook_body(const char *event_id, int64_t created_at_ms, const json_t *event, struct viva_arena *arena,
			const char **ret_body)
{
	char created_at[32];
	viva_rfc3339_from_unix_ms(created_at_ms, created_at);
	VIVA_AUTO_JSON body = json_pack("{s:s, s:s, s:s, s:O}", "id", event_id, "type", WORKER_WEBHOOK_SCORE,
					"created_at", created_at, "data", event);
	const char *text = body ? viva_json_text(arena, body) : NULL;
	if (!text)
		return VIVA_ENOMEM;
	*ret_body = text;
	return 0;
}

int worker_delivery_id(const char *event_id, const char *url, char ret_id[WORKER_DELIVERY_ID_SIZE])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	// The terminator of the id keeps it apart from the URL.
	bool is_done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) &&
		       EVP_DigestUpdate(context, event_id, strlen(event_id) + 1) &&
		       EVP_DigestUpdate(context, url, strlen(url)) && EVP_DigestFinal_ex(context, digest, &size);
	EVP_MD_CTX_free(context);
	if (!is_done)
		return VIVA_ENOMEM;
	viva_hex_encode(digest, (WORKER_DELIVERY_ID_SIZE - 1) / 2, ret_id);
	return 0;
}

int worker_webhook_sign(const char *secret, int64_t unix_s, const char *body, char ret_signature[WORKER_SIGNATURE_SIZE])
{
	char time[24];
	uint8_t mac[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned size = 0;
	snprintf(time, sizeof time, "%" PRId64, unix_s);
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	const char *signed_text = viva_arena_printf(arena, "%s.%s", time, body);
	if (!signed_text || !HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)signed_text,
				  strlen(signed_text), mac, &size))
		return VIVA_ENOMEM;
	viva_hex_encode(mac, size, hex);
	snprintf(ret_signature, WORKER_SIGNATURE_SIZE, "t=%s,v1=%.64s", time, hex);
	return 0;
}
