# SPDX-License-Identifier: Apache-2.0
"""Cuts the faces out of the labelled photos as Viva's landmarker sees them, grey and 48x48, framed like FER2013's.

The detector and the mesh are those that ./dev deps prepares; detection, regions and crops are as in src/vision. Writes
photos.npz: train_x, train_y, held_x, held_y (every 6th photo of a class, never trained on).
"""

import argparse
import io
import math
import pathlib
import tarfile

import numpy as np
from PIL import Image

from packaged import CLASSES, compile_model

SIDE = 48
# FER2013's frame about the mesh of the face in it: its side, and how far it lies above the mesh's middle, in sizes of the
# mesh (medians over 464 faces of the validation part, quartiles 1.02-1.15 and .00-.07; framing.py).
SCALE, LIFT = 1.084, 0.044
HELD_EVERY = 6


def anchors() -> np.ndarray:
    cells = []
    for count, each in ((16, 2), (8, 6)):
        for y in range(count):
            for x in range(count):
                cells += [((x + 0.5) / count, (y + 0.5) / count)] * each
    return np.array(cells, np.float32)


class Landmarker:
    def __init__(self, models: pathlib.Path):
        self.detector = compile_model(models / "face_detection.tflite")
        self.mesh = compile_model(models / "face_mesh.tflite")
        self.anchors = anchors()

    def detect(self, image: np.ndarray):
        """The surest face's region: x, y, size, angle; None without one. Looks as src/vision/detect.c does."""
        height, width = image.shape[:2]
        longer = max(width, height)
        for share, at_x, at_y in ((1, 0.5, 0.5), (1.6, 0.5, 0.5), (0.5, 0.5, 0.25)):
            size = share * longer
            left, top = (width - size) * at_x, (height - size) * at_y
            view = Image.fromarray(image).transform(
                (256, 256), Image.Transform.AFFINE, (size / 256, 0, left, 0, size / 256, top), Image.Resampling.BILINEAR
            )
            pixels = np.asarray(view.resize((128, 128), Image.Resampling.BOX), np.float32) / 127.5 - 1
            results = {value.size: value.reshape(896, -1) for value in self.detector([pixels[None]]).values()}
            logits, numbers = results[896][:, 0], results[896 * 16]
            best = int(logits.argmax())
            if logits[best] < math.log(0.65 / 0.35):
                continue
            point = numbers[best].reshape(8, 2) / 128
            right_eye, left_eye = point[2] + self.anchors[best], point[3] + self.anchors[best]
            centre = (point[0] + self.anchors[best]) * size + (left, top)
            angle = math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])
            return centre[0], centre[1], point[1].max() * size * 1.5, angle
        return None

    def find(self, image: np.ndarray):
        """The square about the face's mesh: x, y, size, angle, once as large as it; None without a face."""
        region = self.detect(image)
        for _ in range(2):
            if region is None:
                return None
            mesh, presence = self.look(image, region)
            if presence < 0:
                return None
            region = (*mesh[:2], mesh[2] * 1.5, mesh[3])
        return mesh

    def look(self, image: np.ndarray, region):
        """The square about the mesh of the face in the region, and the logit of there being one."""
        pixels = warp(image, region, 192).astype(np.float32)[None] / 255
        results = {value.size: value.ravel() for value in self.mesh([pixels]).values()}
        return region_of(results[1404].reshape(468, 3)[:, :2] * 4, region), results[1][0]


def region_of(points: np.ndarray, region) -> tuple:
    x, y, size, angle = region
    step, cos, sin = size / 192, math.cos(angle), math.sin(angle)
    points = (points - 96) * step @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    angle = math.atan2(points[263, 1] - points[33, 1], points[263, 0] - points[33, 0])
    cos, sin = math.cos(angle), math.sin(angle)
    turned = points @ np.array([[cos, -sin], [sin, cos]])
    low, high = turned.min(0), turned.max(0)
    middle = np.array([[cos, -sin], [sin, cos]]) @ ((low + high) / 2)
    return middle[0], middle[1], (high - low).max(), angle


def warp(image: np.ndarray, region, side: int) -> np.ndarray:
    """The region as a square picture, bilinearly, without a blur before: as src/vision/warp.c."""
    x, y, size, angle = region
    step, cos, sin, half = size / side, math.cos(angle), math.sin(angle), side / 2
    matrix = (step * cos, -step * sin, x - step * half * (cos - sin), step * sin, step * cos, y - step * half * (cos + sin))
    margin = int(size)
    padded = np.pad(image, [(margin, margin), (margin, margin)] + [(0, 0)] * (image.ndim - 2), mode="edge")
    matrix = (*matrix[:2], matrix[2] + margin, *matrix[3:5], matrix[5] + margin)
    return np.asarray(Image.fromarray(padded).transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))


def grey(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).convert("L"))


def shrunk(image: Image.Image) -> np.ndarray:
    """As the decoder does with pictures much larger than the networks need."""
    image = image.convert("RGB")
    while max(image.size) > 1280:
        image = image.reduce(2)
    return np.asarray(image)


def framed(region, scale: float = SCALE, lift: float = LIFT):
    """From the square about the mesh to the one that FER2013 would show of the face."""
    x, y, size, angle = region
    return x + math.sin(angle) * size * lift, y - math.cos(angle) * size * lift, size * scale, angle


def crop(landmarker: Landmarker, image: np.ndarray):
    region = landmarker.find(image)
    return None if region is None else grey(warp(image, framed(region), SIDE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/train"))
    parser.add_argument("--models", type=pathlib.Path, required=True, help="folder that ./dev deps prepares")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    landmarker = Landmarker(arguments.models)
    parts, seen = {"train": [], "held": []}, dict.fromkeys(CLASSES, 0)
    with tarfile.open(arguments.data / "faces_rgb.tar") as photos:
        for member in sorted(photos.getmembers(), key=lambda m: m.name):
            label = member.name.split("/")[0]
            if not member.isfile() or label not in seen:
                continue
            face = crop(landmarker, shrunk(Image.open(io.BytesIO(photos.extractfile(member).read()))))
            if face is not None:
                seen[label] += 1
                parts["train" if seen[label] % HELD_EVERY else "held"].append((face, CLASSES.index(label)))
    out = {}
    for part, pairs in parts.items():
        out[f"{part}_x"] = np.stack([face for face, _ in pairs])
        out[f"{part}_y"] = np.array([label for _, label in pairs], np.uint8)
    np.savez(arguments.out, **out)
    print({name: values.shape for name, values in out.items()}, seen)


if __name__ == "__main__":
    main()
