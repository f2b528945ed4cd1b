# SPDX-License-Identifier: Apache-2.0
"""Writes trained weights in the form of models/: batch normalisation folded in, kernels as 8-bit numbers.

For the expression network the temperature of its softmax, and a bias for each class, are fitted on the choice half of
FER2013's validation part and go into the head; its classes are put in the order of the program's enum viva_emotion.
"""

import argparse
import pathlib

import numpy as np
import torch
from torch.nn import functional

import expression
import eyes

ORDER = ["neutral", "happy", "sad", "angry", "fear", "disgust", "surprise"]  # enum viva_emotion


def folded(convolution, norm):
    """Kernel and bias of a convolution with the normalisation after it."""
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    kernel = convolution.weight * factor.view(-1, 1, 1, 1)
    return kernel.detach().numpy(), (norm.bias - norm.running_mean * factor).detach().numpy()


def quantised(name: str, kernel: np.ndarray, bias: np.ndarray) -> dict[str, np.ndarray]:
    scale = np.abs(kernel).max((1, 2, 3)) / 127
    whole = np.rint(kernel / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
    return {f"{name}/kernel": whole, f"{name}/scale": scale.astype(np.float32), f"{name}/bias": bias.astype(np.float32)}


def calibrate(logits, labels):
    """Temperature and biases of the classes with the least cross-entropy, both kept small."""
    log_temperature = torch.zeros(1, requires_grad=True)
    bias = torch.zeros(len(expression.CLASSES), requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature, bias], max_iter=200)

    def closure():
        optimizer.zero_grad()
        loss = functional.cross_entropy(logits / log_temperature.exp() + bias, labels) + 0.01 * bias.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return log_temperature.exp().item(), bias.detach()


def export_expression(arguments) -> dict[str, np.ndarray]:
    network = expression.Network()
    network.load_state_dict(torch.load(arguments.weights))
    network.eval()
    faces = np.load(arguments.data / "fer2013.npz")
    logits = expression.logits_of(network, torch.from_numpy(faces["valid_x"][0::2]))
    temperature, bias = calibrate(logits, torch.from_numpy(faces["valid_y"][0::2].astype(np.int64)))
    print(f"temperature {temperature:.3f}, biases", dict(zip(expression.CLASSES, bias.numpy().round(3))))
    parts = {"stem": network.stem} | {f"down{i}": down for i, down in enumerate(network.downs)}
    for stage, blocks in enumerate(network.blocks):
        for index, block in enumerate(blocks):
            parts |= {f"block{stage}/{index}/one": block.one, f"block{stage}/{index}/two": block.two}
    weights = {}
    for name, part in parts.items():
        weights |= quantised(name, *folded(part.conv, part.norm))
    order = [expression.CLASSES.index(name) for name in ORDER]
    weights["head/kernel"] = (network.head.weight.detach() / temperature)[order].numpy()
    weights["head/bias"] = (network.head.bias.detach() / temperature + bias)[order].numpy()
    return weights


def export_eyes(arguments) -> dict[str, np.ndarray]:
    network = eyes.Network()
    network.load_state_dict(torch.load(arguments.weights))
    weights = {"head/kernel": network.head.weight.detach().numpy(), "head/bias": network.head.bias.detach().numpy()}
    for index, (convolution, norm, _) in enumerate(network.layers):
        weights |= quantised(f"layer{index}", *folded(convolution, norm))
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=["expression", "eyes"])
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/train"))
    parser.add_argument("--weights", type=pathlib.Path, required=True, help="what expression.py or eyes.py wrote")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="models/expression.npz or models/eye.npz")
    arguments = parser.parse_args()

    weights = export_expression(arguments) if arguments.network == "expression" else export_eyes(arguments)
    np.savez_compressed(arguments.out, **weights)
    print(f"{arguments.out}: {sum(array.size for array in weights.values())} numbers, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
