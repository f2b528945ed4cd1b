// SPDX-License-Identifier: Apache-2.0
#include "up/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"

enum { MAX_PREFIX = 64 };

static void write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;  // nobody reads our log: the platform runs on
		data += written;
		size -= (size_t)written;
	}
}

static size_t make_prefix(const struct viva_output *output, char ret_prefix[MAX_PREFIX])
{
	int size;
	if (output->keeps_json && output->line[0] == '{')
		return 0;
	if (output->colour)
		size = snprintf(ret_prefix, MAX_PREFIX, "\033[%dm%-*s |\033[0m ", output->colour, output->name_width,
				output->name);
	else
		size = snprintf(ret_prefix, MAX_PREFIX, "%-*s | ", output->name_width, output->name);
	return VIVA_MIN((size_t)size, (size_t)MAX_PREFIX - 1);
}

static void emit(struct viva_output *output)
{
	static const char mark[] = "…";
	size_t size =
		output->is_cut ? viva_utf8_cut(output->line, output->size, sizeof output->line - 1) : output->size;
	char text[MAX_PREFIX + sizeof output->line + sizeof mark + 1];
	size_t used = make_prefix(output, text);
	memcpy(text + used, output->line, size);
	used += size;
	if (output->is_cut) {
		memcpy(text + used, mark, sizeof mark - 1);
		used += sizeof mark - 1;
	}
	text[used++] = '\n';
	write_all(output->fd, text, used);

	if (size > 0) {
		size_t kept = viva_utf8_cut(output->line, size, sizeof output->last - 1);
		memcpy(output->last, output->line, kept);
		output->last[kept] = '\0';
	}
	output->size = 0;
	output->is_cut = false;
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

void viva_output_feed(struct viva_output *output, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n')
			emit(output);
		else if (output->size == sizeof output->line)
			output->is_cut = true;
		else
			output->line[output->size++] = is_control(data[i]) ? '?' : data[i];
	}
}

void viva_output_flush(struct viva_output *output)
{
	if (output->size > 0)
		emit(output);
}
