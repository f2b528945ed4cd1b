// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

// A line stays below PIPE_BUF (4096), so that a pipe takes it whole beside other writers.
enum { MAX_LINE = 4096, MAX_MESSAGE = 2048, MAX_ID = 64 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
	const char *service;
	_Atomic int level;
	bool is_json;
	bool has_colours;
} settings = {.service = "viva", .level = VIVA_LOG_INFO};

static _Thread_local char request_id_of_thread[MAX_ID], session_id_of_thread[MAX_ID];

void viva_log_configure(const char *service, enum viva_log_level level, enum viva_log_format format)
{
	bool is_terminal = isatty(STDERR_FILENO);
	settings.service = service;
	settings.level = (int)level;
	settings.is_json = format == VIVA_LOG_JSON || (format == VIVA_LOG_AUTO && !is_terminal);
	settings.has_colours = is_terminal;
}

void viva_log_set_level(enum viva_log_level level)
{
	settings.level = (int)level;
}

static void copy_id(char to[MAX_ID], const char *id)
{
	size_t size = id ? viva_utf8_cut(id, strlen(id), MAX_ID - 1) : 0;
	if (size > 0)
		memcpy(to, id, size);
	to[size] = '\0';
}

void viva_log_set_context(const char *request_id, const char *session_id)
{
	copy_id(request_id_of_thread, request_id);
	copy_id(session_id_of_thread, session_id);
}

void viva_log_set_session(const char *session_id)
{
	copy_id(session_id_of_thread, session_id);
}

const char *viva_log_request_id(void)
{
	return request_id_of_thread;
}

// A line under construction; what does not fit is left out.
struct line {
	size_t size;
	char text[MAX_LINE];
};

static void put(struct line *line, const char *text)
{
	size_t size = VIVA_MIN(strlen(text), sizeof line->text - 1 - line->size);
	memcpy(line->text + line->size, text, size);
	line->size += size;
}

static void put_escaped_byte(struct line *line, uint8_t byte)
{
	char escape[8];
	if (byte == '"' || byte == '\\')
		snprintf(escape, sizeof escape, "\\%c", byte);
	else if (byte == '\n')
		snprintf(escape, sizeof escape, "\\n");
	else if (byte == '\t')
		snprintf(escape, sizeof escape, "\\t");
	else
		snprintf(escape, sizeof escape, "\\u%04x", byte);
	put(line, escape);
}

// How many bytes the character at `text` has; 0 when it is not UTF-8.
static size_t character_size(const char *text)
{
	uint8_t lead = (uint8_t)*text;
	size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	return viva_utf8_is_valid(text, strnlen(text, size)) ? size : 0;
}

// Nothing in a message can end the line, forge another, or break the JSON. At most max_bytes are written.
static void put_clean(struct line *line, const char *text, bool is_json, size_t max_bytes)
{
	size_t end = line->size + max_bytes;
	while (*text && line->size + 8 < end) {
		uint8_t byte = (uint8_t)*text;
		size_t size = character_size(text);
		bool is_control = byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (uint8_t)text[1] < 0xa0);
		if (size == 0) {
			put(line, "\xef\xbf\xbd");
			text++;
		} else if (is_control) {
			put_escaped_byte(line, size == 2 ? (uint8_t)text[1] : byte);
			text += size;
		} else if (is_json && (byte == '"' || byte == '\\')) {
			put_escaped_byte(line, byte);
			text++;
		} else {
			char character[5] = {0};
			memcpy(character, text, size);
			put(line, character);
			text += size;
		}
	}
}

static void put_member(struct line *line, const char *name, const char *value)
{
	if (!*value)
		return;
	put(line, ",\"");
	put(line, name);
	put(line, "\":\"");
	put_clean(line, value, true, 6 * MAX_ID);
	put(line, "\"");
}

static void write_json(struct line *line, enum viva_log_level level, const char *time, const char *message)
{
	put(line, "{\"ts\":\"");
	put(line, time);
	put(line, "\",\"level\":\"");
	put(line, level_names[level]);
	put(line, "\"");
	put_member(line, "service", settings.service);
	put_member(line, "request_id", request_id_of_thread);
	put_member(line, "session_id", session_id_of_thread);
	put(line, ",\"message\":\"");
	put_clean(line, message, true, MAX_MESSAGE);
	put(line, "\"}");
}

static void write_text(struct line *line, enum viva_log_level level, const char *time, const char *message)
{
	static const char *const colours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
	static const char *const words[] = {"debug", "info ", "warn ", "error"};
	char clock[16];
	snprintf(clock, sizeof clock, "%.12s ", time + strlen("2026-11-24T"));
	put(line, clock);
	put(line, settings.has_colours ? colours[level] : "");
	put(line, words[level]);
	put(line, settings.has_colours ? "\x1b[0m " : " ");
	put(line, settings.service);
	put(line, ": ");
	put_clean(line, message, false, MAX_MESSAGE);
	if (*request_id_of_thread) {
		put(line, " request=");
		put_clean(line, request_id_of_thread, false, 6 * MAX_ID);
	}
	if (*session_id_of_thread) {
		put(line, " session=");
		put_clean(line, session_id_of_thread, false, 6 * MAX_ID);
	}
}

static void write_whole(const char *text, size_t size)
{
	while (size > 0) {
		ssize_t written = write(STDERR_FILENO, text, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;  // nobody reads: a log must not stop the service
		text += written;
		size -= (size_t)written;
	}
}

void viva_log(enum viva_log_level level, const char *format, ...)
{
	if ((int)level < settings.level)
		return;
	int saved_errno = errno;

	char message[MAX_MESSAGE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	char time[32];
	viva_rfc3339_from_unix_ms(viva_clock_unix_ms(viva_system_clock()), time);

	struct line line;
	line.size = 0;
	if (settings.is_json)
		write_json(&line, level, time, message);
	else
		write_text(&line, level, time, message);
	line.text[line.size++] = '\n';
	write_whole(line.text, line.size);
	errno = saved_errno;
}
