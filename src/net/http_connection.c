// SPDX-License-Identifier: Apache-2.0
//
// A client's connection while it speaks HTTP/1: feeds the parser, keeps answers in order, decides when to read, to wait
// and to close.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/metrics.h"
#include "net/http_exchange.h"

enum {
	PREFACE_SIZE = 3,               // "PRI": no HTTP/1.1 method begins so
	OVERHEAD_PER_BODY_BYTE = 8,     // the smallest chunks: "1\r\nx\r\n"
	PENDING_BYTES = 4 * 64 * 1024,  // at most a few reads come after the parser was paused
	REFUSED_CONNECTIONS = 64,       // beyond the limit, that still get an answer
	REFUSED_DEADLINE_MS = 1000,
};

static const struct transport_protocol http_protocol;
static const llhttp_settings_t parser_settings;

static void count_bytes(const char *direction, struct viva_metric **metric, size_t size)
{
	if (!*metric)
		*metric = viva_counter("viva_net_bytes_total", direction, "Bytes that crossed client connections.");
	viva_metric_add(*metric, (double)size);
}

int http_connection_accept(struct viva_http_server *server)
{
	struct http_connection *connection = calloc(1, sizeof *connection);
	struct http_session *session = connection ? calloc(1, sizeof *session) : NULL;
	if (!session) {
		free(connection);
		return VIVA_ENOMEM;
	}
	connection->server = server;
	connection->session = session;
	uv_loop_t *uv = viva_loop_uv(server->options.loop);
	if (transport_init(&connection->transport, uv, &http_protocol, connection, server->options.write_timeout_ms) !=
	    0) {
		free(session);
		free(connection);
		return VIVA_ENOMEM;
	}
	llhttp_init(&session->parser, HTTP_REQUEST, &parser_settings);
	session->parser.data = connection;
	session->last = &session->first;
	viva_buffer_init(&session->unparsed, PENDING_BYTES);
	http_server_hold(server);
	connection->next = server->connections;
	if (connection->next)
		connection->next->previous = connection;
	server->connections = connection;
	server->connection_count++;

	struct transport *transport = &connection->transport;
	int status = uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&transport->tcp);
	bool is_beyond = server->connection_count > server->options.max_connections;
	if (status != 0 || server->connection_count > server->options.max_connections + REFUSED_CONNECTIONS) {
		transport_close(transport, status);
		return 0;
	}
	if (server->options.tls && transport_secure(transport, server->options.tls) != 0) {
		transport_close(transport, UV_ENOMEM);
		return 0;
	}
	uv_tcp_nodelay(&transport->tcp, 1);
	transport_set_deadline(transport, is_beyond ? REFUSED_DEADLINE_MS : server->options.header_timeout_ms);
	transport_start_reading(transport);
	return 0;
}

static void add_exchange(struct http_session *session, struct http_exchange *exchange)
{
	*session->last = exchange;
	session->last = &exchange->next;
	session->count++;
}

static struct http_exchange *remove_first(struct http_session *session)
{
	struct http_exchange *exchange = session->first;
	session->first = exchange->next;
	if (!session->first)
		session->last = &session->first;
	session->count--;
	if (session->current == exchange)
		session->current = NULL;
	return exchange;
}

// The exchange at hand, or a new one to answer what isn't even a request.
static struct http_exchange *current_or_new(struct http_connection *connection)
{
	struct http_session *session = connection->session;
	if (session->current)
		return session->current;
	struct http_exchange *exchange = NULL;
	if (http_exchange_create(connection, &exchange) != 0) {
		transport_close(&connection->transport, UV_ENOMEM);
		return NULL;
	}
	add_exchange(session, exchange);
	session->current = exchange;
	return exchange;
}

void http_connection_give_up(struct http_connection *connection)
{
	struct http_session *session = connection->session;
	session->is_parser_dead = true;
	for (struct http_exchange *exchange = session->first; exchange; exchange = exchange->next)
		if (!exchange->next)
			exchange->keeps_alive = false;
}

static void refuse_current(struct http_connection *connection, int code, const char *message)
{
	struct http_exchange *exchange = current_or_new(connection);
	if (!exchange)
		return;
	http_connection_give_up(connection);
	http_exchange_refuse(exchange, code, message);
}

static int on_message_begin(llhttp_t *parser)
{
	struct http_connection *connection = parser->data;
	struct http_session *session = connection->session;
	session->current = NULL;
	if (!current_or_new(connection))
		return -1;
	if (connection->server->connection_count > connection->server->options.max_connections) {
		refuse_current(connection, VIVA_EOVERLOAD, "too many connections");
		return -1;
	}
	transport_set_deadline(&connection->transport, connection->server->options.header_timeout_ms);
	return 0;
}

static int fail_head(llhttp_t *parser, int code)
{
	if (code == 0)
		return 0;
	refuse_current(parser->data, code, NULL);
	return -1;
}

static struct http_exchange *current_of(const llhttp_t *parser)
{
	const struct http_connection *connection = parser->data;
	return connection->session->current;
}

static int on_url(llhttp_t *parser, const char *data, size_t size)
{
	struct http_head *head = &current_of(parser)->head;
	if (size > HTTP_MAX_TARGET_BYTES - VIVA_MIN(head->text.size, (size_t)HTTP_MAX_TARGET_BYTES))
		return fail_head(parser, VIVA_EURISIZE);
	return fail_head(parser, http_head_add_start(head, data, size));
}

static int on_url_complete(llhttp_t *parser)
{
	return fail_head(parser, http_head_end_start(&current_of(parser)->head));
}

// Fields after the body (trailers) are checked by the parser, counted, and not kept.
static int on_header_field(llhttp_t *parser, const char *data, size_t size)
{
	struct http_exchange *exchange = current_of(parser);
	return exchange->intake != INTAKE_HEAD ? 0 : fail_head(parser, http_head_add_name(&exchange->head, data, size));
}

static int on_header_value(llhttp_t *parser, const char *data, size_t size)
{
	struct http_exchange *exchange = current_of(parser);
	return exchange->intake != INTAKE_HEAD ? 0
					       : fail_head(parser, http_head_add_value(&exchange->head, data, size));
}

static int on_header_value_complete(llhttp_t *parser)
{
	struct http_exchange *exchange = current_of(parser);
	return exchange->intake != INTAKE_HEAD ? 0 : fail_head(parser, http_head_end_value(&exchange->head));
}

static int on_headers_complete(llhttp_t *parser)
{
	struct http_connection *connection = parser->data;
	struct http_exchange *exchange = current_of(parser);
	http_exchange_begin(exchange, parser);
	if (connection->session->is_parser_dead || connection->transport.is_closing)
		return -1;
	transport_set_deadline(&connection->transport, connection->server->options.body_timeout_ms);
	// Any other Upgrade is an offer that we decline by answering as usual.
	parser->upgrade = exchange->is_upgrade && exchange->kind != EXCHANGE_REFUSED;
	// What follows a handshake that is then refused isn't to be trusted as HTTP.
	if (parser->upgrade)
		exchange->keeps_alive = false;
	// A relayed body goes straight on: it has to wait for its turn.
	return exchange->kind == EXCHANGE_RELAYED ? HPE_PAUSED : 0;
}

static int on_body(llhttp_t *parser, const char *data, size_t size)
{
	return fail_head(parser, http_exchange_take_body(current_of(parser), data, size));
}

static int on_message_complete(llhttp_t *parser)
{
	struct http_connection *connection = parser->data;
	struct http_session *session = connection->session;
	struct http_exchange *exchange = session->current;
	session->current = NULL;
	transport_set_deadline(&connection->transport, 0);
	http_exchange_end(exchange);
	if (!exchange->keeps_alive && !parser->upgrade)
		session->is_parser_dead = true;
	bool is_enough =
		session->count >= connection->server->options.max_pipelined || exchange->kind == EXCHANGE_RELAYED;
	return is_enough && !parser->upgrade ? HPE_PAUSED : 0;
}

static const llhttp_settings_t parser_settings = {
	.on_message_begin = on_message_begin,
	.on_url = on_url,
	.on_url_complete = on_url_complete,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

static void pause_parser(struct http_connection *connection, const uint8_t *rest, size_t size)
{
	struct http_session *session = connection->session;
	session->is_parser_paused = true;
	transport_pause(&connection->transport, TRANSPORT_PAUSE_PARSER);
	if (viva_buffer_append(&session->unparsed, rest, size) != 0)
		transport_close(&connection->transport, UV_ENOBUFS);
}

// What a request may cost beside its body: blanks, chunk heads, extensions and trailers leave no trace elsewhere.
static void check_overhead(struct http_connection *connection, struct http_exchange *before, size_t size)
{
	struct http_exchange *exchange = connection->session->current;
	if (!exchange || exchange != before)
		return;
	exchange->raw_bytes += size;
	uint64_t allowed = connection->server->options.max_header_bytes + (uint64_t)VIVA_LOOP_SCRATCH_BYTES +
			   OVERHEAD_PER_BODY_BYTE * exchange->body_bytes;
	if (exchange->raw_bytes > allowed + exchange->body_bytes)
		refuse_current(connection, VIVA_EHEADERSIZE, NULL);
}

static void parse(struct http_connection *connection, const uint8_t *data, size_t size)
{
	struct http_session *session = connection->session;
	struct http_exchange *before = session->current;
	session->is_parsing = true;
	llhttp_errno_t result = llhttp_execute(&session->parser, (const char *)data, size);
	session->is_parsing = false;
	if (connection->transport.is_closing || session->is_parser_dead)
		return;
	const uint8_t *stop = (const uint8_t *)llhttp_get_error_pos(&session->parser);
	switch (result) {
	case HPE_OK:
		check_overhead(connection, before, size);
		break;
	case HPE_PAUSED:
	case HPE_PAUSED_UPGRADE:
		pause_parser(connection, stop, (size_t)(data + size - stop));
		break;
	default:
		refuse_current(connection, VIVA_EPROTOCOL, llhttp_get_error_reason(&session->parser));
	}
}

static void linger(struct http_connection *connection)
{
	struct http_session *session = connection->session;
	connection->state = CONNECTION_LINGERING;
	while (session->first)
		http_exchange_abandon(remove_first(session));
	viva_buffer_finish(&session->unparsed);
	if (session->has_ended) {
		transport_finish(&connection->transport);
		return;
	}
	transport_set_deadline(&connection->transport, HTTP_LINGER_MS);
	transport_shut_down(&connection->transport);
	transport_resume(&connection->transport, TRANSPORT_PAUSE_PARSER);
	transport_resume(&connection->transport, TRANSPORT_PAUSE_RELAY);
}

static bool may_parse_on(const struct http_session *session, const struct viva_http_server *server)
{
	const struct http_exchange *first = session->first;
	if (!session->is_parser_paused || session->is_parser_dead || session->parser.upgrade)
		return false;
	if (session->current)  // at the end of a relayed request's head
		return session->current->kind != EXCHANGE_RELAYED || session->current->has_started_relaying;
	return session->count < server->options.max_pipelined && (!first || first->kind != EXCHANGE_RELAYED);
}

static void parse_on(struct http_connection *connection)
{
	struct http_session *session = connection->session;
	struct viva_buffer unparsed = session->unparsed;
	viva_buffer_init(&session->unparsed, PENDING_BYTES);
	session->is_parser_paused = false;
	llhttp_resume(&session->parser);
	if (unparsed.size > 0)
		parse(connection, unparsed.data, unparsed.size);
	else
		parse(connection, (const uint8_t *)"", 0);
	viva_buffer_finish(&unparsed);
	if (connection->state == CONNECTION_HTTP && !session->is_parser_paused)
		transport_resume(&connection->transport, TRANSPORT_PAUSE_PARSER);
}

// Moves the first exchange on as far as it goes now. Whether its answer is out.
static bool advance(struct http_connection *connection, struct http_exchange *exchange)
{
	if (exchange->wants_continue && exchange->intake == INTAKE_BODY && exchange->answer == ANSWER_PENDING) {
		exchange->wants_continue = false;
		if (exchange->body_bytes == 0)
			transport_write_copy(&connection->transport, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	}
	if (exchange->kind == EXCHANGE_RELAYED && !exchange->has_started_relaying) {
		exchange->has_started_relaying = true;
		relay_begin(exchange);
	}
	if (exchange->answer == ANSWER_READY) {
		if (exchange->kind == EXCHANGE_WEBSOCKET && exchange->result == 0) {
			websocket_open(exchange);
			return false;
		}
		if (exchange->kind == EXCHANGE_WEBSOCKET)
			exchange->keeps_alive = false;
		http_response_send(exchange);
		exchange->answer = ANSWER_SENT;
		http_exchange_count(exchange, exchange->response.status);
	} else if (exchange->answer == ANSWER_STREAMING && http_stream_send(exchange)) {
		exchange->answer = ANSWER_SENT;
		http_exchange_count(exchange, exchange->response.status);
	}
	return exchange->answer == ANSWER_SENT;
}

static void rest(struct http_connection *connection)
{
	struct http_session *session = connection->session;
	if (session->count > 0)
		return;
	if (session->has_ended || session->is_parser_dead) {
		transport_finish(&connection->transport);
		return;
	}
	transport_set_deadline(&connection->transport, connection->server->options.idle_timeout_ms);
}

static bool is_live(const struct http_connection *connection)
{
	return connection->state == CONNECTION_HTTP && !connection->transport.is_closing;
}

void http_connection_flush(struct http_connection *connection)
{
	struct http_session *session = connection->session;
	if (!is_live(connection) || session->is_parsing || session->is_flushing)
		return;
	session->is_flushing = true;
	bool has_moved = false;
	while (is_live(connection)) {
		struct http_exchange *first = session->first;
		if (first && advance(connection, first)) {
			has_moved = true;
			if (!first->keeps_alive)
				linger(connection);
			else if (first->intake == INTAKE_DONE)
				http_exchange_destroy(remove_first(session));
			else if (!may_parse_on(session, connection->server))
				break;
			else
				parse_on(connection);
			continue;
		}
		// An upgrade freed the session.
		if (!is_live(connection))
			return;
		if (!may_parse_on(session, connection->server))
			break;
		parse_on(connection);
	}
	if (connection->state == CONNECTION_UPGRADED)
		return;
	session->is_flushing = false;
	if (is_live(connection) && has_moved)
		rest(connection);
}

static void on_data(void *owner, uint8_t *data, size_t size)
{
	static struct viva_metric *received;
	struct http_connection *connection = owner;
	struct http_session *session = connection->session;
	count_bytes("direction=\"in\"", &received, size);
	if (connection->state == CONNECTION_LINGERING || session->is_parser_dead) {
		session->lingered_bytes += size;
		if (session->lingered_bytes > HTTP_LINGER_BYTES)
			transport_close(&connection->transport, UV_ECONNABORTED);
		return;
	}
	if (session->is_parser_paused) {
		pause_parser(connection, data, size);
		return;
	}
	parse(connection, data, size);
	http_connection_flush(connection);
}

static void on_end(void *owner)
{
	struct http_connection *connection = owner;
	struct http_session *session = connection->session;
	session->has_ended = true;
	if (connection->state == CONNECTION_LINGERING) {
		transport_finish(&connection->transport);
		return;
	}
	// Of the last answer a part may still be on its way.
	if (session->count == 0) {
		transport_finish(&connection->transport);
		return;
	}
	// Half a request can't become whole any more.
	if (session->current && !session->is_parser_dead && !session->is_parser_paused) {
		transport_close(&connection->transport, 0);
		return;
	}
	// A client may only have finished sending; long work may still ask whether somebody waits for it.
	for (struct http_exchange *exchange = session->first; exchange; exchange = exchange->next)
		atomic_store(&exchange->response.is_cancelled, true);
}

static void on_writable(void *owner)
{
	struct http_connection *connection = owner;
	if (!is_live(connection))
		return;
	struct http_exchange *first = connection->session->first;
	if (first && first->relay)
		relay_client_writable(first);
	else
		http_connection_flush(connection);
}

static void on_timeout(void *owner)
{
	struct http_connection *connection = owner;
	struct http_session *session = connection->session;
	if (connection->state == CONNECTION_LINGERING || !session->current) {
		if (connection->state == CONNECTION_LINGERING || session->count == 0)
			transport_close(&connection->transport, UV_ETIMEDOUT);
		return;
	}
	refuse_current(connection, VIVA_EREQUESTTIMEOUT, NULL);
	http_connection_flush(connection);
}

static void on_closed(void *owner, int uv_error)
{
	(void)uv_error;
	struct http_connection *connection = owner;
	struct http_session *session = connection->session;
	while (session->first)
		http_exchange_abandon(remove_first(session));
	viva_buffer_finish(&session->unparsed);
	free(session);
	connection->session = NULL;
	http_server_forget(connection);
}

// gRPC's clients open with the HTTP/2 preface; its server must find it unread.
static enum transport_look on_first_look(void *owner)
{
	struct http_connection *connection = owner;
	uv_os_fd_t fd = -1;
	if (!connection->server->options.on_http2_connection ||
	    uv_fileno((uv_handle_t *)&connection->transport.tcp, &fd) != 0)
		return TRANSPORT_LOOK_READ;
	char preface[PREFACE_SIZE];
	ssize_t size = recv(fd, preface, sizeof preface, MSG_PEEK | MSG_DONTWAIT);
	if (size <= 0 || memcmp(preface, "PRI", (size_t)size) != 0)
		return TRANSPORT_LOOK_READ;

	// Too few to tell: let the kernel wake us when there are enough, or at the end. Asked once, so that an end
	// after one byte isn't waited for.
	int low_water = 1;
	socklen_t length = sizeof low_water;
	getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, &length);
	bool is_whole = size == PREFACE_SIZE;
	bool is_second_look = low_water == PREFACE_SIZE;
	low_water = is_whole || is_second_look ? 1 : PREFACE_SIZE;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water) != 0 && !is_whole)
		return TRANSPORT_LOOK_READ;
	if (is_whole)
		return TRANSPORT_LOOK_TAKE;
	return is_second_look ? TRANSPORT_LOOK_READ : TRANSPORT_LOOK_WAIT;
}

static void on_taken(void *owner)
{
	struct http_connection *connection = owner;
	const struct viva_http_server_options *options = &connection->server->options;
	uv_os_fd_t fd = -1;
	uv_fileno((uv_handle_t *)&connection->transport.tcp, &fd);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	transport_close(&connection->transport, 0);
	if (copy >= 0)
		options->on_http2_connection(copy, options->http2_context);
}

static void on_plain(void *owner)
{
	refuse_current(owner, VIVA_EPROTOCOL, "this port speaks HTTPS only");
	http_connection_flush(owner);
}

static const struct transport_protocol http_protocol = {
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_timeout = on_timeout,
	.on_closed = on_closed,
	.on_first_look = on_first_look,
	.on_taken = on_taken,
	.on_plain = on_plain,
};

void http_connection_stop(struct http_connection *connection)
{
	struct http_session *session = connection->session;
	if (connection->state == CONNECTION_UPGRADED) {
		connection->on_server_stop(connection->upgraded);
	} else if (connection->state == CONNECTION_HTTP && session->count == 0) {
		transport_finish(&connection->transport);
	} else if (connection->state == CONNECTION_HTTP) {
		for (struct http_exchange *exchange = session->first; exchange; exchange = exchange->next)
			if (!exchange->next)
				exchange->keeps_alive = false;
		if (!session->current)
			session->is_parser_dead = true;
	}
}

int http_connection_upgrade(struct http_connection *connection, const struct transport_protocol *protocol, void *owner,
			    void (*on_server_stop)(void *owner), struct viva_buffer *ret_unparsed)
{
	struct http_session *session = connection->session;
	if (connection->transport.is_closing)
		return VIVA_ECLOSED;
	*ret_unparsed = session->unparsed;
	connection->session = NULL;
	connection->state = CONNECTION_UPGRADED;
	connection->on_server_stop = on_server_stop;
	connection->upgraded = owner;
	transport_adopt(&connection->transport, protocol, owner);
	transport_set_deadline(&connection->transport, 0);
	free(session);
	return 0;
}
