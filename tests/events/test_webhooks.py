# SPDX-License-Identifier: Apache-2.0
"""A score is told to the webhook: signed, again until it is taken, and once."""

import json

import event_schemas
import event_stage
import viva_client
from viva_platform import wait_until


def scored(rest):
    interview = rest.start(total_questions=1)
    interview.answer_all()
    return interview, viva_client.ok(interview.complete())


def header(call, name):
    return {key.lower(): value for key, value in call["headers"].items()}[name]


def test_a_webhook_is_signed_and_says_what_happened(stage, rest, watch):
    interview, completion = scored(rest)
    wait_until(lambda: stage.receiver.calls_of(interview.id), "the webhook")
    [call] = stage.receiver.calls_of(interview.id)
    parts = dict(part.split("=", 1) for part in header(call, "x-viva-signature").split(","))
    signed = f"{parts['t']}.".encode() + call["body"]
    assert parts["v1"] == event_stage.signature_of(event_stage.SECRET, signed)
    assert abs(int(parts["t"]) - viva_client.now_ms() / 1000) < 120
    assert header(call, "content-type") == "application/json"

    body = json.loads(call["body"])
    assert body["type"] == "score.calculated"
    event_schemas.validate("ScoreCalculated", body["data"])
    assert abs(body["data"]["overall_score"] - completion["score"]["overall_score"]) < 0.01
    [event] = watch.wait_for(1, "score.calculated", interview.id)
    assert body["id"] == event.message_id == header(call, "x-viva-event-id")


def test_a_webhook_is_called_again_until_it_is_taken(stage, rest):
    interview = rest.start(total_questions=1)
    stage.receiver.wanted[interview.id] = [500, 503]
    interview.answer_all()
    viva_client.ok(interview.complete())
    wait_until(lambda: len(stage.receiver.calls_of(interview.id)) == 3, "three calls")
    calls = stage.receiver.calls_of(interview.id)
    assert [call["status"] for call in calls] == [500, 503, 200]
    assert len({call["body"] for call in calls}) == 1
    query = "SELECT state, attempts, last_status FROM worker_deliveries WHERE session_id = ?"
    wait_until(lambda: stage.rows(query, interview.id) == [("delivered", 3, 200)], "the log says so")


def test_a_webhook_survives_the_worker(stage, rest):
    interview = rest.start(total_questions=1)
    stage.receiver.wanted[interview.id] = [500]
    interview.answer_all()
    viva_client.ok(interview.complete())
    wait_until(lambda: stage.receiver.calls_of(interview.id), "the first call")
    with stage.without("worker"):
        pass
    wait_until(lambda: len(stage.receiver.calls_of(interview.id)) >= 2, "the second call")
    assert stage.receiver.calls_of(interview.id)[1]["status"] == 200
