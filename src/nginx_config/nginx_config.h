// SPDX-License-Identifier: Apache-2.0
//
// `viva nginx-config`: writes nginx's configuration from the instances that discovery knows, and follows them.
//
// Threads: the main thread of a process that has no other but discovery's.
#ifndef VIVA_NGINX_CONFIG_H
#define VIVA_NGINX_CONFIG_H

// The exit status of the process (0, 1 = failed, 2 = wrong usage). `arguments` are those after "nginx-config".
int viva_nginx_config_main(int argument_count, char **arguments);

#endif
