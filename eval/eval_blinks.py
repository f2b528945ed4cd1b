#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many blinks are found, and how many invented, in films made from photos: `./dev eval blinks [--data DIR] [--people N] [--json]`.

DIR/frames holds photos with one face each (default ../shared/data/faces, as for `./dev eval vision`); without it the film's one person is
the demo's. Each person blinks, and squints, laughs, looks down and rests, in films of different rates and conditions (eval/blink_films.py), which
`viva analyze` sees as it would any film. What is made up this way is no real video: it shows what changes, not how right it is on a person.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

import blink_films

ROOT = pathlib.Path(__file__).resolve().parents[1]
SECONDS = 10
TOLERANCE_S = .1  # by which a blink may begin before or after its gesture
KINDS = {"blinks": ("blink",), "quick blinks": ("quick blink",), "two blinks": ("two blinks",), "slow blinks": ("slow blink",),
         "squints": ("squint",), "laughs": ("laugh",), "looks down": ("look down",), "rests": ("rest",),
         "all": ("blink", "blink", "quick blink", "squint", "laugh", "look down")}
EASY = {"width": 200, "brightness": 1., "noise": 1.5, "quality": 85, "tremor": 0}


def hard(random):
    return {"width": int(np.exp(random.uniform(np.log(60), np.log(280)))), "brightness": float(random.uniform(.3, 1.3)),
            "noise": float(random.uniform(.5, 5)), "quality": int(random.integers(30, 91)), "tremor": float(random.choice([0, .001, .003]))}


def blink_times(viva, jpegs, fps):
    done = subprocess.run([viva, "analyze", "-", "--json", "--fps", str(fps)], input=b"".join(jpegs), capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"viva analyze: {done.stderr.decode(errors='replace').strip()}")
    return [time / 1000 for time in json.loads(done.stdout.splitlines()[-1])["summary"]["blink_times_ms"]]


def judge(plan, times):
    """(blinks, found, false): each gesture is found once."""
    left, found = list(times), 0
    blinks = [gesture for gesture in plan if gesture.kind == "blink"]
    for blink in blinks:
        hit = next((time for time in left if blink.at - TOLERANCE_S <= time <= blink.at + blink.duration + TOLERANCE_S), None)
        if hit is not None:
            left.remove(hit)
            found += 1
    return len(blinks), found, len(left)


def row_of(viva, people, kind, fps, conditions):
    total = np.zeros(4, int)
    missed = []
    for number, (name, person) in enumerate(people):
        random = np.random.default_rng([number, fps, list(KINDS).index(kind)])
        plan = blink_films.plan(random, KINDS[kind], SECONDS)
        jpegs = blink_films.film(person, random, plan, SECONDS, fps, conditions(random))
        blinks, found, false = judge(plan, blink_times(viva, jpegs, fps))
        total += (len(plan), blinks, found, false)
        if found < blinks or false:
            missed.append(f"{name} {found}/{blinks}" + (f", {false} false" if false else ""))
    return {"gestures": int(total[0]), "blinks": int(total[1]), "found": int(total[2]), "false": int(total[3]), "wrong": missed}


def measure(viva, people):
    plain = [(kind, 24, "easy", lambda random: EASY) for kind in KINDS]
    rates = [("all", fps, "easy", lambda random: EASY) for fps in (10, 15, 30, 60)]
    for kind, fps, name, conditions in plain + rates + [("all", fps, "hard", hard) for fps in (15, 24)]:
        yield {"gesture": kind, "fps": fps, "conditions": name} | row_of(viva, people, kind, fps, conditions)


def photos(data):
    found = sorted((data / "frames").glob("*.jpg"))
    return found or [pathlib.Path(os.environ["VIVA_CACHE_DIR"]) / "demo/astronaut.png"]


def main():
    parser = argparse.ArgumentParser(prog="./dev eval blinks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data/faces", help="default ../shared/data/faces")
    parser.add_argument("--people", type=int, default=12, choices=range(1, 1001), metavar="N", help="at most so many; default 12")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    viva = arguments.build / "viva"
    people = []
    for person in blink_films.people(viva, photos(arguments.data)):
        people.append(person)
        if len(people) == arguments.people:
            break
    if not people:
        print(f"eval blinks: no photo of {arguments.data}/frames has a face with open eyes", file=sys.stderr)
        return 1
    rows = []
    for row in measure(viva, people):
        rows.append(row)
        if not arguments.json:
            share = f"{row['found'] / row['blinks']:.3f}" if row["blinks"] else ""
            print(f"{row['gesture']:14}{row['fps']:3} fps  {row['conditions']}  gestures {row['gestures']:4}  "
                  f"blinks {row['blinks']:4}  found {row['found']:4} {share:6} false {row['false']:3}", flush=True)
    if arguments.json:
        print(json.dumps({"people": len(people), "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
