# SPDX-License-Identifier: Apache-2.0
"""Frames by way of the queue: those that nobody waits for, and live ones while the emotion service is away."""

import base64

import pytest

import viva_client
from viva_client import assert_error, now_ms, ok
from viva_platform import wait_until

NOBODY = "static:emotion=127.0.0.1:1;scoring=127.0.0.1:1"
NO_BROKER = "amqp://127.0.0.1:1/"


def metric(rest, name):
    """The value of one series of /metrics; 0 while there is none."""
    text = rest.get("/metrics").text
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name + " ")), 0)


def frames_of(outcome):
    return 'viva_interview_frames_total{outcome="%s"}' % outcome


def timeline(rest, interview):
    return ok(rest.get(f"/api/v1/emotions/session/{interview.id}?limit=1000"))["emotions"]


@pytest.fixture
def alone(make_service):
    """Starts an interview service that reaches no other; a REST client of it."""
    clients = []

    def start(*arguments):
        service = make_service("interview", "--discovery-url", NOBODY, *arguments)
        clients.append(viva_client.Rest(service.url, service.api_key))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def test_a_queued_frame_is_analysed_and_told_to_the_socket(rest, frames):
    interview = rest.start()
    with interview.socket() as socket:
        socket.opening()
        sent = {}
        for index in range(5):
            reply = interview.call(
                "POST",
                "/frames",
                json={
                    "image_data": base64.b64encode(frames.pictures[index]).decode(),
                    "format": "jpeg",
                    "timestamp": frames.time_ms(index),
                },
            )
            sent[frames.time_ms(index)] = ok(reply, 202)["frame_number"]
            assert "preference-applied" not in reply.headers
            assert set(reply.json()) == {"frame_number"}
        assert sorted(sent.values()) == list(sent.values())
        told = [socket.wait_for("emotion_update") for _ in sent]
        assert [update["timestamp"] for update in told] == sorted(sent)
        for update in told:
            assert update["emotion"] and 0 < update["confidence"] <= 1 and 0 <= update["attention"] <= 1
            assert update["face"]["width"] > 50 and update["blink_count"] >= 0
    assert [row["timestamp"] for row in timeline(rest, interview)] == sorted(sent)


@pytest.mark.parametrize(
    "prefer", [None, "respond-async", "wait=0", "wait=soon", "waiting", "return=minimal", "foo; wait"], ids=str
)
def test_without_a_preference_for_waiting_a_frame_is_only_queued(rest, face, prefer):
    reply = rest.start().frame(face, prefer=prefer)
    assert ok(reply, 202) == {"frame_number": 1}
    assert "preference-applied" not in reply.headers


@pytest.mark.parametrize(
    "prefer, applied",
    [
        ("wait", "wait"),
        ("WAIT", "wait"),
        ("respond-async, wait", "wait"),
        ("wait; timeout=3", "wait"),
        ('foo="a, b" , wait', "wait"),
        ("wait=10", "wait=10"),
        ("handling=lenient, wait = 7", "wait=7"),
    ],
)
def test_with_one_the_answer_is_the_analysis(rest, face, prefer, applied):
    reply = rest.start().frame(face, prefer=prefer)
    body = ok(reply)
    assert reply.headers["preference-applied"] == applied
    assert body["emotion"] and body["frame_number"] == 1 and body["face_metrics"]["detected"] is True


def test_a_queued_frame_is_checked_like_any_other(rest, face):
    interview = rest.start()
    assert_error(interview.frame(b"no picture", prefer=None), 422, "INVALID_IMAGE")
    assert_error(rest.start(emotion=False).frame(face, prefer=None), 403, "EMOTION_NOT_ALLOWED")
    ok(interview.complete())
    assert_error(interview.frame(face, prefer=None), 409, "INTERVIEW_COMPLETED")


def test_while_emotion_is_away_frames_are_queued_and_no_error_is_told(alone, face):
    rest = alone()
    interview = rest.start()
    numbers = [ok(interview.frame(face), 202)["frame_number"] for _ in range(8)]
    assert numbers == list(range(1, 9))
    assert "preference-applied" not in interview.frame(face).headers
    with interview.socket() as socket:
        socket.opening()
        before = metric(rest, frames_of("fallback"))
        for number in range(3):
            socket.send_frame(face, now_ms())
            wait_until(lambda: metric(rest, frames_of("fallback")) > before + number, "the frame went into the queue")
        socket.send("ping")
        assert socket.expect("pong") == {}
    checks = ok(rest.get("/health"))["checks"]
    assert checks["bus"] == "ok" and checks["emotion"] == "open"


def test_a_queue_that_is_away_refuses_frames_and_nothing_else(alone, face):
    rest = alone("--bus-url", NO_BROKER)
    interview = rest.start(total_questions=1)
    for patience_s in ("30", "0.2"):
        reply = interview.frame(face, prefer=None, headers={"X-Request-Timeout": patience_s})
        assert_error(reply, 503, "UNAVAILABLE")
        assert int(reply.headers["retry-after"]) > 0
    assert_error(interview.frame(face), 503, "EMOTION_UNAVAILABLE")
    with interview.socket() as socket:
        _, question = socket.opening()
        socket.send_frame(face, now_ms())
        assert socket.expect("error")["code"] == "EMOTION_UNAVAILABLE"
        socket.send("answer", question_id=question["id"], transcript="I wait, and then I go on.", duration=3)
        assert socket.wait_for("status")["progress"] == 100
    finished = ok(interview.complete())
    assert finished["status"] == "completed" and finished["score"] is None
    checks = ok(rest.get("/health"))["checks"]
    assert checks["bus"] == "down" and checks["events_waiting"] == 1
    assert interview.call("DELETE").status_code == 204
    # Nobody needs to hear of the completion any more.
    assert ok(rest.get("/health"))["checks"]["events_waiting"] == 1


def test_frames_are_taken_as_fast_as_an_interviews_messages_may_come(alone, face):
    rest = alone()
    interview = rest.start()
    statuses = {interview.frame(face, prefer=None).status_code for _ in range(20)}
    assert statuses == {202}


def test_the_score_is_told_once_although_an_event_tells_of_it_too(rest, platform):
    own = viva_client.Rest(platform.url("interview"), platform.api_key)
    interview = rest.start(total_questions=1)
    events = 'viva_interview_events_total{event="score_calculated"}'
    with interview.socket() as socket:
        socket.opening()
        before = metric(own, events)
        ok(interview.complete())
        wait_until(lambda: metric(own, events) > before, "the event came")
        score = socket.wait_for("score")
        socket.send("ping")
        assert socket.expect("pong") == {}
    with interview.socket() as socket:
        socket.expect("status")
        assert socket.expect("score") == score
        socket.send("ping")
        assert socket.expect("pong") == {}
    own.close()
