// SPDX-License-Identifier: Apache-2.0
//
// Settings from one table: each row is a flag (--store-url), an environment variable (VIVA_STORE_URL) and a line of
// --help. A flag wins over the environment, which wins over the file that the option "config-file" names (if a table
// has that option), which wins over the default.
//
// Threads: load once at start; reading is free from any thread.
#ifndef VIVA_BASE_CONFIG_H
#define VIVA_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/macros.h"

enum viva_option_type { VIVA_OPTION_TEXT, VIVA_OPTION_INT, VIVA_OPTION_REAL, VIVA_OPTION_FLAG, VIVA_OPTION_CHOICE };

struct viva_option {
	const char *name;  // "store-url": flag --store-url, variable VIVA_STORE_URL
	enum viva_option_type type;
	const char *default_value;  // as text; NULL = no value; flags default to off
	double min, max;            // of INT and REAL; both 0 = any
	const char *unit;  // "ms", "bytes", "URL", … shown in --help; NULL = none. Of CHOICE all it may be: "on|off"
	const char *help;  // one sentence
	bool secret;       // its value is never printed
	char letter;       // 'o': -o is short for it; 0 = none
};

// The option that names a file of VIVA_…=VALUE lines.
#define VIVA_CONFIG_FILE_OPTION "config-file"

struct viva_config;

// Reads `arguments` (without the program's and subcommand's name) and the environment against the joined `tables`.
// Positional arguments are kept in order. VIVA_EUSAGE with a sentence for an unknown flag, a missing or bad value.
// Also understands --help (see viva_config_wants_help). VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_config_load(const struct viva_option *const *tables, const size_t *counts, size_t table_count,
				     int argument_count, char *const *arguments, struct viva_config **ret_config,
				     struct viva_error *error);
struct viva_config *viva_config_destroy(struct viva_config *config);
VIVA_DEFINE_AUTO(viva_config)

bool viva_config_wants_help(const struct viva_config *config);
// Usage, then each option with its default, unit, variable and meaning.
void viva_config_print_help(const struct viva_config *config, const char *usage, FILE *out);

// Values by name. Asking for a name or type that no table has is a bug and aborts. Texts are borrowed; NULL = no value.
const char *viva_config_text(const struct viva_config *config, const char *name);  // of TEXT and CHOICE
int64_t viva_config_int(const struct viva_config *config, const char *name);
double viva_config_real(const struct viva_config *config, const char *name);
bool viva_config_flag(const struct viva_config *config, const char *name);
// Which of the choices, in the order of their list, from 0 on; 0 too where there is no value.
size_t viva_config_choice(const struct viva_config *config, const char *name);
bool viva_config_has(const struct viva_config *config, const char *name);           // a table has this option
bool viva_config_is_set(const struct viva_config *config, const char *name);        // given, not defaulted
bool viva_config_is_from_file(const struct viva_config *config, const char *name);  // by the settings' file

// The name of the next option that has another value in `other`, from *cursor (0 at first) on; NULL = no more.
const char *viva_config_next_difference(const struct viva_config *config, const struct viva_config *other,
					size_t *cursor);

size_t viva_config_positional_count(const struct viva_config *config);
const char *viva_config_positional(const struct viva_config *config, size_t index);

#endif
