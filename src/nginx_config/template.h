// SPDX-License-Identifier: Apache-2.0
//
// From a template and the instances to nginx's configuration. Internal to nginx_config/.
//
// Threads: any; nothing blocks.
#ifndef VIVA_NGINX_CONFIG_TEMPLATE_H
#define VIVA_NGINX_CONFIG_TEMPLATE_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

enum { NGINX_CONFIG_MAX_BYTES = 1 << 20 };

// A service's instances, count 0 = none known.
struct nginx_upstream {
	const char *service;
	const char *const *addresses;
	size_t count;
};

// A text for {{name}}.
struct nginx_value {
	const char *name;
	const char *value;
};

struct nginx_view {
	const struct nginx_upstream *upstreams;
	size_t upstream_count;
	const struct nginx_value *values;
	size_t value_count;
};

// Replaces {{name}} by its value, and a line with {{servers SERVICE PARAMETERS}} by `server ADDRESS PARAMETERS;` for
// each instance, indented as it is. As nginx takes no upstream without a server, none gives one that is down.
// VIVA_EINVAL names the line that can't be understood; VIVA_ELIMIT (more than 1 MiB), VIVA_ENOMEM.
VIVA_MUST_CHECK int nginx_template_render(struct viva_bytes text, const struct nginx_view *view,
					  struct viva_buffer *ret_text, struct viva_error *error);

#endif
