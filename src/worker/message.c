// SPDX-License-Identifier: Apache-2.0
#include "worker/message.h"

const char *worker_message_id(const struct viva_bus_message *message)
{
	for (const char *at = message->message_id; *at; at++)
		if (*at <= ' ' || *at > '~')
			return "";
	return message->message_id;
}
