# SPDX-License-Identifier: Apache-2.0
"""Trains Viva's eye-state network (open or closed, from a grey 32x32 crop of one eye) in about a minute.

Reads train/eyes.tar. With --folds it first measures by cross-validation; then it trains on all crops and saves. Given a
folder of other crops (open_*.jpg, closed_*.jpg) by --test it measures on them, which it does not train on.
"""

import argparse
import io
import pathlib
import tarfile

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from expression import Average, standardise

SIDE = 32
CLASSES = ["closed", "open"]


class Network(nn.Module):
    """17,353 weights after folding; about half a million multiplications for both views."""

    def __init__(self, widths=(12, 20, 32, 32)):
        super().__init__()
        self.layers = nn.ModuleList()
        inputs = 1
        for index, width in enumerate(widths):
            stride = 2 if index < 3 else 1
            self.layers.append(
                nn.Sequential(nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
            )
            inputs = width
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(2 * inputs, 1)

    def forward(self, x):
        x = standardise(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.dropout(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)))[:, 0]


def load_picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def load_tar(path: pathlib.Path):
    faces, labels = [], []
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            if member.isfile():
                faces.append(load_picture(archive.extractfile(member).read()))
                labels.append(CLASSES.index(member.name.split("/")[0]))
    return torch.from_numpy(np.stack(faces)).float() / 255, torch.tensor(labels).float()


def load_folder(path: pathlib.Path):
    files = sorted(file for file in path.iterdir() if file.name.split("_")[0] in CLASSES)
    faces = np.stack([load_picture(file.read_bytes()) for file in files])
    return torch.from_numpy(faces).float() / 255, torch.tensor([CLASSES.index(f.name.split("_")[0]) for f in files])


def augment(x):
    """Turned, moved, scaled, stretched, mirrored; blurred, of another gamma, noisy, with a patch missing."""
    count = len(x)
    uniform = lambda low, high: torch.empty(count).uniform_(low, high)
    angle, scale = uniform(-0.4, 0.4), torch.exp(uniform(-0.4, 0.2))
    stretch = torch.exp(uniform(-0.2, 0.2))
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    move_x, move_y = uniform(-0.25, 0.25), uniform(-0.25, 0.25)
    matrix = torch.stack([cos * mirror * stretch, -sin / stretch, move_x, sin * mirror * stretch, cos / stretch, move_y], 1)
    grid = functional.affine_grid(matrix.view(-1, 2, 3), [count, 1, SIDE, SIDE], align_corners=False)
    x = functional.grid_sample(x.unsqueeze(1), grid, padding_mode="border", align_corners=False)
    small = functional.interpolate(functional.avg_pool2d(x, 2), (SIDE, SIDE), mode="bilinear", align_corners=False)
    smaller = functional.interpolate(functional.avg_pool2d(x, 3, ceil_mode=True), (SIDE, SIDE), mode="bilinear", align_corners=False)
    pick = torch.rand(count, 1, 1, 1)
    x = torch.where(pick < 0.25, small, torch.where(pick < 0.4, smaller, x))
    x = x.clamp(0, 1).pow(torch.exp(uniform(-0.6, 0.6)).view(-1, 1, 1, 1))
    x = x + torch.randn_like(x) * uniform(0, 0.04).view(-1, 1, 1, 1)
    size, across = torch.rand(count) * 0.4 * SIDE, torch.arange(SIDE)
    size[torch.rand(count) < 0.6] = 0
    left, top = torch.rand(count) * SIDE - size / 2, torch.rand(count) * SIDE - size / 2
    columns = (across >= left[:, None]) & (across < (left + size)[:, None])
    rows = (across >= top[:, None]) & (across < (top + size)[:, None])
    return torch.where((rows[:, :, None] & columns[:, None, :]).unsqueeze(1), x.mean((2, 3), keepdim=True), x)


def fit(x, y, epochs: int, batch: int = 64):
    network = Network()
    average = Average(network, 0.99)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    steps = epochs * (len(x) // batch)
    for step in range(steps):
        if step % (len(x) // batch) == 0:
            order = torch.randperm(len(x))
        chosen = order[step % (len(x) // batch) * batch :][:batch]
        optimizer.param_groups[0]["lr"] = 4e-3 * min(1, step / steps * 20) * (1 - step / steps)
        network.train()
        loss = functional.binary_cross_entropy_with_logits(network(augment(x[chosen])), y[chosen] * 0.96 + 0.02)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.add(network)
    return average.network


@torch.no_grad()
def both_views(network, x):
    x = x.unsqueeze(1)
    return (network(x) + network(x.flip(3))) / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/train"))
    parser.add_argument("--test", type=pathlib.Path, help="folder of other crops")
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="file for the trained weights")
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    x, y = load_tar(arguments.data / "eyes.tar")
    right = 0
    for fold in range(arguments.folds):
        held = torch.arange(len(x)) % arguments.folds == fold
        network = fit(x[~held], y[~held], arguments.epochs)
        logits = both_views(network, x[held])
        right += ((logits > 0) == (y[held] > 0)).sum().item()
        print(f"fold {fold}: {((logits > 0) == (y[held] > 0)).float().mean():.4f}", flush=True)
    if arguments.folds:
        print(f"cross-validation: {right} of {len(x)} right, {right / len(x):.4f}", flush=True)
    network = fit(x, y, arguments.epochs)
    torch.save(network.state_dict(), arguments.out)
    if arguments.test:
        test_x, test_y = load_folder(arguments.test)
        logits = both_views(network, test_x)
        print(f"test: {((logits > 0) == (test_y > 0)).sum().item()} of {len(test_y)} right", flush=True)
        print("least sure:", np.sort(torch.where(test_y > 0, logits, -logits).numpy())[:5].round(2))


if __name__ == "__main__":
    main()
