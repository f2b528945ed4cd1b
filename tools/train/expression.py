# SPDX-License-Identifier: Apache-2.0
"""Trains Viva's expression network on the CPU, and exports its weights for tools/models/own_networks.py.

A small residual network on a 44x44 grey crop, trained on FER2013's training part (and, in the second half, on crops of
photos: photos.py), towards its labels blended with what packaged networks say (teachers.py). FER2013's validation part
is not trained on: its even faces choose and calibrate, its odd ones report. README.md tells how to reproduce it.
"""

import argparse
import copy
import pathlib
import time

import numpy as np
import torch
from torch import distributed, multiprocessing, nn
from torch.nn import functional

CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]  # FER2013's order
FACE = 48  # side of FER2013's pictures
VIEW = 44  # of which the network sees the middle
WIDTHS = 16, 40, 72, 128, 192


class Convolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.norm(self.conv(x))


class Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.one = Convolution(width, width)
        self.two = Convolution(width, width)
        nn.init.zeros_(self.two.norm.weight)

    def forward(self, x):
        return functional.relu(x + self.two(functional.relu(self.one(x))), inplace=True)


class Network(nn.Module):
    def __init__(self, widths=WIDTHS, dropout: float = 0.3):
        super().__init__()
        stem, one, two, three, top = widths
        self.stem = Convolution(1, stem)
        self.downs = nn.ModuleList(
            Convolution(a, b, 2) for a, b in ((stem, one), (one, two), (two, three), (three, top))
        )
        self.blocks = nn.ModuleList(Block(width) for width in (two, three))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(top, len(CLASSES))

    def forward(self, x):
        x = functional.relu(self.stem(standardise(x)), inplace=True)
        for index, down in enumerate(self.downs):
            x = functional.relu(down(x), inplace=True)
            if index in (1, 2):
                x = self.blocks[index - 1](x)
        return self.head(self.dropout(x.mean((2, 3))))


def standardise(x):
    """Each picture with mean 0 and deviation 1, so that light and contrast do not matter; part of the network."""
    mean = x.mean((1, 2, 3), keepdim=True)
    deviation = x.var((1, 2, 3), keepdim=True, unbiased=False).add(1e-4).sqrt()
    return (x - mean) / deviation


def middle(faces):
    margin = (FACE - VIEW) // 2
    return faces[:, margin : FACE - margin, margin : FACE - margin].unsqueeze(1).float() / 255


def augment(faces, side: int):
    """Turned, moved, scaled, mirrored, of another gamma, with a patch missing."""
    count = len(faces)
    uniform = lambda low, high: torch.empty(count).uniform_(low, high)
    angle = uniform(-0.26, 0.26)
    scale = VIEW / FACE * torch.exp(uniform(-0.17, 0.13))
    stretch = torch.exp(uniform(-0.06, 0.06))
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift_x, shift_y = uniform(-0.13, 0.13), uniform(-0.13, 0.13)
    matrix = torch.stack([cos * mirror * stretch, -sin / stretch, shift_x, sin * mirror * stretch, cos / stretch, shift_y], 1)
    grid = functional.affine_grid(matrix.view(-1, 2, 3), [count, 1, side, side], align_corners=False)
    x = functional.grid_sample(faces.unsqueeze(1).float() / 255, grid, padding_mode="border", align_corners=False)
    x = x.clamp_(0, 1).pow(torch.exp(uniform(-0.5, 0.5)).view(-1, 1, 1, 1))
    mean = x.mean((2, 3), keepdim=True)
    size, across = torch.rand(count) * 0.4 * side, torch.arange(side)
    size[torch.rand(count) < 0.5] = 0
    left, top = torch.rand(count) * side - size / 2, torch.rand(count) * side - size / 2
    columns = (across >= left[:, None]) & (across < (left + size)[:, None])
    rows = (across >= top[:, None]) & (across < (top + size)[:, None])
    return torch.where((rows[:, :, None] & columns[:, None, :]).unsqueeze(1), mean, x)


def soften(labels, votes, own_share: float):
    return own_share * functional.one_hot(labels, len(CLASSES)).float() + (1 - own_share) * votes


class Data:
    def __init__(self, arguments):
        faces = np.load(arguments.data / "fer2013.npz")
        votes = np.load(arguments.votes)["train"].astype(np.float32).mean(1)
        self.x = torch.from_numpy(faces["train_x"])
        self.y = torch.from_numpy(faces["train_y"].astype(np.int64))
        self.target = soften(self.y, torch.from_numpy(votes), arguments.own_share)
        valid_x, valid_y = torch.from_numpy(faces["valid_x"]), torch.from_numpy(faces["valid_y"].astype(np.int64))
        self.choice = valid_x[0::2], valid_y[0::2]
        self.report = valid_x[1::2], valid_y[1::2]
        self.photos = arguments.photos

    def join_photos(self) -> int:
        """Adds the photos' crops to what is trained on. Their labels are noisy and few: softened more."""
        if not self.photos or not self.photos.exists():
            return 0
        photos = np.load(self.photos)
        labels = torch.from_numpy(photos["train_y"].astype(np.int64))
        self.x = torch.cat([self.x, torch.from_numpy(photos["train_x"])])
        self.y = torch.cat([self.y, labels])
        self.target = torch.cat([self.target, soften(labels, torch.from_numpy(photos["train_votes"]), 0.6)])
        return len(labels)

    def order(self, seed: int):
        """One epoch: every face once, those of disgust (1.5 % of all) three times."""
        rare = torch.nonzero(self.y == CLASSES.index("disgust")).flatten()
        every = torch.cat([torch.arange(len(self.y)), rare, rare])
        return every[torch.randperm(len(every), generator=torch.Generator().manual_seed(seed))]


@torch.no_grad()
def logits_of(network, faces):
    network.eval()
    return torch.cat([network(middle(part).contiguous(memory_format=torch.channels_last)) for part in faces.split(256)])


def measure(logits, labels) -> tuple[float, float]:
    """Accuracy and the mean of the classes' F1."""
    guess, scores = logits.argmax(1), []
    for index in range(len(CLASSES)):
        hits = ((guess == index) & (labels == index)).sum().item()
        scores.append(2 * hits / max((guess == index).sum().item() + (labels == index).sum().item(), 1))
    return (guess == labels).float().mean().item(), sum(scores) / len(scores)


class Average:
    """Weights averaged over the last steps (exponentially); they are what is kept."""

    def __init__(self, network, decay: float = 0.998):
        self.network = copy.deepcopy(network).eval()
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def add(self, network) -> None:
        self.steps += 1
        keep = min(self.decay, self.steps / (self.steps + 10))
        for own, new in zip(self.network.state_dict().values(), network.state_dict().values()):
            if own.dtype.is_floating_point:
                own.lerp_(new, 1 - keep)
            else:
                own.copy_(new)


class Muon(torch.optim.Optimizer):
    """Steps along the nearest orthogonal matrix to each kernel's momentum (Jordan et al. 2024, "Muon"): fewer epochs."""

    def __init__(self, parameters, momentum: float = 0.95, weight_decay: float = 0.02):
        super().__init__(parameters, {"lr": 0.0, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for kernel in group["params"]:
                state = self.state[kernel]
                kept = state.setdefault("momentum", torch.zeros_like(kernel))
                kept.lerp_(kernel.grad, 1 - group["momentum"])
                matrix = kernel.grad.lerp(kept, group["momentum"]).flatten(1)
                kernel.mul_(1 - group["lr"] * group["weight_decay"])
                kernel.add_(orthogonal(matrix).view_as(kernel), alpha=-group["lr"] * max(1, len(matrix) / matrix.shape[1]) ** 0.5)


def orthogonal(matrix, iterations: int = 4):
    """Newton-Schulz iteration with the coefficients of the paper's appendix."""
    x = matrix / (matrix.norm() + 1e-7)
    for _ in range(iterations):
        square = x @ x.T
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x


def rate(progress: float) -> float:
    """In shares of the peak: up in the first 5 %, then down to nothing along a cosine."""
    if progress < 0.05:
        return progress / 0.05
    return 0.5 * (1 + np.cos(np.pi * (progress - 0.05) / 0.95)) + 1e-4


def share_gradients(network, progress: float) -> float:
    """Averages the gradients over the processes; gives the progress that all of them go by: their mean."""
    gradients = [p.grad for p in network.parameters()]
    flat = torch.cat([torch.tensor([progress], dtype=torch.float32)] + [g.reshape(-1) for g in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    offset = 1
    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()
    return flat[0].item()


def train(rank: int, arguments) -> None:
    """One of the processes, on one core each: several threads wait for each other too long on a busy machine."""
    distributed.init_process_group("gloo", init_method=f"file://{arguments.out}.meeting", rank=rank,
                                   world_size=arguments.processes)
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    data = Data(arguments)
    network = Network().to(memory_format=torch.channels_last)
    average = Average(network)
    kernels = [p for name, p in network.named_parameters() if p.ndim == 4 and not name.startswith("stem")]
    others = [p for name, p in network.named_parameters() if p.ndim != 4 or name.startswith("stem")]
    optimizers = {Muon(kernels): arguments.rate, torch.optim.AdamW(others, weight_decay=0): 3e-3}
    say = print if rank == 0 else lambda *_, **__: None
    say(f"parameters {sum(p.numel() for p in network.parameters())}", flush=True)

    torch.manual_seed(arguments.seed * 1000 + rank)
    begin, step, epoch, seen, order, progress, are_photos_in = time.monotonic(), 0, 0, 0, [], 0.0, False
    lost, told = [], 0.0
    batch = arguments.batch // arguments.processes
    while progress < 1:
        if progress >= arguments.small_share and not are_photos_in:
            are_photos_in, order = True, []
            say(f"step {step}: {data.join_photos()} photos joined, full size from here", flush=True)
        if len(order) < batch:
            epoch += 1
            order = data.order(arguments.seed * 1000 + epoch)[rank :: arguments.processes]
        chosen, order = order[:batch], order[batch:]
        side = 32 if progress < arguments.small_share else VIEW
        network.train()
        x = augment(data.x[chosen], side).contiguous(memory_format=torch.channels_last)
        loss = functional.cross_entropy(network(x), data.target[chosen])
        network.zero_grad(set_to_none=True)
        loss.backward()
        step, seen, elapsed = step + 1, seen + batch * arguments.processes, time.monotonic() - begin
        progress = step / arguments.steps if arguments.steps else elapsed / (60 * arguments.minutes)
        progress = share_gradients(network, progress)
        for optimizer, peak in optimizers.items():
            optimizer.param_groups[0]["lr"] = peak * rate(progress)
            optimizer.step()
        average.add(network)
        lost.append(loss.item())
        if rank == 0 and elapsed - told > arguments.report_every:
            told = elapsed
            accuracy, f1 = measure(logits_of(average.network, data.choice[0]), data.choice[1])
            say(f"{elapsed:5.0f} s, step {step}, epoch {epoch}, {seen / elapsed:.0f} faces/s, progress {progress:.3f}: "
                f"loss {np.mean(lost):.4f}, choice half {accuracy:.4f} / {f1:.4f}", flush=True)
            lost = []
            save(average.network, arguments.out)
    if rank == 0:
        save(average.network, arguments.out)
        for name, (faces, labels) in (("choice", data.choice), ("report", data.report)):
            say("%s half: accuracy %.4f, macro-F1 %.4f" % (name, *measure(logits_of(average.network, faces), labels)))
        say(f"{step} steps, {seen} faces in {time.monotonic() - begin:.0f} s", flush=True)
    distributed.destroy_process_group()


def save(network, path: pathlib.Path) -> None:
    aside = path.with_suffix(".new")
    torch.save(network.state_dict(), aside)
    aside.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/train"))
    parser.add_argument("--votes", type=pathlib.Path, required=True, help="votes.npz of teachers.py")
    parser.add_argument("--photos", type=pathlib.Path, help="photos.npz of photos.py, read when it is needed")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="file for the trained weights")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="one core each")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.02, help="peak learning rate of the kernels")
    parser.add_argument("--own-share", type=float, default=0.65, help="of the label against the teachers' votes")
    parser.add_argument("--small-share", type=float, default=0.65, help="of the training done on 32x32 crops")
    parser.add_argument("--minutes", type=float, default=60, help="length of the training, unless --steps says it")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--report-every", type=float, default=120, help="seconds")
    arguments = parser.parse_args()
    arguments.out = arguments.out.resolve()
    pathlib.Path(f"{arguments.out}.meeting").unlink(missing_ok=True)
    multiprocessing.spawn(train, (arguments,), arguments.processes)


if __name__ == "__main__":
    main()
