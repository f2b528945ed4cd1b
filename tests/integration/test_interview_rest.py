# SPDX-License-Identifier: Apache-2.0
"""A whole interview over REST through the gateway, and the rules of its life."""

import base64
import datetime

import pytest

import viva_pictures
from viva_client import assert_error, ok

ANALYSIS = {"relevance_score", "clarity_score", "depth_score", "keywords", "feedback"}
SCORE = {"technical_score", "communication_score", "emotion_score", "overall_score", "feedback", "insights"}
CATEGORIES = {"introduction", "behavioural", "technical", "situational"}


def is_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None


def assert_score(score, has_emotion=None):
    assert SCORE <= score.keys()
    for name in ("technical_score", "communication_score", "overall_score"):
        assert 0 <= score[name] <= 100, name
    assert score["emotion_score"] is None or 0 <= score["emotion_score"] <= 100
    if has_emotion is not None:
        assert (score["emotion_score"] is not None) == has_emotion
    assert isinstance(score["feedback"], str) and score["feedback"]
    assert score["insights"]
    for insight in score["insights"]:
        assert {"category", "description", "impact"} <= insight.keys()
        assert -1 <= insight["impact"] <= 1


def test_a_whole_interview_over_rest_ends_with_a_score(rest, frames):
    interview = rest.start(total_questions=3)
    started = interview.started
    assert started["status"] == "in_progress" and started["total_questions"] == 3
    assert is_time(started["started_at"])
    assert started["question"]["id"] and started["question"]["text"] and started["question"]["category"] in CATEGORIES
    assert interview.status() == {
        **interview.status(),
        "id": interview.id,
        "status": "in_progress",
        "progress": 0,
        "current_question": 1,
        "total_questions": 3,
    }

    numbers = []
    for index in range(0, 10, 2):
        answer = interview.frame(frames.pictures[index])
        assert answer.status_code == 200, answer.text
        numbers.append(answer.json()["frame_number"])
        assert answer.json()["emotion"] and 0 <= answer.json()["confidence"] <= 1
    assert numbers == sorted(set(numbers)) and numbers[0] >= 1

    question, asked = started["question"], []
    for number in (1, 2, 3):
        reply = ok(
            interview.answer(
                question["id"],
                f"My answer to this is: {question['text']} I did it step by step, "
                "because I measured first, and the result was a third faster.",
            ),
            201,
        )
        assert reply["question_id"] == question["id"]
        assert ANALYSIS <= reply["analysis"].keys()
        for name in ("relevance_score", "clarity_score", "depth_score"):
            assert 0 <= reply["analysis"][name] <= 1
        assert reply["progress"] == pytest.approx(100 * number / 3, abs=1)
        status = interview.status()
        assert status["progress"] == reply["progress"]
        assert status["status"] == "in_progress"
        asked.append(question["id"])
        question = reply["next_question"]
    assert question is None and reply["progress"] == 100
    assert len(set(asked)) == 3

    finished = ok(interview.complete())
    assert finished["id"] == interview.id and finished["status"] == "scored" and is_time(finished["completed_at"])
    assert_score(finished["score"], has_emotion=True)
    assert ok(interview.complete()) == finished

    whole = interview.whole()
    assert "token" not in whole
    assert whole["status"] == "scored" and whole["completed_at"] == finished["completed_at"]
    assert [answer["question_id"] for answer in whole["answers"]] == asked
    assert all(ANALYSIS <= answer["analysis"].keys() for answer in whole["answers"])
    assert whole["score"] == finished["score"]
    assert interview.status()["status"] == "scored" and interview.status()["progress"] == 100


def test_start_names_the_place_of_the_new_interview(rest):
    answer = rest.post("/api/v1/interviews/start", json={"user_id": "u"})
    assert answer.status_code == 201
    assert answer.headers["location"].endswith(f"/api/v1/interviews/{answer.json()['id']}")
    assert answer.json()["ws_url"].endswith(f"/ws/interviews/{answer.json()['id']}")
    assert ok(rest.get(answer.headers["location"]))["id"] == answer.json()["id"]


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, "user_id"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 129}, "user_id"),
        ({"user_id": 7}, "user_id"),
        ({"user_id": None}, "user_id"),
        ({"user_id": "u", "mode": "exam"}, "mode"),
        ({"user_id": "u", "mode": 1}, "mode"),
        ({"user_id": "u", "total_questions": 0}, "total_questions"),
        ({"user_id": "u", "total_questions": -3}, "total_questions"),
        ({"user_id": "u", "total_questions": 10_000}, "total_questions"),
        ({"user_id": "u", "total_questions": 2.5}, "total_questions"),
        ({"user_id": "u", "total_questions": "3"}, "total_questions"),
        ({"user_id": "u", "question_set": "no-such-set"}, "question_set"),
        ({"user_id": "u", "question_set": 5}, "question_set"),
        ({"user_id": "u", "consent": True}, "consent"),
        ({"user_id": "u", "consent": {"emotion_analysis": "yes"}}, None),
    ],
    ids=str,
)
def test_start_refuses_a_bad_member_and_names_it(rest, body, field):
    error = assert_error(rest.post("/api/v1/interviews/start", json=body), 422, "INVALID_MESSAGE")
    assert error["field"].split(".")[0] == (field or "consent") or error["field"] == "emotion_analysis"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1,2",
        b"{'user_id': 1}",
        b'{"user_id":"\xff\xfe"}',
        b'{"user_id":"a"}x',
        b"[" * 2000,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b'{"user_id":"a\x00b"}',
        b'{"user_id":"u","user_id":"v"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_start_refuses_malformed_json(rest, body):
    answer = rest.post("/api/v1/interviews/start", content=body, headers={"Content-Type": "application/json"})
    assert_error(answer, 400, "INVALID_JSON")


def test_members_that_start_does_not_know_change_nothing(rest):
    assert rest.start(a_member_of_a_later_version={"x": 1}).status()["status"] == "in_progress"


@pytest.mark.parametrize(
    "body, field",
    [
        ({"transcript": "t", "duration": 1}, "question_id"),
        ({"question_id": 4, "transcript": "t", "duration": 1}, "question_id"),
        ({"question_id": "OPEN", "duration": 1}, "transcript"),
        ({"question_id": "OPEN", "transcript": 1, "duration": 1}, "transcript"),
        ({"question_id": "OPEN", "transcript": "t", "duration": -1}, "duration"),
        ({"question_id": "OPEN", "transcript": "t", "duration": 1e300}, "duration"),
        ({"question_id": "OPEN", "transcript": "t", "duration": "long"}, "duration"),
        ({"question_id": "OPEN", "transcript": "t", "duration": 1, "confidence": 1.5}, "confidence"),
        ({"question_id": "OPEN", "transcript": "t", "duration": 1, "confidence": -0.1}, "confidence"),
    ],
    ids=str,
)
def test_an_answer_with_a_bad_member_is_refused_and_not_counted(rest, body, field):
    interview = rest.start()
    if body.get("question_id") == "OPEN":
        body = {**body, "question_id": interview.started["question"]["id"]}
    assert_error(interview.call("POST", "/answers", json=body), 422, "INVALID_MESSAGE", field)
    assert interview.status()["progress"] == 0


def test_a_question_is_answered_once(rest):
    interview = rest.start(total_questions=2)
    question = interview.started["question"]["id"]
    first = ok(interview.answer(question, "The first answer counts, since I meant it."), 201)
    assert_error(interview.answer(question, "No, this one."), 409, "ALREADY_ANSWERED")
    whole = interview.whole()
    assert len(whole["answers"]) == 1
    assert whole["answers"][0]["transcript"] == "The first answer counts, since I meant it."
    assert interview.status()["progress"] == first["progress"]


def test_an_answer_to_an_unknown_question_is_refused(rest):
    interview = rest.start()
    for question_id in ("nothing", "00000000-0000-7000-8000-000000000000", "x" * 5000):
        answer = interview.answer(question_id)
        assert answer.status_code == 422
        assert answer.json()["code"] in ("UNKNOWN_QUESTION", "INVALID_MESSAGE")
    assert interview.status()["progress"] == 0


def test_nothing_is_taken_after_the_end(rest, face):
    interview = rest.start(total_questions=2)
    question = interview.started["question"]["id"]
    finished = ok(interview.complete())
    assert finished["status"] in ("completed", "scored")
    assert_error(interview.answer(question), 409, "INTERVIEW_COMPLETED")
    assert_error(interview.frame(face), 409, "INTERVIEW_COMPLETED")
    assert ok(interview.complete())["completed_at"] == finished["completed_at"]


def test_an_unclear_transcript_is_kept_and_never_judged(rest):
    interview = rest.start(total_questions=1)
    reply = ok(interview.answer(interview.started["question"]["id"], "mumble mumble", confidence=0.05), 201)
    assert reply["analysis"]["scorable"] is False and reply["analysis"]["reason"]
    assert reply["progress"] == 100
    assert interview.whole()["answers"][0]["transcript"] == "mumble mumble"


def test_frames_come_raw_or_as_json(rest, face):
    interview = rest.start()
    png = viva_pictures.as_png(face)
    encoded = base64.b64encode(face).decode()
    ways = [
        {"content": face, "headers": {"Content-Type": "image/jpeg"}},
        {"content": png, "headers": {"Content-Type": "image/png"}},
        {"json": {"image_data": encoded, "format": "jpeg"}},
        {"json": {"image_data": encoded, "format": "jpeg", "timestamp": 1_700_000_000_000}},
        {"json": {"image_data": base64.b64encode(png).decode(), "format": "png"}},
    ]
    numbers = [ok(interview.call("POST", "/frames", **way), 202)["frame_number"] for way in ways]
    assert numbers == sorted(set(numbers))


def test_a_frame_without_a_face_is_no_error(rest):
    interview = rest.start()
    reply = ok(interview.frame(viva_pictures.encode(viva_pictures.empty_room())))
    assert reply["emotion"] == "" and reply["confidence"] == 0
    assert reply["face_metrics"]["detected"] is False
