# SPDX-License-Identifier: Apache-2.0
"""Films of people who blink, squint, laugh and look down, made from still photos of open eyes.

The lids of the photo, where the mesh sees them, slide over the eye with their lashes while the skin beside them stretches; a hand-held
camera moves about the face. All from the photo's own pixels, as for the demo's film (tools/demo/make_frames.py), but of any face.
"""
import io
import json
import math
import subprocess

import numpy as np
from PIL import Image

FACE = 320  # pixels of a face's width on its canvas
CANVAS = int(FACE * 2.6)
LEVELS = 20  # steps in which lids move
SKIN, LASHES = .28, .06  # of an eye's width: what stretches beside a lid, and what moves with it
FRAME = (480, 360)


class Eye:
    """The opening between two lids, on the canvas."""

    def __init__(self, lids):
        points = np.array(lids)
        halves = [np.vstack([points[0], points[1:8], points[8]]), np.vstack([points[0], points[9:16], points[8]])]
        upper, lower = sorted(halves, key=lambda half: half[:, 1].mean())
        self.first, self.last = sorted((points[0, 0], points[8, 0]))
        self.width = self.last - self.first
        self.upper, self.lower = (np.polyfit(self.along(half[:, 0]), half[:, 1], 4, w=[4] + [1] * 7 + [4])
                                  for half in (upper, lower))

    def along(self, x):
        return (x - (self.first + self.last) / 2) / (self.width / 2)

    def draw(self, canvas, photo, cover, rise, gaze):
        """The upper lid down by `cover` of the opening, the lower up by `rise`, what is between down by `gaze`; in place."""
        x = np.arange(math.ceil(self.first), math.floor(self.last))
        lids = np.sort([np.polyval(self.upper, self.along(x)), np.polyval(self.lower, self.along(x))], axis=0)
        upper, lower, opening = lids[0], lids[1], lids[1] - lids[0]
        inside = np.sqrt(np.sin(np.pi * np.clip((x - self.first) / self.width, 0, 1)))
        skin, lashes = SKIN * self.width * inside + .1, LASHES * self.width * inside
        edge = upper + cover * opening
        floor = np.maximum(lower - rise * opening, edge)
        rows = np.arange(max(int((upper - skin).min()) - 1, 0), min(int((lower + skin).max()) + 2, CANVAS - 1))
        y = np.broadcast_to(rows[:, None].astype(float), (len(rows), len(x)))

        def stretched(from_a, from_b, to_a, to_b):
            return to_a + (y - from_a) * (to_b - to_a) / np.maximum(from_b - from_a, 1e-3)

        source = np.select(
            [(y > upper - skin) & (y < edge - lashes), (y > upper - skin) & (y < edge), (y >= floor) & (y < lower + skin),
             (y >= edge) & (y < floor)],
            [stretched(upper - skin, edge - lashes, upper - skin, upper - lashes), stretched(edge - lashes, edge, upper - lashes, upper),
             stretched(floor, lower + skin, lower, lower + skin), np.maximum(y - gaze * opening, upper)], y)
        above = np.clip(np.floor(source).astype(int), 0, CANVAS - 2)
        part = (source - above)[:, :, None]
        columns = np.broadcast_to(x, above.shape)
        texture = photo[above, columns] * (1 - part) + photo[above + 1, columns] * part
        fade = np.clip(np.minimum(x - self.first, self.last - x) / 2, 0, 1)[None, :, None]
        seen = canvas[rows[0]:rows[-1] + 1, x[0]:x[-1] + 1]
        seen[:] = texture * fade + seen * (1 - fade)


class Person:
    """A photo's face, level and FACE pixels wide, and its eyes."""

    def __init__(self, photo, told):
        box, pose = told["bounding_box"], told["head_pose"]
        self.yaw = pose["yaw"]
        scale, roll = box["width"] / FACE, math.radians(pose["roll"])
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        margin = max(photo.size)  # what lies beyond the photo's edges is as they are
        wide = Image.fromarray(np.pad(np.asarray(photo), ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
        c, s, half = scale * math.cos(roll), scale * math.sin(roll), CANVAS / 2
        level = wide.transform((CANVAS, CANVAS), Image.Transform.AFFINE,
                               (c, -s, x + margin - c * half + s * half, s, c, y + margin - s * half - c * half),
                               Image.Resampling.BICUBIC)
        self.photo = np.asarray(level, np.float32)

        def on_canvas(point):
            right, down = point[0] - x, point[1] - y
            return ((math.cos(roll) * right + math.sin(roll) * down) / scale + half,
                    (math.cos(roll) * down - math.sin(roll) * right) / scale + half)

        self.eyes = [Eye([on_canvas(point) for point in told["points"][side]]) for side in ("left_lids", "right_lids")]
        self.looks = {}

    def look(self, lids, width):
        """The canvas with lids so, small enough that a face of this width isn't coarse."""
        key = (*(round(value * LEVELS) for value in lids), width)
        if key not in self.looks:
            canvas = self.photo.copy()
            for eye in self.eyes if any(key[:3]) else ():
                eye.draw(canvas, self.photo, *(value / LEVELS for value in key[:3]))
            picture = Image.fromarray(np.clip(canvas + .5, 0, 255).astype(np.uint8))
            if width < FACE:
                picture = picture.resize((round(CANVAS * width / FACE),) * 2, Image.Resampling.LANCZOS)
            self.looks[key] = picture
        return self.looks[key]


def people(viva, paths):
    """(name, Person) of each photo with one face that looks about straight on with open eyes."""
    for path in paths:
        done = subprocess.run([viva, "analyze", path, "--json", "--separate", "--points"], capture_output=True, text=True)
        told = json.loads(done.stdout.splitlines()[0]) if done.stdout else {}
        if told.get("detected") and told["face_count"] == 1 and told["eye_ratio"] >= .14 and abs(told["head_pose"]["yaw"]) < 25:
            yield path.stem, Person(Image.open(path).convert("RGB"), told)


class Gesture:
    """Lids that come down from `at` on within `down` seconds and are up again, which takes `up`, after `duration`."""

    def __init__(self, kind, at, duration, down, up, lids):
        self.kind, self.at, self.duration, self.down, self.up, self.lids = kind, at, duration, down, up, lids

    def part(self, now):
        part = max(0, min((now - self.at) / self.down, (self.at + self.duration - now) / self.up, 1))
        return part * part * (3 - 2 * part)


def gestures(random, kind, at):
    """One or two gestures of this kind."""
    def uniform(low, high):
        return float(random.uniform(low, high))

    def blink(at, duration):  # a lid falls faster than it rises (VanderWerf et al. 2003)
        return Gesture("blink", at, duration, .35 * duration, .55 * duration, (uniform(.88, 1), 0, 0))

    edge = uniform(.08, .25)
    if kind == "blink":
        return [blink(at, uniform(.15, .4))]
    if kind == "quick blink":
        return [blink(at, uniform(.08, .16))]
    if kind == "two blinks":
        first = blink(at, uniform(.12, .25))
        return [first, blink(at + first.duration + uniform(.12, .3), uniform(.12, .25))]
    if kind == "slow blink":
        return [blink(at, uniform(.45, .8))]
    if kind == "rest":
        return [Gesture("rest", at, uniform(1.6, 2.5), .2, .2, (1, 0, 0))]
    if kind == "squint":
        return [Gesture("squint", at, uniform(.8, 2), edge, edge, (uniform(.2, .4), uniform(.1, .25), 0))]
    if kind == "laugh":
        return [Gesture("laugh", at, uniform(.8, 2), edge, edge, (uniform(.2, .35), uniform(.25, .4), 0))]
    lid = uniform(.3, .6)
    return [Gesture("look down", at, uniform(.5, 1.8), .07, .07, (lid, 0, .8 * lid))]


def plan(random, kinds, seconds):
    made, at = [], 1.2  # a watcher needs to see open eyes first
    while True:
        made += gestures(random, kinds[random.integers(len(kinds))], at)
        at = made[-1].at + made[-1].duration + float(random.uniform(.8, 1.4))
        if at > seconds:
            return [gesture for gesture in made if gesture.at + gesture.duration < seconds - .4]


def lids_at(plan, now):
    parts = [gesture.part(now) for gesture in plan]
    return tuple(max((part * gesture.lids[i] for part, gesture in zip(parts, plan)), default=0) for i in range(3))


def film(person, random, plan, seconds, fps, conditions):
    """The film's JPEGs; conditions: width of the face, brightness, noise, quality, tremor of the hand."""
    frames = round(seconds * fps)
    now = np.arange(frames) / fps

    def wander(amplitude):
        slow, fast, a, b = (random.uniform(*limits) for limits in ((.1, .2), (.3, .6), (0, 2 * math.pi), (0, 2 * math.pi)))
        return amplitude * (.7 * np.sin(2 * math.pi * slow * now + a) + .3 * np.sin(2 * math.pi * fast * now + b))

    width, height = FRAME
    face = conditions["width"]
    pan_x, pan_y, zoom, turn = wander(face * .12), wander(face * .08), 1 + wander(.05), np.radians(wander(5))
    tremor = random.normal(0, conditions["tremor"] * face, (2, frames))
    grain = random.normal(0, conditions["noise"], (2 * height, 2 * width, 1)).astype(np.float32)
    for i in range(frames):
        canvas = person.look(lids_at(plan, now[i]), face)
        step = canvas.width * FACE / CANVAS / face / zoom[i]
        c, s = step * math.cos(turn[i]), step * math.sin(turn[i])
        x, y = (canvas.width / 2 + step * (pan[i] + shake[i]) for pan, shake in ((pan_x, tremor[0]), (pan_y, tremor[1])))
        seen = canvas.transform(FRAME, Image.Transform.AFFINE,
                                (c, -s, x - c * width / 2 + s * height / 2, s, c, y - s * width / 2 - c * height / 2),
                                Image.Resampling.BILINEAR)
        down, right = random.integers(height), random.integers(width)
        pixels = np.asarray(seen, np.float32) * conditions["brightness"] + grain[down:down + height, right:right + width]
        jpeg = io.BytesIO()
        Image.fromarray(np.clip(pixels + .5, 0, 255).astype(np.uint8)).save(jpeg, "JPEG", quality=conditions["quality"])
        yield jpeg.getvalue()
