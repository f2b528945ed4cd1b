#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Films a face that does not move: 640x480 JPEG frames of scikit-image's astronaut.png (a photo of NASA's).

A hand-held camera pans, zooms and turns gently about the head, and the person blinks: the upper lids, with their
lashes, slide down over the eyes while the skin above them stretches, all from the photo's own pixels. Writes
frame_0001.jpg, frame_0002.jpg, … and frames.json: {"fps", "frames", "blinks": [{"start_ms", "end_ms"}, …]}, where
start_ms and end_ms are the times of a blink's first and last frame (frame n stands at (n - 1) * 1000 / fps).
The same seed makes the same frames.
"""
import argparse
import json
import math
import pathlib

import numpy as np
from PIL import Image

FRAME_SIZE = (640, 480)
JPEG_QUALITY = 85

# All places below are pixels of astronaut.png (512x512).
CANVAS_BOX = (60, 0, 390, 250)  # what any frame may show
CANVAS_SCALE = 4
HEAD = (225.0, 118.0)
PIXELS_PER_FRAME_PIXEL = 0.40  # at zoom 1 the face is 250 pixels wide in the frame

# Lids as they can be seen in the photo, from corner to corner.
EYES = (
    {"upper": [(192.8, 100.3), (194.9, 99.0), (197.4, 98.0), (199.9, 97.4), (204.0, 97.2), (208.2, 98.2),
               (212.4, 100.5), (216.9, 101.9)],
     "lower": [(192.8, 100.3), (194.9, 101.1), (198.2, 103.3), (201.5, 104.7), (204.9, 105.1), (209.0, 104.4),
               (212.4, 103.6), (216.9, 101.9)]},
    {"upper": [(236.5, 104.8), (239.0, 102.6), (242.4, 100.8), (245.7, 99.5), (249.0, 99.1), (253.2, 99.8),
               (256.5, 101.8), (259.0, 104.1)],
     "lower": [(236.5, 104.8), (239.9, 105.7), (244.0, 106.5), (248.2, 107.0), (252.4, 106.5), (255.7, 105.5),
               (259.0, 104.1)]},
)
LASHES = 1.5  # height of the dark line on the upper lid's edge: it moves, but does not stretch
LID = 5.0     # height of the skin between lid edge and brow that stretches

# How far the lids are closed in the frames of a blink: 200 to 270 ms at 15 frames a second.
BLINK_SHAPES = ((0.60, 1.0, 0.55), (0.55, 1.0, 1.0, 0.50), (0.70, 1.0, 0.95, 0.45))
FIRST_BLINK_S = 1.4  # a watcher needs to see open eyes first
BLINK_EVERY_S = (1.15, 1.65)


def plan_blinks(random, frames, fps):
    """How far the eyes are closed in each frame (0 to 1), and the blinks as (first, last) frame indices."""
    closure = np.zeros(frames)
    blinks = []
    first = round(FIRST_BLINK_S * fps)
    while True:
        shape = BLINK_SHAPES[random.integers(len(BLINK_SHAPES))]
        # At other rates a blink lasts as long: its shape is sampled anew.
        count = max(2, round(len(shape) * fps / 15))
        values = np.interp(np.linspace(0, len(shape) - 1, count), np.arange(len(shape)), shape)
        if first + count + fps // 2 > frames:
            return closure, blinks
        closure[first:first + count] = values
        blinks.append((first, first + count - 1))
        first += count + round(random.uniform(*BLINK_EVERY_S) * fps)


def plan_camera(random, frames, fps):
    """Per frame: (pan x, pan y) in photo pixels, zoom, and turn in degrees; sums of two slow waves each."""
    seconds = np.arange(frames) / fps

    def wander(amplitude):
        slow, fast = random.uniform(0.10, 0.18), random.uniform(0.25, 0.40)
        a, b = random.uniform(0, 2 * math.pi, 2)
        return amplitude * (0.7 * np.sin(2 * math.pi * slow * seconds + a) + 0.3 * np.sin(2 * math.pi * fast * seconds + b))

    return wander(5.0), wander(3.0), 1 + wander(0.04), wander(2.5)


def lid_curve(points, columns):
    """The lid's height at each column: a quartic through the points seen, which is smooth where they are not."""
    x, y = np.array(points).T
    centre, span = (x[0] + x[-1]) / 2, (x[-1] - x[0]) / 2
    coefficients = np.polyfit((x - centre) / span, y, 4, w=[4] + [1] * (len(x) - 2) + [4])
    return np.polyval(coefficients, (columns - centre) / span)


def close_eye(canvas, eye, closure):
    """Slides the eye's upper lid down over `closure` (0 to 1) of the opening, in place."""
    left, top = CANVAS_BOX[:2]
    first, last = eye["upper"][0][0], eye["upper"][-1][0]
    columns = np.arange(math.ceil((first - left) * CANVAS_SCALE), math.floor((last - left) * CANVAS_SCALE))
    x = columns / CANVAS_SCALE + left
    upper = lid_curve(eye["upper"], x)
    lower = np.maximum(lid_curve(eye["lower"], x), upper)
    edge = upper + closure * (lower - upper)
    # The fold above fades out towards the corners, so that no seam shows there.
    inside = np.sin(math.pi * np.clip((x - first) / (last - first), 0, 1)) ** 0.5
    lid, lashes = LID * inside + 0.05, np.minimum(LASHES * inside, LID * inside)
    for column, u, e, height, line in zip(columns, upper, edge, lid, lashes):
        rows = np.arange(math.floor((u - height - top) * CANVAS_SCALE), math.ceil((e - top) * CANVAS_SCALE) + 1)
        y = rows / CANVAS_SCALE + top
        seen = np.interp(y, [u - height, e - line, e], [u - height, u - line, u])
        source = (seen - top) * CANVAS_SCALE
        low = np.floor(source).astype(int)
        part = (source - low)[:, None]
        texture = canvas[low, column] * (1 - part) + canvas[low + 1, column] * part
        # The lid's edge is soft over half a pixel of the photo.
        cover = np.clip((e - y) * 2 + 0.5, 0, 1)[:, None]
        canvas[rows, column] = texture * cover + canvas[rows, column] * (1 - cover)


def shoot(canvas, pan_x, pan_y, zoom, degrees):
    """What the camera sees of the canvas, as an image of FRAME_SIZE."""
    step = PIXELS_PER_FRAME_PIXEL * CANVAS_SCALE / zoom
    c, s = step * math.cos(math.radians(degrees)), step * math.sin(math.radians(degrees))
    x = (HEAD[0] + pan_x - CANVAS_BOX[0]) * CANVAS_SCALE
    y = (HEAD[1] + pan_y - CANVAS_BOX[1]) * CANVAS_SCALE
    width, height = FRAME_SIZE
    matrix = (c, -s, x - c * width / 2 + s * height / 2, s, c, y - s * width / 2 - c * height / 2)
    return canvas.transform(FRAME_SIZE, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def film(astronaut, out, seconds, fps, seed):
    random = np.random.default_rng(seed)
    frames = round(seconds * fps)
    closure, blinks = plan_blinks(random, frames, fps)
    pan_x, pan_y, zoom, degrees = plan_camera(random, frames, fps)

    left, top, right, bottom = CANVAS_BOX
    size = ((right - left) * CANVAS_SCALE, (bottom - top) * CANVAS_SCALE)
    photo = Image.open(astronaut).convert("RGB").crop(CANVAS_BOX).resize(size, Image.Resampling.LANCZOS)
    open_eyes = np.asarray(photo, np.float32)

    out.mkdir(parents=True, exist_ok=True)
    for index in range(frames):
        canvas = photo
        if closure[index] > 0:
            pixels = open_eyes.copy()
            for eye in EYES:
                close_eye(pixels, eye, closure[index])
            canvas = Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
        picture = np.asarray(shoot(canvas, pan_x[index], pan_y[index], zoom[index], degrees[index]), np.float32)
        # A sensor's noise, so that no two frames are the same bytes.
        noise = random.normal(0, 1.5, picture.shape[:2])[:, :, None]
        picture = Image.fromarray(np.clip(picture + noise + 0.5, 0, 255).astype(np.uint8))
        picture.save(out / f"frame_{index + 1:04d}.jpg", quality=JPEG_QUALITY)

    description = {
        "fps": fps,
        "frames": frames,
        "blinks": [{"start_ms": round(a * 1000 / fps), "end_ms": round(b * 1000 / fps)} for a, b in blinks],
    }
    (out / "frames.json").write_text(json.dumps(description, indent=2) + "\n")
    return description


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--astronaut", required=True, type=pathlib.Path, help="astronaut.png of scikit-image")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder for the frames")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--fps", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    made = film(arguments.astronaut, arguments.out, arguments.seconds, arguments.fps, arguments.seed)
    print(f"{made['frames']} frames at {made['fps']} a second with {len(made['blinks'])} blinks in {arguments.out}")


if __name__ == "__main__":
    main()
