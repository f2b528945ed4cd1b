// SPDX-License-Identifier: Apache-2.0
//
// Attributes, scope-bound cleanup and small helpers that every file may use.
//
// Threads: macros only.
#ifndef VIVA_BASE_MACROS_H
#define VIVA_BASE_MACROS_H

#include <stddef.h>

#define VIVA_MUST_CHECK __attribute__((warn_unused_result))
#define VIVA_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

#define VIVA_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VIVA_MIN(a, b) ((a) < (b) ? (a) : (b))
#define VIVA_MAX(a, b) ((a) > (b) ? (a) : (b))

// `VIVA_AUTO(viva_lru) lru = NULL;` declares a `struct viva_lru *` that viva_lru_destroy() frees at scope end.
// A type takes part by `VIVA_DEFINE_AUTO(viva_lru)` after the declaration of its destroy function.
#define VIVA_AUTO(type) __attribute__((cleanup(type##_destroy_at_scope_end))) struct type *
#define VIVA_DEFINE_AUTO(type)                                                                                         \
	static inline __attribute__((unused)) void type##_destroy_at_scope_end(struct type **object)                   \
	{                                                                                                              \
		type##_destroy(*object);                                                                               \
	}

// Hands an automatic pointer over: gives its value and leaves NULL behind, so that scope end frees nothing.
#define viva_take(pointer_to_pointer)                                                                                  \
	({                                                                                                             \
		__typeof__(*(pointer_to_pointer)) viva_taken_ = *(pointer_to_pointer);                                 \
		*(pointer_to_pointer) = NULL;                                                                          \
		viva_taken_;                                                                                           \
	})

// `VIVA_AUTO_FREE char *text = …;` is freed by free() at scope end.
#define VIVA_AUTO_FREE __attribute__((cleanup(viva_free_at_scope_end)))
void viva_free_at_scope_end(void *pointer_to_pointer);

#endif
