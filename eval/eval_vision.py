#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How right the vision engine is, on labelled pictures: `./dev eval vision [--data DIR] [--json]`.

DIR has a labels.csv (file, label, source, note) and these folders, each of which may be missing (docs/analyze.md):
expr (photos, by expression), expr48 (faces cut out), eyes (eyes cut out, open or closed), frames (one face each), multi (faces=N),
noface, and video_* (frames of a film in order, with its rate in the note: "30 fps"). What is measured is the C engine, through `viva analyze`.
"""
import argparse
import csv
import json
import os
import pathlib
import re
import subprocess
import sys

import vision_scores as scores

ROOT = pathlib.Path(__file__).resolve().parents[1]
EMOTIONS = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
FIGURES = ("expr48_accuracy", "expr48_macro_f1", "expr48_ece", "expr_accuracy", "expr_macro_f1", "expr_ece", "eyes_accuracy",
           "blinks_true", "blinks_found", "blinks_false", "blinks_unjudged", "single_face_recall", "single_face_exact",
           "no_face_false", "multi_face_exact", "landmark_presence", "frame_ms_p50", "frame_ms_p99", "rss_mb")


class Failure(Exception):
    pass


class Data:
    """labels.csv: the labels of each folder's files, and what is noted of them."""

    def __init__(self, root):
        self.root = root
        self.folders = {}
        self.notes = {}
        path = root / "labels.csv"
        if not path.is_file():
            raise Failure(f"{path} is missing; --data DIR names another folder")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"file", "label"} <= set(rows.fieldnames or ()):
                raise Failure(f"{path}: its first line must name the columns file and label")
            for row in rows:
                folder, _, name = (row["file"] or "").strip().rpartition("/")
                self.folders.setdefault(folder, {})[name] = (row["label"] or "").strip().lower()
                self.notes.setdefault(folder, set()).add(row.get("note") or "")

    def of_kind(self, kind):
        """The folders of that kind that are there."""
        return [folder for folder in self.folders
                if folder and re.fullmatch(kind, folder.split("/")[0]) and (self.root / folder).is_dir()]


class Eval:
    def __init__(self, viva, data, rounds):
        self.viva = viva
        self.rounds = rounds
        self.data = data
        self.figures = dict.fromkeys(FIGURES)
        self.details = {}
        self.remarks = []

    def analyze(self, folder, *options):
        """What viva tells of the folder's pictures, by name; and its summary."""
        done = subprocess.run([self.viva, "analyze", self.data.root / folder, "--json", *options], capture_output=True, text=True)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode not in (0, 1) or not told:
            raise Failure(f"viva analyze {folder}: {done.stderr.strip()}")
        frames = [frame for frame in told if "frame" in frame]
        unreadable = [frame["name"] for frame in frames if "error" in frame]
        if unreadable:
            self.remarks.append(f"{folder}: {len(unreadable)} pictures can't be read: {', '.join(unreadable[:3])}")
        return {frame["name"]: frame for frame in frames}, told[-1].get("summary", {})

    def judged(self, kind, *options):
        """(label, what viva tells) of each labelled picture of a kind; a picture that is missing is remarked."""
        folders = self.data.of_kind(kind)
        if not folders:
            self.remarks.append(f"{kind}: there is no such folder, so its figures are null")
        for folder in folders:
            seen, _ = self.analyze(folder, *options)
            labels = self.data.folders[folder]
            missing = [name for name in labels if name not in seen]
            if missing:
                self.remarks.append(f"{folder}: {len(missing)} labelled pictures are missing: {', '.join(missing[:3])}")
            yield from ((label, seen[name]) for name, label in labels.items() if name in seen)

    def expressions(self, kind, *options):
        pairs, sureness = [], []
        for label, face in self.judged(kind, *options):
            if label not in EMOTIONS:
                self.remarks.append(f"{kind}: the label {label!r} is none of {', '.join(EMOTIONS)}")
                continue
            expressions = face.get("expressions")
            guess = max(expressions, key=expressions.get) if expressions else "none"
            pairs.append((label, guess))
            sureness.append((expressions[guess] if expressions else 0, label == guess))
        if not pairs:
            return
        error, bins = scores.calibration(sureness)
        self.figures |= {f"{kind}_accuracy": scores.accuracy(pairs), f"{kind}_macro_f1": scores.macro_f1(pairs),
                         f"{kind}_ece": error}
        self.details[kind] = {"count": len(pairs), "confusion": scores.confusion(pairs), "recall": scores.recalls(pairs),
                              "calibration": bins}

    def eyes(self):
        if not self.data.of_kind("eyes"):
            self.remarks.append("eyes: there is no such folder, so its figures are null")
            return
        refused = subprocess.run([self.viva, "analyze", "-", "--json", "--crop", "eye"], stdin=subprocess.DEVNULL, capture_output=True,
                                 text=True).stderr
        if "--crop" in refused:
            self.remarks.append("eyes: this engine judges no eye that is cut out, so eyes_accuracy is null")
            return
        pairs = [(label, picture.get("eyes", "none")) for label, picture in self.judged("eyes", "--crop", "eye")
                 if label in ("open", "closed")]
        if pairs:
            self.figures["eyes_accuracy"] = scores.accuracy(pairs)
            self.details["eyes"] = {"count": len(pairs), "confusion": scores.confusion(pairs), "recall": scores.recalls(pairs)}

    def faces(self):
        single = [face for _, face in self.judged("frames", "--separate")]
        if single:
            self.figures["single_face_recall"] = sum(bool(face.get("detected")) for face in single) / len(single)
            self.figures["single_face_exact"] = sum(face.get("face_count") == 1 for face in single) / len(single)
            self.details["frames"] = {"count": len(single), "missed": [f["name"] for f in single if not f.get("detected")],
                                      "not_one": [f["name"] for f in single if f.get("face_count") != 1]}
        none = [face for _, face in self.judged("noface", "--separate")]
        if none:
            false = [face["name"] for face in none if face.get("detected") or face.get("face_count")]
            self.figures["no_face_false"] = len(false)
            self.details["noface"] = {"count": len(none), "false": false}
        multi = {face["name"]: [int(label[6:]), face.get("face_count", 0)]
                 for label, face in self.judged("multi", "--separate") if re.fullmatch(r"faces=\d+", label)}
        if multi:
            self.figures["multi_face_exact"] = sum(truth == count for truth, count in multi.values()) / len(multi)
            self.details["multi"] = {"count": len(multi), "true_and_found": multi}
        return [bool(face.get("detected")) for face in single]

    def film(self, folder):
        """One film: its blinks; (detected of each frame, ms of each followed frame, MB)."""
        rate = next((float(match[1]) for note in self.data.notes[folder] if (match := re.search(r"([\d.]+) ?fps", note))), 30.)
        detected, times, memory = [], [], []
        for _ in range(self.rounds):
            seen, summary = self.analyze(folder, "--fps", str(rate))
            frames = list(seen.values())
            # The first picture's face has to be found; from then on it is followed.
            times += [frame["ms"]["total"] for frame in frames[1:] if "ms" in frame]
            memory.append(summary.get("rss_mb", 0))
        labels = [self.data.folders[folder].get(name, "") for name in seen]
        detected = [bool(frame.get("detected")) for frame, label in zip(frames, labels) if label != "no_face"]
        truths = scores.labelled_blinks(labels, 1000 / rate)
        found, false, unjudged = scores.match_blinks(labels, summary.get("blink_times_ms", []), 1000 / rate)
        self.details.setdefault("films", {})[folder] = {
            "frames": len(frames), "fps": rate, "with_face": sum(detected), "blinks_true": len(truths), "blinks_found": found,
            "blinks_false": false, "blinks_unjudged": unjudged, "blink_times_ms": summary.get("blink_times_ms", []),
            "yaw": summary.get("yaw")}
        return detected, times, max(memory)

    def films(self, detected):
        folders = self.data.of_kind("video_.*")
        times, memory = [], []
        if not folders:
            self.remarks.append("video_*: there is no such folder, so blinks, times and memory are null")
        for folder in folders:
            seen, ms, mb = self.film(folder)
            detected += seen
            times += ms
            memory.append(mb)
        if folders:
            for name in ("true", "found", "false", "unjudged"):
                self.figures[f"blinks_{name}"] = sum(film[f"blinks_{name}"] for film in self.details["films"].values())
        if times:
            self.figures |= {"frame_ms_p50": scores.percentile(times, .5), "frame_ms_p99": scores.percentile(times, .99),
                             "rss_mb": max(memory)}
        if detected:
            self.figures["landmark_presence"] = sum(detected) / len(detected)

    def run(self):
        self.expressions("expr48", "--crop", "face")
        self.expressions("expr", "--separate")
        self.eyes()
        self.films(self.faces())
        self.figures = {name: round(value, 4) if isinstance(value, float) else value for name, value in self.figures.items()}


def table(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(str(cell).rjust(width) if i else str(cell).ljust(width)
                                     for i, (cell, width) in enumerate(zip(row, widths))) for row in rows)


def print_classes(title, found, names):
    guesses = [*names, *(guess for guess in ("none", "unknown") if any(guess in row for row in found["confusion"].values()))]
    print(f"\n{title}: {found['count']} pictures; a row's class was taken for")
    rows = [["", *guesses, "recall"]]
    for truth in names:
        row = found["confusion"].get(truth)
        if row:
            rows.append([truth, *(row.get(guess, 0) or "·" for guess in guesses), f"{found['recall'][truth]:.2f}"])
    print(table(rows))
    if "calibration" in found:
        print("  as sure as / right / pictures:  " +
              "  ".join(f"{sure:.2f}/{right:.2f}/{count}" for sure, right, count in found["calibration"]))


def print_all(result):
    details = result.details
    for kind, title in (("expr48", "Faces cut out"), ("expr", "Photos")):
        if kind in details:
            print_classes(title, details[kind], EMOTIONS)
    if "eyes" in details:
        print_classes("Eyes cut out", details["eyes"], ("open", "closed"))
    print("\nFilms:")
    rows = [["", "frames", "fps", "with a face", "yaw", "blinks", "found", "false", "unjudged"]]
    for name, film in details.get("films", {}).items():
        yaw = "{:.0f} to {:.0f}".format(*film["yaw"]) if film["yaw"] else ""
        rows.append([name, film["frames"], f"{film['fps']:g}", film["with_face"], yaw, film["blinks_true"], film["blinks_found"],
                     film["blinks_false"], film["blinks_unjudged"]])
    print(table(rows))
    for kind, member, words in (("frames", "missed", "one face, none found"), ("frames", "not_one", "one face, another number"),
                                ("noface", "false", "no face, one found")):
        if details.get(kind, {}).get(member):
            print(f"  {words}: {', '.join(details[kind][member])}")
    for name, (truth, count) in details.get("multi", {}).get("true_and_found", {}).items():
        print(f"  {name}: {truth} faces, {count} found")
    print("\n" + table([(name, "null" if value is None else value) for name, value in result.figures.items()]))
    for remark in dict.fromkeys(result.remarks):
        print(f"  ({remark})")


def main():
    parser = argparse.ArgumentParser(prog="./dev eval vision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data/faces", help="default ../shared/data/faces")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 101), metavar="N",
                        help="times through each film, for the times of frames; default 3")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    try:
        result = Eval(arguments.build / "viva", Data(arguments.data), arguments.rounds)
        result.run()
    except (Failure, OSError, UnicodeDecodeError, csv.Error) as failure:
        print(f"eval vision: {failure}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(result.figures | {"details": result.details, "notes": list(dict.fromkeys(result.remarks)),
                                           "load_average": os.getloadavg()[0]}))
    else:
        print_all(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
