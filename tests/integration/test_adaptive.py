# SPDX-License-Identifier: Apache-2.0
"""Adaptive interviews on the whole platform: follow-ups, seeds, and clients that come back."""

import json

from viva_client import ok, open_socket, websocket_url
from viva_platform import ROOT

START = "/api/v1/interviews/start"
BANK = json.loads((ROOT / "data" / "questions" / "questions.json").read_text())
BY_ID = {question["id"]: question for question in BANK["questions"]}
SET = next(each for each in BANK["sets"] if each["name"] == "site-reliability")


def start(rest, **members):
    return ok(rest.post(START, json={"user_id": "u", "question_set": SET["name"], **members}), 201)


def shallow_answer(question, before):
    """What is on the subject, but says one thing only."""
    known = BY_ID.get(question["id"]) or BY_ID[before["id"]]
    return {"question_id": question["id"], "transcript": known["reference_points"][0], "duration": 5}


def go_through(rest, started):
    """All questions of the interview, each answered with one thing."""
    asked, question = [], started["question"]
    while question:
        body = shallow_answer(question, asked[-1] if asked else None)
        path = f"/api/v1/interviews/{started['id']}/answers"
        asked.append(question)
        question = ok(rest.post(path, credential=started["token"], json=body), 201)["next_question"]
    return asked


def test_shallow_answers_are_followed_up_and_a_seed_makes_the_same_interview(rest):
    started = start(rest, seed=11, total_questions=5)
    asked = go_through(rest, started)
    assert len({question["id"] for question in asked}) == len(asked) == started["total_questions"] == 5
    dug = [i for i, question in enumerate(asked) if question["id"] not in BY_ID]
    assert len(dug) == 1
    parent = BY_ID[asked[dug[0] - 1]["id"]]
    assert asked[dug[0]]["text"] in parent["follow_ups"] and asked[dug[0]]["category"] == parent["category"]

    whole = ok(rest.get(f"/api/v1/interviews/{started['id']}", credential=started["token"]))
    assert whole["adaptive"] is True and whole["seed"] == 11
    assert [question["id"] for question in whole["questions"]] == [question["id"] for question in asked]
    assert asked == go_through(rest, start(rest, seed=11, total_questions=5))

    score = ok(rest.post(f"/api/v1/interviews/{started['id']}/complete", credential=started["token"]))["score"]
    assert score is None or 0 <= score["overall_score"] <= 100


def test_a_client_that_comes_back_gets_the_question_that_was_chosen(rest):
    started = start(rest, seed=3)
    assert started["total_questions"] == SET["ask"]
    with open_socket(websocket_url(rest.url, started["ws_url"]), started["token"]) as socket:
        socket.opening()
        socket.send("answer", **shallow_answer(started["question"], None))
        chosen = socket.wait_for("question")
    with open_socket(websocket_url(rest.url, started["ws_url"]), started["token"]) as socket:
        assert socket.expect("status")["current_question"] == 2
        assert socket.expect("question") == chosen


def test_the_default_set_is_asked_in_its_order(rest):
    started = ok(rest.post(START, json={"user_id": "u"}), 201)
    asked = go_through(rest, started)
    default = next(each for each in BANK["sets"] if each["name"] == "default")
    assert [BY_ID[question["id"]]["key"] for question in asked] == default["questions"]
