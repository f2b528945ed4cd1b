# SPDX-License-Identifier: Apache-2.0
"""Key frames: kept where the candidate agreed, shown in the report, exported, erased; and nothing of it elsewhere."""

import base64
import io
import re
import subprocess

import pytest
from PIL import Image

import viva_platform
from viva_client import Rest, assert_error, ok
from viva_platform import binary, clean_environment, wait_until

REPORT = "/api/v1/scores/report"
MAX_SIDE = 320
FRAMES_A_QUESTION = 4  # the expression is looked at in the first, at least


def interview_of(rest, frames, recording=True, questions=2, first=0):
    """A completed interview of some frames before each answer, from the first on."""
    interview = rest.start(total_questions=questions, consent={"emotion_analysis": True, "recording": recording})
    question, sent = interview.started["question"], 0
    while question:
        for _ in range(FRAMES_A_QUESTION):
            ok(interview.frame(frames.pictures[first + sent]))
            sent += 1
        question = ok(interview.answer(question["id"]), 201)["next_question"]
    ok(interview.complete())
    return interview


def key_frames(rest, interview, **more):
    return ok(rest.get(f"/api/v1/emotions/session/{interview.id}/key-frames", **more))["key_frames"]


def report(rest, interview, form, video=True):
    order = {"session_id": interview.id, "include_emotions": True, "include_video": video, "format": form}
    made = ok(rest.post(REPORT, credential=interview.token, json=order))
    answer = rest.get(made["report_url"], credential=interview.token)
    assert answer.status_code == 200, answer.text
    return answer


def text_of(pdf, tmp_path):
    (tmp_path / "a.pdf").write_bytes(pdf)
    return subprocess.run(["pdftotext", "-layout", tmp_path / "a.pdf", "-"], capture_output=True, check=True).stdout.decode()


def pictures_of(pdf, tmp_path):
    (tmp_path / "b.pdf").write_bytes(pdf)
    subprocess.run(["pdfimages", "-j", tmp_path / "b.pdf", tmp_path / "image"], check=True)
    return [path.read_bytes() for path in sorted(tmp_path.glob("image-*.jpg"))]


@pytest.fixture(scope="module")
def recorded(rest, frames):
    return interview_of(rest, frames)


def test_a_few_small_pictures_are_kept_and_nothing_rides_along(rest, recorded):
    kept = key_frames(rest, recorded)
    assert 2 <= len(kept) <= 12
    assert {frame["question"] for frame in kept} == {1, 2}
    assert [frame["timestamp"] for frame in kept] == sorted(frame["timestamp"] for frame in kept)
    for frame in kept:
        data = base64.b64decode(frame["image_data"], validate=True)
        picture = Image.open(io.BytesIO(data))
        assert picture.format == "JPEG" and picture.size == (frame["width"], frame["height"])
        assert max(picture.size) == MAX_SIDE and len(data) <= 48 * 1024
        assert not picture.getexif() and "comment" not in picture.info
        assert frame["emotion"] and 0 < frame["confidence"] <= 1


def test_only_who_may_see_the_interview_sees_them(rest, recorded):
    path = f"/api/v1/emotions/session/{recorded.id}/key-frames"
    assert key_frames(rest, recorded, credential=recorded.token)
    answer = rest.get(path, credential=recorded.token)
    assert answer.headers["cache-control"] == "no-store"
    assert_error(rest.get(path, credential=""), 401, "UNAUTHORIZED")
    assert_error(rest.get(path, credential=rest.start().token), 403, "UNAUTHORIZED")


def test_the_report_shows_them_in_each_format(rest, recorded, tmp_path):
    kept = key_frames(rest, recorded)
    video = report(rest, recorded, "json").json()["video"]
    assert video["consented"] is True and len(video["key_frames"]) == len(kept)
    assert [frame["image_data"] for frame in video["key_frames"]] == [frame["image_data"] for frame in kept]
    pdf = report(rest, recorded, "pdf").content
    assert pictures_of(pdf, tmp_path) == [base64.b64decode(frame["image_data"]) for frame in kept]
    assert report(rest, recorded, "pdf").content == pdf
    text = text_of(pdf, tmp_path)
    assert "Key frames" in text and "question 1" in text and "question 2" in text
    page = report(rest, recorded, "html")
    assert "img-src data:" in page.headers["content-security-policy"]
    assert re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page.text) == [frame["image_data"] for frame in kept]


def test_a_report_that_nobody_asked_pictures_of_has_none(rest, recorded):
    assert report(rest, recorded, "json", video=False).json()["video"] is None
    assert "<img" not in report(rest, recorded, "html", video=False).text


def test_the_command_line_gets_them(rest, recorded, tmp_path):
    environment = {**clean_environment(), "VIVA_URL": str(rest.url), "VIVA_API_KEY": rest.api_key}
    out = tmp_path / "report.pdf"
    subprocess.run(
        [binary(), "report", recorded.id, "--video", "-o", out], check=True, capture_output=True, timeout=60, env=environment
    )
    assert len(pictures_of(out.read_bytes(), tmp_path)) == len(key_frames(rest, recorded))


def test_without_consent_nothing_is_kept_and_the_report_says_so(rest, frames, tmp_path):
    interview = interview_of(rest, frames, recording=False, questions=1)
    assert key_frames(rest, interview) == []
    video = report(rest, interview, "json").json()["video"]
    assert video["key_frames"] == [] and "did not agree to pictures being stored" in video["note"]
    assert "did not agree to pictures being stored" in text_of(report(rest, interview, "pdf").content, tmp_path)
    assert "did not agree to pictures being stored" in report(rest, interview, "html").text


def test_with_consent_but_no_frame_the_report_says_that(rest):
    interview = rest.start(total_questions=1, consent={"emotion_analysis": True, "recording": True})
    ok(interview.answer(interview.started["question"]["id"]), 201)
    ok(interview.complete())
    video = report(rest, interview, "json").json()["video"]
    assert video["consented"] is True and "but there are none" in video["note"]


def test_queued_frames_make_key_frames_too(rest, frames):
    interview = rest.start(total_questions=1, consent={"emotion_analysis": True, "recording": True})
    for picture in frames.pictures[:FRAMES_A_QUESTION]:
        ok(interview.frame(picture, prefer=None), 202)
    wait_until(lambda: key_frames(rest, interview) != [], "a queued frame is kept")
    assert {frame["question"] for frame in key_frames(rest, interview)} == {1}


def test_the_export_has_them_whole(rest, recorded):
    exported = ok(recorded.call("GET", "/export"))
    assert exported["key_frames"] == key_frames(rest, recorded)


def test_erasing_leaves_none_of_their_bytes(rest, platform, frames):
    # Pictures of its own: what other interviews keep stays.
    interview = interview_of(rest, frames, questions=1, first=50)
    kept = [base64.b64decode(frame["image_data"]) for frame in key_frames(rest, interview)]
    # What of the picture is not the same in every JPEG of ours; two parts, since one may be cut by a page's end.
    parts = [part for data in kept for part in (data[-300:-150], data[-150:])]

    def is_on_disk(part):
        return viva_platform.files_with(platform.data_directory, part) != []

    assert parts and any(is_on_disk(part) for part in parts)
    assert interview.call("DELETE").status_code == 204
    answer = rest.get(f"/api/v1/emotions/session/{interview.id}/key-frames")
    assert answer.status_code == 404 or answer.json()["key_frames"] == []
    wait_until(lambda: not any(is_on_disk(part) for part in parts), "no file holds the candidate's picture")


def test_while_the_emotion_service_is_away_the_report_says_so(make_service):
    scoring = make_service("scoring", "--discovery-url", "static:emotion=127.0.0.1:9")
    rest = Rest(scoring.url, scoring.api_key)
    answer = {"question": "What is a lock?", "category": "technical", "question_id": "own", "duration": 9.0,
              "transcript": "A lock lets one thread at a time into a critical section, so that data stays whole."}  # fmt: skip
    metadata = {"user_id": "u", "mode": "practice", "recording": True, "total_questions": 1}
    ok(rest.post("/api/v1/scores/calculate", json={"session_id": "s", "answers": [answer], "metadata": metadata}))
    video = ok(rest.get(f"{REPORT}/s?format=json&include_video=true"))["video"]
    assert video["consented"] is True and video["key_frames"] == [] and "can't be fetched now" in video["note"]
