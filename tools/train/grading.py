#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the grading model on graded answers: writes models/grading.json and models/grading.folds.json.

usage: tools/train/grading.py [--data DIR] [--build DIR]      (after `ninja -C build eval/viva-eval-language`)

The features are measured by the C library itself. The model is ridge regression on a few of them; for each question
there is also a fold, trained on all other questions, by which `./dev eval language` measures how the model does on
questions that it has not seen. Needs only numpy; there is no chance in it, so that it gives the same files again.
"""
import argparse
import csv
import hashlib
import json
import os
import pathlib
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
FULL_POINTS = 5
# One or two of each kind: meaning, words, and how hard the reference is to meet. More fit the questions, not the answers.
FEATURES = [
    "cosine", "reference_cosine", "soft_recall", "meaning_recall", "window_recall", "window_precision", "tf_idf", "precision",
    "excess", "log_reference_words",
]  # fmt: skip
PENALTY = 30
# What graded answers to the same question are worth (language/grade.h).
EXAMPLES = {"common": 0.08, "nearness": 0.24, "reach": 0.5, "slope": 0.3, "noise": 0.09}


def question_key(question):
    """By which a question is found among the folds without its text."""
    return hashlib.sha256(" ".join(question.split()).encode()).hexdigest()[:16]


def read_answers(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measure(build, models, rows):
    """The features of each answer, and their names."""
    lines = "".join(
        json.dumps({"question": row["question"], "reference": row["reference_answer"], "answer": row["student_answer"]})
        + "\n"
        for row in rows
    )
    done = subprocess.run([build / "eval/viva-eval-language", models, "features"], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return answers


def fit(features, points):
    """Ridge regression on standardised features, as weights of the features as they are."""
    mean, scale = features.mean(0), np.maximum(features.std(0), 1e-9)
    z = (features - mean) / scale
    weights = np.linalg.solve(z.T @ z + PENALTY * np.eye(z.shape[1]), z.T @ (points - points.mean())) / scale
    return {
        "bias": round(float(points.mean() - weights @ mean), 5),
        "weights": {name: round(float(weight), 5) for name, weight in zip(FEATURES, weights, strict=True)},
    }


def predict(model, features):
    return np.clip(model["bias"] + features @ [model["weights"][name] for name in FEATURES], 0, 1)


def write(path, value):
    path.write_text(json.dumps(value, indent="\t") + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data/answers", help="folder with mohler_sag.csv")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "models")
    arguments = parser.parse_args()
    cache = pathlib.Path(os.environ.get("VIVA_CACHE_DIR", pathlib.Path.home() / ".cache/viva"))

    rows = read_answers(arguments.data / "mohler_sag.csv")
    measured = measure(arguments.build, cache / "models", rows)
    features = np.array([[answer["features"][name] for name in FEATURES] for answer in measured])
    declines = np.array([answer["declines"] for answer in measured])
    points = np.array([float(row["mean_grade"]) for row in rows]) / FULL_POINTS
    keys = np.array([question_key(row["question"]) for row in rows])

    folds, unseen = {}, np.zeros(len(rows))
    for key in sorted(set(keys)):
        folds[key] = fit(features[(keys != key) & ~declines], points[(keys != key) & ~declines])
        unseen[keys == key] = predict(folds[key], features[keys == key])
    unseen[declines] = 0
    correlation = np.corrcoef(unseen, points)[0, 1]
    error = FULL_POINTS * np.sqrt(np.mean((unseen - points) ** 2))
    print(f"{len(rows)} answers to {len(folds)} questions; questions left out: r {correlation:.3f}, RMSE {error:.3f} of {FULL_POINTS}")

    arguments.out.mkdir(exist_ok=True)
    write(arguments.out / "grading.json", {"format": 1, **fit(features[~declines], points[~declines]), "examples": EXAMPLES})
    write(arguments.out / "grading.folds.json", folds)
    print(f"wrote grading.json and grading.folds.json to {arguments.out}")


if __name__ == "__main__":
    main()
