# SPDX-License-Identifier: Apache-2.0
"""scoring.ScoringService as a stock gRPC client sees it."""

import json
import uuid

import grpc
import pytest

import viva_grpc
from viva_client import ok
from viva_grpc import CALL_LIMIT_S, assert_status

QUESTION = "Tell me about a time when you had to fix a slow system."
GOOD = (
    "The search page of our shop took six seconds. First I measured where the time went and found that a query "
    "read the whole table, because an index was missing. I added it, put the result into a cache for a minute, and "
    "wrote a load test. Then the page took two hundred milliseconds. What I learned is to measure before changing "
    "anything."
)
FOREIGN = "My favourite soup is made of carrots, potatoes and a little cream, and I cook it on Sundays."


def pb():
    return viva_grpc.modules()[2]


def judge(scoring, answer, question=QUESTION, **more):
    more.setdefault("category", "behavioural")
    return scoring.AnalyzeAnswer(pb().AnswerRequest(question=question, answer=answer, **more), timeout=CALL_LIMIT_S)


def score_request(session_id, transcripts=(GOOD,), **metadata):
    return pb().ScoreRequest(
        session_id=session_id,
        answers=[
            pb().Answer(
                question_id=f"own-{n}",
                question=QUESTION,
                category="behavioural",
                transcript=text,
                duration=40,
                confidence=0.9,
            )
            for n, text in enumerate(transcripts)
        ],
        emotions=[
            pb().EmotionData(timestamp=1000 * n, emotion="happy", confidence=0.7, blink_count=n) for n in range(5)
        ],
        metadata=pb().InterviewMetadata(
            user_id="u",
            started_at=1_700_000_000_000,
            completed_at=1_700_000_090_000,
            total_questions=len(transcripts),
            **metadata,
        ),
    )


def test_an_answer_is_analysed(scoring):
    analysis = judge(scoring, GOOD, duration=40, confidence=0.9)
    for name in ("relevance_score", "clarity_score", "depth_score"):
        assert 0 <= getattr(analysis, name) <= 1
    assert analysis.relevance_score > 0.4 and not analysis.unscorable
    assert analysis.feedback and 1 <= len(analysis.keywords) <= 20


def test_an_answer_beside_the_question_is_less_relevant(scoring):
    assert judge(scoring, FOREIGN).relevance_score < judge(scoring, GOOD).relevance_score - 0.2


def test_a_deep_answer_is_deeper_than_a_shallow_one(scoring):
    assert judge(scoring, "I made it fast.").depth_score < judge(scoring, GOOD).depth_score


def test_repeating_the_question_earns_nothing(scoring):
    assert judge(scoring, QUESTION).relevance_score < judge(scoring, GOOD).relevance_score


def test_the_same_answer_is_judged_the_same(scoring):
    assert judge(scoring, GOOD) == judge(scoring, GOOD)


def test_a_question_of_the_bank_brings_its_reference_points(scoring, rest):
    question = rest.start().started["question"]
    analysis = judge(
        scoring, GOOD, question=question["text"], question_id=question["id"], category=question["category"]
    )
    assert len(analysis.points) >= 1
    assert {point.status for point in analysis.points} <= {"covered", "partly", "not_found"}
    assert all(point.text for point in analysis.points)


def test_a_doubtful_transcript_is_unscorable(scoring):
    analysis = judge(scoring, GOOD, confidence=0.05)
    assert analysis.unscorable and analysis.reason


def test_a_language_that_is_not_supported_is_unscorable(scoring):
    analysis = judge(scoring, "Ich habe zuerst gemessen und dann den Index ergänzt.", language="de")
    assert analysis.unscorable and analysis.reason


@pytest.mark.parametrize("question, answer", [("", GOOD), (QUESTION, ""), ("", "")])
def test_an_empty_field_is_an_invalid_argument(scoring, question, answer):
    assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: judge(scoring, answer, question))


@pytest.mark.parametrize(
    "more",
    [
        {"duration": -1},
        {"duration": float("nan")},
        {"duration": float("inf")},
        {"confidence": 2},
        {"confidence": -1},
        {"confidence": float("nan")},
    ],
    ids=str,
)
def test_a_number_out_of_range_is_an_invalid_argument(scoring, more):
    assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: judge(scoring, GOOD, **more))


def test_strange_texts_are_judged_without_harm(scoring):
    for text in (
        "\U0001f600" * 200,
        "a",
        "\u202e" + GOOD,
        "e\u0301" * 500,
        "word " * 3000,
        ".,;:!?" * 100,
        "日本語で答えます。" * 20,
    ):
        analysis = judge(scoring, text)
        for name in ("relevance_score", "clarity_score", "depth_score"):
            assert 0 <= getattr(analysis, name) <= 1


def test_an_endless_answer_is_refused(scoring):
    with pytest.raises(grpc.RpcError) as caught:
        judge(scoring, "word " * 4_000_000)
    assert caught.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_a_score_is_calculated(scoring):
    session = str(uuid.uuid4())
    score = scoring.CalculateScore(score_request(session, (GOOD, GOOD)), timeout=CALL_LIMIT_S)
    assert score.session_id == session
    for name in ("technical_score", "communication_score", "emotion_score", "overall_score"):
        assert 0 <= getattr(score, name) <= 100
    assert score.overall_score > 0 and score.feedback and score.version and score.emotion_scored
    assert all(insight.category and insight.description and -1 <= insight.impact <= 1 for insight in score.insights)


def test_in_recruitment_emotion_is_not_scored_and_an_insight_says_so(scoring):
    for metadata in ({"mode": "recruitment"}, {"emotion_withheld": True}):
        score = scoring.CalculateScore(score_request(str(uuid.uuid4()), **metadata), timeout=CALL_LIMIT_S)
        assert not score.emotion_scored and score.emotion_score == 0
        assert any("emotion" in (insight.category + insight.description).lower() for insight in score.insights)


def test_a_score_without_a_session_is_an_invalid_argument(scoring):
    assert_status(
        grpc.StatusCode.INVALID_ARGUMENT, lambda: scoring.CalculateScore(score_request(""), timeout=CALL_LIMIT_S)
    )


def test_a_report_of_an_unknown_session_is_not_found(scoring):
    request = pb().ReportRequest(session_id=str(uuid.uuid4()), format="json")
    assert_status(grpc.StatusCode.NOT_FOUND, lambda: scoring.GenerateReport(request, timeout=CALL_LIMIT_S))
    request.session_id = ""
    assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: scoring.GenerateReport(request, timeout=CALL_LIMIT_S))


def test_a_report_of_a_finished_interview_is_json(scoring, rest):
    interview = rest.start(total_questions=1)
    ok(interview.answer(interview.started["question"]["id"], GOOD), 201)
    ok(interview.complete())
    report = scoring.GenerateReport(pb().ReportRequest(session_id=interview.id, format="json"), timeout=CALL_LIMIT_S)
    assert report.format == "json" and json.loads(report.report_data)
    assert GOOD[:30] in report.report_data.decode()
    assert report.report_url.startswith("/") and rest.get(report.report_url).status_code == 200


def test_a_report_is_a_pdf_by_default_and_another_format_invalid(scoring, rest):
    interview = rest.start(total_questions=1)
    ok(interview.answer(interview.started["question"]["id"], GOOD), 201)
    ok(interview.complete())
    for wanted, name, begin in (("pdf", "pdf", b"%PDF-"), ("", "pdf", b"%PDF-"), ("html", "html", b"<!doctype html>")):
        request = pb().ReportRequest(session_id=interview.id, format=wanted)
        report = scoring.GenerateReport(request, timeout=CALL_LIMIT_S)
        assert report.format == name and report.report_data.startswith(begin)
        assert rest.get(report.report_url).content == report.report_data
    request = pb().ReportRequest(session_id=interview.id, format="docx")
    assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: scoring.GenerateReport(request, timeout=CALL_LIMIT_S))
