#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes Viva's own networks (own_networks.py) of the weights in models/, and viva_networks.json with their sizes and sums."""

import argparse
import pathlib

import numpy as np

import model_files
import own_networks

MANIFEST = "viva_networks.json"
WEIGHTS = pathlib.Path(__file__).resolve().parents[2] / "models"
NETWORKS = {
    "viva_expressions.net": (own_networks.expression_network, "expression.npz"),
    "viva_eyes.net": (own_networks.eye_network, "eye.npz"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=pathlib.Path, help="not needed: the weights are in models/")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the model files")
    arguments = parser.parse_args()

    files = {name: make(np.load(WEIGHTS / weights)) for name, (make, weights) in NETWORKS.items()}
    model_files.install(arguments.out, MANIFEST, files)
    print(f"prepare_own: Viva's own networks in {arguments.out}")


if __name__ == "__main__":
    main()
