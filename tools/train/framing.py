# SPDX-License-Identifier: Apache-2.0
"""Measures how FER2013 frames faces: where its square lies about the landmarker's mesh (SCALE and LIFT of photos.py)."""

import argparse
import pathlib

import numpy as np

import photos

SURE = 2.0  # logit of presence: those in which the mesh is to be trusted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/train"))
    parser.add_argument("--models", type=pathlib.Path, required=True, help="folder that ./dev deps prepares")
    arguments = parser.parse_args()

    landmarker, frames = photos.Landmarker(arguments.models), []
    for face in np.load(arguments.data / "fer2013.npz")["valid_x"][:500]:
        region, image = (24.0, 24.0, 65.0, 0.0), np.repeat(face[:, :, None], 3, 2)
        for _ in range(2):
            mesh, presence = landmarker.look(image, region)
            region = (*mesh[:2], mesh[2] * 1.5, mesh[3])
        if presence > SURE:
            frames.append((48 / mesh[2], (mesh[1] - 24) / mesh[2], (mesh[0] - 24) / mesh[2]))
    quartiles = np.percentile(np.array(frames), [25, 50, 75], axis=0)
    for name, values in zip(("scale", "lift", "aside"), quartiles.T):
        print(f"{name}: quartiles", *(f"{value:.3f}" for value in values))
    print(f"{len(frames)} faces")


if __name__ == "__main__":
    main()
