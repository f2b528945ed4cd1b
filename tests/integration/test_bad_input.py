# SPDX-License-Identifier: Apache-2.0
"""Pictures that are none or too much, and texts that no one would write: an error each, and the processes live on."""

import base64
import concurrent.futures
import uuid

import grpc
import pytest

import viva_grpc
import viva_pictures
import viva_wire
from viva_client import assert_error, now_ms, ok
from viva_grpc import CALL_LIMIT_S, assert_status, frame_request

pytestmark = pytest.mark.usefixtures("same_processes")
TOO_LARGE = 40 << 20


@pytest.fixture(scope="module")
def bad(face):
    return viva_pictures.bad_pictures(face)


def test_a_bad_picture_is_refused_over_rest(rest, bad):
    interview = rest.start()
    for name, picture in bad.items():
        raw = interview.frame(picture)
        assert raw.status_code in (400, 413, 422), (name, raw.status_code, raw.text)
        assert raw.json()["code"] in ("INVALID_IMAGE", "INVALID_MESSAGE", "FRAME_TOO_LARGE"), (name, raw.text)
        answer = rest.post(
            "/api/v1/emotions/analyze",
            json={"session_id": str(uuid.uuid4()), "format": "jpeg", "image_data": base64.b64encode(picture).decode()},
        )
        assert answer.status_code in (413, 422), (name, answer.text)
    assert interview.status()["status"] == "in_progress"


def test_a_bad_picture_is_refused_over_grpc(emotion, bad):
    for name, picture in bad.items():
        for method in (emotion.AnalyzeFrame, emotion.DetectFace, emotion.DetectBlink):
            with pytest.raises(grpc.RpcError) as caught:
                method(frame_request(f"bad {name}", picture), timeout=CALL_LIMIT_S)
            assert caught.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED), name


def test_a_bad_picture_is_refused_over_the_websocket(rest, bad, face):
    with rest.start().socket() as socket:
        socket.opening()
        for name, picture in bad.items():
            if len(picture) > 4 << 20:
                continue
            socket.send_frame(picture, now_ms())
            assert socket.expect("error")["code"] in ("INVALID_IMAGE", "FRAME_TOO_LARGE"), name
            socket.connection.send(picture)
            assert socket.expect("error")["code"] in ("INVALID_IMAGE", "INVALID_MESSAGE", "FRAME_TOO_LARGE"), name
        socket.send_frame(face, now_ms())
        assert socket.expect("emotion_update")["emotion"]


def test_a_bad_picture_in_a_batch_spoils_only_itself(emotion, bad, face):
    pictures = [face]
    for picture in bad.values():
        pictures += [picture, face]
    pictures = [picture for picture in pictures if len(picture) < 1 << 20]
    request = viva_grpc.modules()[0].BatchRequest(
        session_id=str(uuid.uuid4()),
        frames=[frame_request("", picture, 1_700_000_000_000 + 40 * index) for index, picture in enumerate(pictures)],
    )
    responses = list(emotion.AnalyzeBatch(request, timeout=CALL_LIMIT_S))
    assert len(responses) == len(pictures)
    for picture, response in zip(pictures, responses):
        assert bool(response.error) == (picture is not face) and response.face_metrics.detected == (picture is face)


def test_a_frame_of_40_megabytes_is_too_large_everywhere(rest, platform, emotion, face):
    interview = rest.start()
    huge = face + b"\0" * TOO_LARGE
    for path in (f"{interview.path}/frames", f"/api/v1/emotions/analyze?session_id={interview.id}"):
        with viva_wire.Wire(platform.address("gateway")) as wire:
            wire.send(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {rest.api_key}\r\n"
                f"Content-Type: image/jpeg\r\nContent-Length: {len(huge)}\r\n\r\n".encode()
            )
            reply = wire.reply()
        assert reply.status == 413 and b"FRAME_TOO_LARGE" in reply.body, reply
    assert_status(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        lambda: emotion.AnalyzeFrame(frame_request("huge", huge), timeout=CALL_LIMIT_S),
    )
    assert interview.status()["status"] == "in_progress"


def test_nul_bytes_and_invalid_utf8_are_refused_in_every_text(rest):
    interview = rest.start()
    question = interview.started["question"]["id"].encode()
    json_type = {"Content-Type": "application/json"}
    for body in (
        b'{"question_id":"a\\u0000b","transcript":"t","duration":1}',
        b'{"question_id":"' + question + b'","transcript":"a\\u0000b","duration":1}',
        b'{"question_id":"' + question + b'","transcript":"\xc3\x28","duration":1}',
        b'{"question_id":"' + question + b'","transcript":"\xed\xa0\x80","duration":1}',
        b'{"question_id":"' + question + b'","transcript":"\\ud800","duration":1}',
    ):
        assert_error(interview.call("POST", "/answers", content=body, headers=json_type), 400, "INVALID_JSON")
    assert interview.status()["progress"] == 0


def test_a_transcript_without_an_end_is_refused(rest):
    interview = rest.start()
    answer = interview.answer(interview.started["question"]["id"], "word " * 300_000)
    assert answer.status_code in (413, 422), answer.text
    assert interview.status()["progress"] == 0


def test_numbers_that_json_can_write_and_no_one_can_mean_are_refused(rest):
    interview = rest.start()
    question = interview.started["question"]["id"]
    for number in (
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "1e308",
        "-1",
        "99999999999999999999999999",
        "0x10",
        "01",
        "1.",
    ):
        body = f'{{"question_id":"{question}","transcript":"t","duration":{number}}}'
        answer = interview.call("POST", "/answers", content=body.encode(), headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), (number, answer.text)
    assert interview.status()["progress"] == 0


def test_answering_and_completing_twice_at_once_counts_once(rest):
    interview = rest.start(total_questions=1)
    question = interview.started["question"]["id"]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: interview.answer(question, f"I answer, attempt number {n}."), range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        completions = list(threads.map(lambda _: interview.complete(), range(8)))
    assert {completion.status_code for completion in completions} == {200}
    assert len({completion.json()["completed_at"] for completion in completions}) == 1
    assert len(interview.whole()["answers"]) == 1


def test_unicode_of_every_kind_survives_the_way_through(rest):
    interview = rest.start(total_questions=1, user_id="Zoë \U0001f9d1\u200d\U0001f680 “quoted”")
    said = "Grüße, 日本語, \U0001f468\u200d\U0001f469\u200d\U0001f467, e\u0301, \u202e, \\ / \" ' < & \u2028"
    ok(interview.answer(interview.started["question"]["id"], said), 201)
    whole = interview.whole()
    assert whole["answers"][0]["transcript"] == said
    assert whole["user_id"] == "Zoë \U0001f9d1\u200d\U0001f680 “quoted”"


def test_one_token_cannot_reach_another_interview_by_the_body(rest, face):
    mine, other = rest.start(), rest.start()
    answer = rest.post(
        "/api/v1/emotions/analyze",
        credential=mine.token,
        json={"session_id": other.id, "format": "jpeg", "image_data": base64.b64encode(face).decode()},
    )
    assert_error(answer, 403, "UNAUTHORIZED")
    with mine.socket() as socket:
        socket.opening()
        socket.send_frame(face, now_ms(), other.id)
        kind, data = socket.receive()
        assert kind == "error" and data["code"] in ("UNAUTHORIZED", "INVALID_MESSAGE"), (kind, data)
    timeline = rest.get(f"/api/v1/emotions/session/{other.id}")
    assert timeline.status_code == 404 or timeline.json()["emotions"] == []
