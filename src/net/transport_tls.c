// SPDX-License-Identifier: Apache-2.0
#include "net/transport_tls.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "net/tls_session.h"

enum { MAX_PARTS = 8, SEALED_BYTES = 64 * 1024 };  // per write to the socket

// One transport_write.
struct waiting_write {
	struct waiting_write *next;
	void (*release)(void *context);
	void *context;
	size_t part, offset;  // up to where it is sealed
	size_t count;
	struct viva_bytes parts[MAX_PARTS];
	uint8_t copy[];
};

struct transport_tls {
	struct viva_tls_session *session;
	struct waiting_write *first, **last;
	struct waiting_write *unsealed;  // the first of the queue with bytes to seal; NULL = all are sealed
	size_t waiting_bytes;
	bool has_begun;   // the peer's first byte was seen
	bool is_counted;  // the handshake's end is in the metrics
	bool is_sending;  // what was sealed last is on its way: the next waits for it
	bool is_pumping;
};

struct sealed {
	struct transport *transport;
	struct viva_buffer bytes;
	bool is_data;
};

static void pump(struct transport *transport);

static void count_handshake(const char *labels)
{
	viva_metric_add(viva_counter("viva_tls_handshakes_total", labels, "TLS handshakes, by how they ended."), 1);
}

int transport_secure(struct transport *transport, struct viva_tls *context)
{
	struct transport_tls *tls = calloc(1, sizeof *tls);
	if (!tls)
		return VIVA_ENOMEM;
	int code = viva_tls_session_create(context, NULL, &tls->session);
	if (code != 0) {
		free(tls);
		return code;
	}
	tls->last = &tls->first;
	transport->tls = tls;
	return 0;
}

static void free_write(struct waiting_write *write)
{
	if (write->release)
		write->release(write->context);
	free(write);
}

void transport_tls_destroy(struct transport_tls *tls)
{
	if (!tls)
		return;
	while (tls->first) {
		struct waiting_write *write = tls->first;
		tls->first = write->next;
		free_write(write);
	}
	if (!tls->is_counted && tls->has_begun)
		count_handshake("result=\"failed\"");
	viva_tls_session_destroy(tls->session);
	free(tls);
}

size_t transport_tls_waiting(const struct transport_tls *tls)
{
	return tls->waiting_bytes;
}

// The writes whose last record the kernel has.
static void release_sent(struct transport_tls *tls)
{
	while (tls->first && tls->first != tls->unsealed) {
		struct waiting_write *write = tls->first;
		tls->first = write->next;
		if (!tls->first)
			tls->last = &tls->first;
		free_write(write);
	}
}

static void on_sent(void *context)
{
	struct sealed *sealed = context;
	struct transport *transport = sealed->transport;
	bool is_data = sealed->is_data;
	viva_buffer_finish(&sealed->bytes);
	free(sealed);
	if (!is_data)
		return;
	transport->tls->is_sending = false;
	release_sent(transport->tls);
	pump(transport);
}

// What the session wants sent, be it data, its handshake, or an alert.
static void send_output(struct transport *transport, bool is_data)
{
	if (viva_tls_session_unsent(transport->tls->session) == 0)
		return;
	struct sealed *sealed = malloc(sizeof *sealed);
	if (!sealed) {
		transport_close(transport, UV_ENOMEM);
		return;
	}
	*sealed = (struct sealed){
		.transport = transport,
		.bytes = viva_tls_session_take_output(transport->tls->session),
		.is_data = is_data,
	};
	struct viva_bytes part = viva_bytes_of(sealed->bytes.data, sealed->bytes.size);
	transport_write_raw(transport, &part, 1, on_sent, sealed);
}

// Seals the next record. Whether there was something to seal.
static bool seal_one(struct transport *transport)
{
	struct transport_tls *tls = transport->tls;
	struct waiting_write *write = tls->unsealed;
	if (!write)
		return false;
	const struct viva_bytes *part = &write->parts[write->part];
	size_t taken = 0;
	if (viva_tls_session_write(tls->session, part->data + write->offset, part->size - write->offset, &taken) != 0) {
		transport_close(transport, UV_EPROTO);
		return false;
	}
	if (taken == 0)
		return false;
	tls->waiting_bytes -= taken;
	write->offset += taken;
	if (write->offset == part->size) {
		write->offset = 0;
		if (++write->part == write->count)
			tls->unsealed = write->next;
	}
	return true;
}

// Seals and sends until the socket takes no more.
static void pump(struct transport *transport)
{
	struct transport_tls *tls = transport->tls;
	if (tls->is_pumping)
		return;
	tls->is_pumping = true;
	while (!transport->is_closing && !tls->is_sending) {
		bool has_sealed = false;
		while (viva_tls_session_unsent(tls->session) < SEALED_BYTES && seal_one(transport))
			has_sealed = true;
		if (!has_sealed || transport->is_closing)
			break;
		tls->is_sending = true;
		send_output(transport, true);
	}
	tls->is_pumping = false;
	transport_resume_shut_down(transport);
}

static struct waiting_write *make_write(const struct viva_bytes *parts, size_t count, bool copies)
{
	size_t size = 0;
	for (size_t i = 0; i < count && copies; i++)
		size += parts[i].size;
	struct waiting_write *write = malloc(sizeof *write + size);
	if (!write)
		return NULL;
	*write = (struct waiting_write){0};
	if (copies) {
		write->parts[0] = viva_bytes_of(write->copy, size);
		write->count = 1;
		size_t copied = 0;
		for (size_t i = 0; i < count; i++) {
			if (parts[i].size > 0)
				memcpy(write->copy + copied, parts[i].data, parts[i].size);
			copied += parts[i].size;
		}
		return write;
	}
	for (size_t i = 0; i < count && write->count < MAX_PARTS; i++)
		if (parts[i].size > 0)
			write->parts[write->count++] = parts[i];
	return write;
}

void transport_tls_write(struct transport *transport, const struct viva_bytes *parts, size_t count, bool copies,
			 void (*release)(void *context), void *context)
{
	struct transport_tls *tls = transport->tls;
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += parts[i].size;
	struct waiting_write *write = NULL;
	if (size > 0 && !transport->is_closing) {
		// A head and its short body, or several messages, go into one record.
		write = make_write(parts, count, copies || (count > 1 && size <= VIVA_TLS_RECORD_BYTES));
		if (!write)
			transport_close(transport, UV_ENOMEM);
	}
	if (!write) {
		if (release)
			release(context);
		return;
	}
	write->release = release;
	write->context = context;
	*tls->last = write;
	tls->last = &write->next;
	if (!tls->unsealed)
		tls->unsealed = write;
	tls->waiting_bytes += size;
	pump(transport);
	transport_note_unsent(transport);
}

bool transport_tls_end(struct transport *transport)
{
	struct transport_tls *tls = transport->tls;
	if (tls->unsealed && viva_tls_session_is_open(tls->session))
		return false;
	viva_tls_session_end(tls->session);
	send_output(transport, false);
	return true;
}

void transport_tls_part(struct transport *transport)
{
	struct transport_tls *tls = transport->tls;
	if (tls->unsealed)
		return;
	viva_tls_session_end(tls->session);
	struct viva_buffer output = viva_tls_session_take_output(tls->session);
	uv_buf_t farewell = uv_buf_init((char *)output.data, (unsigned)output.size);
	// Behind what waits in the socket's queue, which is dropped, it would be no use.
	if (output.size > 0)
		(void)!uv_try_write((uv_stream_t *)&transport->tcp, &farewell, 1);
	viva_buffer_finish(&output);
}

// Whoever speaks HTTP here gets an answer that says what is wrong: a method begins with a capital letter, and no
// record of TLS does.
static bool is_plain_http(uint8_t first_byte)
{
	return first_byte >= 'A' && first_byte <= 'Z';
}

static void turn_plain(struct transport *transport)
{
	count_handshake("result=\"plain\"");
	transport->tls->is_counted = true;
	transport_tls_destroy(viva_take(&transport->tls));
	if (transport->protocol->on_plain)
		transport->protocol->on_plain(transport->owner);
	else
		transport_close(transport, UV_EPROTO);
}

static void note_handshake(struct transport *transport)
{
	struct transport_tls *tls = transport->tls;
	if (tls->is_counted || !viva_tls_session_is_open(tls->session))
		return;
	tls->is_counted = true;
	count_handshake(viva_tls_session_is_resumed(tls->session) ? "result=\"resumed\"" : "result=\"full\"");
	pump(transport);  // what was written before
}

static void give_up(struct transport *transport)
{
	char peer[56];
	transport_peer(transport, peer, sizeof peer);
	viva_log_debug("TLS with %s failed: %s", peer, viva_tls_session_failure(transport->tls->session));
	transport_close(transport, UV_EPROTO);
}

void transport_tls_receive(struct transport *transport, const uint8_t *data, size_t size)
{
	struct transport_tls *tls = transport->tls;
	if (!tls->has_begun && is_plain_http(data[0])) {
		turn_plain(transport);
		return;
	}
	tls->has_begun = true;
	viva_tls_session_feed(tls->session, data, size);
	for (;;) {
		uint8_t plain[VIVA_TLS_RECORD_BYTES];
		size_t got = 0;
		int code = viva_tls_session_read(tls->session, plain, sizeof plain, &got);
		send_output(transport, false);
		if (transport->is_closing)
			return;
		note_handshake(transport);
		if (code == VIVA_EPROTOCOL)
			give_up(transport);
		else if (code != 0)
			transport_end_reading(transport);
		else if (got > 0)
			transport->protocol->on_data(transport->owner, plain, got);
		if (transport->is_closing || code != 0 || got == 0)
			return;
	}
}
