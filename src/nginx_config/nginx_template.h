// SPDX-License-Identifier: Apache-2.0
//
// deploy/nginx/nginx.conf.template, as built in.
//
// Threads: any.
#ifndef VIVA_NGINX_TEMPLATE_H
#define VIVA_NGINX_TEMPLATE_H

#include "base/bytes.h"

struct viva_bytes viva_nginx_template(void);

#endif
