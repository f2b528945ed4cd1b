// SPDX-License-Identifier: Apache-2.0
//
// A file that keeps what was computed of a question bank between starts: one array of bytes, under a key that says all
// it was computed from.
//
// Threads: any; blocks on the disk. Processes may share the file: it is replaced as a whole.
#ifndef VIVA_LANGUAGE_BACKGROUND_FILE_H
#define VIVA_LANGUAGE_BACKGROUND_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VIVA_BACKGROUND_KEY_SIZE = 32, VIVA_BACKGROUND_FILE_MAX_BYTES = 8 << 20 };

// Copies the kept bytes out; false = there is no such file, it is of another key or size, or it is damaged.
bool viva_background_file_read(const char *path, const uint8_t key[VIVA_BACKGROUND_KEY_SIZE], void *ret_data,
			       size_t size);
// Keeps them, in place of what was kept before; false = the file can't be written.
bool viva_background_file_write(const char *path, const uint8_t key[VIVA_BACKGROUND_KEY_SIZE], const void *data,
				size_t size);

#endif
