// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

// jansson's parser takes some failed allocations for errors of syntax, and after one it goes on with a shorter token:
// so its memory comes from here, where a failure is noted.
static _Thread_local bool is_memory_short;

static void *allocate(size_t size)
{
	void *memory = malloc(size);
	if (!memory)
		is_memory_short = true;
	return memory;
}

__attribute__((constructor)) static void give_jansson_memory(void)
{
	json_set_alloc_funcs(allocate, free);
}

// The deepest nesting of arrays and objects, counted without building anything.
static size_t depth_of(struct viva_bytes text)
{
	size_t depth = 0, deepest = 0;
	bool is_in_string = false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (is_in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				is_in_string = false;
		} else if (c == '"') {
			is_in_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
			deepest = VIVA_MAX(deepest, depth);
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return deepest;
}

// jansson's own sentence quotes the text, which may be a transcript: only its reason and place are told.
static const char *reason_of(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_end_of_input_expected:
		return "there is more after its end";
	case json_error_duplicate_key:
		return "an object names a member twice";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "it holds a NUL character";
	case json_error_numeric_overflow:
		return "a number is too large";
	default:
		return "the syntax is wrong";
	}
}

static int parse(struct viva_bytes text, size_t max_bytes, size_t flags, json_t **ret_json, struct viva_error *error)
{
	if (text.size > max_bytes)
		return viva_fail(error, VIVA_EBODYSIZE, NULL, "the JSON is larger than %zu bytes", max_bytes);
	if (!viva_utf8_is_valid(text.data, text.size))
		return viva_fail(error, VIVA_EJSON, NULL, "malformed JSON: it is not UTF-8");
	if (depth_of(text) > VIVA_JSON_MAX_DEPTH)
		return viva_fail(error, VIVA_EJSON, NULL, "malformed JSON: nested deeper than %d levels",
				 VIVA_JSON_MAX_DEPTH);

	is_memory_short = false;
	json_error_t reason;
	json_t *json = json_loadb((const char *)text.data, text.size, flags | JSON_DECODE_ANY, &reason);
	if (is_memory_short) {
		json_decref(json);
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	}
	if (!json)
		return viva_fail(error, VIVA_EJSON, NULL, "malformed JSON at line %d, column %d: %s", reason.line,
				 reason.column, reason_of(&reason));
	*ret_json = json;
	return 0;
}

static int parse_object(struct viva_bytes text, size_t max_bytes, size_t flags, json_t **ret_json,
			struct viva_error *error)
{
	json_t *json;
	int status = parse(text, max_bytes, flags, &json, error);
	if (status)
		return status;
	if (!json_is_object(json)) {
		json_decref(json);
		return viva_fail(error, VIVA_EFIELD, NULL, "the JSON must be an object");
	}
	*ret_json = json;
	return 0;
}

int viva_json_parse(struct viva_bytes text, size_t max_bytes, json_t **ret_json, struct viva_error *error)
{
	return parse(text, max_bytes, JSON_REJECT_DUPLICATES, ret_json, error);
}

int viva_json_parse_object(struct viva_bytes text, size_t max_bytes, json_t **ret_json, struct viva_error *error)
{
	return parse_object(text, max_bytes, JSON_REJECT_DUPLICATES, ret_json, error);
}

int viva_json_parse_object_last_wins(struct viva_bytes text, size_t max_bytes, json_t **ret_json,
				     struct viva_error *error)
{
	return parse_object(text, max_bytes, 0, ret_json, error);
}

// The member, or NULL when it is missing or null; *ret_status is then what the getter has to return.
static json_t *member_of(const json_t *object, const char *name, bool required, int *ret_status,
			 struct viva_error *error)
{
	json_t *member = json_object_get(object, name);
	*ret_status = 0;
	if (member && !json_is_null(member))
		return member;
	if (required)
		*ret_status = viva_fail(error, VIVA_EFIELD, name, "\"%s\" is missing", name);
	return NULL;
}

int viva_json_get_text(const json_t *object, const char *name, bool required, size_t min_bytes, size_t max_bytes,
		       const char **ret_text, struct viva_error *error)
{
	int status;
	const json_t *member = member_of(object, name, required, &status, error);
	if (!member)
		return status;
	if (!json_is_string(member))
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be a text", name);
	size_t size = json_string_length(member);
	if (size < min_bytes || size > max_bytes)
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be a text of %zu to %zu bytes", name, min_bytes,
				 max_bytes);
	*ret_text = json_string_value(member);
	return 0;
}

int viva_json_get_int(const json_t *object, const char *name, bool required, int64_t min, int64_t max,
		      int64_t *ret_value, struct viva_error *error)
{
	int status;
	const json_t *member = member_of(object, name, required, &status, error);
	if (!member)
		return status;
	// Some writers know only one kind of number: 5.0 is as whole as 5, up to 2^53, where reals grow gaps.
	bool is_whole_real = json_is_real(member) && fabs(json_real_value(member)) <= 9007199254740992.0 &&
			     trunc(json_real_value(member)) == json_real_value(member);
	if (!json_is_integer(member) && !is_whole_real)
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be a whole number", name);
	int64_t value = is_whole_real ? (int64_t)json_real_value(member) : json_integer_value(member);
	if (value < min || value > max)
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be from %lld to %lld", name, (long long)min,
				 (long long)max);
	*ret_value = value;
	return 0;
}

int viva_json_get_double(const json_t *object, const char *name, bool required, double min, double max,
			 double *ret_value, struct viva_error *error)
{
	int status;
	const json_t *member = member_of(object, name, required, &status, error);
	if (!member)
		return status;
	if (!json_is_number(member))
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be a number", name);
	double value = json_number_value(member);
	if (!(value >= min && value <= max))
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be from %g to %g", name, min, max);
	*ret_value = value;
	return 0;
}

int viva_json_get_bool(const json_t *object, const char *name, bool required, bool *ret_value, struct viva_error *error)
{
	int status;
	const json_t *member = member_of(object, name, required, &status, error);
	if (!member)
		return status;
	if (!json_is_boolean(member))
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be true or false", name);
	*ret_value = json_is_true(member);
	return 0;
}

int viva_json_get_object(const json_t *object, const char *name, bool required, json_t **ret_object,
			 struct viva_error *error)
{
	int status;
	json_t *member = member_of(object, name, required, &status, error);
	if (!member)
		return status;
	if (!json_is_object(member))
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be an object", name);
	*ret_object = member;
	return 0;
}

int viva_json_get_array(const json_t *object, const char *name, bool required, size_t max_items, json_t **ret_array,
			struct viva_error *error)
{
	int status;
	json_t *member = member_of(object, name, required, &status, error);
	if (!member)
		return status;
	if (!json_is_array(member))
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must be an array", name);
	if (json_array_size(member) > max_items)
		return viva_fail(error, VIVA_EFIELD, name, "\"%s\" must have at most %zu items", name, max_items);
	*ret_array = member;
	return 0;
}

char *viva_json_text(struct viva_arena *arena, const json_t *json)
{
	// 15 digits: any decimal of that length survives the way through a double and back.
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
	size_t size = json_dumpb(json, NULL, 0, flags);
	char *text = size > 0 && size < SIZE_MAX ? viva_arena_alloc(arena, size + 1) : NULL;
	if (!text || json_dumpb(json, text, size, flags) != size)
		return NULL;
	return text;
}

json_t *viva_json_real(double value, int digits)
{
	if (!isfinite(value))
		return json_null();
	double scale = pow(10, digits);
	double rounded = round(value * scale) / scale;
	// "-0.0" and values too large to scale have no better form.
	return json_real(isfinite(rounded) ? rounded + 0.0 : value);
}
