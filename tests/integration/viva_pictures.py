# SPDX-License-Identifier: Apache-2.0
"""Pictures good and bad, made here."""

import io
import struct
import zlib

from PIL import Image


def encode(image, image_format="JPEG", **options):
    out = io.BytesIO()
    image.save(out, image_format, **options)
    return out.getvalue()


def empty_room(width=640, height=480):
    """A picture without a face: a soft gradient."""
    ramp = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (ramp, ramp.point(lambda v: 255 - v), ramp.point(lambda v: v // 2 + 60)))


def as_png(jpeg):
    return encode(Image.open(io.BytesIO(jpeg)), "PNG")


def darkened(jpeg, share=0.2):
    """The same picture in poor light."""
    return encode(Image.open(io.BytesIO(jpeg)).point(lambda value: int(value * share)), quality=95)


def two_faces(jpeg):
    """The same face twice, side by side, on a picture of the same size."""
    one = Image.open(io.BytesIO(jpeg)).resize((320, 240))
    picture = Image.new("RGB", (640, 480), (128, 128, 128))
    picture.paste(one, (0, 120))
    picture.paste(one, (320, 120))
    return encode(picture, quality=90)


def truncated(jpeg):
    """Cut in the middle of the entropy-coded data."""
    return jpeg[: len(jpeg) * 2 // 3]


def claiming_size(jpeg, width, height):
    """The same JPEG whose frame header claims another size."""
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def hundred_megapixels():
    """A real JPEG of 100 megapixels that is small, because it is all grey."""
    Image.MAX_IMAGE_PIXELS = None
    return encode(Image.new("L", (10_000, 10_000), 128), quality=10)


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_bomb(width=30_000, height=30_000):
    """A PNG of a few hundred KB that inflates to gigabytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    squeezer = zlib.compressobj(9)
    row = b"\0" * (width * 3 + 1)
    data = b"".join(squeezer.compress(row) for _ in range(2000)) + squeezer.flush()
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def gif():
    return encode(empty_room(64, 48).quantize(16), "GIF")


def bad_pictures(jpeg):
    """{what it is: bytes} of what no decoder may accept."""
    return {
        "an empty body": b"",
        "a truncated JPEG": truncated(jpeg),
        "only a JPEG's first bytes": jpeg[:20],
        "a header that claims 100 megapixels": claiming_size(jpeg, 10_000, 10_000),
        "a header that claims 65535 squared": claiming_size(jpeg, 65_535, 65_535),
        "a header that claims no height": claiming_size(jpeg, 640, 0),
        "a real JPEG of 100 megapixels": hundred_megapixels(),
        "a PNG bomb": png_bomb(),
        "a GIF called jpeg": gif(),
        "a truncated PNG": as_png(jpeg)[:5000],
        "a PNG with a wrong checksum": as_png(jpeg)[:40] + b"\0" + as_png(jpeg)[41:],
        "text": b"this is no picture",
        "NUL bytes": b"\0" * 5000,
        "a JPEG inside a page": b"<html>" + jpeg,
    }
