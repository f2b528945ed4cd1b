// SPDX-License-Identifier: Apache-2.0
#include "amqp_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Of two that find the same name, the one whose unlink() succeeds has it.
static bool claim_in(DIR *directory, const char *url, char *ret_url, size_t size)
{
	for (const struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.' || unlinkat(dirfd(directory), entry->d_name, 0))
			continue;
		int length = snprintf(ret_url, size, "%s/%s", url, entry->d_name);
		return length > 0 && (size_t)length < size;
	}
	fprintf(stderr, "no virtual host is left: raise VHOSTS in tests/servers/rabbitmq.py\n");
	abort();
}

bool amqp_fixture_is_there(void)
{
	return getenv("VIVA_TEST_AMQP_URL") && getenv("VIVA_TEST_AMQP_VHOSTS");
}

bool amqp_fixture_claim(char *ret_url, size_t size)
{
	DIR *directory = amqp_fixture_is_there() ? opendir(getenv("VIVA_TEST_AMQP_VHOSTS")) : NULL;
	if (!directory)
		return false;
	bool is_claimed = claim_in(directory, getenv("VIVA_TEST_AMQP_URL"), ret_url, size);
	closedir(directory);
	return is_claimed;
}
