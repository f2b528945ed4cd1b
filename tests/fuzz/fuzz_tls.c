// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a client's handshake, cut at any places (the first byte says how): no crash, no plain byte out of what
// nobody has sealed, an answer of bounded size, and an end that stays one.
#include <stdint.h>
#include <stdlib.h>

#include "../unit/net/tls_fixture.h"
#include "net/tls_session.h"

enum { MAX_ANSWER_BYTES = 64 * 1024 };

static struct viva_tls *server(void)
{
	static struct viva_tls *tls;
	if (tls)
		return tls;
	struct tls_files files;
	tls_files_make(&files, TLS_FILES_GOOD);
	if (viva_tls_create_server(files.certificate, files.key, &tls, NULL) != 0)
		abort();
	tls_files_remove(&files);
	return tls;
}

static int take(struct viva_tls_session *session, const uint8_t *data, size_t size, size_t *answered)
{
	char plain[256];
	size_t got = 0;
	viva_tls_session_feed(session, data, size);
	int code = viva_tls_session_read(session, plain, sizeof plain, &got);
	if (code == 0 && got > 0)
		abort();
	struct viva_buffer output = viva_tls_session_take_output(session);
	*answered += output.size;
	viva_buffer_finish(&output);
	if (*answered > MAX_ANSWER_BYTES)
		abort();
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct viva_tls_session *session = NULL;
	if (size < 2 || viva_tls_session_create(server(), NULL, &session) != 0)
		return 0;
	size_t step = data[0] == 0 ? size : data[0];
	size_t answered = 0;
	int code = 0;
	for (size_t at = 1; at < size && code == 0; at += step)
		code = take(session, data + at, VIVA_MIN(step, size - at), &answered);
	if (code != 0 && take(session, data + 1, 1, &answered) == 0)
		abort();
	if (viva_tls_session_is_open(session))
		abort();
	viva_tls_session_destroy(session);
	return 0;
}
