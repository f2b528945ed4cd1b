#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# build: bench/viva-bench-vision
"""How right the vision engine is, on labelled pictures: `./dev eval vision [--data DIR] [--json]`."""
import argparse
import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]


def film_times(build, folder):
    models = pathlib.Path(os.environ["VIVA_CACHE_DIR"]) / "models"
    done = subprocess.run([build / "bench/viva-bench-vision", models, folder, "5"], check=True, capture_output=True,
                          text=True)
    return re.search(r"p50 ([\d.]+), p99 ([\d.]+)", done.stdout).groups()


def main():
    parser = argparse.ArgumentParser(prog="./dev eval vision", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data/faces", help="folder with labels.csv")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    films = sorted(path for path in arguments.data.glob("video_*") if path.is_dir())
    times = {film.name: film_times(arguments.build, film) for film in films}
    found = {"frame_ms_p50": max((float(p50) for p50, _ in times.values()), default=None),
             "frame_ms_p99": max((float(p99) for _, p99 in times.values()), default=None)}
    if arguments.json:
        print(json.dumps(found))
        return
    for film, (p50, p99) in times.items():
        print(f"{film}: p50 {p50} ms, p99 {p99} ms a frame")


if __name__ == "__main__":
    main()
