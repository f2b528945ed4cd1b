// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct row {
	const char *name, *api_code, *text;
	int http_status, grpc_status;
	bool is_retryable, counts_for_breaker;
};

// Indexed by -code.
static const struct row rows[] = {[VIVA_OK] = {"VIVA_OK", "OK", "no error", 200, 0, false, false},
#define ROW(symbol, number, api, text, http, grpc, retryable, breaker)                                                 \
	[-(number)] = {#symbol, api, text, http, grpc, retryable, breaker},
				  VIVA_ERRORS(ROW)
#undef ROW
};

static const struct row *row_of(int code)
{
	bool is_known = code <= 0 && code > -(int)VIVA_COUNT(rows) && rows[-code].name;
	return &rows[is_known ? -code : -VIVA_EINTERNAL];
}

// Copies what fits, up to a character's boundary.
static void copy_cut(char *to, size_t capacity, const char *text)
{
	size_t size = viva_utf8_cut(text, strlen(text), capacity - 1);
	memcpy(to, text, size);
	to[size] = '\0';
}

int viva_fail(struct viva_error *error, int code, const char *field, const char *format, ...)
{
	if (!error)
		return code;

	// Everything is read before anything is written: the arguments may be parts of *error.
	char message[2 * sizeof error->message];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	char field_copy[sizeof error->field];
	copy_cut(field_copy, sizeof field_copy, field ? field : "");

	error->code = code;
	memcpy(error->field, field_copy, sizeof field_copy);
	copy_cut(error->message, sizeof error->message, message);
	return code;
}

const char *viva_error_name(int code)
{
	return row_of(code)->name;
}

const char *viva_error_text(int code)
{
	return row_of(code)->text;
}

const char *viva_error_api_code(int code)
{
	return row_of(code)->api_code;
}

int viva_error_http_status(int code)
{
	return row_of(code)->http_status;
}

int viva_error_grpc_status(int code)
{
	return row_of(code)->grpc_status;
}

bool viva_error_is_retryable(int code)
{
	return row_of(code)->is_retryable;
}

bool viva_error_counts_for_breaker(int code)
{
	return row_of(code)->counts_for_breaker;
}

const char *viva_error_message(const struct viva_error *error)
{
	return error->message[0] ? error->message : viva_error_text(error->code);
}

// Several of our errors share a status; these are the plainest of each.
int viva_error_from_grpc_status(int status)
{
	switch (status) {
	case 0:
		return 0;
	case 1:
		return VIVA_ECANCELLED;
	case 3:
	case 11:  // OUT_OF_RANGE
		return VIVA_EINVAL;
	case 4:
		return VIVA_EDEADLINE;
	case 5:
		return VIVA_ENOTFOUND;
	case 6:   // ALREADY_EXISTS
	case 10:  // ABORTED
		return VIVA_ECONFLICT;
	case 7:
		return VIVA_EFORBIDDEN;
	case 8:
		return VIVA_EOVERLOAD;
	case 9:  // FAILED_PRECONDITION
		return VIVA_ENOTSCORABLE;
	case 12:
		return VIVA_EUNIMPLEMENTED;
	case 14:
		return VIVA_EUNAVAILABLE;
	case 16:
		return VIVA_EUNAUTHORIZED;
	default:
		return VIVA_EINTERNAL;
	}
}
