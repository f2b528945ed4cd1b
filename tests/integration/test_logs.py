# SPDX-License-Identifier: Apache-2.0
"""What an interview leaves in the log: nothing secret. What all tests left there is looked at when their platform ends."""

import base64
import contextlib
import uuid

import pytest

import viva_client
from viva_client import now_ms, ok


@pytest.fixture(scope="module")
def interview(rest, frames):
    """An interview over every way, whose words can be searched for."""
    marked = rest.start(total_questions=3, user_id=f"user-{uuid.uuid4().hex}")
    marked.words = [f"secretword{uuid.uuid4().hex}" for _ in range(3)]
    ok(marked.answer(marked.started["question"]["id"], f"Here is a {marked.words[0]} that I tell no one."), 201)
    assert marked.answer("unknown", f"Here is a {marked.words[1]} that no one may see.").status_code == 422
    ok(marked.frame(frames.face))
    with marked.socket(headers={}) as socket:
        _, question = socket.opening()
        socket.send("answer", question_id=question["id"], transcript=f"And a {marked.words[2]} here.", duration=2)
        socket.expect("analysis")
        socket.send_frame(frames.face, now_ms())
        socket.wait_for("emotion_update")
        socket.connection.send(f'{{"type":"answer","data":{{"transcript":"{marked.words[1]}"')
        socket.wait_for("error")
    rest.get(f"{marked.path}?token={marked.token}", credential="")
    ok(marked.complete())
    return marked


def test_no_transcript_is_logged(platform, interview):
    for word in interview.words:
        assert word not in platform.log()


def test_no_token_is_logged(platform, interview):
    assert interview.token not in platform.log() and interview.token.split(".")[2] not in platform.log()


def test_no_image_data_is_logged(platform, interview, face):
    log = platform.log()
    encoded = base64.b64encode(face).decode()
    for at in range(0, len(encoded) - 40, 4000):
        assert encoded[at : at + 40] not in log


def test_no_personal_name_is_logged(platform, interview):
    assert interview.started.get("user_id", interview.whole()["user_id"]) not in platform.log()


def test_the_request_id_of_a_failure_leads_to_its_line(make_service, face):
    nobody = "127.0.0.1:1"
    service = make_service("interview", "--discovery-url", f"static:emotion={nobody};scoring={nobody}",
                           "--bus-url", f"amqp://guest:guest@{nobody}/")
    marker = f"trace-{uuid.uuid4().hex}"
    with contextlib.closing(viva_client.Rest(service.url, service.api_key)) as rest:
        answer = rest.start().frame(face, headers={"X-Request-Id": marker})
    assert answer.status_code == 503 and answer.json()["request_id"] == marker
    assert marker in service.running.log()
