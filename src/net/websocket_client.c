// SPDX-License-Identifier: Apache-2.0
#include "net/websocket_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/client_stream.h"
#include "net/websocket_codec.h"

enum {
	DEFAULT_CONNECT_MS = 10 * 1000,
	DEFAULT_SEND_MS = 30 * 1000,
	DEFAULT_MESSAGE_BYTES = 16 * 1024 * 1024,
	MAX_ANSWER_BYTES = 64 * 1024,
	READ_BYTES = 64 * 1024,
};

enum client_state { CLIENT_OPEN, CLIENT_CLOSING, CLIENT_CLOSED };

struct viva_websocket_client {
	struct client_stream *stream;
	enum client_state state;
	int close_code;
	uint32_t send_timeout_ms;
	struct viva_websocket_decoder decoder;
	size_t begin, end;  // of what is read and not yet decoded
	uint8_t input[READ_BYTES];
};

static void make_key(char ret_key[25])
{
	uint8_t nonce[16];
	viva_system_random()->fill(viva_system_random(), nonce, sizeof nonce);
	viva_base64_encode(nonce, sizeof nonce, ret_key);
	ret_key[24] = '\0';
}

static int send_handshake(const struct viva_websocket_client_options *options, const char *key,
			  struct client_stream *stream, int64_t deadline_ms)
{
	struct viva_buffer head;
	viva_buffer_init(&head, MAX_ANSWER_BYTES);
	bool is_v6 = strchr(options->host, ':') != NULL;
	int code = viva_buffer_printf(&head,
				      "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUpgrade: websocket\r\n"
				      "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
				      "Sec-WebSocket-Version: 13\r\n",
				      options->target, is_v6 ? "[" : "", options->host, is_v6 ? "]" : "", options->port,
				      key);
	for (size_t i = 0; i < options->header_count && code == 0; i++)
		code = viva_buffer_printf(&head, "%s\r\n", options->headers[i]);
	if (code == 0)
		code = viva_buffer_append_text(&head, "\r\n");
	if (code == 0)
		code = client_stream_write(stream, head.data, head.size, deadline_ms);
	viva_buffer_finish(&head);
	return code == VIVA_ECLOSED ? VIVA_EUNAVAILABLE : code == VIVA_ELIMIT ? VIVA_EUSAGE : code;
}

static int error_of_status(int status)
{
	switch (status) {
	case 401:
		return VIVA_EUNAUTHORIZED;
	case 403:
		return VIVA_EFORBIDDEN;
	case 404:
		return VIVA_ENOTFOUND;
	case 429:
		return VIVA_ERATE;
	default:
		return status >= 500 ? VIVA_EUNAVAILABLE : VIVA_EBADGATEWAY;
	}
}

// The value of a header in a head whose lines end with CRLF; *ret_size bytes of it. NULL = none.
static const char *find_header(const char *head, const char *name, size_t *ret_size)
{
	size_t name_size = strlen(name);
	for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, name_size) != 0 || line[name_size] != ':')
			continue;
		const char *value = line + name_size + 1;
		value += strspn(value, " \t");
		*ret_size = strcspn(value, "\r\n");
		return value;
	}
	return NULL;
}

static int check_answer(const char *head, const char *key, struct viva_error *error)
{
	int status = 0;
	if (sscanf(head, "HTTP/1.1 %3d", &status) != 1)
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the server does not speak HTTP/1.1");
	if (status != 101)
		return viva_fail(error, error_of_status(status), NULL, "the server refused the WebSocket: HTTP %d",
				 status);
	char wanted[VIVA_WEBSOCKET_ACCEPT_SIZE];
	size_t size = 0;
	const char *accept = find_header(head, "sec-websocket-accept", &size);
	int code = viva_websocket_accept(key, wanted);
	if (code != 0)
		return code;
	if (!accept || size != strlen(wanted) || memcmp(accept, wanted, size) != 0 ||
	    find_header(head, "sec-websocket-extensions", &size))
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the server's WebSocket handshake is wrong");
	return 0;
}

// Reads until the answer's head is whole; what follows it stays in the client's input.
static int receive_answer(struct viva_websocket_client *client, const char *key, int64_t deadline_ms,
			  struct viva_error *error)
{
	char *input = (char *)client->input;
	for (;;) {
		size_t size = 0;
		int code = client_stream_read(client->stream, input + client->end, READ_BYTES - 1 - client->end,
					      deadline_ms, &size);
		if (code == VIVA_ECLOSED)
			return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "the server closed during the handshake");
		if (code != 0)
			return code;
		client->end += size;
		input[client->end] = '\0';
		char *stop = memmem(input, client->end, "\r\n\r\n", 4);
		if (stop) {
			client->begin = (size_t)(stop + 4 - input);
			stop[2] = '\0';
			return check_answer(input, key, error);
		}
		if (client->end == READ_BYTES - 1)
			return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the server's answer is too long");
	}
}

static bool is_one_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static int check_options(const struct viva_websocket_client_options *options, struct viva_error *error)
{
	if (options->target[0] != '/' || !is_one_line(options->target) || strchr(options->target, ' ') ||
	    !is_one_line(options->host))
		return viva_fail(error, VIVA_EUSAGE, "target", "the host or target can't be sent");
	for (size_t i = 0; i < options->header_count; i++)
		if (!is_one_line(options->headers[i]) || !strchr(options->headers[i], ':'))
			return viva_fail(error, VIVA_EUSAGE, "headers", "a header can't be sent");
	return 0;
}

int viva_websocket_client_connect(const struct viva_websocket_client_options *options,
				  struct viva_websocket_client **ret_client, struct viva_error *error)
{
	int code = check_options(options, error);
	if (code != 0)
		return code;
	VIVA_AUTO(viva_websocket_client) client = calloc(1, sizeof *client);
	if (!client)
		return VIVA_ENOMEM;
	client->send_timeout_ms = options->send_timeout_ms != 0 ? options->send_timeout_ms : DEFAULT_SEND_MS;
	viva_websocket_decoder_init(&client->decoder, VIVA_WEBSOCKET_CLIENT,
				    options->max_message_bytes != 0 ? options->max_message_bytes
								    : DEFAULT_MESSAGE_BYTES);
	char key[25];
	make_key(key);
	int64_t deadline_ms = client_stream_deadline(options->connect_timeout_ms != 0 ? options->connect_timeout_ms
										      : DEFAULT_CONNECT_MS);
	code = client_stream_connect(options->host, options->port, options->tls, deadline_ms, &client->stream, error);
	if (code == 0)
		code = send_handshake(options, key, client->stream, deadline_ms);
	if (code == 0)
		code = receive_answer(client, key, deadline_ms, error);
	if (code != 0)
		return code;
	*ret_client = viva_take(&client);
	return 0;
}

static void lose(struct viva_websocket_client *client)
{
	if (client->state == CLIENT_CLOSED)
		return;
	client->state = CLIENT_CLOSED;
	if (client->close_code == 0)
		client->close_code = VIVA_WEBSOCKET_ABNORMAL;
}

static int send_frame(struct viva_websocket_client *client, enum viva_websocket_opcode opcode, const void *data,
		      size_t size)
{
	if (client->state == CLIENT_CLOSED)
		return VIVA_ECLOSED;
	uint8_t mask[4];
	viva_system_random()->fill(viva_system_random(), mask, sizeof mask);
	uint8_t *frame = malloc(VIVA_WEBSOCKET_MAX_HEAD + size);
	if (!frame)
		return VIVA_ENOMEM;
	size_t head_size = viva_websocket_encode_head(frame, opcode, true, size, mask);
	viva_websocket_mask(frame + head_size, data, size, mask, 0);
	int code = client_stream_write(client->stream, frame, head_size + size,
				       client_stream_deadline(client->send_timeout_ms));
	free(frame);
	// Half a frame may be out: nothing can follow it.
	if (code != 0)
		lose(client);
	return code;
}

int viva_websocket_client_send(struct viva_websocket_client *client, enum viva_websocket_kind kind, const void *data,
			       size_t size)
{
	if (client->state != CLIENT_OPEN)
		return VIVA_ECLOSED;
	return send_frame(client, (enum viva_websocket_opcode)kind, data, size);
}

static int send_close(struct viva_websocket_client *client, int code)
{
	if (client->state != CLIENT_OPEN)
		return 0;
	uint8_t payload[VIVA_WEBSOCKET_MAX_CONTROL];
	size_t size = viva_websocket_encode_close(payload, code, NULL);
	int result = send_frame(client, VIVA_WEBSOCKET_CLOSE, payload, size);
	if (client->state == CLIENT_OPEN)
		client->state = CLIENT_CLOSING;
	return result;
}

static int take_message(struct viva_websocket_client *client, struct viva_buffer *ret_message)
{
	struct viva_buffer *message = &client->decoder.message;
	ret_message->size = 0;
	ret_message->limit = VIVA_MAX(ret_message->limit, message->size);
	int code = message->size > 0 ? viva_buffer_append(ret_message, message->data, message->size) : 0;
	viva_buffer_finish(message);
	return code;
}

// Goes through what has been read. 0 with a message; VIVA_EDEADLINE when more must be read first.
static int decode_input(struct viva_websocket_client *client, enum viva_websocket_kind *ret_kind,
			struct viva_buffer *ret_message)
{
	struct viva_websocket_decoder *decoder = &client->decoder;
	for (;;) {
		size_t used = 0;
		enum viva_websocket_event event = viva_websocket_decode(decoder, client->input + client->begin,
									client->end - client->begin, &used);
		client->begin += used;
		int code = 0;
		switch (event) {
		case VIVA_WEBSOCKET_EVENT_NONE:
			return VIVA_EDEADLINE;
		case VIVA_WEBSOCKET_EVENT_MESSAGE:
			*ret_kind = decoder->kind;
			return take_message(client, ret_message);
		case VIVA_WEBSOCKET_EVENT_PING:
			code = client->state == CLIENT_OPEN ? send_frame(client, VIVA_WEBSOCKET_PONG, decoder->control,
									 decoder->control_size)
							    : 0;
			break;
		case VIVA_WEBSOCKET_EVENT_PONG:
			break;
		case VIVA_WEBSOCKET_EVENT_CLOSED:
			client->close_code = decoder->close_code;
			code = send_close(client, decoder->close_code);
			lose(client);
			return code != 0 ? code : VIVA_ECLOSED;
		case VIVA_WEBSOCKET_EVENT_OVERSIZE:
		case VIVA_WEBSOCKET_EVENT_FAILED:
			code = send_close(client, event == VIVA_WEBSOCKET_EVENT_OVERSIZE ? VIVA_WEBSOCKET_TOO_BIG
											 : decoder->close_code);
			lose(client);
			return code != 0 ? code : VIVA_EPROTOCOL;
		}
		if (code != 0)
			return code;
	}
}

static int read_more(struct viva_websocket_client *client, int64_t deadline_ms)
{
	client->begin = client->end = 0;
	return client_stream_read(client->stream, client->input, READ_BYTES, deadline_ms, &client->end);
}

int viva_websocket_client_receive(struct viva_websocket_client *client, uint32_t timeout_ms,
				  enum viva_websocket_kind *ret_kind, struct viva_buffer *ret_message)
{
	int64_t deadline_ms = client_stream_deadline(timeout_ms);
	while (client->state != CLIENT_CLOSED) {
		int code = decode_input(client, ret_kind, ret_message);
		if (code != VIVA_EDEADLINE)
			return code;
		code = read_more(client, deadline_ms);
		if (code == VIVA_ECLOSED)
			lose(client);
		if (code != 0)
			return code;
	}
	return VIVA_ECLOSED;
}

int viva_websocket_client_close_code(const struct viva_websocket_client *client)
{
	return client->close_code;
}

void viva_websocket_client_close(struct viva_websocket_client *client, int code, uint32_t timeout_ms)
{
	int64_t deadline_ms = client_stream_deadline(timeout_ms);
	int result = send_close(client, code);
	struct viva_buffer dropped;
	viva_buffer_init(&dropped, client->decoder.max_message_bytes);
	while (result == 0) {
		int64_t left = deadline_ms - viva_clock_now_ms(viva_system_clock());
		enum viva_websocket_kind kind;
		result = viva_websocket_client_receive(client, left > 0 ? (uint32_t)left : 0, &kind, &dropped);
	}
	viva_buffer_finish(&dropped);
	lose(client);
}

struct viva_websocket_client *viva_websocket_client_destroy(struct viva_websocket_client *client)
{
	if (!client)
		return NULL;
	viva_websocket_decoder_finish(&client->decoder);
	client_stream_destroy(client->stream);
	free(client);
	return NULL;
}
