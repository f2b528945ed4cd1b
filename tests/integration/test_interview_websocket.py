# SPDX-License-Identifier: Apache-2.0
"""A whole interview over the WebSocket through the gateway, and what a socket's messages may be."""

import json

import pytest
import websockets.exceptions

import viva_pictures
from viva_client import CALL_LIMIT_S, fetch, now_ms, ok, open_socket, websocket_url


def test_a_whole_interview_over_the_websocket(rest, frames):
    interview = rest.start(total_questions=3)
    with interview.socket() as socket:
        status, question = socket.opening()
        assert status["progress"] == 0 and status["current_question"] == 1 and status["total_questions"] == 3
        assert question == {**question, **interview.started["question"]}

        for index in range(6):
            sent = now_ms()
            socket.send_frame(frames.pictures[index], sent, interview.id)
            update = socket.expect("emotion_update")
            assert update["timestamp"] == sent
            assert update["emotion"] and 0 <= update["confidence"] <= 1
            box = update["face"]
            assert (
                0 <= box["x"] < 640 and 0 <= box["y"] < 480 and 50 < box["width"] <= 640 and 50 < box["height"] <= 480
            )
            assert update["blink_count"] >= 0 and 0 <= update["attention"] <= 1

        for number in (1, 2, 3):
            socket.send(
                "answer",
                question_id=question["id"],
                duration=42.5,
                transcript=f"To the question, {question['text']} I say that I planned, tried and measured it.",
            )
            analysis = socket.expect("analysis")
            assert analysis["question_id"] == question["id"]
            for name in ("relevance_score", "clarity_score", "depth_score"):
                assert 0 <= analysis[name] <= 1
            status = socket.expect("status")
            assert status["progress"] == pytest.approx(100 * number / 3, abs=1)
            # The status after the answer to question n still names question n: n + 1 has not been put yet.
            assert status["current_question"] == number and status["total_questions"] == 3
            if number < 3:
                question = socket.expect("question")
                assert question["id"] and question["text"] and question["category"]
                assert interview.status()["current_question"] == number + 1
        assert status["progress"] == 100

        finished = ok(interview.complete())
        score = socket.wait_for("score")
        assert score["overall_score"] == finished["score"]["overall_score"]
    assert interview.status()["status"] == "scored"
    assert len(interview.whole()["answers"]) == 3


def test_a_client_that_reconnects_has_lost_nothing(rest):
    interview = rest.start(total_questions=3)
    with interview.socket() as socket:
        _, first = socket.opening()
        socket.send("answer", question_id=first["id"], transcript="I answer before the line breaks.", duration=10)
        socket.expect("analysis")
        socket.expect("status")
        second = socket.expect("question")
    with interview.socket() as socket:
        status, question = socket.opening()
        assert status["progress"] == pytest.approx(100 / 3, abs=1) and status["current_question"] == 2
        assert question["id"] == second["id"]
    assert [answer["question_id"] for answer in interview.whole()["answers"]] == [first["id"]]


def test_a_bare_picture_in_a_binary_message_is_a_frame(rest, face):
    interview = rest.start()
    with interview.socket() as socket:
        socket.opening()
        for picture in (face, viva_pictures.as_png(face)):
            before = now_ms()
            socket.connection.send(picture)
            update = socket.expect("emotion_update")
            assert before - 5000 <= update["timestamp"] <= now_ms() + 5000


def test_every_ping_gets_its_pong(rest):
    with rest.start().socket() as socket:
        socket.opening()
        for _ in range(20):
            socket.send("ping")
        for _ in range(20):
            assert socket.expect("pong") == {}
        assert socket.connection.ping().wait(CALL_LIMIT_S)


def test_a_faceless_picture_is_told_once_while_it_lasts(rest):
    room = viva_pictures.encode(viva_pictures.empty_room())
    with rest.start().socket() as socket:
        socket.opening()
        socket.send_frame(room, now_ms())
        error = socket.expect("error")
        assert error["code"] == "FACE_NOT_DETECTED" and error["message"]
        for _ in range(5):
            socket.send_frame(room, now_ms())
        socket.send("ping")
        # Five frames can't all fall five seconds apart from each other, unless the machine stands still.
        told = 0
        while (message := socket.receive())[0] != "pong":
            assert message[0] == "error" and message[1]["code"] == "FACE_NOT_DETECTED"
            told += 1
        assert told < 5


def test_a_dark_picture_gets_an_update_and_one_friendly_hint(rest, face):
    dark = viva_pictures.darkened(face)
    with rest.start().socket() as socket:
        socket.opening()
        for index in range(4):
            socket.send_frame(dark, now_ms())
            update = socket.wait_for("emotion_update")
            assert update["hint"] == "too_dark" and update["face_count"] == 1
            assert abs(update["head_pose"]["yaw"]) < 30 and abs(update["head_pose"]["roll"]) < 30
            assert update["gaze"] is None or abs(update["gaze"]["yaw"]) < 60
            if index == 0:
                hint = socket.expect("hint")
                assert hint["code"] == "too_dark" and "lamp" in hint["message"]
        socket.send("ping")
        # The hint may only come again after five seconds, should the machine be that slow.
        while (message := socket.receive())[0] != "pong":
            assert message[0] == "hint"


def test_the_newest_frame_wins_and_nothing_queues_up(rest, frames):
    interview = rest.start()
    with interview.socket() as socket:
        socket.opening()
        stamps = [now_ms() + index for index in range(60)]
        for index, stamp in enumerate(stamps):
            socket.send_frame(frames.pictures[index % len(frames.pictures)], stamp)
        seen = []
        while not seen or seen[-1] != stamps[-1]:
            kind, data = socket.receive()
            if kind == "error":
                assert data["code"] == "RATE_LIMITED", data
            else:
                assert kind == "emotion_update"
                seen.append(data["timestamp"])
        assert seen == sorted(seen) and set(seen) <= set(stamps)


BAD_MESSAGES = [
    ("hello", "INVALID_JSON"),
    ("", "INVALID_JSON"),
    ("{", "INVALID_JSON"),
    ("[" * 50_000, "INVALID_JSON"),
    ('{"type":"ping","data":' + "[" * 1000 + "]" * 1000 + "}", "INVALID_JSON"),
    ('{"type":"ping","data":{}} trailing', "INVALID_JSON"),
    ('{"type":"ping\\u0000","data":{}}', "INVALID_JSON"),
    ("[]", "INVALID_MESSAGE"),
    ("17", "INVALID_MESSAGE"),
    ("{}", "INVALID_MESSAGE"),
    ('{"type":5,"data":{}}', "INVALID_MESSAGE"),
    ('{"type":"answer","data":7}', "INVALID_MESSAGE"),
    ('{"type":"answer"}', "INVALID_MESSAGE"),
    ('{"type":"answer","data":{}}', "INVALID_MESSAGE"),
    ('{"type":"answer","data":{"question_id":"x","transcript":"t","duration":1}}', "UNKNOWN_QUESTION"),
    ('{"type":"answer","data":{"question_id":"x","transcript":"t","duration":-5}}', "INVALID_MESSAGE"),
    ('{"type":"dance","data":{}}', "UNKNOWN_TYPE"),
    ('{"type":"","data":{}}', "UNKNOWN_TYPE"),
    ('{"type":"frame","data":{}}', "INVALID_MESSAGE"),
    ('{"type":"frame","data":{"timestamp":1,"image":7}}', "INVALID_MESSAGE"),
    ('{"type":"frame","data":{"timestamp":"now","image":"AAAA"}}', "INVALID_MESSAGE"),
    ('{"type":"frame","data":{"timestamp":1,"image":"not base64 !!"}}', "INVALID_IMAGE"),
    ('{"type":"frame","data":{"timestamp":1,"image":""}}', "INVALID_IMAGE"),
    ('{"type":"frame","data":{"timestamp":1,"image":"AAAA"}}', "INVALID_IMAGE"),
]


@pytest.mark.parametrize("message, code", BAD_MESSAGES, ids=[text[:50] for text, _ in BAD_MESSAGES])
def test_a_bad_message_gets_an_error_and_the_connection_lives_on(rest, message, code):
    with rest.start().socket() as socket:
        socket.opening()
        socket.connection.send(message)
        error = socket.expect("error")
        assert error["code"] == code and error["message"], error
        socket.send("ping")
        assert socket.expect("pong") == {}


def test_an_answer_twice_is_told_and_changes_nothing(rest):
    interview = rest.start(total_questions=2)
    with interview.socket() as socket:
        _, question = socket.opening()
        socket.send("answer", question_id=question["id"], transcript="I say it once.", duration=3)
        for kind in ("analysis", "status", "question"):
            socket.expect(kind)
        socket.send("answer", question_id=question["id"], transcript="I say it twice.", duration=3)
        assert socket.expect("error")["code"] == "ALREADY_ANSWERED"
    assert [answer["transcript"] for answer in interview.whole()["answers"]] == ["I say it once."]


def test_a_socket_of_a_finished_interview_says_so(rest, face):
    interview = rest.start(total_questions=1)
    interview.answer_all()
    ok(interview.complete())
    with interview.socket() as socket:
        status = socket.expect("status")
        assert status["progress"] == 100
        socket.send("answer", question_id=interview.started["question"]["id"], transcript="more", duration=1)
        assert socket.wait_for("error")["code"] == "INTERVIEW_COMPLETED"
        socket.send_frame(face, now_ms())
        assert socket.wait_for("error")["code"] == "INTERVIEW_COMPLETED"


def test_an_oversized_frame_is_told_and_the_connection_lives_on(rest, face):
    with rest.start().socket() as socket:
        socket.opening()
        socket.send_frame(b"\xff\xd8" + b"x" * (40 << 20), now_ms())
        assert socket.expect("error")["code"] == "FRAME_TOO_LARGE"
        socket.send_frame(face, now_ms())
        assert socket.expect("emotion_update")["emotion"]


def test_an_answer_and_frames_go_side_by_side(rest, frames):
    interview = rest.start(total_questions=1)
    with interview.socket() as socket:
        _, question = socket.opening()
        socket.send_frame(frames.pictures[0], now_ms())
        socket.send("answer", question_id=question["id"], transcript="I can talk and be seen at once.", duration=5)
        wanted = {"emotion_update", "analysis", "status"}
        while wanted:
            kind, _ = socket.receive()
            wanted.discard(kind)


def test_two_sockets_of_one_interview_both_follow_it(rest):
    interview = rest.start(total_questions=1)
    with interview.socket() as one, interview.socket() as two:
        _, question = one.opening()
        two.opening()
        one.send("answer", question_id=question["id"], transcript="I speak into one of them.", duration=5)
        one.expect("analysis")
        assert one.expect("status")["progress"] == 100
        ok(interview.complete())
        assert one.wait_for("score")["overall_score"] == two.wait_for("score")["overall_score"]


def test_a_plain_request_to_the_socket_is_refused_without_an_upgrade(rest):
    interview = rest.start()
    answer = rest.get(interview.started["ws_url"], credential=interview.token)
    assert answer.status_code in (400, 426)
    assert json.loads(answer.text)["error"]


def test_a_socket_of_an_unknown_interview_is_refused(rest):
    with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
        open_socket(websocket_url(rest.url, "/ws/interviews/00000000-0000-7000-8000-000000000000"), rest.api_key)
    assert caught.value.response.status_code == 404


def test_the_interview_services_own_port_serves_the_same_socket(rest, platform):
    interview = rest.start(total_questions=1)
    with interview.socket(base=platform.url("interview")) as socket:
        _, question = socket.opening()
        assert question["id"] == interview.started["question"]["id"]
    direct = fetch(
        f"{platform.url('interview')}{interview.path}/status", headers={"Authorization": f"Bearer {interview.token}"}
    )
    assert direct.json() == interview.status()
