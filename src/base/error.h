// SPDX-License-Identifier: Apache-2.0
//
// Every error of the code base, one row each, so that the gateway, the retry and the breaker can't disagree about it.
//
// Threads: any; nothing blocks. `struct viva_error` belongs to one caller at a time.
#ifndef VIVA_BASE_ERROR_H
#define VIVA_BASE_ERROR_H

#include <stdbool.h>

#include "base/macros.h"

// X(symbol, number, api code, text, HTTP status, gRPC status, retryable, counts for the breaker)
// "api code" is what clients see in {"code": …} and in WebSocket `error` messages. gRPC statuses are those of
// google.rpc.Code. Retryable = the same call may succeed later, without a change by the caller.
#define VIVA_ERRORS(X)                                                                                                 \
	X(VIVA_EINTERNAL, -1, "INTERNAL", "internal error", 500, 13, false, true)                                      \
	X(VIVA_ENOMEM, -2, "INTERNAL", "out of memory", 503, 8, true, true)                                            \
	X(VIVA_EIO, -3, "INTERNAL", "input or output failed", 500, 13, false, true)                                    \
	X(VIVA_EINVAL, -4, "INVALID_MESSAGE", "invalid argument", 400, 3, false, false)                                \
	X(VIVA_EFIELD, -5, "INVALID_MESSAGE", "invalid field", 422, 3, false, false)                                   \
	X(VIVA_EJSON, -6, "INVALID_JSON", "malformed JSON", 400, 3, false, false)                                      \
	X(VIVA_EUNKNOWNTYPE, -7, "UNKNOWN_TYPE", "unknown message type", 422, 3, false, false)                         \
	X(VIVA_EIMAGE, -8, "INVALID_IMAGE", "not a readable image", 422, 3, false, false)                              \
	X(VIVA_EFRAMESIZE, -9, "FRAME_TOO_LARGE", "the frame is too large", 413, 8, false, false)                      \
	X(VIVA_EBODYSIZE, -10, "BODY_TOO_LARGE", "the body is too large", 413, 8, false, false)                        \
	X(VIVA_EHEADERSIZE, -11, "HEADERS_TOO_LARGE", "the headers are too large", 431, 8, false, false)               \
	X(VIVA_EURISIZE, -12, "URI_TOO_LONG", "the request target is too long", 414, 8, false, false)                  \
	X(VIVA_EMETHOD, -13, "METHOD_NOT_ALLOWED", "method not allowed", 405, 12, false, false)                        \
	X(VIVA_EMEDIATYPE, -14, "UNSUPPORTED_MEDIA_TYPE", "unsupported content type", 415, 3, false, false)            \
	X(VIVA_EEXPECT, -15, "EXPECTATION_FAILED", "unknown expectation", 417, 3, false, false)                        \
	X(VIVA_ENOTFOUND, -16, "NOT_FOUND", "not found", 404, 5, false, false)                                         \
	X(VIVA_EUNAUTHORIZED, -17, "UNAUTHORIZED", "missing or invalid credentials", 401, 16, false, false)            \
	X(VIVA_EFORBIDDEN, -18, "UNAUTHORIZED", "these credentials do not allow this", 403, 7, false, false)           \
	X(VIVA_EEMOTIONCONSENT, -19, "EMOTION_NOT_ALLOWED", "emotion analysis is not allowed here", 403, 7, false,     \
	  false)                                                                                                       \
	X(VIVA_EANSWERED, -20, "ALREADY_ANSWERED", "the question was answered already", 409, 6, false, false)          \
	X(VIVA_EQUESTION, -21, "UNKNOWN_QUESTION", "not a question of this interview", 422, 3, false, false)           \
	X(VIVA_ECOMPLETED, -22, "INTERVIEW_COMPLETED", "the interview is over", 409, 9, false, false)                  \
	X(VIVA_ENOTSCORABLE, -23, "NOT_SCORABLE", "the answer can't be scored", 422, 9, false, false)                  \
	X(VIVA_ECONFLICT, -24, "CONFLICT", "the same request is still in flight", 409, 10, true, false)                \
	X(VIVA_EIDEMPOTENCY, -25, "IDEMPOTENCY_KEY_REUSED", "the idempotency key was used with another body", 422, 9,  \
	  false, false)                                                                                                \
	X(VIVA_ERATE, -26, "RATE_LIMITED", "too many requests", 429, 8, true, false)                                   \
	X(VIVA_EOVERLOAD, -27, "OVERLOADED", "overloaded, try again later", 503, 8, true, true)                        \
	X(VIVA_EUNAVAILABLE, -28, "UNAVAILABLE", "a service is unavailable", 503, 14, true, true)                      \
	X(VIVA_EEMOTIONDOWN, -29, "EMOTION_UNAVAILABLE", "the emotion service is unavailable", 503, 14, true, true)    \
	X(VIVA_ESCORINGDOWN, -30, "SCORING_UNAVAILABLE", "the scoring service is unavailable", 503, 14, true, true)    \
	X(VIVA_EBREAKER, -31, "UNAVAILABLE", "the circuit breaker is open", 503, 14, true, false)                      \
	X(VIVA_EDEADLINE, -32, "DEADLINE_EXCEEDED", "the deadline has passed", 504, 4, true, true)                     \
	X(VIVA_ECANCELLED, -33, "CANCELLED", "the caller went away", 499, 1, false, false)                             \
	X(VIVA_EUNIMPLEMENTED, -34, "UNIMPLEMENTED", "not implemented", 501, 12, false, false)                         \
	X(VIVA_EBADGATEWAY, -35, "UNAVAILABLE", "a service answered with nonsense", 502, 14, true, true)               \
	X(VIVA_EPROTOCOL, -36, "INVALID_MESSAGE", "protocol violation", 400, 3, false, false)                          \
	X(VIVA_ELIMIT, -37, "LIMIT_REACHED", "a limit was reached", 413, 8, false, false)                              \
	X(VIVA_ECLOSED, -38, "UNAVAILABLE", "closed", 503, 14, true, false)                                            \
	X(VIVA_EUSAGE, -39, "INVALID_MESSAGE", "wrong usage", 400, 3, false, false)                                    \
	X(VIVA_EMODEL, -40, "INTERNAL", "a model file is missing or damaged", 500, 13, false, true)                    \
	X(VIVA_EREQUESTTIMEOUT, -41, "REQUEST_TIMEOUT", "the request took too long to arrive", 408, 4, true, false)

enum viva_error_code {
	VIVA_OK = 0,
#define VIVA_ERROR_AS_ENUM(symbol, number, api, text, http, grpc, retryable, breaker) symbol = number,
	VIVA_ERRORS(VIVA_ERROR_AS_ENUM)
#undef VIVA_ERROR_AS_ENUM
};

// What a failing function may tell beside its code: the sentence for the user and the field at fault.
// Zero-initialise it; a function that fails fills it, one that succeeds leaves it as it is.
struct viva_error {
	int code;           // 0 or VIVA_E…
	char field[64];     // JSON member, flag or header at fault; "" = none
	char message[256];  // a whole sentence without a full stop, never a secret, transcript or image; "" = the
			    // code's text
};

// Fills *error (which may be NULL) and gives `code` back, for `return viva_fail(error, VIVA_EFIELD, "user_id", "…");`.
// `field` may be NULL. A message that does not fit is cut at a character's boundary.
int viva_fail(struct viva_error *error, int code, const char *field, const char *format, ...) VIVA_PRINTF(4, 5);

// Properties of a code; an unknown one reads as VIVA_EINTERNAL. All strings are static.
const char *viva_error_name(int code);      // "VIVA_EINVAL"
const char *viva_error_text(int code);      // "invalid argument"
const char *viva_error_api_code(int code);  // "INVALID_MESSAGE"
int viva_error_http_status(int code);
int viva_error_grpc_status(int code);
bool viva_error_is_retryable(int code);
bool viva_error_counts_for_breaker(int code);

// The message if there is one, else the code's text. Borrowed from *error or static.
const char *viva_error_message(const struct viva_error *error);

// The VIVA_E… that best stands for a gRPC status received from a peer (0 for OK).
int viva_error_from_grpc_status(int status);

#endif
