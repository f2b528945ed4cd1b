# SPDX-License-Identifier: Apache-2.0
"""Trains Viva's expression network, with PyTorch on an accelerator where there is one.

Large networks are trained first on FER2013's training part and on crops of photos (photos.py). They then judge many
turned, moved and mixed views of each face, and a small residual network on a 44x44 grey crop learns to judge these views
alike. FER2013's validation part is not trained on: its even faces choose and calibrate, its odd ones report. README.md
tells how to reproduce it.
"""

import argparse
import copy
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]  # FER2013's order
FACE = 48  # side of FER2013's pictures
VIEW = 44  # of which the networks see the middle
WIDTHS = 16, 40, 64, 112, 192
PHOTO_TRUST = 0.8  # share of a photo's label; the photos' labels are noisy
LABEL_SHARE = 0.1  # of the label against the large networks' judgement of a view
MIXED_SHARE = 1 / 3  # of the judged views that are a mixture of two faces

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HALF = torch.bfloat16 if DEVICE == "cuda" else None


class Convolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1, size: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.norm(self.conv(x))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.one = Convolution(inputs, outputs, stride)
        self.two = Convolution(outputs, outputs)
        self.past = nn.Identity() if (inputs, stride) == (outputs, 1) else Convolution(inputs, outputs, stride, 1)
        nn.init.zeros_(self.two.norm.weight)

    def forward(self, x):
        return functional.relu(self.past(x) + self.two(functional.relu(self.one(x))), inplace=True)


class Network(nn.Module):
    """The small one, which Viva runs: five convolutions, the second to fourth of half the size each, and blocks at 11x11 and 6x6."""

    def __init__(self, widths=WIDTHS, blocks=(2, 2), dropout: float = 0.1):
        super().__init__()
        self.stem = Convolution(1, widths[0])
        self.downs = nn.ModuleList(Convolution(a, b, 2) for a, b in zip(widths, widths[1:]))
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Block(width, width) for _ in range(count))) for width, count in zip(widths[2:4], blocks)
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], len(CLASSES))

    def forward(self, x):
        x = functional.relu(self.stem(standardise(x)), inplace=True)
        for index, down in enumerate(self.downs):
            x = functional.relu(down(x), inplace=True)
            if index in (1, 2):
                x = self.blocks[index - 1](x)
        return self.head(self.dropout(x.mean((2, 3))))


class LargeNetwork(nn.Module):
    """A residual network after He et al. 2016, which judges the views that the small one learns from."""

    def __init__(self, widths=(64, 128, 256, 512), counts=(1, 2, 2, 2), dropout: float = 0.4):
        super().__init__()
        layers, inputs = [], widths[0]
        for stage, (width, count) in enumerate(zip(widths, counts)):
            for index in range(count):
                layers.append(Block(inputs, width, 2 if stage and not index else 1))
                inputs = width
        self.stem, self.layers = Convolution(1, widths[0]), nn.Sequential(*layers)
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(inputs, len(CLASSES))

    def forward(self, x):
        x = self.layers(functional.relu(self.stem(standardise(x)), inplace=True))
        return self.head(self.dropout(x.mean((2, 3))))


def standardise(x):
    """Each picture with mean 0 and deviation 1, so that light and contrast do not matter; part of the network."""
    mean = x.mean((1, 2, 3), keepdim=True)
    deviation = x.var((1, 2, 3), keepdim=True, unbiased=False).add(1e-4).sqrt()
    return (x - mean) / deviation


def middle(faces):
    margin = (FACE - VIEW) // 2
    return faces[:, margin : FACE - margin, margin : FACE - margin].unsqueeze(1).float() / 255


def augment(faces):
    """Turned, moved, scaled, mirrored, of another gamma, some coarser, some noisy, some with a patch missing."""
    count, device = len(faces), faces.device
    uniform = lambda low, high: torch.empty(count, device=device).uniform_(low, high)
    chance = lambda share: torch.rand(count, device=device) < share
    angle = uniform(-0.3, 0.3)
    scale = VIEW / FACE * torch.exp(uniform(-0.2, 0.15))
    stretch = torch.exp(uniform(-0.08, 0.08))
    mirror = torch.where(chance(0.5), -1.0, 1.0)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift_x, shift_y = uniform(-0.13, 0.13), uniform(-0.13, 0.13)
    matrix = torch.stack([cos * mirror * stretch, -sin / stretch, shift_x, sin * mirror * stretch, cos / stretch, shift_y], 1)
    grid = functional.affine_grid(matrix.view(-1, 2, 3), [count, 1, VIEW, VIEW], align_corners=False)
    x = functional.grid_sample(faces.unsqueeze(1).float() / 255, grid, padding_mode="border", align_corners=False)
    x = x.clamp_(0, 1).pow(torch.exp(uniform(-0.5, 0.5)).view(-1, 1, 1, 1))
    coarse = functional.interpolate(functional.avg_pool2d(x, 2), scale_factor=2, mode="bilinear", align_corners=False)
    x = x.lerp(coarse, torch.where(chance(0.25), uniform(0, 1), 0.0).view(-1, 1, 1, 1))
    x = x + torch.randn_like(x) * torch.where(chance(0.25), uniform(0, 0.06), 0.0).view(-1, 1, 1, 1)
    size, across = uniform(0, 0.4 * VIEW), torch.arange(VIEW, device=device)
    size[chance(0.5)] = 0
    left, top = uniform(0, VIEW) - size / 2, uniform(0, VIEW) - size / 2
    columns = (across >= left[:, None]) & (across < (left + size)[:, None])
    rows = (across >= top[:, None]) & (across < (top + size)[:, None])
    return torch.where((rows[:, :, None] & columns[:, None, :]).unsqueeze(1), x.mean((2, 3), keepdim=True), x).clamp_(0, 1)


class Data:
    def __init__(self, arguments):
        faces, photos = np.load(arguments.data / "fer2013.npz"), np.load(arguments.photos)
        tensor = lambda array: torch.from_numpy(array).to(DEVICE)
        labels = lambda *arrays: torch.cat([tensor(array.astype(np.int64)) for array in arrays])
        self.x = torch.cat([tensor(faces["train_x"]), tensor(photos["train_x"])])
        self.y = labels(faces["train_y"], photos["train_y"])
        self.target = functional.one_hot(self.y, len(CLASSES)).float()
        photo = self.target[len(faces["train_y"]) :]
        photo.mul_(PHOTO_TRUST).add_((1 - PHOTO_TRUST) / len(CLASSES))
        self.choice = tensor(faces["valid_x"][0::2]), labels(faces["valid_y"][0::2])
        self.report = tensor(faces["valid_x"][1::2]), labels(faces["valid_y"][1::2])

    def order(self):
        """One epoch: every face once, those of disgust (1.5 % of all) three times."""
        rare = torch.nonzero(self.y == CLASSES.index("disgust")).flatten()
        every = torch.cat([torch.arange(len(self.y), device=DEVICE), rare, rare])
        return every[torch.randperm(len(every), device=DEVICE)]

    def batches(self, size: int):
        """Views with their targets, without an end. Half of the batches are mixtures of two views (Zhang et al. 2018)."""
        while True:
            for chosen in self.order().split(size)[:-1]:
                x, target = augment(self.x[chosen]), self.target[chosen]
                if np.random.rand() < 0.5:
                    share, other = np.random.beta(0.4, 0.4), torch.randperm(size, device=DEVICE)
                    x, target = x * share + x[other] * (1 - share), target * share + target[other] * (1 - share)
                yield x, target


class Views:
    """Views of all faces with the large networks' judgement of each."""

    def __init__(self, data: Data, judges, rounds: int):
        self.x, self.target = [], []
        for _ in range(rounds):
            for chosen in data.order().split(2048):
                x, label = augment(data.x[chosen]), data.target[chosen]
                share = torch.empty(len(x), 1, device=DEVICE).uniform_(0.5, 1)
                share[torch.rand(len(x), device=DEVICE) > MIXED_SHARE] = 1
                other = torch.randperm(len(x), device=DEVICE)
                x = x.lerp(x[other], (1 - share).view(-1, 1, 1, 1))
                label = label.lerp(label[other], 1 - share)
                x = (x * 255).round().to(torch.uint8)
                seen = sum(logits_of(judge, x, whole=True).softmax(1) for judge in judges) / len(judges)
                self.x.append(x)
                self.target.append(seen.lerp(label, LABEL_SHARE).half())
        self.x, self.target = torch.cat(self.x), torch.cat(self.target)

    def batches(self, size: int):
        while True:
            for chosen in torch.randperm(len(self.x), device=DEVICE).split(size)[:-1]:
                x = self.x[chosen].float() / 255
                mirrored = torch.rand(len(x), 1, 1, 1, device=DEVICE) < 0.5
                yield torch.where(mirrored, x.flip(3), x), self.target[chosen].float()


@torch.no_grad()
def logits_of(network, faces, whole: bool = False):
    """Of 48x48 faces, or of `whole` 44x44 views with a channel."""
    network.eval()
    views = (part.float() / 255 if whole else middle(part) for part in faces.split(2048 if DEVICE == "cuda" else 256))
    with torch.autocast(DEVICE, HALF, enabled=HALF is not None):
        return torch.cat([network(view.contiguous(memory_format=torch.channels_last)).float() for view in views])


def measure(logits, labels) -> tuple[float, float]:
    """Accuracy and the mean of the classes' F1."""
    guess, scores = logits.argmax(1), []
    for index in range(len(CLASSES)):
        hits = ((guess == index) & (labels == index)).sum().item()
        scores.append(2 * hits / max((guess == index).sum().item() + (labels == index).sum().item(), 1))
    return (guess == labels).float().mean().item(), sum(scores) / len(scores)


class Average:
    """Weights averaged over the last steps (exponentially); they are what is kept."""

    EVERY = 5  # steps

    def __init__(self, network, decay: float = 0.995):
        self.network = copy.deepcopy(network).eval()
        self.decay, self.count = decay, 0

    @torch.no_grad()
    def add(self, network) -> None:
        self.count += 1
        keep = min(self.decay, self.count / (self.count + 10))
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values()))
        floats = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        torch._foreach_lerp_([own for own, _ in floats], [new for _, new in floats], 1 - keep)


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
    x = matrix.to(HALF or matrix.dtype)
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        square = x @ x.T
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x.to(matrix.dtype)


def rate(progress: float) -> float:
    """In shares of the peak: up in the first 5 %, then down to nothing along a cosine."""
    if progress < 0.05:
        return progress / 0.05
    return 0.5 * (1 + np.cos(np.pi * (progress - 0.05) / 0.95)) + 1e-4


def fit(name: str, network, batches, data: Data, minutes: float, steps: int, peak: float, weight_decay: float):
    """Trains for the minutes, or for the steps if any are given; gives the averaged network."""
    network = network.to(DEVICE, memory_format=torch.channels_last)
    average = Average(network)
    kernels = [p for key, p in network.named_parameters() if p.ndim == 4 and not key.startswith("stem")]
    others = [p for key, p in network.named_parameters() if p.ndim != 4 or key.startswith("stem")]
    optimizers = {Muon(kernels, weight_decay=weight_decay): peak, torch.optim.AdamW(others, weight_decay=0): peak * 0.15}
    print(f"{name}: {sum(p.numel() for p in network.parameters())} parameters on {DEVICE}", flush=True)
    begin, step, seen, progress, told, lost = time.monotonic(), 0, 0, 0.0, 0, torch.zeros((), device=DEVICE)
    while progress < 1:
        x, target = next(batches)
        network.train()
        with torch.autocast(DEVICE, HALF, enabled=HALF is not None):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = functional.cross_entropy(logits.float(), target)
        network.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer, top in optimizers.items():
            optimizer.param_groups[0]["lr"] = top * rate(progress)
            optimizer.step()
        step, seen, lost = step + 1, seen + len(x), lost + loss.detach()
        if step % Average.EVERY == 0:
            average.add(network)
        if step % 50 == 0 and DEVICE == "cuda":
            torch.cuda.synchronize()
        elapsed = time.monotonic() - begin
        progress = step / steps if steps else elapsed / (60 * minutes)
        if progress * 8 >= told + 1 or progress >= 1:
            told, lost = int(progress * 8), lost.item() / step
            print(f"{name}: {elapsed:4.0f} s, step {step}, {seen / elapsed:.0f} faces/s, loss so far {lost:.4f}, "
                  "choice half %.4f / %.4f" % measure(logits_of(average.network, data.choice[0]), data.choice[1]), flush=True)
            lost = torch.tensor(lost * step, device=DEVICE)
    return average.network


def save(network, path: pathlib.Path) -> None:
    aside = path.with_suffix(".new")
    torch.save({key: value.cpu() for key, value in network.state_dict().items()}, aside)
    aside.replace(path)


def teach(arguments, data: Data) -> list:
    judges = []
    for index in range(arguments.judges):
        path = arguments.out.with_name(f"{arguments.out.stem}.judge{index}.pt")
        judge = LargeNetwork(arguments.judge_widths).to(DEVICE, memory_format=torch.channels_last)
        if path.exists():
            judge.load_state_dict(torch.load(path))
        else:
            torch.manual_seed(arguments.seed * 100 + index)
            judge = fit(f"judge {index}", judge, data.batches(256), data, arguments.judge_minutes, arguments.judge_steps,
                        arguments.rate, 0.1)
            save(judge, path)
        judges.append(judge)
    for name, (faces, labels) in (("choice", data.choice), ("report", data.report)):
        shares = sum(logits_of(judge, faces).softmax(1) for judge in judges)
        print("judges together, %s half: %.4f / %.4f" % (name, *measure(shares, labels)), flush=True)
    return judges


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/train"))
    parser.add_argument("--photos", type=pathlib.Path, required=True, help="photos.npz of photos.py")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="file for the trained weights; the judges' lie beside it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.02, help="peak learning rate of the kernels")
    parser.add_argument("--widths", type=int, nargs=5, default=WIDTHS)
    parser.add_argument("--blocks", type=int, nargs=2, default=(2, 2))
    parser.add_argument("--batch", type=int, default=1024, help="of the small network")
    parser.add_argument("--judges", type=int, default=4)
    parser.add_argument("--judge-widths", type=int, nargs=4, default=(64, 128, 256, 512))
    parser.add_argument("--rounds", type=int, default=36, help="judged views of each face")
    parser.add_argument("--judge-minutes", type=float, default=1.2, help="length of each one's training")
    parser.add_argument("--judge-steps", type=int, default=0, help="instead of minutes")
    parser.add_argument("--minutes", type=float, default=2, help="length of the small network's training")
    parser.add_argument("--steps", type=int, default=0, help="instead of minutes")
    arguments = parser.parse_args()

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    torch.manual_seed(arguments.seed)
    np.random.seed(arguments.seed)
    begin = time.monotonic()
    data = Data(arguments)
    judges = teach(arguments, data)
    views = Views(data, judges, arguments.rounds)
    print(f"{len(views.x)} views judged at {time.monotonic() - begin:.0f} s", flush=True)
    network = fit("network", Network(arguments.widths, arguments.blocks), views.batches(arguments.batch), data,
                  arguments.minutes, arguments.steps, arguments.rate, 0.02)
    save(network, arguments.out)
    for name, (faces, labels) in (("choice", data.choice), ("report", data.report)):
        print("network, %s half: accuracy %.4f, macro-F1 %.4f" % (name, *measure(logits_of(network, faces), labels)), flush=True)


if __name__ == "__main__":
    main()
