// SPDX-License-Identifier: Apache-2.0
//
// Puts a new configuration in the old one's place, if it is good, and has nginx read it. Internal to nginx_config/.
//
// Threads: one at a time; blocks on the disk and on the commands (at most 30 s each).
#ifndef VIVA_NGINX_CONFIG_PUBLISH_H
#define VIVA_NGINX_CONFIG_PUBLISH_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct nginx_publisher {
	const char *path;
	const char *test_command;    // by the shell, with the new file's path in $FILE; NULL = no test
	const char *reload_command;  // by the shell; NULL = none
	const char *reload_pid;      // file with nginx's process id, which gets SIGHUP; NULL = none
};

// Replaces the file in one step, unless it says the same already (*ret_is_new = false). A text that the test refuses
// changes nothing. VIVA_EINVAL (refused), VIVA_EIO.
VIVA_MUST_CHECK int nginx_publish(const struct nginx_publisher *publisher, struct viva_bytes text, bool *ret_is_new,
				  struct viva_error *error);
// VIVA_EIO: the command failed, or there is no such process. A missing pid file is fine: nginx doesn't run yet.
VIVA_MUST_CHECK int nginx_reload(const struct nginx_publisher *publisher, struct viva_error *error);

#endif
