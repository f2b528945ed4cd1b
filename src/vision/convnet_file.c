// SPDX-License-Identifier: Apache-2.0
//
// Reads the file of a network, and refuses what would lead out of its own memory.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "vision/convnet.h"

enum {
	MAX_FILE_BYTES = 16 << 20,
	MAX_STEPS = 256,
	MAX_SIDE = 256,
	MAX_CHANNELS = 2048,
	MAX_KERNEL = 5,
	MAX_MAP_FLOATS = 1 << 22,
	STEP_NUMBERS = 16,
	HEAD_NUMBERS = 4,
	ALIGNMENT = 64,  // bytes: of a cache's line
};

static const char magic[8] = {'V', 'I', 'V', 'A', 'N', 'E', 'T', '1'};

// What is read so far: of each place what the steps until now left there.
struct reader {
	const uint8_t *at;
	size_t numbers_left;  // before the weights
	const uint8_t *weights;
	size_t weights_size;
	size_t place_count, output_count;
	struct viva_convnet_map held[VIVA_CONVNET_MAX_PLACES];  // zeros: nothing yet
	size_t floats[VIVA_CONVNET_MAX_PLACES];                 // that the place must have room for
	size_t zeros, patch, wide_weights;                      // floats
};

// The next number, which must be at most `max`.
static bool take(struct reader *reader, size_t max, size_t *ret_number)
{
	if (reader->numbers_left == 0)
		return false;
	const uint8_t *at = reader->at;
	size_t number = (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
	reader->at += 4;
	reader->numbers_left--;
	*ret_number = number;
	return number <= max;
}

static bool take_map(struct reader *reader, struct viva_convnet_map *ret_map)
{
	return take(reader, MAX_SIDE, &ret_map->height) && take(reader, MAX_SIDE, &ret_map->width) &&
	       take(reader, MAX_CHANNELS, &ret_map->channels) && ret_map->height > 0 && ret_map->width > 0 &&
	       ret_map->channels > 0 && ret_map->height * ret_map->width * ret_map->channels <= MAX_MAP_FLOATS;
}

static bool is_same(const struct viva_convnet_map *a, const struct viva_convnet_map *b)
{
	return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

static bool take_places(struct reader *reader, struct viva_convnet_step *step)
{
	size_t source = 0, output = 0, addend = 0;
	if (!take(reader, reader->place_count - 1, &source))
		return false;
	bool has_addend = take(reader, reader->place_count - 1, &addend);
	if ((!has_addend && addend != UINT32_MAX) || !take(reader, reader->place_count - 1, &output))
		return false;
	step->source = (int)source;
	step->output = (int)output;
	step->addend = has_addend ? (int)addend : -1;
	// The input stays, and no step writes what it reads.
	return output != 0 && output != source && step->addend != step->output;
}

// The windows of all output pixels begin within the map and its padding.
static bool fits_windows(const struct viva_convnet_step *step)
{
	if (step->kind == VIVA_CONVNET_ENLARGE)
		return true;
	return step->kernel > 0 && step->stride > 0 && step->padding < step->kernel &&
	       (step->to.height - 1) * step->stride < step->from.height + step->padding &&
	       (step->to.width - 1) * step->stride < step->from.width + step->padding;
}

static bool is_sound_kind(const struct viva_convnet_step *step)
{
	switch (step->kind) {
	case VIVA_CONVNET_CONVOLUTION:
		return step->to.channels % VIVA_PANEL == 0;
	case VIVA_CONVNET_SEPARABLE:
		return step->to.channels % VIVA_PANEL == 0 && step->from.channels % VIVA_PANEL == 0 &&
		       step->kernel == 3 && step->stride <= 2 && step->padding <= 1;
	case VIVA_CONVNET_POOL:
		return step->addend < 0 && step->to.channels == step->from.channels &&
		       2 * step->to.height <= step->from.height && 2 * step->to.width <= step->from.width;
	case VIVA_CONVNET_ENLARGE:
		return step->to.channels == step->from.channels && step->to.height == 2 * step->from.height &&
		       step->to.width == 2 * step->from.width;
	case VIVA_CONVNET_MEAN:
	case VIVA_CONVNET_LARGEST:
		return step->addend < 0 && step->to.channels == step->from.channels && step->to.height == 1 &&
		       step->to.width == 1;
	default:
		return false;
	}
}

// The weights lie one after the other: depthwise kernel and bias, panels, the bytes' factors, bias, slopes.
static bool find_weights(const struct reader *reader, struct viva_convnet_step *step, size_t at, size_t size,
			 bool is_bytes)
{
	bool is_separable = step->kind == VIVA_CONVNET_SEPARABLE;
	if (step->kind != VIVA_CONVNET_CONVOLUTION && !is_separable)
		return size == 0 && !is_bytes;
	size_t channels = step->from.channels, outputs = step->to.channels;
	size_t depthwise = is_separable ? 9 * channels : 0, depthwise_bias = is_separable ? channels : 0;
	size_t panels = (is_separable ? channels : step->kernel * step->kernel * channels) * outputs;
	size_t panel_bytes = panels * (is_bytes ? 1 : sizeof(uint16_t)), factors = is_bytes ? outputs : 0;
	size_t needed = (depthwise + depthwise_bias + factors + 2 * outputs) * sizeof(float) + panel_bytes;
	if ((is_separable && is_bytes) || size != needed || at % sizeof(float) != 0 || at > reader->weights_size ||
	    size > reader->weights_size - at)
		return false;
	const uint8_t *weights = reader->weights + at + (depthwise + depthwise_bias) * sizeof(float);
	step->depthwise = (const float *)(const void *)(reader->weights + at);
	step->depthwise_bias = step->depthwise + depthwise;
	step->weights = is_bytes ? NULL : (const uint16_t *)(const void *)weights;
	step->bytes = is_bytes ? (const int8_t *)weights : NULL;
	step->factors = (const float *)(const void *)(weights + panel_bytes);
	step->bias = step->factors + factors;
	step->slopes = step->bias + outputs;
	return true;
}

static void note_sizes(struct reader *reader, const struct viva_convnet_step *step)
{
	size_t floats = step->to.height * step->to.width * step->to.channels;
	reader->floats[step->output] = VIVA_MAX(reader->floats[step->output], floats);
	reader->zeros = VIVA_MAX(reader->zeros, step->from.width * step->from.channels);
	reader->patch = VIVA_MAX(reader->patch, viva_convnet_patch_floats(step));
	reader->wide_weights = VIVA_MAX(reader->wide_weights, viva_convnet_wide_weights(step));
	reader->held[step->output] = step->to;
}

static bool read_step(struct reader *reader, struct viva_convnet_step *step)
{
	size_t kind, at, size, is_bytes;
	if (!take(reader, VIVA_CONVNET_KINDS - 1, &kind) || !take_places(reader, step) ||
	    !take_map(reader, &step->from) || !take_map(reader, &step->to) ||
	    !take(reader, MAX_KERNEL, &step->kernel) || !take(reader, MAX_KERNEL, &step->stride) ||
	    !take(reader, MAX_KERNEL, &step->padding) || !take(reader, MAX_FILE_BYTES, &at) ||
	    !take(reader, MAX_FILE_BYTES, &size) || !take(reader, 1, &is_bytes))
		return false;
	step->kind = (enum viva_convnet_kind)kind;
	// The first step tells what the input is.
	if (step->source == 0 && reader->held[0].height == 0) {
		reader->held[0] = step->from;
		reader->floats[0] = step->from.height * step->from.width * step->from.channels;
	}
	if (!is_same(&step->from, &reader->held[step->source]) || !fits_windows(step) || !is_sound_kind(step) ||
	    !find_weights(reader, step, at, size, is_bytes))
		return false;
	if (step->addend >= 0) {
		const struct viva_convnet_map *addend = &reader->held[step->addend];
		if (addend->height != step->to.height || addend->width != step->to.width ||
		    addend->channels > step->to.channels || addend->channels % VIVA_PANEL != 0 ||
		    (step->kind == VIVA_CONVNET_ENLARGE && addend->channels != step->to.channels))
			return false;
		step->addend_channels = addend->channels;
	}
	note_sizes(reader, step);
	return true;
}

static bool read_head(struct reader *reader, struct viva_bytes file, size_t *ret_steps)
{
	const size_t fixed = sizeof magic + HEAD_NUMBERS * 4;
	if (file.size < fixed || file.size > MAX_FILE_BYTES || memcmp(file.data, magic, sizeof magic) != 0)
		return false;
	*reader = (struct reader){.at = file.data + sizeof magic, .numbers_left = HEAD_NUMBERS};
	if (!take(reader, VIVA_CONVNET_MAX_PLACES, &reader->place_count) || !take(reader, MAX_STEPS, ret_steps) ||
	    !take(reader, VIVA_CONVNET_MAX_OUTPUTS, &reader->output_count) ||
	    !take(reader, MAX_FILE_BYTES, &reader->weights_size))
		return false;
	reader->numbers_left = *ret_steps * STEP_NUMBERS + reader->output_count * 2;
	if (reader->place_count < 2 || *ret_steps == 0 ||
	    file.size != fixed + reader->numbers_left * 4 + reader->weights_size)
		return false;
	reader->weights = file.data + fixed + reader->numbers_left * 4;
	return true;
}

static size_t rounded_up(size_t floats)
{
	const size_t line = ALIGNMENT / sizeof(float);
	return (floats + line - 1) / line * line;
}

static float *cut_off(float **memory, size_t floats)
{
	float *part = *memory;
	*memory += rounded_up(floats);
	return part;
}

static int make_room(struct viva_convnet *network, const struct reader *reader)
{
	size_t total = rounded_up(reader->zeros) + rounded_up(reader->patch) + rounded_up(reader->wide_weights);
	for (size_t i = 0; i < reader->place_count; i++)
		total += rounded_up(reader->floats[i]);
	network->memory = aligned_alloc(ALIGNMENT, total * sizeof(float));
	if (!network->memory)
		return VIVA_ENOMEM;
	memset(network->memory, 0, total * sizeof(float));
	float *memory = network->memory;
	for (size_t i = 0; i < reader->place_count; i++)
		network->places[i] = cut_off(&memory, reader->floats[i]);
	network->zeros = cut_off(&memory, reader->zeros);
	network->patch = cut_off(&memory, reader->patch);
	network->weights = cut_off(&memory, reader->wide_weights);
	network->input = network->places[0];
	return 0;
}

static bool read_outputs(struct viva_convnet *network, struct reader *reader, const struct viva_convnet_shape *shape)
{
	for (size_t i = 0; i < reader->output_count; i++) {
		size_t place, floats;
		if (!take(reader, reader->place_count - 1, &place) || !take(reader, MAX_MAP_FLOATS, &floats) ||
		    floats != shape->outputs[i] || floats > reader->floats[place])
			return false;
		network->outputs[i] = network->places[place];
	}
	return reader->floats[0] == shape->input &&
	       (reader->output_count == VIVA_CONVNET_MAX_OUTPUTS || shape->outputs[reader->output_count] == 0);
}

static int read_network(struct viva_convnet *network, struct viva_bytes file, const struct viva_convnet_shape *shape)
{
	struct reader reader;
	if (!read_head(&reader, file, &network->step_count))
		return VIVA_EMODEL;
	network->steps = calloc(network->step_count, sizeof *network->steps);
	if (!network->steps)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < network->step_count; i++) {
		if (!read_step(&reader, &network->steps[i]))
			return VIVA_EMODEL;
	}
	int code = make_room(network, &reader);
	return code != 0 || read_outputs(network, &reader, shape) ? code : VIVA_EMODEL;
}

// Takes the file's bytes over.
static int init(struct viva_convnet *network, char *file, size_t size, const struct viva_convnet_shape *shape,
		struct viva_error *error)
{
	network->file = file;
	network->kernels = viva_convnet_kernels();
	int code = read_network(network, viva_bytes_of(file, size), shape);
	if (code == VIVA_EMODEL)
		code = viva_fail(error, VIVA_EMODEL, "model-dir",
				 "%s is no network of the shape that is needed: run ./dev deps", shape->file);
	if (code != 0)
		viva_convnet_finish(network);
	return code;
}

int viva_convnet_init(struct viva_convnet *network, const char *directory, const struct viva_convnet_shape *shape,
		      struct viva_error *error)
{
	char path[PATH_MAX], *file = NULL;
	size_t size = 0;
	if (snprintf(path, sizeof path, "%s/%s", directory, shape->file) >= (int)sizeof path)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "the model folder's path is too long");
	if (viva_file_read(path, MAX_FILE_BYTES, &file, &size) != 0)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "%s can't be read: run ./dev deps", path);
	return init(network, file, size, shape, error);
}

int viva_convnet_init_from(struct viva_convnet *network, struct viva_bytes file, const struct viva_convnet_shape *shape,
			   struct viva_error *error)
{
	char *copy = malloc(file.size > 0 ? file.size : 1);
	if (!copy)
		return VIVA_ENOMEM;
	if (file.size > 0)
		memcpy(copy, file.data, file.size);
	return init(network, copy, file.size, shape, error);
}

void viva_convnet_finish(struct viva_convnet *network)
{
	free(network->file);
	free(network->steps);
	free(network->memory);
	*network = (struct viva_convnet){0};
}
