// SPDX-License-Identifier: Apache-2.0
//
// What the process remembers of an interview while it is being conducted: its sockets, the tracker's continuation, the
// reserved frame numbers, how many frames went to the queue, its rate. A bounded cache: all that must not be lost is in
// the store.
//
// Threads: any, unless a function says otherwise. Nothing blocks but what interview_session_lock_frames guards.
#ifndef VIVA_INTERVIEW_SESSION_H
#define VIVA_INTERVIEW_SESSION_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/pool.h"
#include "net/websocket.h"
#include "resilience/rate_limiter.h"

enum {
	INTERVIEW_MAX_SOCKETS = 4,           // at one interview at a time
	INTERVIEW_MESSAGES_PER_S = 300,      // of all sockets of an interview together; beyond, RATE_LIMITED
	INTERVIEW_MAX_CONTROL_WAITING = 32,  // messages other than frames that wait, per interview
	INTERVIEW_MAX_FRAMES_WAITING = 4,    // REST frames that wait for their turn, per interview
	INTERVIEW_MAX_CONTINUATION = 16384,  // bytes
	INTERVIEW_FACE_NOTICE_MS = 5000,     // FACE_NOT_DETECTED and MULTIPLE_FACES, and a hint, at most so often
	INTERVIEW_OTHER_HINT_MS = 2000,      // after a hint, before another one
	INTERVIEW_MAX_FALLEN = 64,           // live frames that went to the queue and are remembered, per interview
};

// When to tell of something that lasts: at its begin, and then at most every INTERVIEW_FACE_NOTICE_MS.
struct interview_notice {
	bool is_on;
	int64_t told_ms;  // monotonic
};
bool interview_notice_due(struct interview_notice *notice, bool is_on, int64_t now_ms);

// The hint that was told last. What a frame shows may change with each, what a candidate is told may not.
struct interview_hint_notice {
	const char *code;  // a constant; NULL = none
	int64_t told_ms;   // monotonic
};
// Whether to tell of a frame's hint: at once, the same again after INTERVIEW_FACE_NOTICE_MS, another one after
// INTERVIEW_OTHER_HINT_MS. `code` outlives the notice.
bool interview_hint_due(struct interview_hint_notice *notice, const char *code, int64_t now_ms);

// Frames are analysed one at a time, for each needs what the last one left behind. Guarded by frame_lock.
struct interview_frame_state {
	uint8_t *continuation;  // NULL = none
	size_t continuation_size;
	unsigned int continuation_epoch;  // frame_epoch when the frame it came with went out
};

// The numbers of frames. Guarded by number_lock, which may be held while the store reserves a block of them.
struct interview_numbers {
	int64_t next;      // of the reserved block
	int64_t end;       // next == end: reserve another
	bool is_queueing;  // the store knows that this process gives frames of the interview to the queue
};

// A place for a socket that is open.
struct interview_socket {
	struct viva_websocket *socket;
	bool is_welcome;     // it was greeted
	bool is_told;        // the score
	int64_t expires_at;  // of its token, Unix seconds; 0 = never
};

// What all sockets that were greeted know of the interview (news.h). Guarded by tell_lock.
struct interview_told {
	int answered;  // as the last status had it
	int question;  // number of the one put last
	bool is_over;
	uint64_t judged;    // the answers whose analysis they know; bits by question number − 1
	uint64_t unjudged;  // those of which they know that there is no analysis yet
	int64_t version;    // of the interview, once all of it was told; 0 = not all was
	int64_t judged_count;
};

struct interview_session {
	char id[VIVA_UUID_SIZE];
	struct interview_sessions *sessions;
	// Guarded by the sessions' lock.
	struct interview_session *newer, *older;
	struct interview_session *next_in_slot;
	size_t references;
	bool is_forgotten;
	// Guarded by `lock`.
	pthread_mutex_t lock;
	struct interview_socket sockets[INTERVIEW_MAX_SOCKETS];
	size_t socket_count;
	size_t socket_places;              // taken by sockets, open or about to open
	struct viva_rate_limiter limiter;  // of messages
	struct interview_notice rate_exceeded;
	struct interview_notice no_face;
	struct interview_notice many_faces;
	struct interview_hint_notice hint;
	int64_t newest_ms;                     // the latest time of a frame whose analysis was told
	int64_t fallen[INTERVIEW_MAX_FALLEN];  // numbers; 0 = none. A ring
	size_t fallen_next;
	struct viva_strand *control;  // made with the first socket, as the two that follow
	struct viva_strand *frames;
	struct viva_mailbox *waiting_frame;  // of the newest
	// Of frames.
	atomic_bool is_frame_due;  // a task that takes the waiting frame is on its way
	atomic_int frames_waiting;
	pthread_mutex_t frame_lock;
	struct interview_frame_state frame_state;
	pthread_mutex_t number_lock;
	struct interview_numbers numbers;
	atomic_uint frame_epoch;          // changes when frames may have gone another way: to the queue, or elsewhere
	atomic_llong queued;              // frames that the queue has, or is about to have
	atomic_bool is_queued_uncertain;  // for some frame nobody knows whether the queue has it
	pthread_mutex_t tell_lock;        // may be held while the store is read
	struct interview_told told;
};

struct interview_sessions;

struct interview_sessions_options {
	size_t max_sessions;           // > 0
	struct viva_pool *pool;        // of the strands `control`
	struct viva_pool *frame_pool;  // of the strands `frames`
	const struct viva_clock *clock;
	void (*on_drop)(void *item);  // frees a frame that was replaced in waiting_frame
};

// What the options point to must outlive the sessions, but for the pools, which may go before them. VIVA_EINVAL
// (max_sessions 0), VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_sessions_create(const struct interview_sessions_options *options,
					      struct interview_sessions **ret_sessions);
struct interview_sessions *interview_sessions_destroy(struct interview_sessions *sessions);  // after the last unref

// The session of that interview, made if there is none; the caller holds it until unref. The one used longest ago that
// nobody holds makes room. VIVA_EOVERLOAD (all are held), VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_session_get(struct interview_sessions *sessions, const char *id,
					  struct interview_session **ret_session, struct viva_error *error);
// The session if it is remembered, else NULL; held until unref.
struct interview_session *interview_session_find(struct interview_sessions *sessions, const char *id);
struct interview_session *interview_session_ref(struct interview_session *session);
struct interview_session *interview_session_unref(struct interview_session *session);  // NULL is fine. Always NULL.
// A new get() makes a new one; who holds the old one keeps it.
void interview_session_forget(struct interview_session *session);
size_t interview_sessions_count(struct interview_sessions *sessions);
// Those that have sockets, each held until its unref; the caller frees the list. VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_sessions_with_sockets(struct interview_sessions *sessions,
						    struct interview_session ***ret_list, size_t *ret_count,
						    struct viva_error *error);

// Whether a message may be taken now, at INTERVIEW_MESSAGES_PER_S at most. *ret_tell: it is time to say that it may
// not.
bool interview_session_take_message(struct interview_session *session, bool *ret_tell);

// Reserves a place for a socket and makes sure of strands and mailbox. VIVA_ERATE (all places taken), VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_session_reserve_socket(struct interview_session *session, struct viva_error *error);
// Puts an open socket into its place; takes a reference on it. `expires_at` is its token's, Unix seconds; 0 = never.
void interview_session_attach(struct interview_session *session, struct viva_websocket *socket, int64_t expires_at);
// Gives the place back; the socket may be NULL, when it never opened.
void interview_session_detach(struct interview_session *session, struct viva_websocket *socket);
bool interview_session_has_sockets(struct interview_session *session);
// Sends a text message to all sockets, or closes them all, or those whose token has expired.
void interview_session_broadcast(struct interview_session *session, const char *text);
void interview_session_close_sockets(struct interview_session *session, int code, const char *reason);
void interview_session_close_expired(struct interview_session *session, int64_t now_s);

// A socket is told what is new once it was greeted, and welcome() says that it was. is_heard(): any was.
void interview_session_welcome(struct interview_session *session, const struct viva_websocket *socket);
bool interview_session_is_heard(struct interview_session *session);
void interview_session_tell(struct interview_session *session, const char *text);
// The score goes to each of them once, however often it is told; gives how many it went to now.
size_t interview_session_tell_score(struct interview_session *session, const char *text);

// Notes the time of a frame whose analysis is told now; false when a later frame's was told before.
bool interview_session_note_time(struct interview_session *session, int64_t timestamp_ms);
// What lasts, as the last frame showed it; whether it is time to tell of it.
bool interview_session_notice_no_face(struct interview_session *session, bool is_on);
bool interview_session_notice_many_faces(struct interview_session *session, bool is_on);
bool interview_session_notice_hint(struct interview_session *session, const char *code);  // as interview_hint_due

// Remembers the number of a live frame that went to the queue because no answer came; the oldest is forgotten.
void interview_session_note_fallen(struct interview_session *session, int64_t number);
// Whether it is remembered; then it is forgotten.
bool interview_session_take_fallen(struct interview_session *session, int64_t number);

// One frame at a time: waits for its turn. VIVA_ERATE when INTERVIEW_MAX_FRAMES_WAITING wait already.
VIVA_MUST_CHECK int interview_session_lock_frames(struct interview_session *session, struct viva_error *error);
void interview_session_unlock_frames(struct interview_session *session);

#endif
