# SPDX-License-Identifier: Apache-2.0
"""Answers that come with times: kept, given back, and told as pauses in the report."""

import pytest
from viva_client import assert_error, ok

WORDS = "I asked her for the reasons and then we agreed on one plan".split()


def timed(words=WORDS, silences=((4, 0.7), (8, 2.5))):
    """A word every .3 s, with silences before some."""
    segments, at = [], 0.4
    for number, word in enumerate(words):
        at += dict(silences).get(number, 0)
        segments.append({"start": round(at, 3), "end": round(at + 0.3, 3), "text": word})
        at += 0.3
    return segments


def communication(rest, interview):
    ok(interview.complete())
    url = ok(rest.post("/api/v1/scores/report", json={"session_id": interview.id, "format": "json"}))["report_url"]
    report = ok(rest.get(url))
    return report["communication"], [question["pauses"] for question in report["questions"]]


def test_times_of_an_answer_become_pauses_in_the_report(rest):
    interview = rest.start(total_questions=2)
    first = interview.started["question"]["id"]
    reply = ok(interview.answer(first, " ".join(WORDS) + ".", segments=timed()), 201)
    ok(interview.answer(reply["next_question"]["id"], "I would listen to what each of them does all day."), 201)
    assert interview.whole()["answers"][0]["segments"] == timed()
    assert interview.whole()["answers"][1]["segments"] is None
    assert ok(interview.call("GET", "/export"))["interview"]["answers"][0]["segments"] == timed()

    spoken, questions = communication(rest, interview)
    assert questions[0]["count"] == 2 and questions[0]["long"] == 1 and questions[1] is None
    assert questions[0]["total_seconds"] == pytest.approx(3.2) and questions[0]["longest_seconds"] == 2.5
    assert questions[0]["by_word"] is True
    assert spoken["pauses"]["answers"] == 1 and spoken["pauses"]["count"] == 2
    assert "1 of 2 answers" in spoken["pauses_note"]


def test_times_come_over_the_websocket_too_and_bad_ones_are_named(rest):
    interview = rest.start(total_questions=1)
    with interview.socket() as socket:
        question = socket.wait_for("question")["id"]
        answer = {"question_id": question, "transcript": " ".join(WORDS), "duration": 8}
        socket.send("answer", **answer, segments=timed(WORDS[:-1]))
        refusal = socket.wait_for("error")
        assert refusal["code"] == "INVALID_MESSAGE" and refusal["field"] == "segments"
        socket.send("answer", **answer, segments=timed())
        socket.wait_for("analysis")
    spoken, _ = communication(rest, interview)
    assert spoken["pauses"]["count"] == 2


def test_without_times_the_report_says_that_pauses_are_not_measured(rest):
    interview = rest.start(total_questions=1)
    ok(interview.answer(interview.started["question"]["id"], segments=None), 201)
    spoken, questions = communication(rest, interview)
    assert spoken["pauses"] is None and questions == [None]
    assert "without times" in spoken["pauses_note"]


@pytest.mark.parametrize("segments", ["words", [1], [{"start": 0, "end": 1, "text": "else"}],
                                      [{"start": 2, "end": 1, "text": "words"}]])  # fmt: skip
def test_segments_that_make_no_sense_are_refused(rest, segments):
    interview = rest.start(total_questions=1)
    body = {"transcript": "words", "segments": segments}
    assert_error(interview.answer(interview.started["question"]["id"], **body), 422, "INVALID_MESSAGE", "segments")
    session = {"session_id": "segments-" + interview.id, "answers": [{"question_id": "q", **body}]}
    assert_error(rest.post("/api/v1/scores/calculate", json=session), 422, "INVALID_MESSAGE", "answers[0].segments")
