// SPDX-License-Identifier: Apache-2.0
#include "net/transport.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop_internal.h"
#include "net/transport_tls.h"

enum { MAX_PARTS = 8 };

struct pending_write {
	uv_write_t request;
	struct transport *transport;
	void (*release)(void *context);
	void *context;
	uint8_t copy[];  // of transport_write_copy
};

struct pending_shutdown {
	uv_shutdown_t request;
	struct transport *transport;
};

static void arm_timer(struct transport *transport);

static void check_write_progress(struct transport *transport, uint64_t now)
{
	size_t unsent = transport_unsent(transport);
	if (unsent == 0) {
		transport->write_deadline_ms = 0;
	} else if (unsent != transport->unsent_seen) {
		transport->unsent_seen = unsent;
		transport->write_deadline_ms = now + transport->write_timeout_ms;
	} else if (transport->write_deadline_ms != 0 && now >= transport->write_deadline_ms) {
		transport_close(transport, UV_ETIMEDOUT);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct transport *transport = timer->data;
	uint64_t now = uv_now(timer->loop);
	transport->timer_due_ms = 0;
	if (transport->is_closing)
		return;
	if (transport->write_deadline_ms != 0)
		check_write_progress(transport, now);
	if (!transport->is_closing && transport->deadline_ms != 0 && now >= transport->deadline_ms) {
		transport->deadline_ms = 0;
		transport->protocol->on_timeout(transport->owner);
	}
	arm_timer(transport);
}

// The timer is only ever moved forward; a deadline put off is noticed when it fires. So a request costs no timer call.
static void arm_timer(struct transport *transport)
{
	uint64_t due = transport->deadline_ms;
	if (transport->write_deadline_ms != 0 && (due == 0 || transport->write_deadline_ms < due))
		due = transport->write_deadline_ms;
	if (transport->is_closing || due == 0 || (transport->timer_due_ms != 0 && transport->timer_due_ms <= due))
		return;
	uint64_t now = uv_now(transport->timer.loop);
	uv_timer_start(&transport->timer, on_timer, due > now ? due - now : 0, 0);
	transport->timer_due_ms = due;
}

int transport_init(struct transport *transport, uv_loop_t *uv, const struct transport_protocol *protocol, void *owner,
		   uint32_t write_timeout_ms)
{
	*transport = (struct transport){.protocol = protocol, .owner = owner, .write_timeout_ms = write_timeout_ms};
	int status = uv_tcp_init(uv, &transport->tcp);
	if (status != 0)
		return status;
	uv_timer_init(uv, &transport->timer);
	transport->tcp.data = transport;
	transport->timer.data = transport;
	transport->open_handles = 2;
	return 0;
}

void transport_adopt(struct transport *transport, const struct transport_protocol *protocol, void *owner)
{
	transport->protocol = protocol;
	transport->owner = owner;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
	(void)suggested;
	struct transport *transport = handle->data;
	// libuv asks for memory when bytes are there but still unread: the one moment to look at them in the kernel.
	if (!transport->has_looked && !transport->tls && transport->protocol->on_first_look) {
		transport->look = transport->protocol->on_first_look(transport->owner);
		if (transport->look != TRANSPORT_LOOK_READ) {
			*ret_buffer = uv_buf_init(NULL, 0);
			return;
		}
	}
	transport->has_looked = true;
	*ret_buffer = uv_buf_init((char *)viva_loop_scratch(handle->loop), VIVA_LOOP_SCRATCH_BYTES);
}

void transport_end_reading(struct transport *transport)
{
	transport->is_reading = false;
	uv_read_stop((uv_stream_t *)&transport->tcp);
	transport->protocol->on_end(transport->owner);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
	struct transport *transport = stream->data;
	if (size > 0 && transport->tls) {
		transport_tls_receive(transport, (uint8_t *)buffer->base, (size_t)size);
	} else if (size > 0) {
		transport->protocol->on_data(transport->owner, (uint8_t *)buffer->base, (size_t)size);
	} else if (size == UV_EOF) {
		// Also where TLS should have said so before: what the bytes mean tells whether they are whole.
		transport_end_reading(transport);
	} else if (size == UV_ENOBUFS) {
		if (transport->look == TRANSPORT_LOOK_TAKE)
			transport->protocol->on_taken(transport->owner);
	} else if (size < 0) {
		transport_close(transport, (int)size);
	}
}

static void apply_reading(struct transport *transport)
{
	if (transport->is_closing || !transport->is_reading || transport->pauses != 0) {
		if (!transport->is_closing)
			uv_read_stop((uv_stream_t *)&transport->tcp);
		return;
	}
	int status = uv_read_start((uv_stream_t *)&transport->tcp, on_alloc, on_read);
	if (status != 0 && status != UV_EALREADY)
		transport_close(transport, status);
}

void transport_start_reading(struct transport *transport)
{
	transport->is_reading = true;
	apply_reading(transport);
}

void transport_pause(struct transport *transport, enum transport_pause why)
{
	if ((transport->pauses & why) != 0)
		return;
	transport->pauses |= (uint8_t)why;
	apply_reading(transport);
}

void transport_resume(struct transport *transport, enum transport_pause why)
{
	if ((transport->pauses & why) == 0)
		return;
	transport->pauses = (uint8_t)(transport->pauses & ~why);
	apply_reading(transport);
}

void transport_set_deadline(struct transport *transport, uint64_t delay_ms)
{
	transport->deadline_ms = delay_ms == 0 ? 0 : uv_now(transport->timer.loop) + delay_ms;
	arm_timer(transport);
}

void transport_note_unsent(struct transport *transport)
{
	size_t unsent = transport_unsent(transport);
	if (unsent == 0)
		return;
	if (transport->write_deadline_ms == 0) {
		transport->unsent_seen = unsent;
		transport->write_deadline_ms = uv_now(transport->timer.loop) + transport->write_timeout_ms;
		arm_timer(transport);
	}
	if (unsent > TRANSPORT_HIGH_WATER) {
		transport->is_above_high_water = true;
		transport_pause(transport, TRANSPORT_PAUSE_OUTPUT);
	}
}

static void on_written(uv_write_t *request, int status)
{
	struct pending_write *write = (struct pending_write *)request;
	struct transport *transport = write->transport;
	if (write->release)
		write->release(write->context);
	free(write);
	if (status != 0) {
		transport_close(transport, status);
		return;
	}
	if (transport->is_closing)
		return;
	if (transport_unsent(transport) == 0)
		transport->write_deadline_ms = 0;
	if (transport->is_above_high_water && transport_unsent(transport) <= TRANSPORT_LOW_WATER) {
		transport->is_above_high_water = false;
		transport_resume(transport, TRANSPORT_PAUSE_OUTPUT);
		if (transport->protocol->on_writable)
			transport->protocol->on_writable(transport->owner);
	}
}

static unsigned drop_written(uv_buf_t *buffers, unsigned count, size_t written)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++) {
		size_t gone = VIVA_MIN(written, buffers[i].len);
		written -= gone;
		if (buffers[i].len > gone)
			buffers[kept++] = uv_buf_init(buffers[i].base + gone, (unsigned)(buffers[i].len - gone));
	}
	return kept;
}

// Sends what goes at once; leaves the rest in buffers. Returns how many are left.
static unsigned write_now(struct transport *transport, uv_buf_t *buffers, unsigned count)
{
	int written = uv_try_write((uv_stream_t *)&transport->tcp, buffers, count);
	if (written == UV_EAGAIN || written == UV_ENOSYS)
		return count;
	if (written < 0) {
		transport_close(transport, written);
		return 0;
	}
	return drop_written(buffers, count, (size_t)written);
}

static void write_later(struct transport *transport, struct pending_write *write, uv_buf_t *buffers, unsigned count)
{
	write->transport = transport;
	int status = uv_write(&write->request, (uv_stream_t *)&transport->tcp, buffers, count, on_written);
	if (status != 0) {
		if (write->release)
			write->release(write->context);
		free(write);
		transport_close(transport, status);
		return;
	}
	transport_note_unsent(transport);
}

static unsigned to_buffers(const struct viva_bytes *parts, size_t count, uv_buf_t *ret_buffers)
{
	unsigned used = 0;
	for (size_t i = 0; i < count && used < MAX_PARTS; i++)
		if (parts[i].size > 0)
			ret_buffers[used++] =
				(uv_buf_t){.base = (char *)(uintptr_t)parts[i].data, .len = parts[i].size};
	return used;
}

void transport_write_raw(struct transport *transport, const struct viva_bytes *parts, size_t count,
			 void (*release)(void *context), void *context)
{
	uv_buf_t buffers[MAX_PARTS];
	unsigned used = to_buffers(parts, count, buffers);
	unsigned left = transport->is_closing || used == 0 ? 0 : write_now(transport, buffers, used);
	struct pending_write *write = left > 0 ? malloc(sizeof *write) : NULL;
	if (!write) {
		if (release)
			release(context);
		if (left > 0)
			transport_close(transport, UV_ENOMEM);
		return;
	}
	write->release = release;
	write->context = context;
	write_later(transport, write, buffers, left);
}

void transport_write(struct transport *transport, const struct viva_bytes *parts, size_t count,
		     void (*release)(void *context), void *context)
{
	if (transport->tls)
		transport_tls_write(transport, parts, count, false, release, context);
	else
		transport_write_raw(transport, parts, count, release, context);
}

void transport_write_parts(struct transport *transport, const struct viva_bytes *parts, size_t count)
{
	if (transport->tls) {
		transport_tls_write(transport, parts, count, true, NULL, NULL);
		return;
	}
	uv_buf_t buffers[MAX_PARTS];
	unsigned used = to_buffers(parts, count, buffers);
	unsigned left = transport->is_closing || used == 0 ? 0 : write_now(transport, buffers, used);
	if (left == 0)
		return;

	size_t size = 0;
	for (unsigned i = 0; i < left; i++)
		size += buffers[i].len;
	struct pending_write *write = malloc(sizeof *write + size);
	if (!write) {
		transport_close(transport, UV_ENOMEM);
		return;
	}
	write->release = NULL;
	uv_buf_t copy = {.base = (char *)write->copy, .len = size};
	size_t copied = 0;
	for (unsigned i = 0; i < left; i++) {
		memcpy(write->copy + copied, buffers[i].base, buffers[i].len);
		copied += buffers[i].len;
	}
	write_later(transport, write, &copy, 1);
}

void transport_write_copy(struct transport *transport, const void *data, size_t size)
{
	struct viva_bytes part = viva_bytes_of(data, size);
	transport_write_parts(transport, &part, 1);
}

size_t transport_unsent(const struct transport *transport)
{
	return transport->tcp.write_queue_size + (transport->tls ? transport_tls_waiting(transport->tls) : 0);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
	struct pending_shutdown *shutdown = (struct pending_shutdown *)request;
	struct transport *transport = shutdown->transport;
	free(shutdown);
	transport->has_shut_down = true;
	if (status != 0 || transport->closes_after_shutdown)
		transport_close(transport, status);
}

void transport_resume_shut_down(struct transport *transport)
{
	if (!transport->is_shutting_down || transport->has_begun_to_shut || transport->is_closing)
		return;
	if (transport->tls && !transport_tls_end(transport))
		return;
	transport->has_begun_to_shut = true;
	struct pending_shutdown *shutdown = malloc(sizeof *shutdown);
	if (!shutdown) {
		transport_close(transport, UV_ENOMEM);
		return;
	}
	shutdown->transport = transport;
	int status = uv_shutdown(&shutdown->request, (uv_stream_t *)&transport->tcp, on_shut_down);
	if (status != 0) {
		free(shutdown);
		transport_close(transport, status);
	}
}

void transport_shut_down(struct transport *transport)
{
	transport->is_shutting_down = true;
	transport_resume_shut_down(transport);
}

void transport_finish(struct transport *transport)
{
	transport->closes_after_shutdown = true;
	if (transport->has_shut_down)
		transport_close(transport, 0);
	else
		transport_shut_down(transport);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct transport *transport = handle->data;
	if (--transport->open_handles > 0)
		return;
	transport_tls_destroy(viva_take(&transport->tls));
	transport->protocol->on_closed(transport->owner, transport->error);
}

void transport_close(struct transport *transport, int uv_error)
{
	if (transport->is_closing)
		return;
	transport->is_closing = true;
	transport->error = uv_error;
	// What broke off has no farewell: half an answer must not look like a whole one.
	if (transport->tls && (uv_error == 0 || uv_error == UV_ETIMEDOUT))
		transport_tls_part(transport);
	uv_close((uv_handle_t *)&transport->tcp, on_handle_closed);
	uv_close((uv_handle_t *)&transport->timer, on_handle_closed);
}

void transport_peer(const struct transport *transport, char *ret_text, size_t size)
{
	struct sockaddr_storage address = {0};
	int length = sizeof address;
	char host[INET6_ADDRSTRLEN] = "";
	ret_text[0] = '\0';
	if (uv_tcp_getpeername(&transport->tcp, (struct sockaddr *)&address, &length) != 0)
		return;
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		snprintf(ret_text, size, "%s:%u", host, ntohs(v4->sin_port));
	} else if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		snprintf(ret_text, size, "[%s]:%u", host, ntohs(v6->sin6_port));
	}
}
