# SPDX-License-Identifier: Apache-2.0
"""Viva's expression network as an OpenVINO graph, from the weights in models/: what measure.py asks, and an independent yardstick of
what the program computes by itself (tools/models/own_networks.py).

It sees a square crop, R, G, B from 0 to 1, of twice the side that it works on: it becomes grey, is averaged down (so
that a large face is not sampled too coarsely), and is brought to mean 0 and deviation 1.
"""

import numpy as np
import openvino as ov
from openvino import opset13 as op

EXPRESSION_SIDE = 88


def constant(values):
    return op.constant(np.ascontiguousarray(values, np.float32))


def integers(*values):
    return op.constant(np.array(values, np.int64))


def grey(image):
    """1xSxSx3 -> 1x1xS/2xS/2, standardised."""
    luma = constant(np.array([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1))  # BT.601
    x = op.reduce_sum(op.multiply(op.transpose(image, integers(0, 3, 1, 2)), luma), integers(1), True)
    x = op.avg_pool(x, [2, 2], [0, 0], [0, 0], [2, 2], True, "floor", "valid")
    return op.mvn(x, integers(1, 2, 3), True, 1e-4, "INSIDE_SQRT")


def layer(weights, name: str, x, stride: int = 1):
    """A 3x3 convolution with its bias."""
    kernel = weights[name + "/kernel"].astype(np.float32) * weights[name + "/scale"].reshape(-1, 1, 1, 1)
    x = op.convolution(x, constant(kernel), [stride] * 2, [1, 1], [1, 1], [1, 1])
    return op.add(x, constant(weights[name + "/bias"].reshape(1, -1, 1, 1)))


def block(weights, name: str, x):
    inner = layer(weights, name + "/two", op.relu(layer(weights, name + "/one", x)))
    return op.relu(op.add(x, inner))


def blocks(weights, stage: str, x):
    index = 0
    while f"{stage}/{index}/one/kernel" in weights:
        x = block(weights, f"{stage}/{index}", x)
        index += 1
    return x


def head(weights, x):
    return op.add(op.matmul(x, constant(weights["head/kernel"]), False, True), constant(weights["head/bias"][None]))


def expression_model(weights) -> ov.Model:
    image = op.parameter([1, EXPRESSION_SIDE, EXPRESSION_SIDE, 3], np.float32, name="image")
    x = op.relu(layer(weights, "stem", grey(image)))
    x = op.relu(layer(weights, "down0", x, 2))
    x = blocks(weights, "block0", op.relu(layer(weights, "down1", x, 2)))
    x = blocks(weights, "block1", op.relu(layer(weights, "down2", x, 2)))
    x = op.relu(layer(weights, "down3", x, 2))
    x = head(weights, op.reduce_mean(x, integers(2, 3), False))
    return ov.Model([op.result(op.softmax(x, 1), name="probabilities")], [image], "viva_expressions")
