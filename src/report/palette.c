// SPDX-License-Identifier: Apache-2.0
#include "report/palette.h"

#include <string.h>

#include "base/macros.h"

static const struct viva_palette_entry entries[] = {
	{"happy", {.90, .62, .00}, "#e69f00"},   {"confident", {.00, .45, .70}, "#0072b2"},
	{"neutral", {.62, .67, .73}, "#9eabba"}, {"surprise", {.34, .71, .91}, "#57b5e8"},
	{"sad", {.36, .38, .65}, "#5c61a6"},     {"fear", {.80, .47, .65}, "#cc78a6"},
	{"angry", {.84, .37, .00}, "#d65e00"},   {"disgust", {.00, .62, .45}, "#009e73"},
};
static const struct viva_palette_entry unknown = {"", {.75, .75, .75}, "#bfbfbf"};

const struct viva_palette_entry *viva_palette_of(const char *emotion)
{
	for (size_t i = 0; i < VIVA_COUNT(entries); i++) {
		if (strcmp(entries[i].name, emotion) == 0)
			return &entries[i];
	}
	return &unknown;
}
