# SPDX-License-Identifier: Apache-2.0
"""REST of the emotion service, through the gateway."""

import base64
import json
import uuid

import pytest

import viva_pictures
from viva_client import assert_error, ok

ANALYZE, BATCH = "/api/v1/emotions/analyze", "/api/v1/emotions/batch"
EMOTIONS = {"happy", "sad", "angry", "neutral", "surprise", "fear", "disgust", "confident"}


def session_path(session_id):
    return f"/api/v1/emotions/session/{session_id}"


def frame_member(picture, timestamp, image_format="jpeg"):
    return {"image_data": base64.b64encode(picture).decode(), "format": image_format, "timestamp": timestamp}


def assert_seen(result):
    """A result with a face in it, in the proto's names."""
    assert result["emotion"] in EMOTIONS and 0 <= result["confidence"] <= 1
    metrics = result["face_metrics"]
    assert metrics["detected"] is True and 0 < metrics["detection_confidence"] <= 1
    box = metrics["bounding_box"]
    assert box["width"] > 50 and box["height"] > 50
    assert {"left_eye", "right_eye", "nose", "mouth", "chin"} <= {mark["type"] for mark in metrics["landmarks"]}
    assert result["blink_metrics"]["count"] >= 0 and result["blink_metrics"]["long_closures"] >= 0
    assert result["head_pose"].keys() == {"yaw", "pitch", "roll"} and result["gaze"].keys() == {"yaw", "pitch"}


def test_a_raw_picture_is_analysed(rest, face):
    session = str(uuid.uuid4())
    answer = rest.post(f"{ANALYZE}?session_id={session}", content=face, headers={"Content-Type": "image/jpeg"})
    assert_seen(ok(answer))
    assert answer.json()["session_id"] == session
    png = rest.post(
        f"{ANALYZE}?session_id={session}", content=viva_pictures.as_png(face), headers={"Content-Type": "image/png"}
    )
    assert_seen(ok(png))


def test_a_picture_in_json_is_analysed_and_its_timestamp_echoed(rest, face):
    session = str(uuid.uuid4())
    result = ok(rest.post(ANALYZE, json={"session_id": session, **frame_member(face, 1_700_000_000_123)}))
    assert_seen(result)
    assert result["session_id"] == session and result["timestamp"] == 1_700_000_000_123


@pytest.mark.parametrize(
    "change, field",
    [
        ({"session_id": None}, "session_id"),
        ({"session_id": ""}, "session_id"),
        ({"session_id": 5}, "session_id"),
        ({"session_id": "x" * 5000}, "session_id"),
        ({"image_data": None}, "image_data"),
        ({"image_data": 5}, "image_data"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"timestamp": 1e300}, "timestamp"),
        ({"timestamp": -1}, "timestamp"),
        ({"format": "gif"}, "format"),
        ({"format": 4}, "format"),
    ],
    ids=str,
)
def test_a_bad_member_is_422_and_named(rest, face, change, field):
    body = {"session_id": "s", **frame_member(face, 1), **change}
    assert_error(
        rest.post(ANALYZE, json={k: v for k, v in body.items() if v is not None}), 422, "INVALID_MESSAGE", field
    )


@pytest.mark.parametrize("image_data", ["", "AAAA", "not base64 at all", "====", "/9j/" * 100])
def test_what_is_no_picture_is_refused(rest, image_data):
    answer = rest.post(ANALYZE, json={"session_id": "s", "format": "jpeg", "image_data": image_data})
    assert answer.status_code == 422 and answer.json()["code"] in ("INVALID_IMAGE", "INVALID_MESSAGE")


def test_a_batch_answers_each_frame_in_order_and_a_bad_one_breaks_nothing(rest, frames):
    session = str(uuid.uuid4())
    members = [frame_member(frames.pictures[index], frames.time_ms(index)) for index in range(5)]
    members[2]["image_data"] = base64.b64encode(viva_pictures.truncated(frames.face)[:3000]).decode()
    answer = ok(rest.post(BATCH, json={"session_id": session, "frames": members}))
    assert answer.keys() >= {"results"} and len(answer["results"]) == 5
    for index, result in enumerate(answer["results"]):
        assert result["timestamp"] == frames.time_ms(index)
        if index == 2:
            assert result["error"]
        else:
            assert not result.get("error")
            assert_seen(result)


def test_a_batch_streams_a_line_per_result_on_request(rest, frames):
    members = [frame_member(frames.pictures[index], frames.time_ms(index)) for index in range(4)]
    answer = rest.post(
        BATCH, json={"session_id": str(uuid.uuid4()), "frames": members}, headers={"Accept": "application/x-ndjson"}
    )
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.text.endswith("\n")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["timestamp"] for line in lines] == [frames.time_ms(index) for index in range(4)]
    for line in lines:
        assert_seen(line)


@pytest.mark.parametrize(
    "body, field",
    [
        ({"frames": []}, "session_id"),
        ({"session_id": "s"}, "frames"),
        ({"session_id": "s", "frames": 5}, "frames"),
        ({"session_id": "s", "frames": "x"}, "frames"),
        ({"session_id": "s", "frames": {}}, "frames"),
    ],
    ids=str,
)
def test_a_bad_batch_is_422(rest, body, field):
    assert_error(rest.post(BATCH, json=body), 422, "INVALID_MESSAGE", field)


def test_the_timeline_comes_in_pages_with_a_summary(rest, frames):
    interview = rest.start()
    count = 9
    for index in range(count):
        member = frame_member(frames.pictures[index], frames.time_ms(index))
        ok(rest.post(ANALYZE, credential=interview.token, json={"session_id": interview.id, **member}))

    whole = ok(rest.get(session_path(interview.id), credential=interview.token))
    assert whole["session_id"] == interview.id and whole["next"] is None
    assert [row["timestamp"] for row in whole["emotions"]] == [frames.time_ms(index) for index in range(count)]
    for row in whole["emotions"]:
        assert {"timestamp", "emotion", "confidence", "blink_count"} <= row.keys()
        assert row["emotion"] in EMOTIONS
    summary = whole["summary"]
    assert summary["frames"] == count and summary["faces"] == count and summary["blinks"] >= 0
    assert summary["dominant"] in EMOTIONS
    assert (
        sum(summary["distribution"].values()) == pytest.approx(1, abs=0.02)
        or sum(summary["distribution"].values()) == count
    )

    paged, after = [], None
    for _ in range(count + 1):
        page = ok(rest.get(session_path(interview.id), params={"limit": 4, **({"after": after} if after else {})}))
        assert len(page["emotions"]) <= 4
        paged += page["emotions"]
        after = page["next"]
        if after is None:
            break
    assert paged == whole["emotions"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "limit=99999999999999999999", "after=garbage", "limit=1.5", "frame=0", "frame=x"]
)
def test_bad_paging_is_refused(rest, query):
    interview = rest.start()
    answer = rest.get(f"{session_path(interview.id)}?{query}")
    assert answer.status_code in (400, 422), answer.text


def test_the_timeline_of_a_session_never_seen_is_empty_or_unknown(rest):
    answer = rest.get(session_path(uuid.uuid4()))
    if answer.status_code == 404:
        assert_error(answer, 404, "NOT_FOUND")
    else:
        assert ok(answer)["emotions"] == [] and answer.json()["summary"]["frames"] == 0


def test_frames_of_an_interview_are_in_its_timeline(rest, frames):
    interview = rest.start()
    for index in range(3):
        ok(interview.frame(frames.pictures[index]))
    timeline = ok(rest.get(session_path(interview.id), credential=interview.token))
    assert timeline["summary"]["frames"] == 3 and len(timeline["emotions"]) == 3


def test_a_timeline_can_be_erased(rest, face):
    session = str(uuid.uuid4())
    ok(rest.post(ANALYZE, json={"session_id": session, **frame_member(face, 5)}))
    assert rest.delete(session_path(session)).status_code == 204
    answer = rest.get(session_path(session))
    assert answer.status_code == 404 or answer.json()["emotions"] == []
