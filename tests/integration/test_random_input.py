# SPDX-License-Identifier: Apache-2.0
"""Good requests changed at random, the same way in each run: nothing may crash, hang or answer 5xx."""

import base64
import json
import random

import grpc
import pytest
import websockets.exceptions

import viva_grpc
import viva_wire
from viva_client import ok, open_socket, websocket_url
from viva_grpc import CALL_LIMIT_S

pytestmark = pytest.mark.usefixtures("same_processes")
INTERESTING = [
    b"\0",
    b"\xff",
    b"\r\n",
    b"\n",
    b"%00",
    b'"',
    b"{",
    b"}",
    b"[",
    b"\\u0000",
    b"-1",
    b"1e999",
    b"\xed\xa0\x80",
    b"9" * 40,
    b"\xff\xd8\xff",
    b"\xff\xd9",
    b"A" * 3000,
    b"null",
    b"true",
    b"\x80",
    b",",
    b":",
    b"\x7f",
]
ALLOWED_STATUS = set(range(200, 300)) | set(range(400, 500))


def mutate(random_source, data):
    """A few changes to bytes: cut, repeated, overwritten, inserted."""
    out = bytearray(data)
    for _ in range(random_source.randint(1, 4)):
        at = random_source.randrange(len(out) + 1)
        kind = random_source.randrange(5)
        if kind == 0:
            del out[at : at + random_source.randint(1, 20)]
        elif kind == 1:
            out[at:at] = random_source.choice(INTERESTING)
        elif kind == 2:
            out[at : at + 1] = bytes([random_source.randrange(256)])
        elif kind == 3:
            out[at:at] = out[max(0, at - 30) : at]
        else:
            del out[at:]
        if not out:
            out = bytearray(b"x")
    return bytes(out)


def mutate_value(random_source, value):
    """A JSON value with one place exchanged for something of another kind or size."""
    odd = [None, True, -1, 0, 1e308, 2**70, "", "x", "x" * 2000, "\u202e\0", [], {}, [[]] * 50, {"a": {"b": [1]}}, -0.0]
    if isinstance(value, dict) and value and random_source.random() < 0.8:
        name = random_source.choice(list(value))
        if random_source.random() < 0.15:
            return {key: value[key] for key in value if key != name}
        return {**value, name: mutate_value(random_source, value[name])}
    return random_source.choice(odd)


def test_changed_http_requests_never_break_a_service(platform, rest):
    interview = rest.start(total_questions=3)
    authorization = f"Authorization: Bearer {rest.api_key}\r\n"
    body = json.dumps({"question_id": interview.started["question"]["id"], "transcript": "t", "duration": 1}).encode()
    requests = [
        f"GET {interview.path} HTTP/1.1\r\nHost: x\r\n{authorization}\r\n".encode(),
        f"POST {interview.path}/answers HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode() + body,
        f"POST /api/v1/scores/calculate HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n"
        'Transfer-Encoding: chunked\r\n\r\n5\r\n{"ses\r\n2\r\n":\r\n0\r\n\r\n'.encode(),
        f"GET {interview.started['ws_url']} HTTP/1.1\r\nHost: x\r\n{authorization}Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode(),
    ]
    source = random.Random(20_261)
    for round_number in range(240):
        address = platform.address(source.choice(["gateway", "gateway", "interview", "emotion", "scoring"]))
        with viva_wire.Wire(address) as wire:
            wire.send_if_open(mutate(source, source.choice(requests)))
            try:
                wire.finish_sending()
            except OSError:
                continue
            reply = wire.reply()
            assert reply is None or reply.status in ALLOWED_STATUS | {101, 501, 505}, (round_number, reply)


def test_changed_json_bodies_never_break_a_route(rest, face):
    interview = rest.start(total_questions=3)
    picture = base64.b64encode(face[:3000]).decode()
    bodies = [
        (
            "/api/v1/interviews/start",
            {
                "user_id": "u",
                "mode": "practice",
                "total_questions": 2,
                "question_set": "default",
                "consent": {"emotion_analysis": True, "recording": False},
            },
        ),
        (f"{interview.path}/answers", {"question_id": "q", "transcript": "t", "duration": 1.5, "confidence": 0.5}),
        (f"{interview.path}/frames", {"image_data": picture, "format": "jpeg", "timestamp": 1}),
        ("/api/v1/emotions/analyze", {"session_id": "r", "image_data": picture, "format": "jpeg", "timestamp": 1}),
        ("/api/v1/emotions/batch", {"session_id": "r", "frames": [{"image_data": picture, "format": "png"}]}),
        (
            "/api/v1/scores/calculate",
            {
                "session_id": "r",
                "answers": [{"question_id": "q", "transcript": "t", "duration": 2}],
                "emotions": [{"timestamp": 1, "emotion": "sad", "confidence": 1, "blink_count": 2}],
                "metadata": {"user_id": "u", "started_at": 1, "completed_at": 2},
            },
        ),
        (
            "/api/v1/scores/report",
            {"session_id": interview.id, "include_emotions": True, "include_video": False, "format": "json"},
        ),
    ]
    source = random.Random(20_262)
    for _ in range(300):
        path, body = source.choice(bodies)
        changed = mutate_value(source, body)
        content = json.dumps(changed).encode()
        if source.random() < 0.4:
            content = mutate(source, content)
        answer = rest.post(path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in ALLOWED_STATUS | {501}, (
            path,
            content[:300],
            answer.status_code,
            answer.text[:300],
        )
        assert answer.headers["x-request-id"]
    ok(interview.call("GET"))


def test_changed_websocket_messages_never_break_a_session(rest, face):
    interview = rest.start(total_questions=3)
    picture = base64.b64encode(face[:2000]).decode()
    messages = [
        {"type": "frame", "data": {"session_id": interview.id, "timestamp": 1, "image": picture}},
        {"type": "answer", "data": {"question_id": "q", "transcript": "t", "duration": 1}},
        {"type": "ping", "data": {}},
    ]
    source = random.Random(20_263)
    with interview.socket() as socket:
        socket.opening()
        for _ in range(250):
            content = json.dumps(mutate_value(source, source.choice(messages)))
            if source.random() < 0.5:
                content = mutate(source, content.encode()).decode("utf-8", "replace")
            socket.connection.send(content)
            if source.random() < 0.1:
                socket.connection.send(mutate(source, face[:500]))
        socket.send("ping")
        while socket.receive()[0] != "pong":
            pass
    assert interview.status()["status"] == "in_progress"


def test_changed_websocket_bytes_only_close_their_own_connection(platform, rest):
    interview = rest.start()
    source = random.Random(20_264)
    opening = (
        f"GET {interview.started['ws_url']} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {interview.token}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    ping = b"\x81\x98\0\0\0\0" + b'{"type":"ping","data":{}'
    for _ in range(60):
        with viva_wire.Wire(platform.address("gateway")) as wire:
            wire.send(opening)
            assert wire.reply(to_head=True).status == 101
            wire.send_if_open(mutate(source, ping * 3))
    with open_socket(websocket_url(rest.url, interview.started["ws_url"]), interview.token) as socket:
        socket.opening()


def test_changed_grpc_messages_never_break_a_service(platform, face):
    emotion_pb2, _, scoring_pb2, _ = viva_grpc.modules()
    frame = viva_grpc.frame_request("random", face[:4000], continuation=b"c" * 50).SerializeToString()
    batch = emotion_pb2.BatchRequest(session_id="random", frames=[emotion_pb2.FrameRequest.FromString(frame)] * 2)
    answer = scoring_pb2.AnswerRequest(question="q?", answer="An answer.", category="technical", confidence=0.9)
    score = scoring_pb2.ScoreRequest(session_id="random", answers=[scoring_pb2.Answer(question_id="q", transcript="t")])
    calls = [
        ("emotion", "/emotion.EmotionService/AnalyzeFrame", frame),
        ("emotion", "/emotion.EmotionService/DetectBlink", frame),
        ("emotion", "/emotion.EmotionService/AnalyzeBatch", batch.SerializeToString()),
        ("scoring", "/scoring.ScoringService/AnalyzeAnswer", answer.SerializeToString()),
        ("scoring", "/scoring.ScoringService/CalculateScore", score.SerializeToString()),
        (
            "scoring",
            "/scoring.ScoringService/GenerateReport",
            scoring_pb2.ReportRequest(session_id="r").SerializeToString(),
        ),
    ]
    allowed = {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.FAILED_PRECONDITION,
    }
    source = random.Random(20_265)
    channels = {name: viva_grpc.channel(platform.target(name)) for name in ("emotion", "scoring")}
    for _ in range(250):
        service, path, message = source.choice(calls)
        try:
            list(channels[service].unary_stream(path)(mutate(source, message), timeout=CALL_LIMIT_S))
        except grpc.RpcError as error:
            assert error.code() in allowed, (path, error.code(), error.details())
    for channel in channels.values():
        channel.close()


def test_a_flood_of_opened_and_dropped_sockets_leaves_the_session_usable(rest):
    interview = rest.start()
    url = websocket_url(rest.url, interview.started["ws_url"])
    for _ in range(60):
        try:
            open_socket(url, interview.token).connection.socket.close()
        except (OSError, websockets.exceptions.WebSocketException):
            pass
    with interview.socket() as socket:
        socket.opening()
