# SPDX-License-Identifier: Apache-2.0
"""REST of the scoring service, through the gateway."""

import html
import uuid

import pytest

from viva_client import assert_error, ok

CALCULATE, REPORT = "/api/v1/scores/calculate", "/api/v1/scores/report"
GOOD = (
    "In my last project the checkout page took four seconds. I measured each request, found that one query "
    "had no index, added it, and wrote a test that fails when the page needs more than a second. After that it took "
    "half a second, and sales in the shop rose by three percent. I learned to measure before I change anything."
)


def score_request(session_id, **more):
    return {
        "session_id": session_id,
        "answers": [
            {
                "question_id": "own-1",
                "question": "Tell me about a problem that you solved.",
                "category": "behavioural",
                "transcript": GOOD,
                "duration": 40.0,
                "confidence": 0.95,
            }
        ],
        "emotions": [
            {"timestamp": 1000 * n, "emotion": "happy", "confidence": 0.8, "blink_count": n} for n in range(5)
        ],
        "metadata": {
            "user_id": "u",
            "started_at": 1_700_000_000_000,
            "completed_at": 1_700_000_060_000,
            "total_questions": 1,
        },
        **more,
    }


def assert_score(score, session_id):
    assert score["session_id"] == session_id
    for name in ("technical_score", "communication_score", "overall_score"):
        assert 0 <= score[name] <= 100
    assert score["feedback"]
    for insight in score["insights"]:
        assert insight["category"] and insight["description"] and -1 <= insight["impact"] <= 1


def finished(rest):
    interview = rest.start(total_questions=1)
    ok(interview.answer(interview.started["question"]["id"], GOOD), 201)
    return interview, ok(interview.complete())


def test_a_score_is_calculated_from_a_request(rest):
    session = str(uuid.uuid4())
    score = ok(rest.post(CALCULATE, json=score_request(session)))
    assert_score(score, session)
    assert score["overall_score"] > 0


def test_the_same_request_gets_the_same_score(rest):
    session = str(uuid.uuid4())
    first, again = (ok(rest.post(CALCULATE, json=score_request(session))) for _ in range(2))
    for name in ("technical_score", "communication_score", "emotion_score", "overall_score", "feedback", "insights"):
        assert first[name] == again[name]


def test_emotions_do_not_move_the_overall_score_by_default(rest):
    happy = ok(rest.post(CALCULATE, json=score_request(str(uuid.uuid4()))))
    sad = score_request(str(uuid.uuid4()))
    for row in sad["emotions"]:
        row["emotion"] = "sad"
    assert ok(rest.post(CALCULATE, json=sad))["overall_score"] == happy["overall_score"]


def test_a_good_answer_beats_a_poor_one(rest):
    poor = score_request(str(uuid.uuid4()))
    poor["answers"][0]["transcript"] = "um, yeah, you know, uh, I don't really, um, know."
    assert (
        ok(rest.post(CALCULATE, json=poor))["overall_score"]
        < ok(rest.post(CALCULATE, json=score_request(str(uuid.uuid4()))))["overall_score"]
    )


def test_a_stored_score_can_be_read_and_recalculated(rest):
    interview, done = finished(rest)
    stored = ok(rest.get(f"/api/v1/scores/session/{interview.id}", credential=interview.token))
    assert stored["overall_score"] == pytest.approx(done["score"]["overall_score"], abs=0.01)
    again = ok(rest.post(CALCULATE, credential=interview.token, json={"session_id": interview.id}))
    assert_score(again, interview.id)
    assert again["overall_score"] == pytest.approx(stored["overall_score"], abs=0.01)


def test_what_was_never_scored_is_not_found(rest):
    unknown = str(uuid.uuid4())
    assert_error(rest.get(f"/api/v1/scores/session/{unknown}"), 404, "NOT_FOUND")
    assert_error(rest.post(CALCULATE, json={"session_id": unknown}), 404, "NOT_FOUND")
    assert_error(rest.post(REPORT, json={"session_id": unknown, "format": "json"}), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "change, field",
    [
        ({"session_id": ""}, "session_id"),
        ({"session_id": 5}, "session_id"),
        ({"answers": 5}, "answers"),
        ({"answers": [{"question_id": "q", "transcript": 5}]}, None),
        ({"emotions": {}}, "emotions"),
        ({"metadata": []}, "metadata"),
        ({"answers": [5]}, None),
        ({"answers": [{"question_id": "q", "transcript": "t", "duration": -1}]}, None),
        ({"answers": [{"question_id": "q", "transcript": "t", "duration": 1, "confidence": 7}]}, None),
    ],
    ids=str,
)
def test_a_bad_score_request_is_422_and_names_the_field(rest, change, field):
    error = assert_error(rest.post(CALCULATE, json={**score_request("s"), **change}), 422, "INVALID_MESSAGE", field)
    assert error["field"]


def test_a_json_report_is_made_and_fetched(rest, frames):
    interview = rest.start(total_questions=1)
    for index in range(3):
        ok(interview.frame(frames.pictures[index]))
    ok(interview.answer(interview.started["question"]["id"], GOOD), 201)
    done = ok(interview.complete())
    made = ok(
        rest.post(
            REPORT,
            credential=interview.token,
            json={"session_id": interview.id, "include_emotions": True, "include_video": False, "format": "json"},
        )
    )
    assert made["format"] == "json" and made["report_url"].startswith("/")
    answer = rest.get(made["report_url"], credential=interview.token)
    assert answer.headers["content-type"].startswith("application/json")
    report = ok(answer)
    assert interview.id in answer.text and GOOD[:40] in answer.text
    assert str(round(done["score"]["overall_score"]))[:2] in answer.text and report
    assert_error(rest.get(made["report_url"], credential=""), 401, "UNAUTHORIZED")
    other = rest.start()
    assert_error(rest.get(made["report_url"], credential=other.token), 403, "UNAUTHORIZED")


def test_a_report_is_a_pdf_by_default_and_a_page_where_asked(rest):
    interview, done = finished(rest)
    for body, media_type, begin in (
        ({}, "application/pdf", b"%PDF-"),
        ({"format": "pdf"}, "application/pdf", b"%PDF-"),
        ({"format": "html"}, "text/html", b"<!doctype html>"),
    ):
        made = ok(rest.post(REPORT, json={"session_id": interview.id, **body}))
        assert made["format"] == body.get("format", "pdf")
        answer = rest.get(made["report_url"], credential=interview.token)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(media_type)
        assert answer.content.startswith(begin) and answer.headers["x-content-type-options"] == "nosniff"
        assert rest.get(made["report_url"], credential=interview.token).content == answer.content
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and policy in html.unescape(answer.text)
    assert f"{done['score']['overall_score']:.0f}" in answer.text and GOOD[:40] in answer.text


def test_what_could_not_be_scored_has_no_score(rest):
    interview = rest.start(total_questions=1)
    ok(interview.answer(interview.started["question"]["id"], GOOD, confidence=0.05), 201)
    score = ok(interview.complete())["score"]
    assert score["scorable"] is False and score["overall_band"] is None
    assert [score[name] for name in ("technical_score", "communication_score", "overall_score")] == [None] * 3
    stored = ok(rest.get(f"/api/v1/scores/session/{interview.id}"))
    assert stored["scorable"] is False and stored["overall_score"] is None
    assert ok(rest.get(f"/api/v1/interviews/{interview.id}"))["score"]["overall_score"] is None


def test_a_report_of_an_unknown_format_is_refused(rest):
    interview, _ = finished(rest)
    assert_error(
        rest.post(REPORT, json={"session_id": interview.id, "format": "docx"}), 422, "INVALID_MESSAGE", "format"
    )


def test_a_report_that_never_was_is_not_found(rest):
    for path in ("/api/v1/scores/report/none", f"/api/v1/scores/reports/{uuid.uuid4()}"):
        assert rest.get(path).status_code == 404
