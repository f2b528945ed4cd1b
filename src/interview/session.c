// SPDX-License-Identifier: Apache-2.0
#include "interview/session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/error.h"
#include "interview/meters.h"

struct interview_sessions {
	struct interview_sessions_options options;
	pthread_mutex_t lock;
	struct interview_session *newest, *oldest;
	size_t count;
	size_t slot_count;  // a power of two
	struct interview_session *slots[];
};

bool interview_notice_due(struct interview_notice *notice, bool is_on, int64_t now_ms)
{
	bool is_due = is_on && (!notice->is_on || now_ms - notice->told_ms >= INTERVIEW_FACE_NOTICE_MS);
	notice->is_on = is_on;
	if (is_due)
		notice->told_ms = now_ms;
	return is_due;
}

bool interview_hint_due(struct interview_hint_notice *notice, const char *code, int64_t now_ms)
{
	bool is_same = notice->code && strcmp(notice->code, code) == 0;
	int64_t pause_ms = is_same ? INTERVIEW_FACE_NOTICE_MS : INTERVIEW_OTHER_HINT_MS;
	if (notice->code && now_ms - notice->told_ms < pause_ms)
		return false;
	notice->code = code;
	notice->told_ms = now_ms;
	return true;
}

int interview_sessions_create(const struct interview_sessions_options *options,
			      struct interview_sessions **ret_sessions)
{
	enum { MAX_SLOTS = 1 << 20 };
	if (options->max_sessions == 0)
		return VIVA_EINVAL;
	size_t slot_count = 16;
	while (slot_count < options->max_sessions && slot_count < MAX_SLOTS)
		slot_count *= 2;
	struct interview_sessions *sessions = calloc(1, sizeof *sessions + slot_count * sizeof sessions->slots[0]);
	if (!sessions)
		return VIVA_ENOMEM;
	sessions->options = *options;
	sessions->slot_count = slot_count;
	pthread_mutex_init(&sessions->lock, NULL);
	*ret_sessions = sessions;
	return 0;
}

// FNV-1a over the lower-case id.
static struct interview_session **slot_of(struct interview_sessions *sessions, const char *id)
{
	uint64_t hash = VIVA_HASH_START;
	for (; *id; id++)
		hash = viva_hash_more(hash, &(unsigned char){(unsigned char)(*id | 0x20)}, 1);
	return &sessions->slots[hash & (sessions->slot_count - 1)];
}

static void unlink_by_use(struct interview_sessions *sessions, struct interview_session *session)
{
	*(session->newer ? &session->newer->older : &sessions->newest) = session->older;
	*(session->older ? &session->older->newer : &sessions->oldest) = session->newer;
	session->newer = session->older = NULL;
}

static void link_as_newest(struct interview_sessions *sessions, struct interview_session *session)
{
	session->older = sessions->newest;
	*(sessions->newest ? &sessions->newest->newer : &sessions->oldest) = session;
	sessions->newest = session;
}

// Takes a session out of the map; it lives on while somebody holds it.
static void forget(struct interview_sessions *sessions, struct interview_session *session)
{
	struct interview_session **link = slot_of(sessions, session->id);
	while (*link != session)
		link = &(*link)->next_in_slot;
	*link = session->next_in_slot;
	session->next_in_slot = NULL;
	unlink_by_use(sessions, session);
	session->is_forgotten = true;
	sessions->count--;
	viva_metric_set(interview_meters()->sessions, (double)sessions->count);
}

static void free_session(struct interview_session *session)
{
	viva_strand_destroy(session->control);
	viva_strand_destroy(session->frames);
	viva_mailbox_destroy(session->waiting_frame);
	free(session->frame_state.continuation);
	pthread_mutex_destroy(&session->tell_lock);
	pthread_mutex_destroy(&session->number_lock);
	pthread_mutex_destroy(&session->frame_lock);
	pthread_mutex_destroy(&session->lock);
	free(session);
}

struct interview_sessions *interview_sessions_destroy(struct interview_sessions *sessions)
{
	if (!sessions)
		return NULL;
	while (sessions->oldest) {
		struct interview_session *session = sessions->oldest;
		forget(sessions, session);
		free_session(session);
	}
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
	return NULL;
}

static struct interview_session *find_and_hold(struct interview_sessions *sessions, const char *id)
{
	struct interview_session *session = *slot_of(sessions, id);
	while (session && strcasecmp(session->id, id) != 0)
		session = session->next_in_slot;
	if (!session)
		return NULL;
	session->references++;
	unlink_by_use(sessions, session);
	link_as_newest(sessions, session);
	return session;
}

struct interview_session *interview_session_find(struct interview_sessions *sessions, const char *id)
{
	pthread_mutex_lock(&sessions->lock);
	struct interview_session *session = find_and_hold(sessions, id);
	pthread_mutex_unlock(&sessions->lock);
	return session;
}

// The session used longest ago that nobody holds leaves the full map. false: all are held.
static bool make_room(struct interview_sessions *sessions, struct interview_session **ret_unused)
{
	*ret_unused = NULL;
	if (sessions->count < sessions->options.max_sessions)
		return true;
	for (struct interview_session *session = sessions->oldest; session; session = session->newer) {
		if (session->references > 0)
			continue;
		forget(sessions, session);
		*ret_unused = session;
		return true;
	}
	return false;
}

static int add_session(struct interview_sessions *sessions, const char *id, struct interview_session **ret_session,
		       struct interview_session **ret_unused, struct viva_error *error)
{
	if (!make_room(sessions, ret_unused))
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "too many interviews are being conducted");
	struct interview_session *session = calloc(1, sizeof *session);
	if (!session)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the interview");
	snprintf(session->id, sizeof session->id, "%s", id);
	session->sessions = sessions;
	session->references = 1;
	viva_rate_limiter_init(&session->limiter, INTERVIEW_MESSAGES_PER_S, INTERVIEW_MESSAGES_PER_S,
			       sessions->options.clock);
	pthread_mutex_init(&session->lock, NULL);
	pthread_mutex_init(&session->frame_lock, NULL);
	pthread_mutex_init(&session->number_lock, NULL);
	pthread_mutex_init(&session->tell_lock, NULL);
	struct interview_session **slot = slot_of(sessions, id);
	session->next_in_slot = *slot;
	*slot = session;
	link_as_newest(sessions, session);
	sessions->count++;
	viva_metric_set(interview_meters()->sessions, (double)sessions->count);
	*ret_session = session;
	return 0;
}

int interview_session_get(struct interview_sessions *sessions, const char *id, struct interview_session **ret_session,
			  struct viva_error *error)
{
	struct interview_session *unused = NULL;
	int status = 0;
	pthread_mutex_lock(&sessions->lock);
	struct interview_session *session = find_and_hold(sessions, id);
	if (!session)
		status = add_session(sessions, id, &session, &unused, error);
	pthread_mutex_unlock(&sessions->lock);
	if (unused)
		free_session(unused);
	if (!status)
		*ret_session = session;
	return status;
}

struct interview_session *interview_session_ref(struct interview_session *session)
{
	pthread_mutex_lock(&session->sessions->lock);
	session->references++;
	pthread_mutex_unlock(&session->sessions->lock);
	return session;
}

struct interview_session *interview_session_unref(struct interview_session *session)
{
	if (!session)
		return NULL;
	struct interview_sessions *sessions = session->sessions;
	pthread_mutex_lock(&sessions->lock);
	bool is_last = --session->references == 0 && session->is_forgotten;
	pthread_mutex_unlock(&sessions->lock);
	if (is_last)
		free_session(session);
	return NULL;
}

void interview_session_forget(struct interview_session *session)
{
	pthread_mutex_lock(&session->sessions->lock);
	if (!session->is_forgotten)
		forget(session->sessions, session);
	pthread_mutex_unlock(&session->sessions->lock);
}

size_t interview_sessions_count(struct interview_sessions *sessions)
{
	pthread_mutex_lock(&sessions->lock);
	size_t count = sessions->count;
	pthread_mutex_unlock(&sessions->lock);
	return count;
}

int interview_sessions_with_sockets(struct interview_sessions *sessions, struct interview_session ***ret_list,
				    size_t *ret_count, struct viva_error *error)
{
	pthread_mutex_lock(&sessions->lock);
	struct interview_session **list = calloc(sessions->count + 1, sizeof(struct interview_session *));
	size_t count = 0;
	for (struct interview_session *session = sessions->oldest; session && list; session = session->newer) {
		if (!interview_session_has_sockets(session))
			continue;
		session->references++;
		list[count++] = session;
	}
	pthread_mutex_unlock(&sessions->lock);
	if (!list)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a list of sessions");
	*ret_list = list;
	*ret_count = count;
	return 0;
}

bool interview_session_take_message(struct interview_session *session, bool *ret_tell)
{
	pthread_mutex_lock(&session->lock);
	bool is_within = viva_rate_limiter_take(&session->limiter);
	int64_t now_ms = viva_clock_now_ms(session->sessions->options.clock);
	*ret_tell = interview_notice_due(&session->rate_exceeded, !is_within, now_ms);
	pthread_mutex_unlock(&session->lock);
	return is_within;
}

// With `lock` held.
static int ensure_strands(struct interview_session *session)
{
	const struct interview_sessions_options *options = &session->sessions->options;
	int status = 0;
	if (!session->control)
		status = viva_strand_create(options->pool, INTERVIEW_MAX_CONTROL_WAITING, &session->control);
	if (!status && !session->frames)
		status = viva_strand_create(options->frame_pool, 2,
					    &session->frames);  // one that runs and one that is due
	if (!status && !session->waiting_frame)
		status = viva_mailbox_create(1, VIVA_MAILBOX_DROP_OLDEST, options->on_drop, &session->waiting_frame);
	return status;
}

int interview_session_reserve_socket(struct interview_session *session, struct viva_error *error)
{
	pthread_mutex_lock(&session->lock);
	int status = 0;
	if (session->socket_places == INTERVIEW_MAX_SOCKETS)
		status = viva_fail(error, VIVA_ERATE, NULL, "an interview has at most %d sockets at a time",
				   INTERVIEW_MAX_SOCKETS);
	else if (ensure_strands(session))
		status = viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the socket");
	else
		session->socket_places++;
	pthread_mutex_unlock(&session->lock);
	return status;
}

void interview_session_attach(struct interview_session *session, struct viva_websocket *socket, int64_t expires_at)
{
	pthread_mutex_lock(&session->lock);
	// While it had none here, frames may have gone to another instance: the continuation is out of date.
	if (session->socket_count == 0)
		atomic_fetch_add(&session->frame_epoch, 1);
	session->sockets[session->socket_count++] =
		(struct interview_socket){.socket = viva_websocket_ref(socket), .expires_at = expires_at};
	viva_metric_add(interview_meters()->sockets, 1);
	pthread_mutex_unlock(&session->lock);
}

void interview_session_detach(struct interview_session *session, struct viva_websocket *socket)
{
	bool was_attached = false;
	pthread_mutex_lock(&session->lock);
	session->socket_places--;
	for (size_t i = 0; i < session->socket_count && !was_attached; i++) {
		if (session->sockets[i].socket != socket)
			continue;
		session->sockets[i] = session->sockets[--session->socket_count];
		was_attached = true;
	}
	pthread_mutex_unlock(&session->lock);
	if (!was_attached)
		return;
	viva_metric_add(interview_meters()->sockets, -1);
	viva_websocket_unref(socket);
}

bool interview_session_has_sockets(struct interview_session *session)
{
	pthread_mutex_lock(&session->lock);
	bool has_sockets = session->socket_count > 0;
	pthread_mutex_unlock(&session->lock);
	return has_sockets;
}

// A socket that closes or reads too slowly is dealt with by the server; the client comes back and is told anew.
static void send_text(struct viva_websocket *socket, const char *text)
{
	(void)!viva_websocket_send(socket, VIVA_WEBSOCKET_TEXT, text, strlen(text));
}

void interview_session_broadcast(struct interview_session *session, const char *text)
{
	pthread_mutex_lock(&session->lock);
	for (size_t i = 0; i < session->socket_count; i++)
		send_text(session->sockets[i].socket, text);
	pthread_mutex_unlock(&session->lock);
}

void interview_session_close_sockets(struct interview_session *session, int code, const char *reason)
{
	pthread_mutex_lock(&session->lock);
	for (size_t i = 0; i < session->socket_count; i++)
		viva_websocket_close(session->sockets[i].socket, code, reason);
	pthread_mutex_unlock(&session->lock);
}

void interview_session_close_expired(struct interview_session *session, int64_t now_s)
{
	pthread_mutex_lock(&session->lock);
	for (size_t i = 0; i < session->socket_count; i++) {
		const struct interview_socket *place = &session->sockets[i];
		if (place->expires_at > 0 && place->expires_at <= now_s)
			viva_websocket_close(place->socket, 1008, "the token has expired");
	}
	pthread_mutex_unlock(&session->lock);
}

void interview_session_welcome(struct interview_session *session, const struct viva_websocket *socket)
{
	pthread_mutex_lock(&session->lock);
	for (size_t i = 0; i < session->socket_count; i++)
		session->sockets[i].is_welcome |= session->sockets[i].socket == socket;
	pthread_mutex_unlock(&session->lock);
}

bool interview_session_is_heard(struct interview_session *session)
{
	bool is_heard = false;
	pthread_mutex_lock(&session->lock);
	for (size_t i = 0; i < session->socket_count; i++)
		is_heard |= session->sockets[i].is_welcome;
	pthread_mutex_unlock(&session->lock);
	return is_heard;
}

void interview_session_tell(struct interview_session *session, const char *text)
{
	pthread_mutex_lock(&session->lock);
	for (size_t i = 0; i < session->socket_count; i++) {
		if (session->sockets[i].is_welcome)
			send_text(session->sockets[i].socket, text);
	}
	pthread_mutex_unlock(&session->lock);
}

size_t interview_session_tell_score(struct interview_session *session, const char *text)
{
	size_t told = 0;
	pthread_mutex_lock(&session->lock);
	for (size_t i = 0; i < session->socket_count; i++) {
		struct interview_socket *place = &session->sockets[i];
		if (!place->is_welcome || place->is_told)
			continue;
		place->is_told = true;
		send_text(place->socket, text);
		told++;
	}
	pthread_mutex_unlock(&session->lock);
	return told;
}

bool interview_session_note_time(struct interview_session *session, int64_t timestamp_ms)
{
	pthread_mutex_lock(&session->lock);
	bool is_newest = timestamp_ms >= session->newest_ms;
	if (is_newest)
		session->newest_ms = timestamp_ms;
	pthread_mutex_unlock(&session->lock);
	return is_newest;
}

static bool notice(struct interview_session *session, struct interview_notice *notice, bool is_on)
{
	pthread_mutex_lock(&session->lock);
	bool is_due = interview_notice_due(notice, is_on, viva_clock_now_ms(session->sessions->options.clock));
	pthread_mutex_unlock(&session->lock);
	return is_due;
}

bool interview_session_notice_no_face(struct interview_session *session, bool is_on)
{
	return notice(session, &session->no_face, is_on);
}

bool interview_session_notice_hint(struct interview_session *session, const char *code)
{
	pthread_mutex_lock(&session->lock);
	bool is_due = interview_hint_due(&session->hint, code, viva_clock_now_ms(session->sessions->options.clock));
	pthread_mutex_unlock(&session->lock);
	return is_due;
}

bool interview_session_notice_many_faces(struct interview_session *session, bool is_on)
{
	return notice(session, &session->many_faces, is_on);
}

void interview_session_note_fallen(struct interview_session *session, int64_t number)
{
	pthread_mutex_lock(&session->lock);
	session->fallen[session->fallen_next++ % INTERVIEW_MAX_FALLEN] = number;
	pthread_mutex_unlock(&session->lock);
}

bool interview_session_take_fallen(struct interview_session *session, int64_t number)
{
	bool is_fallen = false;
	pthread_mutex_lock(&session->lock);
	for (size_t i = 0; i < INTERVIEW_MAX_FALLEN && !is_fallen && number > 0; i++) {
		is_fallen = session->fallen[i] == number;
		if (is_fallen)
			session->fallen[i] = 0;
	}
	pthread_mutex_unlock(&session->lock);
	return is_fallen;
}

int interview_session_lock_frames(struct interview_session *session, struct viva_error *error)
{
	if (atomic_fetch_add(&session->frames_waiting, 1) >= INTERVIEW_MAX_FRAMES_WAITING) {
		atomic_fetch_sub(&session->frames_waiting, 1);
		return viva_fail(error, VIVA_ERATE, NULL, "%d frames of this interview wait already",
				 INTERVIEW_MAX_FRAMES_WAITING);
	}
	pthread_mutex_lock(&session->frame_lock);
	return 0;
}

void interview_session_unlock_frames(struct interview_session *session)
{
	pthread_mutex_unlock(&session->frame_lock);
	atomic_fetch_sub(&session->frames_waiting, 1);
}
