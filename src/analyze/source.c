// SPDX-License-Identifier: Apache-2.0
#include "analyze/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "film/film.h"
#include "film/stream.h"

struct analyze_source {
	struct viva_film *folder;  // NULL: a stream
	size_t next;               // in the folder
	struct viva_film_stream stream;
	int fd;  // −1: none of its own
};

// FIFOs are read like files; devices and sockets are not.
static int open_path(struct analyze_source *source, const char *path, struct viva_error *error)
{
	struct stat status;
	if (strcmp(path, "-") == 0) {
		viva_film_stream_init(&source->stream, STDIN_FILENO);
		return 0;
	}
	source->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &status) != 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "%.160s can't be opened: %s", path, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return viva_film_open(path, &source->folder, error);
	if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
		return viva_fail(error, VIVA_EUSAGE, NULL, "%.160s is neither a folder nor a file", path);
	viva_film_stream_init(&source->stream, source->fd);
	return 0;
}

int analyze_source_open(const char *path, struct analyze_source **ret_source, struct viva_error *error)
{
	VIVA_AUTO(analyze_source) source = calloc(1, sizeof *source);
	if (!source)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the pictures");
	source->fd = -1;
	int code = open_path(source, path, error);
	if (code == 0)
		*ret_source = viva_take(&source);
	return code;
}

struct analyze_source *analyze_source_destroy(struct analyze_source *source)
{
	if (!source)
		return NULL;
	viva_film_destroy(source->folder);
	viva_film_stream_finish(&source->stream);
	if (source->fd >= 0)
		close(source->fd);
	free(source);
	return NULL;
}

double analyze_source_per_second(const struct analyze_source *source)
{
	return source->folder ? viva_film_per_second(source->folder) : 0;
}

static int next_of_folder(struct analyze_source *source, bool *ret_is_there, struct analyze_picture *ret_picture,
			  struct viva_error *error)
{
	*ret_is_there = source->next < viva_film_count(source->folder);
	if (!*ret_is_there)
		return 0;
	*ret_picture = (struct analyze_picture){.name = viva_film_name(source->folder, source->next)};
	int code = viva_film_read(source->folder, source->next, &ret_picture->bytes, error);
	source->next++;
	if (code != VIVA_EIO)
		return code;
	ret_picture->code = code;
	return 0;
}

int analyze_source_next(struct analyze_source *source, bool *ret_is_there, struct analyze_picture *ret_picture,
			struct viva_error *error)
{
	if (source->folder)
		return next_of_folder(source, ret_is_there, ret_picture, error);
	*ret_picture = (struct analyze_picture){0};
	int code = viva_film_stream_next(&source->stream, &ret_picture->bytes, error);
	*ret_is_there = code == 0 && ret_picture->bytes.size > 0;
	return code;
}

uint64_t analyze_source_skipped(const struct analyze_source *source)
{
	return source->folder ? 0 : source->stream.skipped;
}
