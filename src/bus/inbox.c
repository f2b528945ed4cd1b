// SPDX-License-Identifier: Apache-2.0
#include "bus/inbox.h"

#include <stdio.h>

enum { EXPIRED_AT_A_TIME = 1000 };

void viva_inbox_init(struct viva_inbox *inbox, const char *service)
{
	snprintf(
		inbox->accept_sql, sizeof inbox->accept_sql,
		"INSERT INTO %.32s_inbox (message_id, received_at) VALUES ($1, $2) ON CONFLICT (message_id) DO NOTHING",
		service);
	snprintf(inbox->expire_sql, sizeof inbox->expire_sql,
		 "DELETE FROM %.32s_inbox WHERE message_id IN"
		 " (SELECT message_id FROM %.32s_inbox WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
		 service, service);
}

int viva_inbox_accept(const struct viva_inbox *inbox, struct viva_store_transaction *transaction,
		      const char *message_id, int64_t now_ms, bool *ret_is_new, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_text(message_id), viva_value_int(now_ms)};
	int64_t added = 0;
	int status =
		viva_transaction_execute(transaction, inbox->accept_sql, values, VIVA_COUNT(values), &added, error);
	if (!status)
		*ret_is_new = added > 0;
	return status;
}

int viva_inbox_expire(const struct viva_inbox *inbox, struct viva_store *store, int64_t before_ms,
		      struct viva_error *error)
{
	struct viva_value values[] = {viva_value_int(before_ms), viva_value_int(EXPIRED_AT_A_TIME)};
	int64_t expired = EXPIRED_AT_A_TIME;
	int status = 0;
	while (!status && expired == EXPIRED_AT_A_TIME)
		status = viva_store_execute(store, inbox->expire_sql, values, VIVA_COUNT(values), &expired, error);
	return status;
}
