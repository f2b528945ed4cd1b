// SPDX-License-Identifier: Apache-2.0
//
// libjpeg's way out of a picture that it can't go on with, as a return code: the library calls back instead of
// returning, and would end the process.
//
// Threads: any; a guard has one user at a time. Nothing blocks.
#ifndef VIVA_JPEG_GUARD_H
#define VIVA_JPEG_GUARD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
// After stdio.h, which they need and do not include.
#include <jerror.h>
#include <jpeglib.h>

#include "base/macros.h"

struct viva_jpeg_guard {
	struct jpeg_error_mgr manager;  // first: libjpeg hands it back
	jmp_buf escape;
	int forgiven;  // a warning that stops nothing (JWRN_EXTRANEOUS_DATA); 0 = none
};

// The `err` of a compressor or decompressor that `work` below makes; the guard must outlive it. All damage that libjpeg
// would mend silently, and only warn of, stops the work, but for `forgiven`.
struct jpeg_error_mgr *viva_jpeg_guard_init(struct viva_jpeg_guard *guard, int forgiven);

// Runs work(context) and hands on what it returned; false = libjpeg gave up within it. Work may not come to its end, so
// it must leave all that is to be freed to whoever called this.
VIVA_MUST_CHECK bool viva_jpeg_guarded(struct viva_jpeg_guard *guard, int (*work)(void *context), void *context,
				       int *ret_code);

#endif
