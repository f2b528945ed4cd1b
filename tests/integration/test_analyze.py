# SPDX-License-Identifier: Apache-2.0
"""`viva analyze`: a picture, a folder and a pipe, as people, programs and tables read it; and what is none."""

import csv
import io
import json
import re
import subprocess

import pytest
from PIL import Image

import viva_pictures
from viva_platform import binary, clean_environment

LIMIT_S = 120


def analyze(*arguments, stdin=b""):
    return subprocess.run([binary(), "analyze", *map(str, arguments)], input=stdin, capture_output=True, timeout=LIMIT_S,
                          env=clean_environment())


def lines(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@pytest.fixture(scope="module")
def film(frames):
    """What is told of the demo's frames as a folder."""
    return lines(analyze(frames.directory, "--json"))


def test_a_film_is_followed_and_its_blinks_are_counted(frames, film):
    *told, last = film
    assert len(told) == len(frames.pictures) == last["summary"]["pictures"]
    assert all(frame["detected"] for frame in told)
    assert last["summary"]["fps"] == frames.fps
    assert last["summary"]["blinks"]["count"] == len(frames.blinks)
    assert told[-1]["blinks"] == last["summary"]["blinks"]
    assert {frame["eyes"] for frame in told} >= {"open", "closed"}
    assert all((frame["gaze"] is None) == (frame["eyes"] == "closed" or frame["eye_ratio"] < 0.1) for frame in told)
    assert all(abs(frame["gaze"][angle]) < 25 for frame in told if frame["gaze"] for angle in ("yaw", "pitch"))
    # A blink is no lack of attention.
    assert all(frame["attention"] > 0.9 for frame in told)
    assert told[1]["time_ms"] == round(1000 / frames.fps)
    assert 0 < last["summary"]["ms_p50"] <= last["summary"]["ms_p99"] and last["summary"]["rss_mb"] > 20


def test_a_pipe_tells_the_same_as_the_folder_and_goes_on_after_a_picture_that_is_cut_short(frames, film):
    cut = viva_pictures.truncated(frames.face)
    pipe = b"".join(frames.pictures[:20]) + cut + frames.pictures[21]
    done = analyze("-", "--json", "--points", "--fps", frames.fps, stdin=pipe)
    *piped, last = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert done.returncode == 1 and b"standard input, picture 20: " in done.stderr
    assert len(piped) == 22 and "error" in piped[20] and last["summary"]["unreadable"] == 1
    for one, other in zip(piped[:20], film):
        assert one["bounding_box"] == other["bounding_box"] and one["expressions"] == other["expressions"]
        assert one["name"] is None and other["name"].startswith("frame_") and len(one["points"]["mesh"]) == 468
    assert piped[21]["detected"] and piped[21]["time_ms"] == film[21]["time_ms"]


def test_a_picture_is_told_to_people_though_its_overlay_can_not_be_written(frames, tmp_path):
    picture = tmp_path / "face.jpg"
    picture.write_bytes(frames.face)
    shown = analyze(picture, "--overlay", tmp_path / "no" / "o.png")
    assert shown.returncode == 1 and f"{tmp_path}/no/o.png".encode() in shown.stderr
    assert b"face.jpg: 640" in shown.stdout and b"happy" in shown.stdout, shown
    assert re.search(rb"\n  gaze       yaw -?\d+", shown.stdout), shown


def test_a_photo_of_closed_eyes_has_no_gaze_and_no_attention(frames, tmp_path):
    start_ms = frames.blinks[0]["start_ms"]
    shut = round(start_ms * frames.fps / 1000) + 1
    picture = tmp_path / "shut.jpg"
    picture.write_bytes(frames.pictures[shut])
    [told] = lines(analyze(picture, "--json"))
    assert told["detected"] and told["gaze"] is None and told["attention"] == 0, told
    assert b"gaze       none: the eyes are closed" in analyze(picture).stdout


def test_photos_of_a_folder_can_stand_by_themselves(frames, tmp_path):
    (tmp_path / "9.jpg").write_bytes(frames.face)
    (tmp_path / "10.png").write_bytes(viva_pictures.encode(viva_pictures.empty_room(), "PNG"))
    (tmp_path / "11.jpg").write_bytes(viva_pictures.two_faces(frames.face))
    overlay = tmp_path / "sheet.out"
    face, none, two, last = lines(analyze(tmp_path, "--separate", "--json", "--overlay", overlay))
    assert [face["name"], none["name"], two["name"]] == ["9.jpg", "10.png", "11.jpg"]
    assert (face["face_count"], none["face_count"], two["face_count"]) == (1, 0, 2)
    assert len(two["faces"]) == 2 and "time_ms" not in face and "blinks" not in last["summary"]
    assert none["hint"] == "no_face" and last["summary"]["hints"]["no_face"] == 1
    with Image.open(overlay) as sheet:
        assert sheet.format == "PNG" and sheet.width > 3 * 480


def test_a_picture_that_is_none_is_named_and_the_others_are_told(frames, tmp_path):
    (tmp_path / "1.jpg").write_bytes(frames.face)
    (tmp_path / "2.jpg").write_bytes(viva_pictures.truncated(frames.face))
    (tmp_path / "3.jpg").write_bytes(b"")
    (tmp_path / "4.jpg").mkdir()
    (tmp_path / "5.jpg").write_bytes(viva_pictures.claiming_size(frames.face, 30_000, 30_000))
    done = analyze(tmp_path, "--csv")
    told = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert done.returncode == 1
    assert [bool(row["error"]) for row in told] == [False, True, True, True, True]
    assert told[0]["emotion"] == "happy" and not told[1]["emotion"]
    complaints = done.stderr.decode().splitlines()
    assert len(complaints) == 4 and all(f"{tmp_path}/{n}.jpg: " in line for n, line in zip("2345", complaints))


@pytest.mark.parametrize(
    "arguments, status, word",
    [
        ((), 2, b"missing"),
        (("a", "b"), 2, b"one picture"),
        (("-", "--json", "--csv"), 2, b"exclude"),
        (("-", "--points"), 2, b"--json"),
        (("-", "--crop", "face"), 2, b"--json"),
        (("-", "--crop", "nose"), 2, b"nose"),
        (("-", "--fps", "0"), 2, b"fps"),
        (("/nowhere/face.jpg",), 2, b"/nowhere/face.jpg"),
        (("/dev/null",), 2, b"/dev/null"),
        (("-",), 2, b"standard input: there is no JPEG or PNG"),
        (("-", "--model-dir", "/nowhere"), 1, b"/nowhere"),
    ],
    ids=str,
)
def test_what_can_not_be_done_is_one_line_and_a_status(arguments, status, word):
    done = analyze(*arguments)
    assert done.returncode == status, done
    assert len(done.stderr.splitlines()) == 1 and word in done.stderr and done.stdout == b"", done
