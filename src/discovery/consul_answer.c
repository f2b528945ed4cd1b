// SPDX-License-Identifier: Apache-2.0
#include "discovery/consul_answer.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "discovery/address.h"
#include "discovery/discovery.h"

// The text of a member of an object within; "" = none.
static const char *text_in(const json_t *entry, const char *object, const char *member)
{
	const char *text = json_string_value(json_object_get(json_object_get(entry, object), member));
	return text ? text : "";
}

// A service without an address of its own is at its node's.
static int read_instance(const json_t *entry, char ret_address[DISCOVERY_MAX_ADDRESS + 1])
{
	const char *host = text_in(entry, "Service", "Address");
	json_int_t port = json_integer_value(json_object_get(json_object_get(entry, "Service"), "Port"));
	if (host[0] == '\0')
		host = text_in(entry, "Node", "Address");
	return port < 1 || port > 65535 ? VIVA_EINVAL : discovery_write_address(host, (uint16_t)port, ret_address);
}

int consul_read_instances(struct viva_bytes body, struct viva_arena *arena, const char *const **ret_addresses,
			  size_t *ret_count, size_t *ret_left_out, struct viva_error *error)
{
	VIVA_AUTO_JSON entries = NULL;
	int result = viva_json_parse(body, CONSUL_MAX_ANSWER, &entries, error);
	if (result < 0)
		return result;
	if (!json_is_array(entries))
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "Consul's answer is no list of instances");
	size_t limit = VIVA_MIN(json_array_size(entries), (size_t)VIVA_DISCOVERY_MAX_ADDRESSES);
	const char **addresses = viva_arena_alloc(arena, (limit + 1) * sizeof *addresses);
	size_t count = 0, left_out = 0, i;
	json_t *entry;
	json_array_foreach(entries, i, entry)
	{
		char address[DISCOVERY_MAX_ADDRESS + 1];
		if (count == limit || read_instance(entry, address) < 0) {
			left_out++;
			continue;
		}
		char *copy = addresses ? viva_arena_text(arena, address, strlen(address)) : NULL;
		if (!copy)
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the services' addresses");
		addresses[count++] = copy;
	}
	*ret_addresses = addresses;
	*ret_count = count;
	*ret_left_out = left_out;
	return 0;
}

int consul_read_twin(struct viva_bytes body, const char *own_id, const char *address, uint16_t port,
		     char ret_id[CONSUL_MAX_ID + 1], struct viva_error *error)
{
	VIVA_AUTO_JSON services = NULL;
	int result = viva_json_parse_object(body, CONSUL_MAX_ANSWER, &services, error);
	if (result < 0)
		return result;
	ret_id[0] = '\0';
	const char *id;
	json_t *service;
	json_object_foreach(services, id, service)
	{
		const char *its_address = json_string_value(json_object_get(service, "Address"));
		bool is_elsewhere = its_address && its_address[0] != '\0' && strcmp(its_address, address) != 0;
		if (strcmp(id, own_id) == 0 || is_elsewhere || strlen(id) > CONSUL_MAX_ID ||
		    json_integer_value(json_object_get(service, "Port")) != port)
			continue;
		strcpy(ret_id, id);
		return 0;
	}
	return 0;
}
