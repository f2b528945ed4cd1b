#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Viva's analysis of frames beside MediaPipe's and OpenCV's, in one run: `./dev bench vision [--frames DIR] [--rounds N] [--json]`.

Each goes from JPEG to result through the same film, frame after frame on one core, again and again in turn, so that whatever else the
machine does falls on all alike. Viva tells points, irises, blinks, head pose and expression; MediaPipe's FaceMesh points and irises; Haar
boxes only. Then how far Viva's points are from MediaPipe's own, on a face 276 pixels wide.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import vision_parity

ROOT = pathlib.Path(__file__).resolve().parents[1]
HERE = pathlib.Path(__file__).resolve().parent


class Contender:
    """A process that goes through the film once for each line that it is given, on a core of its own."""

    def __init__(self, name, command, core):
        self.name = name
        self.times = []
        self.cpu_ms = 0.
        self.rss_mb = 0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        preexec_fn=lambda: os.sched_setaffinity(0, {core}))

    def begin(self, word="go"):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def end(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench vision: {self.name} ended (status {self.process.wait()})")
        return json.loads(line)

    def go(self, keep):
        self.begin()
        self.take(self.end(), keep)

    def take(self, found, keep):
        self.rss_mb = max(self.rss_mb, found["rss_mb"])
        self.faces = found["faces"]
        if keep:
            self.times += found["ms"]
            self.cpu_ms += found["cpu_ms"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Pair:
    """Two processes at the same time."""

    def __init__(self, name, contenders):
        self.name = name
        self.contenders = contenders

    def go(self, keep):
        for contender in self.contenders:
            contender.begin()
        for contender in self.contenders:
            contender.take(contender.end(), keep)

    @property
    def times(self):
        return [ms for contender in self.contenders for ms in contender.times]

    cpu_ms = property(lambda self: sum(contender.cpu_ms for contender in self.contenders))
    rss_mb = property(lambda self: max(contender.rss_mb for contender in self.contenders))
    faces = property(lambda self: min(contender.faces for contender in self.contenders))

    def close(self):
        for contender in self.contenders:
            contender.close()


def peers_python(cache):
    """The Python of the peers' environment, made or renewed where bench/vision_peers.txt changed."""
    home = cache / "vision-peers"
    wanted = (HERE / "vision_peers.txt").read_text()
    stamp = home / ".requirements"
    if not stamp.is_file() or stamp.read_text() != wanted:
        print(f"bench: MediaPipe and OpenCV into {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                        "--find-links", cache / "downloads", "-r", HERE / "vision_peers.txt"], check=True)
        stamp.write_text(wanted)
    return home / "bin/python"


def make_contenders(arguments, python, fps):
    cores = sorted(os.sched_getaffinity(0))
    viva = [arguments.build / "bench/viva-bench-vision", arguments.cache / "models", arguments.frames, "--serve", str(round(fps))]

    def peer(name, who, *model):
        return Contender(name, [python, HERE / "vision_peers.py", who, arguments.frames, str(fps), *model], cores[0])

    contenders = [Contender("Viva", viva, cores[0])]
    if len(cores) > 1:
        contenders.append(Pair("Viva, two processes", [Contender("Viva", viva, core) for core in cores[:2]]))
    contenders.append(peer("MediaPipe FaceMesh", "facemesh"))
    if arguments.face_landmarker:
        contenders.append(peer("MediaPipe FaceLandmarker", "landmarker", arguments.face_landmarker))
    contenders.append(peer("OpenCV Haar", "haar"))
    return contenders


def row_of(contender, frames):
    times = sorted(contender.times)
    processes = len(contender.contenders) if isinstance(contender, Pair) else 1
    mean = sum(times) / len(times)
    return {"name": contender.name, "ms_p50": times[len(times) // 2], "ms_p99": times[len(times) * 99 // 100], "ms_mean": mean,
            "cpu_ms": contender.cpu_ms / len(times), "frames_per_s_and_core": 1000 * len(times) / contender.cpu_ms, "frames_per_s": processes * 1000 / mean, "rss_mb": contender.rss_mb,
            "faces": contender.faces, "frames": frames}


def print_rows(rows):
    print(f"{'':26} {'ms p50':>8} {'ms p99':>8} {'mean':>8} {'CPU ms':>8} {'f/s/core':>9} {'f/s':>7} {'RSS MB':>7} {'faces':>9} {'CPU by Viva':>12}")
    for row in rows:
        print(f"{row['name']:26} {row['ms_p50']:8.2f} {row['ms_p99']:8.2f} {row['ms_mean']:8.2f} {row['cpu_ms']:8.2f} {row['frames_per_s_and_core']:9.0f} "
              f"{row['frames_per_s']:7.0f} {row['rss_mb']:7.0f} {row['faces']:4}/{row['frames']:<4} {row['ratio']:11.2f}×")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench vision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=pathlib.Path, default=os.environ.get("VIVA_CACHE_DIR"), required="VIVA_CACHE_DIR" not in os.environ,
                        help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=pathlib.Path, default=os.environ.get("VIVA_DEMO_FRAMES"),
                        required="VIVA_DEMO_FRAMES" not in os.environ, help="folder of JPEGs; default: the demo's")
    parser.add_argument("--fps", type=float, default=30, help="their rate, for blinks and smoothing; default 30")
    parser.add_argument("--rounds", type=int, default=5, help="times through the film; default 5")
    parser.add_argument("--face-landmarker", metavar="FILE.task", help="measure MediaPipe's FaceLandmarker with this model, too")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    python = peers_python(arguments.cache)
    count = sum(path.suffix in (".jpg", ".png") for path in arguments.frames.iterdir())
    if count == 0 or arguments.rounds < 1:
        raise SystemExit("bench vision: there must be frames, and a round")
    contenders = make_contenders(arguments, python, arguments.fps)
    for number in range(arguments.rounds + 1):
        for contender in contenders:
            contender.go(keep=number > 0)  # the first round warms up
    rows = [row_of(contender, count) for contender in contenders]
    for row in rows:
        row["ratio"] = row["cpu_ms"] / rows[0]["cpu_ms"]
    parity = vision_parity.measure(arguments.build / "viva", next(c for c in contenders if c.name == "MediaPipe FaceMesh"), arguments.frames)
    for contender in contenders:
        contender.close()
    if arguments.json:
        print(json.dumps({"rows": rows, "parity": parity, "rounds": arguments.rounds, "load_average": os.getloadavg()[0]}))
        return
    print(f"{count} frames × {arguments.rounds} rounds in turn; one core each; load average {os.getloadavg()[0]:.1f}")
    print_rows(rows)
    if len(rows) > 1 and rows[1]["name"].startswith("Viva"):
        print(f"Two processes did {rows[1]['frames_per_s'] / rows[0]['frames_per_s']:.2f} × the work of one in the same time; by the processor's time "
              f"they would do {2 * rows[0]['cpu_ms'] / rows[1]['cpu_ms']:.2f} × on cores of their own.")
    vision_parity.show(parity)
    print("Not measured: OpenCV's YuNet" + ("" if arguments.face_landmarker else ", MediaPipe's FaceLandmarker (--face-landmarker FILE.task)") +
          ": their models come with none of the packages that are installed here.")


if __name__ == "__main__":
    main()
