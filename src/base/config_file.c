// SPDX-License-Identifier: Apache-2.0
#include "base/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MAX_BYTES = 64 * 1024 };

static char *trim(char *text)
{
	text += strspn(text, " \t\r");
	size_t size = strlen(text);
	while (size > 0 && strchr(" \t\r", text[size - 1]))
		text[--size] = '\0';
	return text;
}

static char *unquote(char *value)
{
	size_t size = strlen(value);
	if (size < 2 || (value[0] != '"' && value[0] != '\'') || value[size - 1] != value[0])
		return value;
	value[size - 1] = '\0';
	return value + 1;
}

static bool is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isupper((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			return false;
	return isupper((unsigned char)name[0]);
}

int config_file_read(const char *path,
		     int (*on_entry)(void *context, const char *name, const char *value, struct viva_error *error),
		     void *context, struct viva_error *error)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	int status = viva_file_read(path, MAX_BYTES, &text, &size);
	if (status)
		return viva_fail(error, VIVA_EUSAGE, "config-file", "the settings' file %.128s can't be read: %s", path,
				 status == VIVA_ELIMIT ? "too large"
						       : strerror(status == VIVA_ENOTFOUND ? ENOENT : errno));
	char *rest = text;
	int number = 0;
	for (char *line = NULL; !status && (line = strsep(&rest, "\n"));) {
		number++;
		line = trim(line);
		if (*line == '\0' || *line == '#')
			continue;
		char *equals = strchr(line, '=');
		if (equals)
			*equals = '\0';
		const char *name = trim(line);
		if (!equals || !is_name(name))
			status = viva_fail(error, VIVA_EUSAGE, "config-file", "%.128s:%d: this is not NAME=VALUE", path,
					   number);
		else
			status = on_entry(context, name, unquote(trim(equals + 1)), error);
	}
	explicit_bzero(text, size);
	return status;
}
