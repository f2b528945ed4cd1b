#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes Viva's own networks (own_networks.py) of the weights in models/, and viva_networks.json with their sizes and sums."""

import argparse
import json
import os
import pathlib
import tempfile

import numpy as np

import own_networks
from prepare_vision import describe

FORMAT = 1  # of the manifest
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

    arguments.out.mkdir(parents=True, exist_ok=True)
    # Made aside and then moved, the manifest last: as prepare_vision.py.
    with tempfile.TemporaryDirectory(dir=arguments.out) as aside_name:
        aside = pathlib.Path(aside_name)
        for name, (make, weights) in NETWORKS.items():
            (aside / name).write_bytes(make(np.load(WEIGHTS / weights)))
        manifest = {"format": FORMAT, "files": [describe(aside / name) for name in NETWORKS]}
        (aside / MANIFEST).write_text(json.dumps(manifest, indent="\t") + "\n")
        for name in [*NETWORKS, MANIFEST]:
            os.replace(aside / name, arguments.out / name)
    print(f"prepare_own: Viva's own networks in {arguments.out}")


if __name__ == "__main__":
    main()
