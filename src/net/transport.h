// SPDX-License-Identifier: Apache-2.0
//
// A TCP connection on the loop with one deadline, a write timeout and back-pressure: what HTTP, WebSocket and relayed
// connections have in common. Internal to net/.
//
//            bytes / EOF            deadline
//   peer ──> on_data / on_end      on_timeout ──> owner ──> transport_write … transport_close ──> on_closed
//
// Threads: the loop's only.
#ifndef VIVA_NET_TRANSPORT_H
#define VIVA_NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/macros.h"
#include "net/tls.h"

struct transport;
struct transport_tls;

// What to do about bytes that are still in the kernel: read them, look again when more have come, or leave them there
// for whoever takes the connection over.
enum transport_look { TRANSPORT_LOOK_READ, TRANSPORT_LOOK_WAIT, TRANSPORT_LOOK_TAKE };

// What an owner wants to hear. All run on the loop; any of them may call transport_close.
struct transport_protocol {
	void (*on_data)(void *owner, uint8_t *data, size_t size);  // the bytes may be changed; gone after return
	void (*on_end)(void *owner);                               // the peer has finished sending
	void (*on_writable)(void *owner);              // unsent bytes fell to the low-water mark; may be NULL
	void (*on_timeout)(void *owner);               // the deadline passed; it is unset now
	void (*on_closed)(void *owner, int uv_error);  // last one: the transport's memory may go
	// Before the first read, as soon as bytes are there; must not close. NULL = READ.
	enum transport_look (*on_first_look)(void *owner);
	void (*on_taken)(void *owner);  // after TAKE
	// A secured one turned out to be spoken to in plain HTTP, and is plain from now on; what came is dropped. NULL:
	// it is closed.
	void (*on_plain)(void *owner);
};

enum transport_pause {
	TRANSPORT_PAUSE_OUTPUT = 1,  // too much unsent
	TRANSPORT_PAUSE_PARSER = 2,  // enough read ahead
	TRANSPORT_PAUSE_RELAY = 4,   // the other side is slower
};

enum { TRANSPORT_HIGH_WATER = 256 * 1024, TRANSPORT_LOW_WATER = 64 * 1024 };

struct transport {
	uv_tcp_t tcp;
	uv_timer_t timer;
	struct transport_tls *tls;  // NULL = plain
	const struct transport_protocol *protocol;
	void *owner;
	uint64_t deadline_ms;        // loop time; 0 = none
	uint64_t write_deadline_ms;  // loop time; 0 = nothing unsent
	uint64_t timer_due_ms;       // when the timer fires; 0 = not running
	size_t unsent_seen;          // of the write queue, when write_deadline_ms was set
	uint32_t write_timeout_ms;
	int error;  // a uv error that ended it, or 0
	uint8_t open_handles;
	uint8_t pauses;
	bool is_reading;
	bool is_closing;
	bool is_above_high_water;
	bool is_shutting_down;   // asked for,
	bool has_begun_to_shut;  // all before it is written or with the kernel,
	bool has_shut_down;      // done
	bool closes_after_shutdown;
	enum transport_look look;  // the last one's result
	bool has_looked;
};

// Prepares an unconnected transport. Afterwards on_closed comes exactly once, after transport_close.
// Returns a uv error, then there is nothing to close.
VIVA_MUST_CHECK int transport_init(struct transport *transport, uv_loop_t *uv,
				   const struct transport_protocol *protocol, void *owner, uint32_t write_timeout_ms);
// Speaks TLS as the server from the first byte on; before the first read. VIVA_ENOMEM.
VIVA_MUST_CHECK int transport_secure(struct transport *transport, struct viva_tls *tls);
// The owner changes, for instance after an upgrade. Nothing else does.
void transport_adopt(struct transport *transport, const struct transport_protocol *protocol, void *owner);
void transport_start_reading(struct transport *transport);
void transport_pause(struct transport *transport, enum transport_pause why);
void transport_resume(struct transport *transport, enum transport_pause why);
// on_timeout after delay_ms from now; 0 = no deadline.
void transport_set_deadline(struct transport *transport, uint64_t delay_ms);

// Sends the parts (at most 8) in order without copying them: release(context) is called once they are no longer
// needed, maybe before the return. A failure closes the transport.
void transport_write(struct transport *transport, const struct viva_bytes *parts, size_t count,
		     void (*release)(void *context), void *context);
// As above, but what can't be sent at once is copied.
void transport_write_parts(struct transport *transport, const struct viva_bytes *parts, size_t count);
void transport_write_copy(struct transport *transport, const void *data, size_t size);
size_t transport_unsent(const struct transport *transport);
// Sends FIN after what is unsent.
void transport_shut_down(struct transport *transport);
// Closes once a shutdown asked for before, or now, is through.
void transport_finish(struct transport *transport);
void transport_close(struct transport *transport, int uv_error);

// For transport_tls.c: past TLS.
void transport_write_raw(struct transport *transport, const struct viva_bytes *parts, size_t count,
			 void (*release)(void *context), void *context);
void transport_note_unsent(struct transport *transport);
void transport_resume_shut_down(struct transport *transport);
void transport_end_reading(struct transport *transport);

// "127.0.0.1:40312" or "[::1]:40312"; "" when it isn't known.
void transport_peer(const struct transport *transport, char *ret_text, size_t size);

#endif
