// SPDX-License-Identifier: Apache-2.0
#include "vision/jpeg.h"

#include <math.h>

#include "jpeg/jpeg_guard.h"
#include "vision/decode.h"
#include "vision/jpeg_scan.h"

enum {
	BYTES_PER_PIXEL = 4,
	// A whole JPEG is decoded smaller while its longer side stays at least this: a face that fills a quarter of it
	// still has the 192 pixels that the mesh network sees.
	ENOUGH_PIXELS = 960,
	ENOUGH_REGION_PIXELS = 192,  // likewise of a region in focus
	MAX_DIVISOR = 8,
	ROWS_AT_A_TIME = 16,
};

// Of the focus's size, on each side: for a face that moves between two frames, and for what the decoder blurs at the
// edges of a part.
static const float margin = .08f;

// All that decoding a picture works on.
struct decoder {
	struct jpeg_decompress_struct jpeg;
	struct viva_bytes image;
	const struct viva_jpeg_head *head;
	const struct viva_tracker_region *focus;  // NULL = the whole picture
	struct viva_picture *picture;
	struct viva_error *error;
};

static int scale_down(int side, int divisor)
{
	return (side + divisor - 1) / divisor;
}

static int choose_divisor(int width, int height, const struct viva_tracker_region *focus)
{
	float longer = (float)VIVA_MAX(width, height);
	float pixels = focus ? focus->size * longer : longer;
	float enough = focus ? ENOUGH_REGION_PIXELS : ENOUGH_PIXELS;
	int divisor = MAX_DIVISOR;
	while (divisor > 1 && pixels / (float)divisor < enough)
		divisor /= 2;
	return divisor;
}

// The pixels of [centre − reach, centre + reach] that lie within [0, count), at least one.
static void cut(float centre, float reach, int count, int *ret_first, int *ret_count)
{
	float first = fminf(fmaxf(floorf(centre - reach), 0), (float)(count - 1));
	float end = fminf(fmaxf(ceilf(centre + reach), first + 1), (float)count);
	*ret_first = (int)first;
	*ret_count = (int)(end - first);
}

static struct viva_window window_about(const struct viva_tracker_region *focus, int width, int height)
{
	struct viva_window window;
	float turned = fabsf(cosf(focus->angle)) + fabsf(sinf(focus->angle));
	float reach = focus->size * (float)VIVA_MAX(width, height) * (turned / 2 + margin);
	cut(focus->x * (float)width, reach, width, &window.left, &window.width);
	cut(focus->y * (float)height, reach, height, &window.top, &window.height);
	return window;
}

static void read_rows(struct jpeg_decompress_struct *jpeg, struct viva_picture *picture)
{
	size_t stride = (size_t)picture->window.width * BYTES_PER_PIXEL;
	JDIMENSION end = (JDIMENSION)(picture->window.top + picture->window.height);
	JSAMPROW rows[ROWS_AT_A_TIME];
	while (jpeg->output_scanline < end) {
		size_t at = jpeg->output_scanline - (JDIMENSION)picture->window.top;
		JDIMENSION count = VIVA_MIN(end - jpeg->output_scanline, (JDIMENSION)ROWS_AT_A_TIME);
		for (JDIMENSION i = 0; i < count; i++)
			rows[i] = picture->pixels + (at + i) * stride;
		jpeg_read_scanlines(jpeg, rows, count);
	}
}

// Left and width become multiples of the decoder's blocks.
static int read_window(struct jpeg_decompress_struct *jpeg, struct viva_picture *picture, struct viva_window *window)
{
	int width = (int)jpeg->output_width, height = (int)jpeg->output_height;
	if (window->width < width) {
		JDIMENSION left = (JDIMENSION)window->left, count = (JDIMENSION)window->width;
		jpeg_crop_scanline(jpeg, &left, &count);
		window->left = (int)left;
		window->width = (int)count;
	}
	int code = viva_picture_make_room(picture, width, height, window);
	if (code != 0)
		return code;
	if (window->top > 0)
		jpeg_skip_scanlines(jpeg, (JDIMENSION)window->top);
	read_rows(jpeg, picture);
	if (viva_picture_is_whole(picture))
		jpeg_finish_decompress(jpeg);
	return 0;
}

static int read_pixels(struct jpeg_decompress_struct *jpeg, struct viva_picture *picture,
		       const struct viva_tracker_region *focus, struct viva_error *error)
{
	if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG has the colours of print; send RGB or grey");
	int source_width = (int)jpeg->image_width, source_height = (int)jpeg->image_height;
	int divisor = choose_divisor(source_width, source_height, focus);
	jpeg->scale_num = 1;
	jpeg->scale_denom = (unsigned)divisor;
	jpeg->out_color_space = JCS_EXT_RGBX;
	jpeg->dct_method = JDCT_IFAST;
	jpeg_start_decompress(jpeg);
	int width = scale_down(source_width, divisor), height = scale_down(source_height, divisor);
	if ((int)jpeg->output_width != width || (int)jpeg->output_height != height)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG's header can't be read");
	struct viva_window window = {.width = width, .height = height};
	if (focus)
		window = window_about(focus, width, height);
	picture->source_width = source_width;
	picture->source_height = source_height;
	return read_window(jpeg, picture, &window);
}

static int decode(void *context)
{
	struct decoder *decoder = context;
	struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
	jpeg_create_decompress(jpeg);
	jpeg_mem_src(jpeg, decoder->image.data, decoder->image.size);
	jpeg_read_header(jpeg, TRUE);
	if (jpeg->image_width != decoder->head->width || jpeg->image_height != decoder->head->height)
		return viva_fail(decoder->error, VIVA_EIMAGE, NULL, "the JPEG's header can't be read");
	return read_pixels(jpeg, decoder->picture, decoder->focus, decoder->error);
}

// A decoder of its own for each picture (a few microseconds): what a damaged one leaves behind in a decoder can make it
// refuse the sound one that comes next, which may be somebody else's.
int viva_jpeg_decode(struct viva_picture *picture, struct viva_bytes image, const struct viva_tracker_region *focus,
		     const struct viva_picture_limits *limits, struct viva_error *error)
{
	struct viva_jpeg_head head;
	int code = viva_jpeg_scan(image, &head, error);
	if (code == 0)
		code = viva_picture_check_size(head.width, head.height, limits, error);
	if (code != 0)
		return code;
	struct viva_jpeg_guard guard;
	struct decoder decoder = {.image = image, .head = &head, .focus = focus, .picture = picture, .error = error};
	decoder.jpeg.err = viva_jpeg_guard_init(&guard, JWRN_EXTRANEOUS_DATA);
	if (!viva_jpeg_guarded(&guard, decode, &decoder, &code))
		code = viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG is truncated or damaged");
	jpeg_destroy_decompress(&decoder.jpeg);
	return code;
}
