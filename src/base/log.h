// SPDX-License-Identifier: Apache-2.0
//
// Logs for people (a terminal) or machines (one JSON object a line) on stderr.
//
// Never pass a secret, a transcript or image bytes: only names, numbers and ids go in. Lines are written whole.
//
// Threads: any; a line is one write(2) and may block only on stderr.
#ifndef VIVA_BASE_LOG_H
#define VIVA_BASE_LOG_H

#include "base/macros.h"

enum viva_log_level { VIVA_LOG_DEBUG, VIVA_LOG_INFO, VIVA_LOG_WARN, VIVA_LOG_ERROR };
enum viva_log_format { VIVA_LOG_AUTO, VIVA_LOG_TEXT, VIVA_LOG_JSON };  // auto: text on a terminal, else JSON

// The settings of a process that logs (base/config.h); viva_config_choice() gives these enums' numbers.
#define VIVA_LOG_OPTIONS                                                                                               \
	{"log-level", VIVA_OPTION_CHOICE, "info", 0, 0, "debug|info|warn|error", "Least level that is logged", false}, \
	{                                                                                                              \
		"log-format", VIVA_OPTION_CHOICE, "auto", 0, 0, "auto|text|json",                                      \
			"auto: text on a terminal, else JSON lines", false                                             \
	}

// Once, early, before threads start. `service` is borrowed for ever.
void viva_log_configure(const char *service, enum viva_log_level level, enum viva_log_format format);
void viva_log_set_level(enum viva_log_level level);  // any time

// The ids of the request or message that this thread works on; they go into each of its lines. NULL clears.
// The texts are copied (at most 63 bytes each).
void viva_log_set_context(const char *request_id, const char *session_id);
void viva_log_set_session(const char *session_id);  // the request's id stays
// The id of the request that this thread works on, "" for none; calls to other services carry it on. Borrowed until
// the thread's context changes.
const char *viva_log_request_id(void);

void viva_log(enum viva_log_level level, const char *format, ...) VIVA_PRINTF(2, 3);
#define viva_log_debug(...) viva_log(VIVA_LOG_DEBUG, __VA_ARGS__)
#define viva_log_info(...) viva_log(VIVA_LOG_INFO, __VA_ARGS__)
#define viva_log_warn(...) viva_log(VIVA_LOG_WARN, __VA_ARGS__)
#define viva_log_error(...) viva_log(VIVA_LOG_ERROR, __VA_ARGS__)

#endif
