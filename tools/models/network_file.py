# SPDX-License-Identifier: Apache-2.0
"""The files that src/vision/convnet.c computes from: networks of convolutions.

Such a network is a chain of few kinds of steps, each with what follows it taken in: a convolution, or a depthwise one of 3×3 with the
pointwise one that it feeds; then, of some, what is added to it, and a slope for what is below zero (PReLU; ReLU is 0, none is 1); pooling
by the largest of 2×2; bilinear enlarging to twice the size, with what is added to it; and of each channel the mean, or the largest, of all
pixels. Every tensor lies in a numbered place, which is used again when its reader is done.

The file, all little-endian: the magic, four counts (places, steps, outputs, bytes of weights), each step as 16 numbers, of each output
its place and how many numbers it has, then the weights. Kernels are kept as halves or, where the step's last number is 1, as bytes with
a factor for each output channel, in panels of 16 output channels: [panel][row][column][input channel][16]; depthwise ones, factors, biases
and slopes are floats, [row][column][channel]. Channels are filled up to a multiple of 16, but for the input's.
"""

import numpy as np

MAGIC = b"VIVANET1"
HEAD = 4
STEP = 16
PANEL = 16
CONVOLUTION, SEPARABLE, POOL, ENLARGE, MEAN, LARGEST = range(6)


def padded(values: np.ndarray) -> np.ndarray:
    """The last axis, channels, filled up with zeros to whole panels."""
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, -values.shape[-1] % PANEL)])


def halves(values: np.ndarray) -> bytes:
    rounded = values.astype("<f2")
    if not np.array_equal(rounded.astype(np.float32), values.astype(np.float32)):
        raise SystemExit("network_file: a kernel is not made of halves")
    return rounded.tobytes()


def floats(values: np.ndarray) -> bytes:
    return padded(values.astype("<f4")).tobytes()


def panels(kernel: np.ndarray, channels: int) -> np.ndarray:
    """[out][row][column][in] -> [panel][row][column][in][16]"""
    kernel = np.pad(kernel, [(0, -len(kernel) % PANEL), (0, 0), (0, 0), (0, channels - kernel.shape[3])])
    return kernel.reshape(-1, PANEL, *kernel.shape[1:]).transpose(0, 2, 3, 4, 1)


class NetworkFile:
    def __init__(self):
        self.weights, self.steps = bytearray(), []

    def add(self, kind: int, places: tuple[int, int, int], source: list[int], output: list[int], window=(1, 1, 0), weights=b"", is_bytes=False) -> None:
        """`places` are those of source, addend (-1: none) and output; `source` and `output` the maps' heights, widths and channels; `window`
        is kernel, stride and padding."""
        self.steps += [kind, *places, *source, *output, *window, len(self.weights), len(weights), int(is_bytes)]
        self.weights += weights

    def write(self, outputs: list[tuple[int, int]]) -> bytes:
        """`outputs`: of each its place and how many numbers it has."""
        places = max(place for at in range(1, 4) for place in self.steps[at::STEP]) + 1
        head = [places, len(self.steps) // STEP, len(outputs), len(self.weights)]
        return MAGIC + np.array([*head, *self.steps, *sum(outputs, ())], "<i4").tobytes() + bytes(self.weights)


def output_sizes(blob: bytes) -> list[int]:
    """How many numbers each output of a file has."""
    numbers = np.frombuffer(blob, "<i4", HEAD, len(MAGIC))
    at = len(MAGIC) + 4 * (HEAD + STEP * int(numbers[1]))
    return [int(size) for size in np.frombuffer(blob, "<i4", 2 * int(numbers[2]), at)[1::2]]
