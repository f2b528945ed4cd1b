// SPDX-License-Identifier: Apache-2.0
//
// What a child prints, line by line, each with the service's name in front.
//
// Threads: one owner; a write blocks when whoever reads our stderr does not.
#ifndef VIVA_UP_OUTPUT_H
#define VIVA_UP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

enum { VIVA_OUTPUT_MAX_LINE = 4096, VIVA_OUTPUT_MAX_LAST = 256 };

struct viva_output {
	const char *name;  // of the service
	int fd;            // where lines go
	int name_width;    // the longest name's, so that lines align
	int colour;        // of the name: an SGR code (ECMA-48 §8.3.117) as 36; 0 = none
	bool keeps_json;   // a line that is a JSON object already names its service: it stays one
	size_t size;
	bool is_cut;  // the line was longer than fits: its rest is dropped
	char line[VIVA_OUTPUT_MAX_LINE];
	char last[VIVA_OUTPUT_MAX_LAST];  // the last line that was not empty, cut to fit; "" = none yet
};

// Takes bytes as they come and writes each line that is complete. Of a line longer than VIVA_OUTPUT_MAX_LINE the rest
// is dropped. Control characters become '?', so that no child can steer the terminal.
void viva_output_feed(struct viva_output *output, const char *data, size_t size);
// The child ended: what it printed after its last line end is a line, too.
void viva_output_flush(struct viva_output *output);

#endif
