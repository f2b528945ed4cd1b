# SPDX-License-Identifier: Apache-2.0
"""What emotion sees reaches scoring over the bus: once, whatever dies in between."""

import os
import signal
import uuid

import grpc
import httpx
import pytest

import viva_client
import viva_grpc
import viva_platform
from viva_client import ok
from viva_platform import wait_until

ANSWER = (
    "A process is a running program with its own address space. The threads of a process share its memory and its "
    "files, and each has only its own stack and registers."
)
RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)


def analyse(stub, session, picture, number):
    return stub.AnalyzeFrame(
        viva_grpc.frame_request(session, picture, 1_700_000_000_000 + 66 * number, frame_number=number),
        timeout=viva_grpc.CALL_LIMIT_S,
    )


def score(rest, session, **metadata):
    """A score of one answer, without emotions of its own."""
    answers = [{"question_id": "q", "question": "What is a process?", "transcript": ANSWER}]
    body = {"session_id": session, "answers": answers, "metadata": metadata}
    return ok(rest.post("/api/v1/scores/calculate", json=body))


def faces_known_to_scoring(rest, session):
    """How many faces a report of the (scored) session is made of."""
    report = ok(rest.get(f"/api/v1/scores/report/{session}?include_emotions=true"))
    return report["emotions"]["faces"]


def summary(rest, session):
    return ok(rest.get(f"/api/v1/emotions/session/{session}"))["summary"]


def test_a_score_without_emotions_is_made_with_those_that_emotion_told_of(rest, emotion, face):
    session = str(uuid.uuid4())
    for number in range(1, 4):
        analyse(emotion, session, face, number)
    analyse(emotion, session, face, 3)  # a retry
    made = wait_until(
        lambda: (made := score(rest, session, mode="practice"))["emotion_score"] is not None and made,
        "scoring knows the emotions",
    )
    assert made["emotion_scored"] is True
    wait_until(lambda: faces_known_to_scoring(rest, session) == 3, "all three are known")
    assert score(rest, session, mode="recruitment")["emotion_score"] is None
    assert score(rest, session, mode="practice", emotion_withheld=True)["emotion_score"] is None


def test_health_tells_how_the_bus_stands(platform):
    for service in ("emotion", "scoring"):
        health = viva_client.fetch(platform.url(service) + "/health")
        assert health.status_code == 200
        detail = health.json()
        parts = detail.get("detail", detail)
        assert "bus" in str(parts) and "outbox" in str(parts), detail


@pytest.fixture(scope="module")
def fragile(tmp_path_factory):
    """A platform whose processes may be killed."""
    running = viva_platform.Platform(tmp_path_factory.mktemp("fragile"))
    yield running
    assert running.stop() == 0, running.log()[-3000:]


def is_healthy(platform, service):
    try:
        return viva_client.fetch(platform.url(service) + "/health").status_code == 200
    except httpx.TransportError:
        return False


def kill(platform, service):
    os.kill(wait_until(lambda: platform.children().get(service), f"{service} runs"), signal.SIGKILL)


def analyse_until_answered(target, session, picture, number):
    """What a patient client does: it asks again until it knows."""

    def attempt():
        with viva_grpc.channel(target) as channel:
            try:
                return analyse(viva_grpc.emotion_stub(channel), session, picture, number)
            except grpc.RpcError as error:
                assert error.code() in RETRIED, error
                return None

    return wait_until(attempt, f"frame {number} is analysed")


def test_nothing_told_is_lost_or_doubled_when_emotion_and_scoring_die(fragile, face):
    rest = viva_client.Rest(fragile.url(), fragile.api_key)
    session = str(uuid.uuid4())
    frames = 16
    for number in range(1, frames + 1):
        analyse_until_answered(fragile.target("emotion"), session, face, number)
        if number in (3, 9):
            kill(fragile, "scoring")
        if number in (6, 12):
            kill(fragile, "emotion")
    wait_until(lambda: is_healthy(fragile, "scoring"), "scoring is back")
    assert summary(rest, session)["frames"] == frames
    score(rest, session, mode="practice")
    wait_until(lambda: faces_known_to_scoring(rest, session) == frames, "scoring knows each frame once")
    rest.close()
