// SPDX-License-Identifier: Apache-2.0
#include "bus/rabbitmq_message.h"

#include <amqp_framing.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum {
	PERSISTENT = 2,
	MAX_RETRIES_READ = 1000,
	MAX_ROUTING_KEY = 255,
	KEPT_TEXTS = 5,  // message_id, type, app_id, session_id, traceparent
};

// ---- sending

amqp_table_entry_t viva_rabbitmq_text_entry(const char *name, const char *text)
{
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
				    .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(text)}};
}

amqp_table_entry_t viva_rabbitmq_int_entry(const char *name, int64_t number)
{
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
				    .value = {.kind = AMQP_FIELD_KIND_I64, .value.i64 = number}};
}

void viva_rabbitmq_set_properties(const struct viva_bus_message *message, int partition,
				  amqp_table_entry_t headers[VIVA_RABBITMQ_MAX_HEADERS],
				  amqp_basic_properties_t *ret_properties)
{
	int count = 0;
	headers[count++] = viva_rabbitmq_text_entry("traceparent", message->traceparent);
	headers[count++] = viva_rabbitmq_text_entry(VIVA_RABBITMQ_SESSION, message->session_id);
	headers[count++] = viva_rabbitmq_int_entry(VIVA_RABBITMQ_TIMESTAMP_MS, message->timestamp_ms);
	if (partition >= 0)
		headers[count++] = viva_rabbitmq_int_entry(VIVA_RABBITMQ_PARTITION, partition);
	*ret_properties = (amqp_basic_properties_t){
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
			  AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_APP_ID_FLAG |
			  AMQP_BASIC_HEADERS_FLAG,
		.content_type = amqp_cstring_bytes("application/json"),
		.delivery_mode = PERSISTENT,
		.message_id = amqp_cstring_bytes(message->message_id),
		.type = amqp_cstring_bytes(message->type),
		.timestamp = (uint64_t)(message->timestamp_ms / 1000),
		.app_id = amqp_cstring_bytes(message->app_id),
		.headers = {.num_entries = count, .entries = headers},
	};
}

// ---- reading properties

// rabbitmq-c leaves what a message does not have as it found it in recycled memory: only flagged ones can be read.
static amqp_basic_properties_t flagged_only(const amqp_basic_properties_t *decoded)
{
	amqp_basic_properties_t properties = *decoded;
	if (!(decoded->_flags & AMQP_BASIC_HEADERS_FLAG))
		properties.headers = amqp_empty_table;
	if (!(decoded->_flags & AMQP_BASIC_MESSAGE_ID_FLAG))
		properties.message_id = amqp_empty_bytes;
	if (!(decoded->_flags & AMQP_BASIC_TYPE_FLAG))
		properties.type = amqp_empty_bytes;
	if (!(decoded->_flags & AMQP_BASIC_APP_ID_FLAG))
		properties.app_id = amqp_empty_bytes;
	return properties;
}

static bool is_named(const amqp_table_entry_t *entry, const char *name)
{
	return entry->key.len == strlen(name) && memcmp(entry->key.bytes, name, entry->key.len) == 0;
}

static const amqp_field_value_t *find(const amqp_table_t *table, const char *name)
{
	// A frame, and so the broker, bounds how many there are.
	for (int i = 0; i < table->num_entries; i++)
		if (is_named(&table->entries[i], name))
			return &table->entries[i].value;
	return NULL;
}

static amqp_bytes_t find_text(const amqp_table_t *table, const char *name)
{
	const amqp_field_value_t *value = find(table, name);
	bool is_text = value && (value->kind == AMQP_FIELD_KIND_UTF8 || value->kind == AMQP_FIELD_KIND_BYTES);
	return is_text ? value->value.bytes : amqp_empty_bytes;
}

// A whole number of any width; `missing` if there is none.
static int64_t find_int(const amqp_table_t *table, const char *name, int64_t missing)
{
	const amqp_field_value_t *value = find(table, name);
	switch (value ? value->kind : AMQP_FIELD_KIND_VOID) {
	case AMQP_FIELD_KIND_I8:
		return value->value.i8;
	case AMQP_FIELD_KIND_U8:
		return value->value.u8;
	case AMQP_FIELD_KIND_I16:
		return value->value.i16;
	case AMQP_FIELD_KIND_U16:
		return value->value.u16;
	case AMQP_FIELD_KIND_I32:
		return value->value.i32;
	case AMQP_FIELD_KIND_U32:
		return value->value.u32;
	case AMQP_FIELD_KIND_I64:
		return value->value.i64;
	case AMQP_FIELD_KIND_U64:
	case AMQP_FIELD_KIND_TIMESTAMP:
		return value->value.u64 <= INT64_MAX ? (int64_t)value->value.u64 : missing;
	default:
		return missing;
	}
}

static bool fits(amqp_bytes_t bytes, size_t max)
{
	return bytes.len <= max && !memchr(bytes.bytes ? bytes.bytes : "", '\0', bytes.len) &&
	       viva_utf8_is_valid(bytes.bytes, bytes.len);
}

// A copy at *cursor, which moves behind it; what does not fit reads as "".
static const char *keep_text(char **cursor, amqp_bytes_t bytes, size_t max)
{
	char *text = *cursor;
	size_t size = bytes.len > 0 && fits(bytes, max) ? bytes.len : 0;
	if (size > 0)
		memcpy(text, bytes.bytes, size);
	text[size] = '\0';
	*cursor += size + 1;
	return text;
}

// The millisecond header refines the property, which has seconds; alone it counts as well.
static int64_t read_timestamp_ms(const amqp_basic_properties_t *properties)
{
	static const int64_t far_future_ms = (int64_t)1 << 50;
	int64_t ms = find_int(&properties->headers, VIVA_RABBITMQ_TIMESTAMP_MS, 0);
	if (ms < 0 || ms > far_future_ms)
		ms = 0;
	if (!(properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG))
		return ms;
	if (properties->timestamp > (uint64_t)far_future_ms / 1000)
		return ms;
	int64_t seconds = (int64_t)properties->timestamp;
	return ms / 1000 == seconds ? ms : seconds * 1000;
}

// ---- putting together

static int parse_consumer_tag(amqp_bytes_t tag)
{
	char text[8];
	int64_t number;
	if (tag.len >= sizeof text)
		return -1;
	memcpy(text, tag.bytes, tag.len);
	text[tag.len] = '\0';
	return viva_parse_int64(text, 0, INT16_MAX, &number) ? -1 : (int)number;
}

// A method that a message follows.
static struct viva_rabbitmq_parcel begin(const amqp_method_t *method, amqp_bytes_t *ret_routing_key)
{
	struct viva_rabbitmq_parcel parcel = {.subscription = -1};
	if (method->id == AMQP_BASIC_DELIVER_METHOD) {
		const amqp_basic_deliver_t *deliver = method->decoded;
		parcel.delivery_tag = deliver->delivery_tag;
		parcel.is_redelivered = deliver->redelivered;
		parcel.subscription = parse_consumer_tag(deliver->consumer_tag);
		*ret_routing_key = deliver->routing_key;
	} else if (method->id == AMQP_BASIC_GET_OK_METHOD) {
		const amqp_basic_get_ok_t *get = method->decoded;
		parcel.delivery_tag = get->delivery_tag;
		parcel.waiting = get->message_count;
		*ret_routing_key = get->routing_key;
	} else {
		const amqp_basic_return_t *returned = method->decoded;
		*ret_routing_key = returned->routing_key;
	}
	return parcel;
}

static int take_method(struct viva_rabbitmq_assembler *assembler, const amqp_method_t *method)
{
	if (assembler->parcel)
		return VIVA_EPROTOCOL;
	amqp_bytes_t routing_key;
	struct viva_rabbitmq_parcel parcel = begin(method, &routing_key);
	if (routing_key.len > MAX_ROUTING_KEY)
		return VIVA_EPROTOCOL;
	assembler->parcel = viva_rabbitmq_spares_take(NULL, sizeof parcel + MAX_ROUTING_KEY + 1);
	if (!assembler->parcel)
		return VIVA_ENOMEM;
	*assembler->parcel = parcel;
	char *cursor = (char *)(assembler->parcel + 1);
	assembler->parcel->message.routing_key = keep_text(&cursor, routing_key, MAX_ROUTING_KEY);
	assembler->wants_header = true;
	return 0;
}

// Moves what is known into a block with room for the rest.
static int take_header(struct viva_rabbitmq_assembler *assembler, const amqp_frame_t *frame)
{
	if (!assembler->parcel || !assembler->wants_header || frame->payload.properties.class_id != AMQP_BASIC_CLASS)
		return VIVA_EPROTOCOL;
	amqp_basic_properties_t properties = flagged_only(frame->payload.properties.decoded);
	amqp_bytes_t raw = frame->payload.properties.raw;
	uint64_t body_size = frame->payload.properties.body_size;
	bool has_body = body_size <= assembler->max_bytes;
	size_t texts = MAX_ROUTING_KEY + 1 + KEPT_TEXTS * (VIVA_BUS_MAX_TEXT + 1) + VIVA_UUID_SIZE;
	size_t size = sizeof(struct viva_rabbitmq_parcel) + texts + raw.len + (has_body ? (size_t)body_size : 0);
	struct viva_rabbitmq_parcel *parcel = viva_rabbitmq_spares_take(assembler->spares, size);
	if (!parcel)
		return VIVA_ENOMEM;
	*parcel = *assembler->parcel;
	char *cursor = (char *)(parcel + 1);
	amqp_bytes_t key = amqp_cstring_bytes(assembler->parcel->message.routing_key);
	struct viva_bus_message *message = &parcel->message;
	message->routing_key = keep_text(&cursor, key, MAX_ROUTING_KEY);
	message->type = keep_text(&cursor, properties.type, VIVA_BUS_MAX_TEXT);
	message->app_id = keep_text(&cursor, properties.app_id, VIVA_BUS_MAX_TEXT);
	message->session_id =
		keep_text(&cursor, find_text(&properties.headers, VIVA_RABBITMQ_SESSION), VIVA_BUS_MAX_TEXT);
	message->traceparent = keep_text(&cursor, find_text(&properties.headers, "traceparent"), VIVA_BUS_MAX_TEXT);
	message->message_id = keep_text(&cursor, properties.message_id, VIVA_BUS_MAX_TEXT);
	cursor = (char *)(uintptr_t)message->message_id + VIVA_MAX(strlen(message->message_id) + 1, VIVA_UUID_SIZE);
	message->timestamp_ms = read_timestamp_ms(&properties);
	int64_t retries = find_int(&properties.headers, VIVA_RABBITMQ_RETRIES, 0);
	parcel->retries = (int)VIVA_MAX((int64_t)0, VIVA_MIN(retries, (int64_t)MAX_RETRIES_READ));
	parcel->properties = (amqp_bytes_t){.len = raw.len, .bytes = memcpy(cursor, raw.bytes, raw.len)};
	parcel->body_size = body_size;
	parcel->has_body = has_body;
	message->body = viva_bytes_of(cursor + raw.len, has_body ? (size_t)body_size : 0);
	viva_rabbitmq_parcel_free(assembler->parcel);
	assembler->parcel = parcel;
	assembler->wants_header = false;
	assembler->received = 0;
	return 0;
}

static int take_body(struct viva_rabbitmq_assembler *assembler, amqp_bytes_t part)
{
	struct viva_rabbitmq_parcel *parcel = assembler->parcel;
	if (!parcel || assembler->wants_header || part.len > parcel->body_size - assembler->received)
		return VIVA_EPROTOCOL;
	if (parcel->has_body)
		memcpy((uint8_t *)(uintptr_t)parcel->message.body.data + assembler->received, part.bytes, part.len);
	assembler->received += part.len;
	return 0;
}

// A message that came without an id gets one that is the same each time it is delivered: made of what it holds
// (RFC 9562 §5.8).
static int make_message_id(struct viva_bus_message *message)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char stamp[32];
	int stamp_size = snprintf(stamp, sizeof stamp, "|%lld|", (long long)message->timestamp_ms);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		       EVP_DigestUpdate(context, message->type, strlen(message->type)) == 1 &&
		       EVP_DigestUpdate(context, stamp, (size_t)stamp_size) == 1 &&
		       EVP_DigestUpdate(context, message->body.data, message->body.size) == 1 &&
		       EVP_DigestFinal_ex(context, hash, NULL) == 1;
	EVP_MD_CTX_free(context);
	if (!is_done)
		return VIVA_ENOMEM;
	hash[6] = (unsigned char)(0x80 | (hash[6] & 0x0f));
	hash[8] = (unsigned char)(0x80 | (hash[8] & 0x3f));
	char hex[33];
	viva_hex_encode(hash, 16, hex);
	snprintf((char *)(uintptr_t)message->message_id, VIVA_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		 hex + 12, hex + 16, hex + 20);
	return 0;
}

int viva_rabbitmq_assemble(struct viva_rabbitmq_assembler *assembler, const amqp_frame_t *frame, bool *ret_is_taken,
			   struct viva_rabbitmq_parcel **ret_parcel)
{
	amqp_method_number_t method = frame->frame_type == AMQP_FRAME_METHOD ? frame->payload.method.id : 0;
	*ret_parcel = NULL;
	*ret_is_taken =
		frame->channel != 0 && (frame->frame_type != AMQP_FRAME_METHOD || method == AMQP_BASIC_DELIVER_METHOD ||
					method == AMQP_BASIC_GET_OK_METHOD || method == AMQP_BASIC_RETURN_METHOD);
	if (!*ret_is_taken)
		return 0;
	int status = frame->frame_type == AMQP_FRAME_METHOD   ? take_method(assembler, &frame->payload.method)
		     : frame->frame_type == AMQP_FRAME_HEADER ? take_header(assembler, frame)
		     : frame->frame_type == AMQP_FRAME_BODY   ? take_body(assembler, frame->payload.body_fragment)
							      : VIVA_EPROTOCOL;
	struct viva_rabbitmq_parcel *parcel = assembler->parcel;
	if (status || !parcel || assembler->wants_header || assembler->received < parcel->body_size)
		return status;
	if (parcel->message.message_id[0] == '\0')
		status = make_message_id(&parcel->message);
	if (status)
		return status;
	*ret_parcel = parcel;
	assembler->parcel = NULL;
	return 0;
}

void viva_rabbitmq_parcel_free(struct viva_rabbitmq_parcel *parcel)
{
	viva_rabbitmq_spares_give(parcel);
}

void viva_rabbitmq_assembler_reset(struct viva_rabbitmq_assembler *assembler)
{
	viva_rabbitmq_parcel_free(assembler->parcel);
	assembler->parcel = NULL;
}

// ---- dead letters and second publications

static int decode(const struct viva_rabbitmq_parcel *parcel, amqp_pool_t *pool, amqp_basic_properties_t *ret_properties)
{
	void *decoded = NULL;
	int got = amqp_decode_properties(AMQP_BASIC_CLASS, pool, parcel->properties, &decoded);
	if (got == AMQP_STATUS_NO_MEMORY)
		return VIVA_ENOMEM;
	if (got < 0 || !decoded)
		return VIVA_EPROTOCOL;
	*ret_properties = flagged_only(decoded);
	return 0;
}

static void copy_text(char *ret_text, size_t size, amqp_bytes_t bytes)
{
	size_t used = bytes.len > 0 && fits(bytes, bytes.len) ? viva_utf8_cut(bytes.bytes, bytes.len, size - 1) : 0;
	if (used > 0)
		memcpy(ret_text, bytes.bytes, used);
	ret_text[used] = '\0';
}

// RabbitMQ's own words for why it gave a message up (rabbitmq.com/docs/dlx).
static void explain(amqp_bytes_t reason, char *ret_text, size_t size)
{
	static const struct {
		const char *word, *sentence;
	} reasons[] = {
		{"delivery_limit", "it was delivered too often without being settled: its consumers died of it"},
		{"rejected", "a consumer refused it: it was too large to be kept"},
		{"expired", "it waited longer than its time to live"},
		{"maxlen", "its queue was full"},
	};
	for (size_t i = 0; i < VIVA_COUNT(reasons); i++) {
		if (reason.len == strlen(reasons[i].word) && memcmp(reason.bytes, reasons[i].word, reason.len) == 0) {
			snprintf(ret_text, size, "%s", reasons[i].sentence);
			return;
		}
	}
	char word[64];
	copy_text(word, sizeof word, reason);
	snprintf(ret_text, size, "RabbitMQ gave it up: %s", word[0] != '\0' ? word : "it says no reason");
}

static void read_broker_death(const amqp_table_t *headers, struct viva_rabbitmq_death *ret_death)
{
	const amqp_field_value_t *deaths = find(headers, "x-death");
	bool is_told = deaths && deaths->kind == AMQP_FIELD_KIND_ARRAY && deaths->value.array.num_entries > 0 &&
		       deaths->value.array.entries[0].kind == AMQP_FIELD_KIND_TABLE;
	// Without any the message was put there by hand.
	if (!is_told) {
		snprintf(ret_death->reason, sizeof ret_death->reason, "it says no reason");
		return;
	}
	const amqp_table_t *last = &deaths->value.array.entries[0].value.table;
	copy_text(ret_death->queue, sizeof ret_death->queue, find_text(last, "queue"));
	explain(find_text(last, "reason"), ret_death->reason, sizeof ret_death->reason);
	int64_t seconds = find_int(last, "time", 0);
	ret_death->died_at_ms = seconds > 0 && seconds < INT64_MAX / 1000 ? seconds * 1000 : 0;
}

int viva_rabbitmq_read_death(const struct viva_rabbitmq_parcel *parcel, struct viva_rabbitmq_death *ret_death)
{
	amqp_pool_t pool;
	amqp_basic_properties_t properties;
	init_amqp_pool(&pool, 0);
	int status = decode(parcel, &pool, &properties);
	if (!status) {
		const amqp_table_t *headers = &properties.headers;
		*ret_death = (struct viva_rabbitmq_death){0};
		if (find(headers, VIVA_RABBITMQ_ERROR)) {
			char died_at[32];
			copy_text(ret_death->queue, sizeof ret_death->queue, find_text(headers, VIVA_RABBITMQ_QUEUE));
			copy_text(ret_death->reason, sizeof ret_death->reason, find_text(headers, VIVA_RABBITMQ_ERROR));
			copy_text(died_at, sizeof died_at, find_text(headers, VIVA_RABBITMQ_DIED_AT));
			if (viva_rfc3339_to_unix_ms(died_at, &ret_death->died_at_ms))
				ret_death->died_at_ms = 0;
		} else {
			read_broker_death(headers, ret_death);
		}
	}
	empty_amqp_pool(&pool);
	return status;
}

// What a message says about its earlier deliveries, and what would route it elsewhere.
static bool is_of_the_past(const amqp_table_entry_t *entry)
{
	static const char *const names[] = {VIVA_RABBITMQ_RETRIES,
					    VIVA_RABBITMQ_ERROR,
					    VIVA_RABBITMQ_QUEUE,
					    VIVA_RABBITMQ_DIED_AT,
					    "x-death",
					    "x-delivery-count",
					    "x-acquired-count",
					    "CC",
					    "BCC"};
	for (size_t i = 0; i < VIVA_COUNT(names); i++)
		if (is_named(entry, names[i]))
			return true;
	return (entry->key.len > 14 && memcmp(entry->key.bytes, "x-first-death-", 14) == 0) ||
	       (entry->key.len > 13 && memcmp(entry->key.bytes, "x-last-death-", 13) == 0);
}

int viva_rabbitmq_renew_properties(const struct viva_rabbitmq_parcel *parcel, const char *expiration,
				   const amqp_table_entry_t *added, size_t added_count, amqp_pool_t *pool,
				   amqp_basic_properties_t *ret_properties)
{
	amqp_basic_properties_t properties;
	int status = decode(parcel, pool, &properties);
	if (status)
		return status;
	int old_count = properties.headers.num_entries, count = 0;
	amqp_table_entry_t *headers = amqp_pool_alloc(pool, ((size_t)old_count + added_count + 1) * sizeof *headers);
	if (!headers)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < added_count; i++)
		headers[count++] = added[i];
	for (int i = 0; i < old_count; i++)
		if (!is_of_the_past(&properties.headers.entries[i]))
			headers[count++] = properties.headers.entries[i];

	amqp_basic_properties_t renewed = properties;
	renewed.headers = (amqp_table_t){.num_entries = count, .entries = headers};
	renewed.delivery_mode = PERSISTENT;
	renewed.message_id = amqp_cstring_bytes(parcel->message.message_id);
	renewed._flags |= AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
	// The broker takes a user only from that user itself.
	renewed._flags &= ~(amqp_flags_t)(AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_EXPIRATION_FLAG);
	if (expiration) {
		renewed.expiration = amqp_cstring_bytes(expiration);
		renewed._flags |= AMQP_BASIC_EXPIRATION_FLAG;
	}
	*ret_properties = renewed;
	return 0;
}
