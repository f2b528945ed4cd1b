# SPDX-License-Identifier: Apache-2.0
"""Consent and modes, Idempotency-Key, erasure and export."""

import concurrent.futures
import json
import uuid

import pytest

from viva_client import assert_error, ok, open_socket, websocket_url
from viva_platform import files_with, wait_until

START = "/api/v1/interviews/start"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"consent": {"emotion_analysis": False, "recording": True}},
        {"consent": {}},
        {"mode": "recruitment"},
        {"mode": "recruitment", "consent": {"emotion_analysis": True, "recording": True}},
    ],
    ids=str,
)
def test_no_frame_is_taken_without_consent_or_in_recruitment(rest, face, members):
    started = ok(rest.post(START, json={"user_id": "u", "total_questions": 1, **members}), 201)
    path, token = f"/api/v1/interviews/{started['id']}", started["token"]
    answer = rest.post(f"{path}/frames", credential=token, content=face, headers={"Content-Type": "image/jpeg"})
    assert_error(answer, 403, "EMOTION_NOT_ALLOWED")

    with open_socket(websocket_url(rest.url, started["ws_url"]), token) as socket:
        socket.opening()
        socket.send_frame(face, 1)
        assert socket.expect("error")["code"] == "EMOTION_NOT_ALLOWED"
        socket.connection.send(face)
        socket.send("ping")
        while (message := socket.receive())[0] != "pong":
            assert message[0] == "error" and message[1]["code"] in ("EMOTION_NOT_ALLOWED", "RATE_LIMITED")

    ok(
        rest.post(
            f"{path}/answers",
            credential=token,
            json={
                "question_id": started["question"]["id"],
                "duration": 20,
                "transcript": "I would ask, listen, and then decide.",
            },
        ),
        201,
    )
    score = ok(rest.post(f"{path}/complete", credential=token))["score"]
    assert score["emotion_score"] is None
    assert any("emotion" in (insight["category"] + insight["description"]).lower() for insight in score["insights"])
    timeline = rest.get(f"/api/v1/emotions/session/{started['id']}", credential=token)
    assert timeline.status_code == 404 or timeline.json()["emotions"] == []


def test_the_emotion_service_too_refuses_frames_under_a_token_without_consent(rest, face):
    started = ok(rest.post(START, json={"user_id": "u", "mode": "recruitment"}), 201)
    answer = rest.post(
        f"/api/v1/emotions/analyze?session_id={started['id']}",
        credential=started["token"],
        content=face,
        headers={"Content-Type": "image/jpeg"},
    )
    assert_error(answer, 403, "EMOTION_NOT_ALLOWED")


def test_the_same_idempotency_key_starts_one_interview(rest):
    headers, body = {"Idempotency-Key": str(uuid.uuid4())}, {"user_id": "idem", "total_questions": 2}
    first = rest.post(START, json=body, headers=headers)
    again = rest.post(START, json=body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    other = rest.post(START, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    assert other.json()["id"] != first.json()["id"]


def test_an_idempotency_key_with_another_body_is_refused(rest):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    ok(rest.post(START, json={"user_id": "one"}, headers=headers), 201)
    assert_error(rest.post(START, json={"user_id": "two"}, headers=headers), 422, "IDEMPOTENCY_KEY_REUSED")


def test_parallel_requests_under_one_idempotency_key_start_one_interview(rest):
    headers, body = {"Idempotency-Key": str(uuid.uuid4())}, {"user_id": "parallel"}
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: rest.post(START, json=body, headers=headers), range(16)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    for conflict in (answer for answer in answers if answer.status_code == 409):
        assert_error(conflict, 409, "CONFLICT")
    started = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(started) == 1
    assert rest.post(START, json=body, headers=headers).json()["id"] in started


@pytest.mark.parametrize("key", ["", "x" * 5000], ids=["empty", "long"])
def test_an_unusable_idempotency_key_is_refused(rest, key):
    answer = rest.post(START, json={"user_id": "u"}, headers={"Idempotency-Key": key})
    assert answer.status_code in (400, 422)


def finished_interview(rest, frames, marker):
    interview = rest.start(total_questions=1, user_id=f"user {marker}")
    for index in range(3):
        ok(interview.frame(frames.pictures[index]))
    ok(
        interview.answer(interview.started["question"]["id"], f"I remember {marker} very well, because I built it."),
        201,
    )
    ok(interview.complete())
    return interview


def test_export_holds_all_that_is_known(rest, frames):
    marker = f"marker{uuid.uuid4().hex}"
    interview = finished_interview(rest, frames, marker)
    answer = interview.call("GET", "/export")
    text = json.dumps(ok(answer))
    assert marker in text and f"user {marker}" in text
    assert interview.id in text and interview.started["question"]["id"] in text
    assert "overall_score" in text and '"emotion"' in text
    assert interview.token not in text


def test_deleting_an_interview_leaves_nothing(rest, platform, frames):
    marker = f"marker{uuid.uuid4().hex}"
    interview = finished_interview(rest, frames, marker)
    report = ok(
        rest.post(
            "/api/v1/scores/report",
            json={"session_id": interview.id, "format": "json", "include_emotions": True, "include_video": False},
        )
    )
    assert marker in rest.get(report["report_url"]).text

    gone = interview.call("DELETE")
    assert gone.status_code == 204 and gone.content == b""
    for method, path in (("GET", ""), ("GET", "/status"), ("GET", "/export"), ("POST", "/complete"), ("DELETE", "")):
        assert_error(rest.call(method, interview.path + path), 404, "NOT_FOUND")
    assert_error(interview.answer(interview.started["question"]["id"]), 404, "NOT_FOUND")
    assert_error(interview.frame(frames.face), 404, "NOT_FOUND")
    # A service that did not answer the deletion in time learns of it from the bus.
    for path in (f"/api/v1/scores/session/{interview.id}", report["report_url"]):
        wait_until(lambda: rest.get(path).status_code == 404, f"nothing is at {path}")
    wait_until(lambda: has_no_timeline(rest, interview.id), "the timeline is gone")
    wait_until(
        lambda: files_with(platform.data_directory, marker.encode()) == [],
        "neither store nor bus hold the candidate's words",
    )


def has_no_timeline(rest, interview_id):
    timeline = rest.get(f"/api/v1/emotions/session/{interview_id}")
    return timeline.status_code == 404 or ok(timeline)["emotions"] == []


def test_an_erased_interview_does_not_come_back_through_an_old_token(rest):
    interview = rest.start()
    assert interview.call("DELETE").status_code == 204
    assert_error(interview.call("GET"), 404, "NOT_FOUND")


def test_a_socket_of_an_erased_interview_is_told_or_closed(rest):
    interview = rest.start()
    with interview.socket() as socket:
        socket.opening()
        assert interview.call("DELETE").status_code == 204
        try:
            socket.send("answer", question_id=interview.started["question"]["id"], transcript="too late", duration=1)
            assert socket.expect("error")["code"] == "NOT_FOUND"
        except Exception as error:  # whichever of websockets' closing errors
            assert "Closed" in type(error).__name__, error
