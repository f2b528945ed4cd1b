// SPDX-License-Identifier: Apache-2.0
//
// grpc.reflection.v1.ServerReflection and its elder twin v1alpha: a stream of questions, each answered at once, on the
// completion queue's thread.
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <string.h>

#include "reflection.pb-c.h"
#include "rpc/rpc_server_core.h"
#include "rpc/wire.h"

enum { MAX_REQUEST = 4096, ARENA_BYTES = 256 << 10, MAX_SERVICES = 32 };

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

#define REQUEST(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define RESPONSE(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

static const char *const own_services[] = {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
					   "grpc.reflection.v1alpha.ServerReflection"};

static void *new_message(struct viva_arena *arena, size_t size, const ProtobufCMessageDescriptor *descriptor)
{
	void *message = viva_arena_alloc(arena, size);
	if (message)
		protobuf_c_message_init(descriptor, message);
	return message;
}

static char *borrow(const char *text)
{
	return (char *)(uintptr_t)text;  // protobuf-c has no const; packing only reads
}

static int say_error(struct viva_arena *arena, reflection_response *response, int status, const char *message)
{
	Grpc__Reflection__V1__ErrorResponse *refusal =
		new_message(arena, sizeof *refusal, &grpc__reflection__v1__error_response__descriptor);
	if (!refusal)
		return VIVA_ENOMEM;
	refusal->error_code = status;
	refusal->error_message = borrow(message);
	response->message_response_case = RESPONSE(ERROR_RESPONSE);
	response->error_response = refusal;
	return 0;
}

static int say_files(const struct descriptor_index *index, int file, struct viva_arena *arena,
		     reflection_response *response)
{
	if (file < 0)
		return say_error(arena, response, GRPC_STATUS_NOT_FOUND, "this server does not know it");

	struct viva_bytes *files = NULL;
	size_t count = 0;
	int result = descriptor_index_closure(index, file, arena, &files, &count);
	if (result < 0)
		return result;
	Grpc__Reflection__V1__FileDescriptorResponse *found =
		new_message(arena, sizeof *found, &grpc__reflection__v1__file_descriptor_response__descriptor);
	ProtobufCBinaryData *protos = viva_arena_alloc(arena, count * sizeof *protos);
	if (!found || !protos)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++)
		protos[i] = (ProtobufCBinaryData){.len = files[i].size, .data = (uint8_t *)(uintptr_t)files[i].data};
	found->n_file_descriptor_proto = count;
	found->file_descriptor_proto = protos;
	response->message_response_case = RESPONSE(FILE_DESCRIPTOR_RESPONSE);
	response->file_descriptor_response = found;
	return 0;
}

static int add_service(struct viva_arena *arena, const char *name, Grpc__Reflection__V1__ListServiceResponse *list)
{
	for (size_t i = 0; i < list->n_service; i++)
		if (strcmp(list->service[i]->name, name) == 0)
			return 0;
	Grpc__Reflection__V1__ServiceResponse *service =
		new_message(arena, sizeof *service, &grpc__reflection__v1__service_response__descriptor);
	if (!service || list->n_service == MAX_SERVICES)
		return VIVA_ENOMEM;
	service->name = borrow(name);
	list->service[list->n_service++] = service;
	return 0;
}

static int say_services(const struct viva_rpc_server *server, struct viva_arena *arena, reflection_response *response)
{
	Grpc__Reflection__V1__ListServiceResponse *list =
		new_message(arena, sizeof *list, &grpc__reflection__v1__list_service_response__descriptor);
	Grpc__Reflection__V1__ServiceResponse **services = viva_arena_alloc(arena, MAX_SERVICES * sizeof(void *));
	if (!list || !services)
		return VIVA_ENOMEM;
	list->service = services;
	int result = 0;
	for (const char *const *name = server->options.services; *name && result == 0; name++)
		result = add_service(arena, *name, list);
	for (size_t i = 0; i < VIVA_COUNT(own_services) && result == 0; i++)
		result = add_service(arena, own_services[i], list);
	response->message_response_case = RESPONSE(LIST_SERVICES_RESPONSE);
	response->list_services_response = list;
	return result;
}

// proto3 has no extensions, so a type that is known has none.
static int say_extensions(const struct descriptor_index *index, char *type, struct viva_arena *arena,
			  reflection_response *response)
{
	if (descriptor_index_find_symbol(index, type) < 0)
		return say_error(arena, response, GRPC_STATUS_NOT_FOUND, "this server does not know it");
	Grpc__Reflection__V1__ExtensionNumberResponse *none =
		new_message(arena, sizeof *none, &grpc__reflection__v1__extension_number_response__descriptor);
	if (!none)
		return VIVA_ENOMEM;
	none->base_type_name = type;
	response->message_response_case = RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE);
	response->all_extension_numbers_response = none;
	return 0;
}

static int fill_response(const struct viva_rpc_server *server, const reflection_request *request,
			 struct viva_arena *arena, reflection_response *response)
{
	const struct descriptor_index *index = server->descriptors;
	switch (request->message_request_case) {
	case REQUEST(LIST_SERVICES):
		return say_services(server, arena, response);
	case REQUEST(FILE_BY_FILENAME):
		return say_files(index, descriptor_index_find_file(index, request->file_by_filename), arena, response);
	case REQUEST(FILE_CONTAINING_SYMBOL):
		return say_files(index, descriptor_index_find_symbol(index, request->file_containing_symbol), arena,
				 response);
	case REQUEST(FILE_CONTAINING_EXTENSION):
		return say_files(index, -1, arena, response);
	case REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE):
		return say_extensions(index, request->all_extension_numbers_of_type, arena, response);
	default:
		return say_error(arena, response, GRPC_STATUS_INVALID_ARGUMENT, "the request asks for nothing");
	}
}

// Answers the question in call->payload: gives the packed response.
static int respond(struct viva_rpc_call *call, grpc_byte_buffer **ret_response, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(ARENA_BYTES, &arena) < 0)
		return VIVA_ENOMEM;
	grpc_slice slice;
	struct viva_bytes bytes = rpc_flatten(call->payload, &slice);
	ProtobufCMessage *message = NULL;
	int result = bytes.size > MAX_REQUEST
			     ? viva_fail(error, VIVA_EBODYSIZE, NULL, "the request is too large")
			     : wire_unpack(&grpc__reflection__v1__server_reflection_request__descriptor, bytes, arena,
					   &message, error);
	grpc_slice_unref(slice);
	if (result < 0)
		return result;

	reflection_request *request = (reflection_request *)message;
	reflection_response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
	response.valid_host = request->host;
	response.original_request = request;
	result = fill_response(call->slot->server, request, arena, &response);
	if (result == 0)
		*ret_response = rpc_pack(&response.base);
	return result;
}

static void read_next_locked(struct viva_rpc_call *call)
{
	if (call->payload)
		grpc_byte_buffer_destroy(call->payload);
	call->payload = NULL;

	grpc_op ops[2] = {0};
	size_t count = 0;
	if (!call->has_sent_metadata)
		ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[count].op = GRPC_OP_RECV_MESSAGE;
	ops[count++].data.recv_message.recv_message = &call->payload;
	call->has_sent_metadata = true;
	atomic_fetch_add(&call->references, 1);
	call->stream.is_busy = rpc_start_batch(call->call, ops, count, &call->on_request);
	if (!call->stream.is_busy)
		rpc_call_unref(call);
}

static void on_read(struct rpc_tag *tag, bool is_ok)
{
	struct viva_rpc_call *call = rpc_owner_of(tag, struct viva_rpc_call, on_request);
	struct viva_rpc_server *server = call->slot->server;
	struct viva_error error = {0};
	grpc_byte_buffer *response = NULL;
	bool has_question = is_ok && call->payload;
	int result = has_question ? respond(call, &response, &error) : 0;

	pthread_mutex_lock(&server->mutex);
	call->stream.is_busy = false;
	if (response && call->stream.is_listed) {
		call->stream.is_busy = rpc_call_start_write(call, response);
		response = NULL;
	} else {
		rpc_stream_end_locked(call, result, error.message[0] ? error.message : NULL);
	}
	pthread_mutex_unlock(&server->mutex);
	if (response)
		grpc_byte_buffer_destroy(response);
	rpc_call_unref(call);
}

static void on_written(struct rpc_tag *tag, bool is_ok)
{
	struct viva_rpc_call *call = rpc_owner_of(tag, struct viva_rpc_call, on_write);
	struct viva_rpc_server *server = call->slot->server;

	pthread_mutex_lock(&server->mutex);
	call->stream.is_busy = false;
	if (is_ok && call->stream.is_listed)
		read_next_locked(call);
	else
		rpc_stream_end_locked(call, VIVA_ECANCELLED, NULL);
	pthread_mutex_unlock(&server->mutex);
	rpc_call_unref(call);
}

void rpc_reflection_serve(struct viva_rpc_call *call)
{
	struct viva_rpc_server *server = call->slot->server;

	call->on_request.on_event = on_read;
	call->on_write.on_event = on_written;
	if (!rpc_stream_begin(call))
		return;
	pthread_mutex_lock(&server->mutex);
	read_next_locked(call);
	pthread_mutex_unlock(&server->mutex);
}
