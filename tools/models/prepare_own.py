#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes Viva's own networks (own_networks.py) of the weights in models/, and viva.json with their sizes and sums."""

import argparse
import json
import os
import pathlib
import tempfile

import numpy as np
import openvino as ov

import own_networks
from prepare_vision import describe

FORMAT = 1  # of the manifest
WEIGHTS = pathlib.Path(__file__).resolve().parents[2] / "models"
MODELS = {
    "viva_expressions": (own_networks.expression_model, "expression.npz", own_networks.EXPRESSIONS),
    "viva_eye": (own_networks.eye_model, "eye.npz", 1),
}


def make(name: str, folder: pathlib.Path) -> list[str]:
    build, weights, outputs = MODELS[name]
    ov.save_model(build(np.load(WEIGHTS / weights)), folder / f"{name}.xml", compress_to_fp16=False)
    compiled = ov.Core().compile_model(folder / f"{name}.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    result = compiled([np.zeros(list(compiled.input(0).shape), np.float32)])[0]
    if result.size != outputs or not np.isfinite(result).all():
        raise SystemExit(f"prepare_own: {name} came out with unexpected outputs")
    return [f"{name}.xml", f"{name}.bin"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=pathlib.Path, help="not needed: the weights are in models/")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the model files")
    arguments = parser.parse_args()

    arguments.out.mkdir(parents=True, exist_ok=True)
    # Made aside and then moved, the manifest last: as prepare_vision.py.
    with tempfile.TemporaryDirectory(dir=arguments.out) as aside_name:
        aside = pathlib.Path(aside_name)
        names = [file for name in MODELS for file in make(name, aside)]
        manifest = {"format": FORMAT, "files": [describe(aside / name) for name in names]}
        (aside / "viva.json").write_text(json.dumps(manifest, indent="\t") + "\n")
        for name in [*names, "viva.json"]:
            os.replace(aside / name, arguments.out / name)
    print(f"prepare_own: Viva's own networks in {arguments.out}")


if __name__ == "__main__":
    main()
