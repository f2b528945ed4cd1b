// SPDX-License-Identifier: Apache-2.0
#include "film/film.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "film/jpeg_cut.h"

enum {
	MAX_FRAMES = 100000,
	MAX_DESCRIPTION = 1 << 20,
};
static const off_t max_film = (off_t)2 << 30;

struct viva_film {
	char *folder;  // NULL: the pictures are windows on `mapping`
	char **names;  // of the folder's pictures
	struct viva_bytes *pictures;
	struct viva_bytes mapping;
	size_t count;
	size_t capacity;
	double per_second;
	struct viva_buffer picture;  // the one read last from a folder
};

static bool is_picture_name(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && name[0] != '.' &&
	       (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

static int grow(struct viva_film *film)
{
	if (film->count < film->capacity)
		return 0;
	size_t capacity = film->capacity > 0 ? 2 * film->capacity : 256;
	void *grown = film->folder ? realloc(film->names, capacity * sizeof *film->names)
				   : realloc(film->pictures, capacity * sizeof *film->pictures);
	if (!grown)
		return VIVA_ENOMEM;
	if (film->folder)
		film->names = grown;
	else
		film->pictures = grown;
	film->capacity = capacity;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(struct viva_film *film, DIR *directory)
{
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		if (!is_picture_name(entry->d_name))
			continue;
		if (film->count == MAX_FRAMES)
			return VIVA_ELIMIT;
		char *name = grow(film) == 0 ? strdup(entry->d_name) : NULL;
		if (!name)
			return VIVA_ENOMEM;
		film->names[film->count++] = name;
	}
	if (film->count > 0)
		qsort(film->names, film->count, sizeof *film->names, compare_names);
	return 0;
}

static int read_file(int fd, size_t limit, struct viva_buffer *buffer)
{
	struct stat status;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || (size_t)status.st_size > limit)
		return VIVA_EIO;
	viva_buffer_consume(buffer, buffer->size);
	int result = viva_buffer_reserve(buffer, (size_t)status.st_size + 1);
	while (result == 0) {
		size_t room = (size_t)status.st_size - buffer->size;
		ssize_t got = room > 0 ? read(fd, buffer->data + buffer->size, room) : 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return VIVA_EIO;
		if (got == 0)
			break;
		buffer->size += (size_t)got;
	}
	return result;
}

// The rate the pictures were taken at, where whoever made the folder wrote it down.
static double described_rate(int folder)
{
	int fd = openat(folder, "frames.json", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	struct viva_buffer text;
	viva_buffer_init(&text, MAX_DESCRIPTION + 1);
	VIVA_AUTO_JSON description = NULL;
	double rate = 0;
	if (read_file(fd, MAX_DESCRIPTION, &text) == 0 &&
	    viva_json_parse_object(viva_bytes_of(text.data, text.size), MAX_DESCRIPTION, &description, NULL) == 0)
		(void)!viva_json_get_double(description, "fps", false, 0.1, 120, &rate, NULL);
	viva_buffer_finish(&text);
	close(fd);
	return rate;
}

static int open_folder(struct viva_film *film, const char *path, int fd, struct viva_error *error)
{
	film->folder = strdup(path);
	DIR *directory = film->folder ? fdopendir(fd) : NULL;
	if (!directory) {
		close(fd);
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the frames");
	}
	film->per_second = described_rate(fd);
	int result = list_folder(film, directory);
	closedir(directory);
	if (result == VIVA_ELIMIT)
		return viva_fail(error, VIVA_EUSAGE, "frames", "there are more than %d pictures in %.160s", MAX_FRAMES,
				 path);
	return result < 0 ? viva_fail(error, result, NULL, "no memory for the frames") : 0;
}

static int open_film(struct viva_film *film, const char *path, int fd, off_t size, struct viva_error *error)
{
	if (size == 0 || size > max_film)
		return viva_fail(error, VIVA_EUSAGE, "frames", "%.160s is %s", path,
				 size == 0 ? "empty" : "larger than 2 GiB");
	void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return viva_fail(error, VIVA_EUSAGE, "frames", "%.160s can't be read: %s", path, strerror(errno));
	film->mapping = viva_bytes_of(data, (size_t)size);

	size_t offset = 0;
	struct viva_bytes picture = film->mapping;
	bool is_png = viva_is_png(picture);
	while (film->count < MAX_FRAMES && (is_png || viva_jpeg_next(film->mapping, &offset, &picture))) {
		if (grow(film) < 0)
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the frames");
		film->pictures[film->count++] = picture;
		if (is_png)
			break;
	}
	return 0;
}

int viva_film_open(const char *path, struct viva_film **ret_film, struct viva_error *error)
{
	VIVA_AUTO(viva_film) film = calloc(1, sizeof *film);
	if (!film)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the frames");
	viva_buffer_init(&film->picture, VIVA_FILM_MAX_PICTURE + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) != 0) {
		int cause = errno;
		if (fd >= 0)
			close(fd);
		return viva_fail(error, VIVA_EUSAGE, "frames", "the frames %.160s can't be opened: %s", path,
				 strerror(cause));
	}
	int result;
	if (S_ISDIR(status.st_mode)) {
		result = open_folder(film, path, fd, error);  // closes fd
	} else if (S_ISREG(status.st_mode)) {
		result = open_film(film, path, fd, status.st_size, error);
		close(fd);
	} else {
		close(fd);
		result = viva_fail(error, VIVA_EUSAGE, "frames", "%.160s is neither a folder nor a file", path);
	}
	if (result < 0)
		return result;
	if (film->count == 0)
		return viva_fail(error, VIVA_EUSAGE, "frames", "there is no JPEG or PNG in %.160s", path);
	*ret_film = viva_take(&film);
	return 0;
}

struct viva_film *viva_film_destroy(struct viva_film *film)
{
	if (!film)
		return NULL;
	for (size_t i = 0; film->folder && i < film->count; i++)
		free(film->names[i]);
	free(film->names);
	free(film->pictures);
	free(film->folder);
	if (film->mapping.data)
		munmap((void *)(uintptr_t)film->mapping.data, film->mapping.size);
	viva_buffer_finish(&film->picture);
	free(film);
	return NULL;
}

size_t viva_film_count(const struct viva_film *film)
{
	return film->count;
}

double viva_film_per_second(const struct viva_film *film)
{
	return film->per_second;
}

const char *viva_film_name(const struct viva_film *film, size_t index)
{
	return film->folder ? film->names[index % film->count] : NULL;
}

int viva_film_read(struct viva_film *film, size_t index, struct viva_bytes *ret_picture, struct viva_error *error)
{
	index %= film->count;
	if (!film->folder) {
		if (film->pictures[index].size > VIVA_FILM_MAX_PICTURE)
			return viva_fail(error, VIVA_EIO, "frames", "picture %zu is larger than 8 MiB", index + 1);
		*ret_picture = film->pictures[index];
		return 0;
	}
	VIVA_AUTO_FREE char *path = NULL;
	if (asprintf(&path, "%s/%s", film->folder, film->names[index]) < 0)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a picture");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result = fd < 0 ? VIVA_EIO : read_file(fd, VIVA_FILM_MAX_PICTURE, &film->picture);
	if (fd >= 0)
		close(fd);
	if (result < 0)
		return viva_fail(error, VIVA_EIO, "frames", "the picture %.160s can't be read, or is larger than 8 MiB",
				 path);
	*ret_picture = viva_bytes_of(film->picture.data, film->picture.size);
	return 0;
}
