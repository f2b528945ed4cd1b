# SPDX-License-Identifier: Apache-2.0
"""Writes a network of separable convolutions, read from TFLite, in the form that src/vision/convnet.c computes from (network_file.py)."""

import numpy as np

from network_file import CONVOLUTION, ENLARGE, PANEL, POOL, SEPARABLE, NetworkFile, floats, halves, panels


class Graph:
    """What is needed of a TFLite file with one subgraph."""

    def __init__(self, schema, blob: bytes):
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(blob, 0))
        self.names = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
        self.model, self.graph = model, model.subgraphs[0]
        self.same = schema.Padding.SAME
        self.constants = {}
        self.operators = []
        for operator in self.graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = self.names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            sources = [int(number) for number in operator.inputs]
            if name == "DENSIFY":
                self.constants[int(operator.outputs[0])] = self.dense(sources[0])
            elif name == "DEQUANTIZE":
                self.constants[int(operator.outputs[0])] = self.constant(sources[0])
            else:
                self.operators.append((name, sources, int(operator.outputs[0]), operator.builtinOptions))
        self.inputs = [int(number) for number in self.graph.inputs]
        self.outputs = [int(number) for number in self.graph.outputs]

    def values(self, tensor) -> np.ndarray:
        kind = {0: np.float32, 1: np.float16, 2: np.int32}[tensor.type]
        return np.frombuffer(bytes(self.model.buffers[tensor.buffer].data), kind)

    def stored(self, number: int) -> np.ndarray:
        tensor = self.graph.tensors[number]
        return self.values(tensor).reshape(tensor.shape)

    def dense(self, number: int) -> np.ndarray:
        """A sparse constant: of each row (all but the last axis) the columns that are not zero."""
        tensor = self.graph.tensors[number]
        *dense, last = tensor.sparsity.dimMetadata
        if tensor.sparsity.blockMap is not None and len(tensor.sparsity.blockMap) or any(axis.format != 0 for axis in dense) or last.format != 1:
            raise SystemExit("separable_network: a sparse constant of an unknown form")
        begins, columns = last.arraySegments.values, last.arrayIndices.values
        values, rows = self.values(tensor), np.zeros([len(begins) - 1, tensor.shape[-1]], np.float16)
        for row, (begin, end) in enumerate(zip(begins[:-1], begins[1:])):
            rows[row, columns[begin:end]] = values[begin:end]
        return rows.reshape(tensor.shape)

    def constant(self, number: int) -> np.ndarray:
        return self.constants[number] if number in self.constants else self.stored(number)

    def shape(self, number: int) -> list[int]:
        return [int(side) for side in self.graph.tensors[number].shape][1:]


class Step:
    def __init__(self, kind: int, source: int, output: int):
        self.kind, self.source, self.output = kind, source, output
        self.addend = None
        self.stride = self.kernel = 1
        self.padding = 0
        self.depthwise = self.depthwise_bias = None
        self.weights = self.bias = self.slopes = None
        self.is_active = False  # its slopes are set: nothing can be added before them

    def activate(self, slopes: np.ndarray) -> None:
        if self.weights is None or self.is_active:
            raise SystemExit("separable_network: an activation of what has none")
        self.slopes, self.is_active = slopes, True

    def activate_by(self, options) -> None:
        """What TFLite has fused into an operation: nothing, or ReLU."""
        if options.fusedActivationFunction not in (0, 1):
            raise SystemExit("separable_network: an activation of an unknown kind")
        if options.fusedActivationFunction == 1:
            self.activate(np.zeros(len(self.bias), np.float32))


def begin_padding(shape: list[int], kernel: int, stride: int, same: bool) -> int:
    """Of TensorFlow: with an odd sum the end gets the more."""
    height, side, _ = shape
    if height != side:
        raise SystemExit("separable_network: a map is no square")
    return max((-(-side // stride) - 1) * stride + kernel - side, 0) // 2 if same else 0


class Writer:
    def __init__(self, graph: Graph):
        self.graph = graph
        self.steps: list[Step] = []
        self.made_by: dict[int, Step] = {}
        # A tensor that another one stands for: filled up with channels of zeros, or reshaped.
        self.stands_for: dict[int, int] = {}
        self.margins: dict[int, int] = {}  # of zeros about a tensor, on all sides
        self.outputs = list(graph.outputs)
        self.readers: dict[int, int] = {}
        for _, sources, _, _ in graph.operators:
            for source in sources:
                self.readers[source] = self.readers.get(source, 0) + 1
        for output in graph.outputs:
            self.readers[output] = self.readers.get(output, 0) + 1

    def origin(self, number: int) -> int:
        return self.stands_for.get(number, number)

    def add(self, step: Step) -> None:
        self.steps.append(step)
        self.made_by[step.output] = step

    def take_over(self, made: int, number: int) -> Step:
        """The step that made a tensor, which nobody else reads, now makes another one."""
        step = self.made_by.pop(made)
        if self.readers[made] != 1:
            raise SystemExit("separable_network: a tensor that was to be taken in has other readers")
        step.output = number
        self.made_by[number] = step
        return step

    def convolution(self, sources, output, options) -> None:
        kernel, bias = self.graph.constant(sources[1]), self.graph.constant(sources[2])
        if kernel.shape[1] != kernel.shape[2]:
            raise SystemExit("separable_network: a convolution of an unknown kind")
        source = self.origin(sources[0])
        before = self.made_by.get(source)
        is_pointwise = kernel.shape[1] == 1 and options.strideW == 1
        if is_pointwise and before and before.kind == SEPARABLE and before.weights is None:
            step = self.take_over(source, output)
        else:
            step = Step(CONVOLUTION, source, output)
            step.kernel, step.stride = int(kernel.shape[1]), options.strideW
            step.padding = self.padding(sources[0], step, options)
            self.add(step)
        step.weights, step.bias = kernel, bias
        step.slopes = np.ones(len(bias), np.float32)
        step.activate_by(options)

    def padding(self, source: int, step: Step, options) -> int:
        same = begin_padding(self.graph.shape(source), step.kernel, step.stride, options.padding == self.graph.same)
        if same and source in self.margins:
            raise SystemExit("separable_network: padding upon padding")
        return self.margins.get(source, same)

    def depthwise(self, sources, output, options) -> None:
        kernel = self.graph.constant(sources[1])
        if options.fusedActivationFunction != 0 or kernel.shape[1:3] != (3, 3) or self.readers[output] != 1:
            raise SystemExit("separable_network: a depthwise convolution of an unknown kind")
        step = Step(SEPARABLE, self.origin(sources[0]), output)
        step.kernel, step.stride = 3, options.strideW
        step.padding = self.padding(sources[0], step, options)
        step.depthwise, step.depthwise_bias = kernel[0], self.graph.constant(sources[2])
        self.add(step)

    def addition(self, sources, output, options) -> None:
        # One of the two comes from a step that nobody else reads: it takes the other in, and so comes after it.
        for own, other in (sources, sources[::-1]):
            step = self.made_by.get(own)
            can_add = step and (step.weights is not None or step.kind == ENLARGE)
            if can_add and not step.is_active and step.addend is None and self.readers[own] == 1:
                break
        else:
            raise SystemExit("separable_network: an addition of an unknown kind")
        self.take_over(own, output).addend = self.origin(other)
        step.activate_by(options)
        self.steps.remove(step)
        self.steps.append(step)

    def slope(self, sources, output) -> None:
        slopes = self.graph.constant(sources[1]).reshape(-1) if len(sources) > 1 else np.zeros(self.graph.shape(output)[-1], np.float32)
        self.take_over(sources[0], output).activate(slopes)

    def scale(self, sources, output) -> None:
        step, factor = self.made_by.get(self.origin(sources[0])), self.graph.constant(sources[1])
        if not step or step.weights is None or step.addend is not None or factor.size != 1:
            raise SystemExit("separable_network: a multiplication of an unknown kind")
        step.weights, step.bias = step.weights * factor, step.bias.astype(np.float32) * factor
        self.stands_for[output] = step.output

    def pool(self, sources, output, options) -> None:
        if (options.filterWidth, options.filterHeight, options.strideW, options.strideH) != (2, 2, 2, 2):
            raise SystemExit("separable_network: pooling of an unknown kind")
        step = Step(POOL, self.origin(sources[0]), output)
        step.kernel = step.stride = 2
        self.add(step)

    def pad(self, sources, output) -> None:
        """By channels, which the reader takes for zeros anyway, or by a margin, which becomes its padding."""
        amounts = self.graph.constant(sources[1]).reshape(4, 2)
        if not amounts[:3].any() and amounts[3][0] == 0:
            self.stands_for[output] = self.origin(sources[0])
        elif (amounts[1:3] == amounts[1][0]).all() and not amounts[[0, 3]].any():
            self.stands_for[output], self.margins[output] = self.origin(sources[0]), int(amounts[1][0])
        else:
            raise SystemExit("separable_network: padding of an unknown kind")

    def enlarge(self, sources, output, options) -> None:
        height, width, _ = self.graph.shape(sources[0])
        if not options.halfPixelCenters or self.graph.shape(output)[:2] != [2 * height, 2 * width]:
            raise SystemExit("separable_network: enlarging of an unknown kind")
        self.add(Step(ENLARGE, self.origin(sources[0]), output))

    def hand_out(self, sources, output) -> None:
        """Four pixels' channels side by side, which the program takes apart: a depthwise convolution is their end."""
        step = self.made_by.get(sources[0])
        if not step or step.kind != SEPARABLE or step.weights is not None or self.readers[sources[0]] != 1:
            raise SystemExit("separable_network: an output of an unknown kind")
        channels = step.depthwise.shape[-1]
        step.weights, step.bias = np.eye(channels, dtype=np.float32).reshape(channels, 1, 1, channels), np.zeros(channels, np.float32)
        step.slopes = np.ones(channels, np.float32)
        self.stands_for[output] = step.output

    def read(self) -> None:
        for name, sources, output, options in self.graph.operators:
            if name == "CONV_2D":
                self.convolution(sources, output, options)
            elif name == "DEPTHWISE_CONV_2D":
                self.depthwise(sources, output, options)
            elif name == "ADD":
                self.addition(sources, output, options)
            elif name in ("PRELU", "RELU"):
                self.slope(sources, output)
            elif name == "MAX_POOL_2D":
                self.pool(sources, output, options)
            elif name == "PAD":
                self.pad(sources, output)
            elif name == "RESIZE_BILINEAR":
                self.enlarge(sources, output, options)
            elif name == "DEPTH_TO_SPACE":
                self.hand_out(sources, output)
            elif name == "CONCATENATION":
                at = self.outputs.index(output)
                self.outputs[at : at + 1] = sources
            elif name == "RESHAPE":
                self.stands_for[output] = self.origin(sources[0])
            elif name == "MUL":
                self.scale(sources, output)
            else:
                raise SystemExit(f"separable_network: {name} is not known")

    def places(self) -> dict[int, int]:
        """A place for each tensor; those of the input and the outputs are theirs alone."""
        outputs = {self.origin(number) for number in self.outputs}
        last_use = {}
        for index, step in enumerate(self.steps):
            last_use[step.source] = index
            if step.addend is not None:
                last_use[step.addend] = index
        place, free, count = {self.graph.inputs[0]: 0}, [], 1
        for index, step in enumerate(self.steps):
            if step.output in outputs or not free:
                place[step.output], count = count, count + 1
            else:
                place[step.output] = free.pop()
            for number in {step.source, step.addend} - {None, self.graph.inputs[0]} - outputs:
                if last_use[number] == index:
                    free.append(place[number])
        return place

    def channels(self, number: int) -> int:
        """In memory: all but the input's are filled up."""
        channels = self.graph.shape(number)[-1]
        return channels if number == self.graph.inputs[0] else channels + -channels % PANEL

    def told(self, number: int) -> int:
        """How many numbers an output has: all of a map's, but of a single pixel only its own."""
        height, width, channels = self.graph.shape(number)
        return channels if height * width == 1 else height * width * self.channels(number)

    def write(self) -> bytes:
        self.read()
        place, file = self.places(), NetworkFile()
        for step in self.steps:
            source = [*self.graph.shape(step.source)[:2], self.channels(step.source)]
            output = [*self.graph.shape(step.output)[:2], self.channels(step.output)]
            weights = b""
            if step.kind == SEPARABLE:
                weights += floats(step.depthwise) + floats(step.depthwise_bias)
            if step.weights is not None:
                weights += halves(panels(step.weights, source[2])) + floats(step.bias) + floats(step.slopes)
            addend = -1 if step.addend is None else place[step.addend]
            places = (place[step.source], addend, place[step.output])
            file.add(step.kind, places, source, output, (step.kernel, step.stride, step.padding), weights)
        made = [self.origin(number) for number in self.outputs]
        return file.write([(place[output], self.told(output)) for output in made])


def convert(schema, blob: bytes) -> bytes:
    return Writer(Graph(schema, blob)).write()
