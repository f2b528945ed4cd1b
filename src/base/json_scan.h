// SPDX-License-Identifier: Apache-2.0
//
// Reads JSON text in place, without a tree: for messages that carry a picture, whose text must not be copied.
//
// Each reader moves on past what it read, and gives false when it meets anything else; then the scanner may stand
// anywhere. None checks all that JSON asks for: what was scanned must be checked by whoever uses it.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_BASE_JSON_SCAN_H
#define VIVA_BASE_JSON_SCAN_H

#include <stdbool.h>

#include "base/bytes.h"

// The text still to be read.
struct viva_json_scanner {
	const uint8_t *at;
	const uint8_t *end;
};

static inline struct viva_json_scanner viva_json_scanner_of(struct viva_bytes text)
{
	return (struct viva_json_scanner){.at = text.data, .end = text.size ? text.data + text.size : text.data};
}

void viva_json_skip_space(struct viva_json_scanner *scanner);
// One byte, after space.
bool viva_json_take(struct viva_json_scanner *scanner, uint8_t expected);
// A string without escapes, after space: its content, where it lies. Control characters, which JSON forbids in strings,
// are met by whoever reads the content.
bool viva_json_take_plain_string(struct viva_json_scanner *scanner, struct viva_bytes *ret_content);
// Any value up to the comma or bracket behind it.
bool viva_json_skip_value(struct viva_json_scanner *scanner);

bool viva_json_is_text(struct viva_bytes content, const char *text);  // equality

#endif
