# SPDX-License-Identifier: Apache-2.0
"""`./dev eval vision`: its figures of merit, and that it measures what a small set of our own pictures is known to hold."""

import csv
import json
import shutil
import subprocess
import sys

import pytest

import viva_pictures
from viva_platform import ROOT, binary

sys.path.insert(0, str(ROOT / "eval"))
import vision_scores as scores  # noqa: E402

LIMIT_S = 120


def test_each_class_counts_the_same_in_f1_and_recall():
    pairs = [("happy", "happy")] * 8 + [("sad", "happy")] + [("sad", "sad")]
    assert scores.accuracy(pairs) == pytest.approx(0.9)
    assert scores.recalls(pairs) == {"happy": 1, "sad": 0.5}
    assert scores.macro_f1(pairs) == pytest.approx((16 / 17 + 2 / 3) / 2)


def test_calibration_is_the_gap_between_sureness_and_truth():
    error, bins = scores.calibration([(0.95, True), (0.95, True), (0.95, False), (0.95, True), (0.25, False), (1, True)])
    assert [count for _, _, count in bins] == [1, 5]
    assert error == pytest.approx((0.25 * 1 + abs((4 * 0.95 + 1) / 5 - 0.8) * 5) / 6)


def test_a_blink_is_a_short_closure_between_open_frames():
    labels = "open open partial closed partial open open partial open closed".split()
    # The partial closure never closes, and of the last one nobody knows how long it lasted.
    assert scores.labelled_blinks(labels, 40) == [(2, 4)]
    assert scores.labelled_blinks(["open", *["closed"] * 30, "open"], 40) == []
    assert scores.labelled_blinks(["closed", "open"], 40) == []


def test_each_labelled_blink_is_found_once_and_what_nobody_labelled_is_not_judged():
    labels = ["eyes_open"] * 10 + ["blink"] * 3 + ["eyes_open"] * 10 + ["unlabelled"] * 5
    assert scores.match_blinks(labels, [400], 40) == (1, 0, 0)
    assert scores.match_blinks(labels, [400, 440], 40) == (1, 1, 0)
    assert scores.match_blinks(labels, [80, 960], 40) == (0, 1, 1)


@pytest.fixture(scope="module")
def data(frames, tmp_path_factory):
    """The demo's face alone, an empty room, and the demo's film with its blinks labelled."""
    root = tmp_path_factory.mktemp("labelled")
    rows = [("frames/face.jpg", "one_face", ""), ("frames/room.jpg", "one_face", ""), ("noface/room.jpg", "no_face", ""),
            ("multi/two.jpg", "faces=2", ""), ("multi/crowd.jpg", "faces=many", ""), ("frames/lost.jpg", "one_face", "")]
    room = viva_pictures.encode(viva_pictures.empty_room())
    for name, picture in (("frames/face.jpg", frames.face), ("frames/room.jpg", room), ("noface/room.jpg", room),
                          ("multi/two.jpg", viva_pictures.two_faces(frames.face)), ("multi/crowd.jpg", room)):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(picture)
    shutil.copytree(frames.directory, root / "video_demo", ignore=shutil.ignore_patterns("*.json"))

    def is_closed(index):
        return any(blink["start_ms"] <= index * 1000 / frames.fps < blink["end_ms"] for blink in frames.blinks)

    rows += [(f"video_demo/{path.name}", "eyes_closed" if is_closed(index) else "eyes_open", f"{frames.fps} fps")
             for index, path in enumerate(sorted((root / "video_demo").iterdir()))]
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label", "source_and_licence", "note"), *rows])
    return root


def evaluate(*arguments):
    return subprocess.run([sys.executable, ROOT / "eval/eval_vision.py", "--build", binary().parent, *map(str, arguments)],
                          capture_output=True, text=True, timeout=LIMIT_S)


def test_a_small_set_is_measured_and_kinds_that_are_missing_are_null(data, frames):
    done = evaluate("--data", data, "--json", "--rounds", 1)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["single_face_recall"] == 0.5 and found["no_face_false"] == 0 and found["multi_face_exact"] == 1
    assert found["blinks_true"] == found["blinks_found"] == len(frames.blinks) and found["blinks_false"] == 0
    assert 0 < found["frame_ms_p50"] <= found["frame_ms_p99"] and found["rss_mb"] > 20
    assert found["expr48_accuracy"] is None and found["expr_accuracy"] is None and found["eyes_accuracy"] is None
    assert any("lost.jpg" in note for note in found["notes"]) and any("expr48" in note for note in found["notes"])


def test_a_folder_without_labels_is_told(tmp_path):
    done = evaluate("--data", tmp_path)
    assert done.returncode == 1 and "labels.csv" in done.stderr and len(done.stderr.splitlines()) == 1
