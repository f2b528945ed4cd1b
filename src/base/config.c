// SPDX-License-Identifier: Apache-2.0
#include "base/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_file.h"
#include "base/text.h"

enum { MAX_OPTIONS = 256, MAX_VARIABLE = 80 };

enum source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

struct setting {
	const struct viva_option *option;
	enum source source;
	char *text;  // owned; NULL = no value
	int64_t number;
	double real;
	bool flag;
};

struct viva_config {
	struct setting settings[MAX_OPTIONS];
	size_t count;
	char **positional;
	size_t positional_count;
	bool wants_help;
};

enum { NOT_FOUND = MAX_OPTIONS };

static size_t find(const struct viva_config *config, const char *name, size_t size)
{
	for (size_t i = 0; i < config->count; i++) {
		const char *candidate = config->settings[i].option->name;
		if (strlen(candidate) == size && memcmp(candidate, name, size) == 0)
			return i;
	}
	return NOT_FOUND;
}

static size_t find_letter(const struct viva_config *config, char letter)
{
	for (size_t i = 0; i < config->count; i++) {
		if (config->settings[i].option->letter == letter)
			return i;
	}
	return NOT_FOUND;
}

static void variable_of(const struct viva_option *option, char ret_name[MAX_VARIABLE])
{
	snprintf(ret_name, MAX_VARIABLE, "VIVA_%s", option->name);
	for (char *c = ret_name; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

// "--port", or "VIVA_PORT" where that was the source: what the user has to correct.
static const char *origin_of(const struct viva_option *option, enum source source, char ret_name[MAX_VARIABLE])
{
	if (source == FROM_ENVIRONMENT || source == FROM_FILE)
		variable_of(option, ret_name);
	else
		snprintf(ret_name, MAX_VARIABLE, "--%s", option->name);
	return ret_name;
}

static bool parse_flag(const char *text, bool *ret_value)
{
	static const char *const on[] = {"on", "true", "yes", "1"}, *const off[] = {"off", "false", "no", "0"};
	for (size_t i = 0; i < VIVA_COUNT(on); i++) {
		bool is_on = strcmp(text, on[i]) == 0;
		if (is_on || strcmp(text, off[i]) == 0) {
			*ret_value = is_on;
			return true;
		}
	}
	return false;
}

static bool parse_choice(const char *choices, const char *text, int64_t *ret_number)
{
	int64_t number = 0;
	for (const char *at = choices; at; number++) {
		const char *end = strchrnul(at, '|');
		if (strncmp(at, text, (size_t)(end - at)) == 0 && text[end - at] == '\0') {
			*ret_number = number;
			return true;
		}
		at = *end ? end + 1 : NULL;
	}
	return false;
}

// "pdf, html or json" of "pdf|html|json".
static void write_choices(const char *choices, char *text, size_t size)
{
	const char *last = strrchr(choices, '|');
	size_t used = 0;
	for (const char *at = choices; *at; at++) {
		char letter[] = {*at, '\0'};
		const char *written = *at != '|' ? letter : at == last ? " or " : ", ";
		used += strlen(written);
		if (used < size)
			strcpy(text + used - strlen(written), written);
	}
}

static int refuse(const struct viva_option *option, enum source source, const char *text, struct viva_error *error)
{
	char origin[MAX_VARIABLE];
	origin_of(option, source, origin);
	bool is_limited = option->min != 0 || option->max != 0;
	const char *shown = option->secret ? "(secret)" : text;
	const char *kind = option->type == VIVA_OPTION_INT ? "a whole number" : "a number";
	if (option->type == VIVA_OPTION_FLAG)
		return viva_fail(error, VIVA_EUSAGE, option->name, "%s: \"%s\" is neither on nor off", origin, shown);
	if (option->type == VIVA_OPTION_CHOICE) {
		char choices[128] = "";
		write_choices(option->unit, choices, sizeof choices);
		return viva_fail(error, VIVA_EUSAGE, option->name, "%s must be %s, not \"%.64s\"", origin, choices,
				 shown);
	}
	if (!is_limited)
		return viva_fail(error, VIVA_EUSAGE, option->name, "%s: \"%s\" is not %s", origin, shown, kind);
	return viva_fail(error, VIVA_EUSAGE, option->name, "%s: \"%s\" is not %s from %.15g to %.15g", origin, shown,
			 kind, option->min, option->max);
}

static int set(struct setting *setting, const char *text, enum source source, struct viva_error *error)
{
	const struct viva_option *option = setting->option;
	bool is_limited = option->min != 0 || option->max != 0;
	bool is_right = true;
	// As doubles the ends of int64's range are not exact, and no option needs them.
	if (option->type == VIVA_OPTION_INT)
		is_right = !viva_parse_int64(text, is_limited ? (int64_t)option->min : INT64_MIN,
					     is_limited ? (int64_t)option->max : INT64_MAX, &setting->number);
	else if (option->type == VIVA_OPTION_REAL)
		is_right = !viva_parse_double(text, is_limited ? option->min : -1e308, is_limited ? option->max : 1e308,
					      &setting->real);
	else if (option->type == VIVA_OPTION_FLAG)
		is_right = parse_flag(text, &setting->flag);
	else if (option->type == VIVA_OPTION_CHOICE)
		is_right = parse_choice(option->unit, text, &setting->number);
	if (!is_right)
		return refuse(option, source, text, error);

	char *copy = strdup(text);
	if (!copy)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	free(setting->text);
	setting->text = copy;
	setting->source = source;
	return 0;
}

static void add_options(struct viva_config *config, const struct viva_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		// A service may give a common option another default by a row of its own in an earlier table.
		if (find(config, options[i].name, strlen(options[i].name)) != NOT_FOUND)
			continue;
		if (config->count == MAX_OPTIONS)
			abort();
		config->settings[config->count++].option = &options[i];
	}
}

static int load_defaults_and_environment(struct viva_config *config, struct viva_error *error)
{
	for (size_t i = 0; i < config->count; i++) {
		struct setting *setting = &config->settings[i];
		const struct viva_option *option = setting->option;
		const char *initial =
			option->type == VIVA_OPTION_FLAG && !option->default_value ? "off" : option->default_value;
		int status = initial ? set(setting, initial, FROM_DEFAULT, error) : 0;
		char variable[MAX_VARIABLE];
		variable_of(option, variable);
		const char *given = getenv(variable);
		// An empty variable is how shells and compose files say "not set".
		if (!status && given && *given)
			status = set(setting, given, FROM_ENVIRONMENT, error);
		if (status)
			return status;
	}
	return 0;
}

// Takes the flag's value, which is the argument after *index unless it came with it.
static int load_value(struct setting *setting, const char *value, int count, char *const *arguments, int *index,
		      struct viva_error *error)
{
	if (!value && setting->option->type == VIVA_OPTION_FLAG)
		return set(setting, "on", FROM_FLAG, error);
	if (!value && *index + 1 == count)
		return viva_fail(error, VIVA_EUSAGE, setting->option->name, "--%s needs a value",
				 setting->option->name);
	return set(setting, value ? value : arguments[++*index], FROM_FLAG, error);
}

static int load_letter(struct viva_config *config, int count, char *const *arguments, int *index,
		       struct viva_error *error)
{
	const char *argument = arguments[*index];
	size_t found = argument[2] == '\0' ? find_letter(config, argument[1]) : NOT_FOUND;
	if (found == NOT_FOUND)
		return viva_fail(error, VIVA_EUSAGE, NULL, "unknown option %.64s", argument);
	return load_value(&config->settings[found], NULL, count, arguments, index, error);
}

// Reads the flag at *index, and the argument after it where that is its value.
static int load_flag(struct viva_config *config, int count, char *const *arguments, int *index,
		     struct viva_error *error)
{
	const char *name = arguments[*index] + 2;
	size_t size = strcspn(name, "=");
	const char *value = name[size] == '=' ? name + size + 1 : NULL;
	size_t found = find(config, name, size);
	if (found == NOT_FOUND)
		return viva_fail(error, VIVA_EUSAGE, NULL, "unknown option --%.*s", (int)VIVA_MIN(size, 64u), name);
	return load_value(&config->settings[found], value, count, arguments, index, error);
}

static int load_arguments(struct viva_config *config, int count, char *const *arguments, struct viva_error *error)
{
	config->positional = calloc((size_t)count + 1, sizeof config->positional[0]);
	if (!config->positional)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	bool are_flags_over = false;
	for (int i = 0; i < count; i++) {
		const char *argument = arguments[i];
		int status = 0;
		if (are_flags_over || argument[0] != '-' || argument[1] == '\0') {
			char *copy = strdup(argument);
			if (!copy)
				return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
			config->positional[config->positional_count++] = copy;
		} else if (strcmp(argument, "--") == 0) {
			are_flags_over = true;
		} else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
			config->wants_help = true;
		} else if (argument[1] != '-') {
			status = load_letter(config, count, arguments, &i, error);
		} else {
			status = load_flag(config, count, arguments, &i, error);
		}
		if (status)
			return status;
	}
	return 0;
}

// Like a variable of the environment, one that no option has is somebody else's.
static int take_entry(void *context, const char *name, const char *value, struct viva_error *error)
{
	struct viva_config *config = context;
	for (size_t i = 0; i < config->count; i++) {
		struct setting *setting = &config->settings[i];
		char variable[MAX_VARIABLE];
		variable_of(setting->option, variable);
		if (strcmp(variable, name) == 0 && setting->source <= FROM_FILE && *value)
			return set(setting, value, FROM_FILE, error);
	}
	return 0;
}

static int load_file(struct viva_config *config, struct viva_error *error)
{
	size_t found = find(config, VIVA_CONFIG_FILE_OPTION, strlen(VIVA_CONFIG_FILE_OPTION));
	const char *path = found == NOT_FOUND ? NULL : config->settings[found].text;
	return path ? config_file_read(path, take_entry, config, error) : 0;
}

int viva_config_load(const struct viva_option *const *tables, const size_t *counts, size_t table_count,
		     int argument_count, char *const *arguments, struct viva_config **ret_config,
		     struct viva_error *error)
{
	VIVA_AUTO(viva_config) config = calloc(1, sizeof *config);
	if (!config)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	for (size_t i = 0; i < table_count; i++)
		add_options(config, tables[i], counts[i]);
	int status = load_defaults_and_environment(config, error);
	if (!status)
		status = load_arguments(config, argument_count, arguments, error);
	if (!status)
		status = load_file(config, error);
	if (status)
		return status;
	*ret_config = viva_take(&config);
	return 0;
}

struct viva_config *viva_config_destroy(struct viva_config *config)
{
	if (!config)
		return NULL;
	for (size_t i = 0; i < config->count; i++) {
		struct setting *setting = &config->settings[i];
		if (setting->text && setting->option->secret)
			explicit_bzero(setting->text, strlen(setting->text));
		free(setting->text);
	}
	for (size_t i = 0; i < config->positional_count; i++)
		free(config->positional[i]);
	free(config->positional);
	free(config);
	return NULL;
}

bool viva_config_wants_help(const struct viva_config *config)
{
	return config->wants_help;
}

static const char *value_word(const struct viva_option *option)
{
	if (option->type == VIVA_OPTION_FLAG)
		return "";
	if (option->unit)
		return option->unit;
	return option->type == VIVA_OPTION_TEXT ? "TEXT" : "NUMBER";
}

void viva_config_print_help(const struct viva_config *config, const char *usage, FILE *out)
{
	fprintf(out, "%s\n\nOptions (a flag wins over its variable, which wins over the default):\n", usage);
	for (size_t i = 0; i < config->count; i++) {
		const struct viva_option *option = config->settings[i].option;
		char variable[MAX_VARIABLE];
		variable_of(option, variable);
		bool is_sentence = option->help[strlen(option->help) - 1] == '.';
		char letter[] = {'-', option->letter, ',', ' ', '\0'};
		fprintf(out, "  %s--%s %s\n      %s%s", option->letter ? letter : "", option->name, value_word(option),
			option->help, is_sentence ? "" : ".");
		if (option->type != VIVA_OPTION_FLAG && option->default_value)
			fprintf(out, " Default: %s.", option->default_value);
		if (option->min != 0 || option->max != 0)
			fprintf(out, " From %.15g to %.15g.", option->min, option->max);
		fprintf(out, " [%s]\n", variable);
	}
	fputs("  --help\n      Shows this and ends.\n", out);
}

// A choice is a text, too.
static bool may_be_read_as(const struct viva_option *option, enum viva_option_type type)
{
	return option->type == type || (option->type == VIVA_OPTION_CHOICE && type == VIVA_OPTION_TEXT);
}

static const struct setting *get(const struct viva_config *config, const char *name, enum viva_option_type type)
{
	size_t found = find(config, name, strlen(name));
	if (found == NOT_FOUND || !may_be_read_as(config->settings[found].option, type)) {
		fprintf(stderr, "viva: there is no option \"%s\" of this type\n", name);
		abort();
	}
	return &config->settings[found];
}

const char *viva_config_text(const struct viva_config *config, const char *name)
{
	return get(config, name, VIVA_OPTION_TEXT)->text;
}

size_t viva_config_choice(const struct viva_config *config, const char *name)
{
	return (size_t)get(config, name, VIVA_OPTION_CHOICE)->number;
}

int64_t viva_config_int(const struct viva_config *config, const char *name)
{
	return get(config, name, VIVA_OPTION_INT)->number;
}

double viva_config_real(const struct viva_config *config, const char *name)
{
	return get(config, name, VIVA_OPTION_REAL)->real;
}

bool viva_config_flag(const struct viva_config *config, const char *name)
{
	return get(config, name, VIVA_OPTION_FLAG)->flag;
}

bool viva_config_has(const struct viva_config *config, const char *name)
{
	return find(config, name, strlen(name)) != NOT_FOUND;
}

bool viva_config_is_set(const struct viva_config *config, const char *name)
{
	size_t found = find(config, name, strlen(name));
	if (found == NOT_FOUND)
		abort();
	return config->settings[found].source != FROM_DEFAULT;
}

static bool are_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

const char *viva_config_next_difference(const struct viva_config *config, const struct viva_config *other,
					size_t *cursor)
{
	while (*cursor < config->count) {
		size_t i = (*cursor)++;
		const char *name = config->settings[i].option->name;
		size_t found = find(other, name, strlen(name));
		if (found != NOT_FOUND && !are_equal(config->settings[i].text, other->settings[found].text))
			return name;
	}
	return NULL;
}

bool viva_config_is_from_file(const struct viva_config *config, const char *name)
{
	size_t found = find(config, name, strlen(name));
	if (found == NOT_FOUND)
		abort();
	return config->settings[found].source == FROM_FILE;
}

size_t viva_config_positional_count(const struct viva_config *config)
{
	return config->positional_count;
}

const char *viva_config_positional(const struct viva_config *config, size_t index)
{
	return index < config->positional_count ? config->positional[index] : NULL;
}
