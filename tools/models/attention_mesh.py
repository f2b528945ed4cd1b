# SPDX-License-Identifier: Apache-2.0
"""Cuts MediaPipe's face_landmark_with_attention.tflite into plain TFLite files.

The original refines eyes and lips by three custom operations that no other runtime knows: a box around some landmarks
(Landmarks2TransformMatrix), a bilinear crop of a feature map (TransformTensorBilinear) and the way back
(TransformLandmarks). The program does these itself (src/vision/landmarks.c); what lies between them becomes four networks.
"""

import flatbuffers

# Tensor numbers in the file of mediapipe 0.10.14.
PARTS = {
    # 1x192x192x3 -> features 1x48x48x32, landmarks 1x468x3 in feature-map units, logit of a face's presence
    "face_mesh": ([0], [35, 191, 710]),
    # 1x16x16x32 -> lips 80x2
    "face_lips": ([199], [697]),
    # 1x16x16x32 -> lids and brow 71x2, iris 5x2; the eye of landmarks 33 and 133
    "face_eye_right": ([200], [700, 703]),
    # the same for the eye of landmarks 362 and 263
    "face_eye_left": ([201], [704, 707]),
}


def cut(schema, blob: bytes, inputs: list[int], outputs: list[int]) -> bytes:
    """The part of the graph that makes `outputs` from `inputs`."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(blob, 0))
    graph = model.subgraphs[0]
    producer = {int(tensor): number for number, operator in enumerate(graph.operators) for tensor in operator.outputs}

    needed, open_tensors = set(), list(outputs)
    while open_tensors:
        tensor = open_tensors.pop()
        if tensor in inputs or tensor not in producer or producer[tensor] in needed:
            continue
        number = producer[tensor]
        if model.operatorCodes[graph.operators[number].opcodeIndex].customCode:
            raise SystemExit("prepare_vision: a custom operation lies inside a part; is this another mediapipe?")
        needed.add(number)
        open_tensors += [int(source) for source in graph.operators[number].inputs if source >= 0]

    graph.operators = [graph.operators[number] for number in sorted(needed)]
    touched = {int(tensor) for operator in graph.operators for tensor in [*operator.inputs, *operator.outputs]}
    used = sorted((touched | set(inputs) | set(outputs)) - {-1})
    place = {tensor: index for index, tensor in enumerate(used)} | {-1: -1}
    graph.tensors = [graph.tensors[tensor] for tensor in used]
    for operator in graph.operators:
        operator.inputs = [place[int(tensor)] for tensor in operator.inputs]
        operator.outputs = [place[int(tensor)] for tensor in operator.outputs]
    graph.inputs = [place[tensor] for tensor in inputs]
    graph.outputs = [place[tensor] for tensor in outputs]

    buffers = sorted({tensor.buffer for tensor in graph.tensors} | {0})
    model.buffers = [model.buffers[buffer] for buffer in buffers]
    for tensor in graph.tensors:
        tensor.buffer = buffers.index(tensor.buffer)
    model.metadata, model.metadataBuffer, model.signatureDefs = [], [], []

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
