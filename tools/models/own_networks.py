# SPDX-License-Identifier: Apache-2.0
"""Viva's own two networks as src/vision/convnet.c computes them, from the weights in models/ (the model cards there tell what they are).

Both see a grey square, which src/vision/network.c makes, and answer with numbers that become probabilities in the program: of
expressions by softmax, of an open eye by the logistic function. Kernels are 8-bit numbers with a factor for each output channel,
batch normalisation folded in; the heads' become halves here. tools/train/ trains them, and has the same layers in PyTorch and for OpenVINO.
"""

import numpy as np

from network_file import CONVOLUTION, LARGEST, MEAN, NetworkFile, floats, halves, padded, panels

EXPRESSION_SIDE = 44
EYE_SIDE = 32
EXPRESSIONS = 7  # in the order of enum viva_emotion
PLACES = {1, 2, 3}  # for the maps between steps; 0 is the input's


class Map:
    def __init__(self, place: int, height: int, width: int, channels: int):
        self.place, self.shape = place, [height, width, channels]


class Network:
    def __init__(self, weights, side: int):
        self.weights, self.file = weights, NetworkFile()
        self.image = Map(0, side, side, 1)

    @staticmethod
    def beside(*maps) -> int:
        """A place in which none of these lies."""
        return min(PLACES - {one.place for one in maps if one})

    def convolve(self, source: Map, weights, slopes, window=(1, 1, 0), addend=None, kept=None, is_bytes=False) -> Map:
        """`weights` begin with the kernel."""
        size, stride, padding = window
        sides = [(side + 2 * padding - size) // stride + 1 for side in source.shape[:2]]
        output = Map(self.beside(source, addend, kept), *sides, padded(slopes).size)
        places = (source.place, addend.place if addend else -1, output.place)
        self.file.add(CONVOLUTION, places, source.shape, output.shape, window, weights + floats(slopes), is_bytes)
        return output

    def layer(self, name: str, source: Map, stride: int = 1, addend=None) -> Map:
        """A 3×3 convolution; what is added; ReLU."""
        kernel, factors, bias = (self.weights[f"{name}/{part}"] for part in ("kernel", "scale", "bias"))
        weights = panels(kernel.transpose(0, 2, 3, 1), source.shape[2]).tobytes() + floats(factors) + floats(bias)
        return self.convolve(source, weights, np.zeros(len(bias)), (3, stride, 1), addend, is_bytes=True)

    def blocks(self, stage: str, source: Map) -> Map:
        index = 0
        while f"{stage}/{index}/one/kernel" in self.weights:
            inner = self.layer(f"{stage}/{index}/one", source)
            source = self.layer(f"{stage}/{index}/two", inner, addend=source)
            index += 1
        return source

    def reduce(self, kind: int, source: Map, kept=None) -> Map:
        output = Map(self.beside(source, kept), 1, 1, source.shape[2])
        self.file.add(kind, (source.place, -1, output.place), source.shape, output.shape)
        return output

    def head(self, source: Map, kernel, bias, addend=None, kept=None) -> Map:
        kernel = kernel.astype(np.float16).reshape(len(bias), 1, 1, -1)
        weights = halves(panels(kernel, source.shape[2])) + floats(bias)
        return self.convolve(source, weights, np.ones(len(bias)), addend=addend, kept=kept)


def expression_network(weights) -> bytes:
    network = Network(weights, EXPRESSION_SIDE)
    x = network.layer("down0", network.layer("stem", network.image), 2)
    x = network.blocks("block0", network.layer("down1", x, 2))
    x = network.blocks("block1", network.layer("down2", x, 2))
    x = network.reduce(MEAN, network.layer("down3", x, 2))
    x = network.head(x, weights["head/kernel"], weights["head/bias"])
    return network.file.write([(x.place, EXPRESSIONS)])


def eye_network(weights) -> bytes:
    """The head sees means and largest values side by side: it becomes one of each, the second added to the first."""
    network = Network(weights, EYE_SIDE)
    x = network.image
    for index in range(4):
        x = network.layer(f"layer{index}", x, 1 if index == 3 else 2)
    mean = network.reduce(MEAN, x)
    largest = network.reduce(LARGEST, x, kept=mean)
    of_mean, of_largest = np.split(weights["head/kernel"], 2, axis=1)
    x = network.head(mean, of_mean, weights["head/bias"], kept=largest)
    x = network.head(largest, of_largest, np.zeros(1), addend=x)
    return network.file.write([(x.place, 1)])
