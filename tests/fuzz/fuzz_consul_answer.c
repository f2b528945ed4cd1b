// SPDX-License-Identifier: Apache-2.0
//
// Answers of a Consul from anywhere: what is taken of them are addresses that may go into URLs and configurations.
#include <stdlib.h>
#include <string.h>

#include "discovery/address.h"
#include "discovery/consul_answer.h"
#include "discovery/discovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_instances(struct viva_bytes body)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const char *const *addresses = NULL;
	size_t count = 0, left_out = 0;
	struct viva_error error = {0};
	require(viva_arena_create(0, &arena) == 0);
	if (consul_read_instances(body, arena, &addresses, &count, &left_out, &error) != 0) {
		require(error.message[0] != '\0');
		return;
	}
	require(count <= VIVA_DISCOVERY_MAX_ADDRESSES);
	for (size_t i = 0; i < count; i++) {
		const char *colon = strrchr(addresses[i], ':');
		require(strlen(addresses[i]) <= DISCOVERY_MAX_ADDRESS && colon);
		require(discovery_check_host(addresses[i], (size_t)(colon - addresses[i]), NULL) == 0);
		require(strtol(colon + 1, NULL, 10) >= 1 && strtol(colon + 1, NULL, 10) <= 65535);
	}
}

static void check_twin(struct viva_bytes body)
{
	char id[CONSUL_MAX_ID + 1];
	struct viva_error error = {0};
	if (consul_read_twin(body, "own", "10.0.0.1", 8080, id, &error) != 0)
		require(error.message[0] != '\0');
	else
		require(memchr(id, 0, sizeof id) && strcmp(id, "own") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_instances(viva_bytes_of(data, size));
	check_twin(viva_bytes_of(data, size));
	return 0;
}
