// SPDX-License-Identifier: Apache-2.0
//
// Pictures one after another: a folder of JPEGs and PNGs, or one file of concatenated JPEGs (MJPEG).
//
// Threads: one owner at a time; reading blocks on the disk.
#ifndef VIVA_FILM_H
#define VIVA_FILM_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

enum { VIVA_FILM_MAX_PICTURE = 8 << 20 };  // bytes of one

struct viva_film;

// Opens a folder (its *.jpg, *.jpeg and *.png in the order of their names, "9.jpg" before "10.jpg") or a file (one
// picture, or JPEGs one after another). At least one picture, at most 100,000. VIVA_EUSAGE (nothing to read there, or
// too many; the path is named), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_film_open(const char *path, struct viva_film **ret_film, struct viva_error *error);
struct viva_film *viva_film_destroy(struct viva_film *film);
VIVA_DEFINE_AUTO(viva_film)

size_t viva_film_count(const struct viva_film *film);
// Pictures a second as the folder's frames.json says ({"fps": 15}); 0 = it doesn't.
double viva_film_per_second(const struct viva_film *film);
// The file's name of picture number `index` modulo the count, within the folder; NULL in a file of JPEGs.
const char *viva_film_name(const struct viva_film *film, size_t index);
// Picture number `index` modulo the count; valid until the next read. VIVA_EIO (unreadable or over the limit).
VIVA_MUST_CHECK int viva_film_read(struct viva_film *film, size_t index, struct viva_bytes *ret_picture,
				   struct viva_error *error);

#endif
