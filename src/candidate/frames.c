// SPDX-License-Identifier: Apache-2.0
#include "candidate/frames.h"

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

enum {
	MAX_FRAMES = 100000,
	MAX_PICTURE = 8 << 20,
	MAX_DESCRIPTION = 1 << 20,
};
static const off_t max_film = (off_t)2 << 30;

struct candidate_frames {
	char *folder;  // NULL: the pictures are windows on `film`
	char **names;  // of the folder's pictures
	struct viva_bytes *pictures;
	struct viva_bytes film;  // mapped
	size_t count;
	size_t capacity;
	double per_second;
	struct viva_buffer picture;  // the one read last from a folder
};

// ITU-T T.81 table B.1.
enum jpeg_marker { TEM = 0x01, RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9, SOS = 0xda };

static bool stands_alone(uint8_t marker)
{
	return marker == TEM || (marker >= RST0 && marker <= RST7);
}

// From the first byte of entropy-coded data to the marker that ends it: FF00 is data, FFD0–FFD7 are restarts.
static size_t skip_entropy(const uint8_t *data, size_t at, size_t size)
{
	while (at + 1 < size) {
		bool is_marker = data[at] == 0xff && data[at + 1] != 0x00 && data[at + 1] != 0xff;
		if (is_marker && !(data[at + 1] >= RST0 && data[at + 1] <= RST7))
			return at;
		at++;
	}
	return size;
}

// The size of the JPEG that begins at data[0] with SOI; 0 = it does not end properly.
static size_t jpeg_size(const uint8_t *data, size_t size)
{
	size_t at = 2;
	while (at + 1 < size) {
		if (data[at] != 0xff)
			return 0;
		uint8_t marker = data[at + 1];
		if (marker == 0xff) {  // fill byte
			at++;
			continue;
		}
		at += 2;
		if (marker == EOI)
			return at;
		if (stands_alone(marker))
			continue;
		if (marker == SOI || at + 2 > size)
			return 0;
		size_t length = (size_t)(data[at] << 8 | data[at + 1]);
		if (length < 2 || length > size - at)
			return 0;
		at += length;
		if (marker == SOS)
			at = skip_entropy(data, at, size);
	}
	return 0;
}

bool candidate_jpeg_next(struct viva_bytes film, size_t *offset, struct viva_bytes *ret_jpeg)
{
	static const uint8_t start[] = {0xff, SOI, 0xff};
	while (*offset < film.size) {
		const uint8_t *found = memmem(film.data + *offset, film.size - *offset, start, sizeof start);
		if (!found)
			return false;
		size_t size = jpeg_size(found, film.size - (size_t)(found - film.data));
		*offset = (size_t)(found - film.data) + (size > 0 ? size : 1);
		if (size > 0) {
			*ret_jpeg = viva_bytes_of(found, size);
			return true;
		}
	}
	return false;
}

static bool is_picture_name(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && name[0] != '.' &&
	       (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

static int grow(struct candidate_frames *frames)
{
	if (frames->count < frames->capacity)
		return 0;
	size_t capacity = frames->capacity > 0 ? 2 * frames->capacity : 256;
	void *grown = frames->folder ? realloc(frames->names, capacity * sizeof *frames->names)
				     : realloc(frames->pictures, capacity * sizeof *frames->pictures);
	if (!grown)
		return VIVA_ENOMEM;
	if (frames->folder)
		frames->names = grown;
	else
		frames->pictures = grown;
	frames->capacity = capacity;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(struct candidate_frames *frames, DIR *directory)
{
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		if (!is_picture_name(entry->d_name) || frames->count == MAX_FRAMES)
			continue;
		char *name = grow(frames) == 0 ? strdup(entry->d_name) : NULL;
		if (!name)
			return VIVA_ENOMEM;
		frames->names[frames->count++] = name;
	}
	if (frames->count > 0)
		qsort(frames->names, frames->count, sizeof *frames->names, compare_names);
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

static int open_folder(struct candidate_frames *frames, const char *path, int fd, struct viva_error *error)
{
	frames->folder = strdup(path);
	DIR *directory = frames->folder ? fdopendir(fd) : NULL;
	if (!directory) {
		close(fd);
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the frames");
	}
	frames->per_second = described_rate(fd);
	int result = list_folder(frames, directory);
	closedir(directory);
	return result < 0 ? viva_fail(error, result, NULL, "no memory for the frames") : 0;
}

static int open_film(struct candidate_frames *frames, const char *path, int fd, off_t size, struct viva_error *error)
{
	if (size == 0 || size > max_film)
		return viva_fail(error, VIVA_EUSAGE, "frames", "%.160s is %s", path,
				 size == 0 ? "empty" : "larger than 2 GiB");
	void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return viva_fail(error, VIVA_EUSAGE, "frames", "%.160s can't be read: %s", path, strerror(errno));
	frames->film = viva_bytes_of(data, (size_t)size);

	static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	size_t offset = 0;
	struct viva_bytes picture = frames->film;
	bool is_png = picture.size > sizeof png && memcmp(picture.data, png, sizeof png) == 0;
	while (frames->count < MAX_FRAMES && (is_png || candidate_jpeg_next(frames->film, &offset, &picture))) {
		if (grow(frames) < 0)
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the frames");
		frames->pictures[frames->count++] = picture;
		if (is_png)
			break;
	}
	return 0;
}

int candidate_frames_open(const char *path, struct candidate_frames **ret_frames, struct viva_error *error)
{
	VIVA_AUTO(candidate_frames) frames = calloc(1, sizeof *frames);
	if (!frames)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the frames");
	viva_buffer_init(&frames->picture, MAX_PICTURE + 1);
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
		result = open_folder(frames, path, fd, error);  // closes fd
	} else if (S_ISREG(status.st_mode)) {
		result = open_film(frames, path, fd, status.st_size, error);
		close(fd);
	} else {
		close(fd);
		result = viva_fail(error, VIVA_EUSAGE, "frames", "%.160s is neither a folder nor a file", path);
	}
	if (result < 0)
		return result;
	if (frames->count == 0)
		return viva_fail(error, VIVA_EUSAGE, "frames", "there is no JPEG or PNG in %.160s", path);
	*ret_frames = viva_take(&frames);
	return 0;
}

struct candidate_frames *candidate_frames_destroy(struct candidate_frames *frames)
{
	if (!frames)
		return NULL;
	for (size_t i = 0; frames->folder && i < frames->count; i++)
		free(frames->names[i]);
	free(frames->names);
	free(frames->pictures);
	free(frames->folder);
	if (frames->film.data)
		munmap((void *)(uintptr_t)frames->film.data, frames->film.size);
	viva_buffer_finish(&frames->picture);
	free(frames);
	return NULL;
}

size_t candidate_frames_count(const struct candidate_frames *frames)
{
	return frames->count;
}

double candidate_frames_per_second(const struct candidate_frames *frames)
{
	return frames->per_second;
}

int candidate_frames_read(struct candidate_frames *frames, size_t index, struct viva_bytes *ret_picture,
			  struct viva_error *error)
{
	index %= frames->count;
	if (!frames->folder) {
		if (frames->pictures[index].size > MAX_PICTURE)
			return viva_fail(error, VIVA_EIO, "frames", "picture %zu is larger than 8 MiB", index + 1);
		*ret_picture = frames->pictures[index];
		return 0;
	}
	VIVA_AUTO_FREE char *path = NULL;
	if (asprintf(&path, "%s/%s", frames->folder, frames->names[index]) < 0)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a picture");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result = fd < 0 ? VIVA_EIO : read_file(fd, MAX_PICTURE, &frames->picture);
	if (fd >= 0)
		close(fd);
	if (result < 0)
		return viva_fail(error, VIVA_EIO, "frames", "the picture %.160s can't be read, or is larger than 8 MiB",
				 path);
	*ret_picture = viva_bytes_of(frames->picture.data, frames->picture.size);
	return 0;
}
