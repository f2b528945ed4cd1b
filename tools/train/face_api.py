# SPDX-License-Identifier: Apache-2.0
"""Rebuilds face-api's expression network (a TensorFlow.js package of weights without a graph) as OpenVINO IR: a
yardstick of the own one, from npm's @vladmandic/face-api 1.7.15 (MIT).

Four dense blocks of depthwise-separable convolutions, mean pooling and one layer, as the package's documentation and
its FaceExpressionNet describe them. Input 1x112x112x3 (RGB), already centred and divided by 255; output seven
probabilities: neutral, happy, sad, angry, fearful, disgusted, surprised.
"""

import argparse
import json
import pathlib
import tarfile

import numpy as np
import openvino as ov
from openvino import opset13 as op

INPUT_SIZE = 112
CLASSES = 7


def read_weights(manifest: bytes, data: bytes) -> dict[str, np.ndarray]:
    weights, offset = {}, 0
    for group in json.loads(manifest):
        for entry in group["weights"]:
            count = int(np.prod(entry["shape"]))
            coding = entry.get("quantization")
            if coding:
                values = np.frombuffer(data, np.uint8, count, offset).astype(np.float32)
                values = values * np.float32(coding["scale"]) + np.float32(coding["min"])
                offset += count
            else:
                values = np.frombuffer(data, np.float32, count, offset)
                offset += 4 * count
            weights[entry["name"]] = values.reshape(entry["shape"])
    if offset != len(data):
        raise SystemExit("face_api: the expression weights do not fit their manifest")
    return weights


def constant(values):
    return op.constant(np.ascontiguousarray(values, np.float32))


def convolution(x, kernel, stride):  # kernel HWIO
    return op.convolution(x, constant(kernel.transpose(3, 2, 0, 1)), [stride] * 2, [0, 0], [0, 0], [1, 1], "same_upper")


def add_bias(x, bias):
    return op.add(x, constant(bias.reshape(1, -1, 1, 1)))


def separable(weights, x, name, stride):
    depthwise = weights[name + "/depthwise_filter"].transpose(2, 3, 0, 1)[:, :, None]
    x = op.group_convolution(x, constant(depthwise), [stride] * 2, [0, 0], [0, 0], [1, 1], "same_upper")
    return add_bias(convolution(x, weights[name + "/pointwise_filter"], 1), weights[name + "/bias"])


def dense_block(weights, x, name, is_first):
    if is_first:
        one = op.relu(add_bias(convolution(x, weights[name + "/conv0/filters"], 2), weights[name + "/conv0/bias"]))
    else:
        one = op.relu(separable(weights, x, name + "/conv0", 2))
    two = separable(weights, one, name + "/conv1", 1)
    three = separable(weights, op.relu(op.add(one, two)), name + "/conv2", 1)
    four = separable(weights, op.relu(op.add(one, op.add(two, three))), name + "/conv3", 1)
    return op.relu(op.add(one, op.add(two, op.add(three, four))))


def expression_model(manifest: bytes, data: bytes) -> ov.Model:
    weights = read_weights(manifest, data)
    image = op.parameter([1, INPUT_SIZE, INPUT_SIZE, 3], np.float32, name="image")
    x = op.transpose(image, op.constant(np.array([0, 3, 1, 2], np.int64)))
    for number in range(4):
        x = dense_block(weights, x, f"dense{number}", number == 0)
    x = op.avg_pool(x, [2, 2], [0, 0], [0, 0], [7, 7], True, "floor", "valid")
    x = op.reshape(x, op.constant(np.array([1, 256], np.int64)), False)
    x = op.add(op.matmul(x, constant(weights["fc/weights"]), False, False), constant(weights["fc/bias"][None]))
    return ov.Model([op.result(op.softmax(x, 1), name="probabilities")], [image], "face_expression")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=pathlib.Path, required=True, help="vladmandic-face-api-1.7.15.tgz")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="face_expression.xml to write; its weights go beside it")
    arguments = parser.parse_args()

    with tarfile.open(arguments.package) as package:
        manifest, data = (
            package.extractfile(f"package/model/face_expression_model{ending}").read()
            for ending in ("-weights_manifest.json", ".bin")
        )
    # Whole floats: no rounding of weights that were quantised once already.
    ov.save_model(expression_model(manifest, data), arguments.out, compress_to_fp16=False)
    compiled = ov.Core().compile_model(arguments.out, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    if compiled([np.zeros([1, INPUT_SIZE, INPUT_SIZE, 3], np.float32)])[0].size != CLASSES:
        raise SystemExit(f"face_api: {arguments.out} came out with unexpected outputs")


if __name__ == "__main__":
    main()
