// SPDX-License-Identifier: Apache-2.0
//
// The colour of each expression, the same on paper and on the web; told apart by most colour-blind readers, too (after
// Okabe & Ito 2008).
//
// Threads: any.
#ifndef VIVA_REPORT_PALETTE_H
#define VIVA_REPORT_PALETTE_H

struct viva_palette_entry {
	const char *name;
	double rgb[3];
	const char *hex;
};

// Of an unknown name, a grey.
const struct viva_palette_entry *viva_palette_of(const char *emotion);

#endif
