# SPDX-License-Identifier: Apache-2.0
"""A stranger who watches the bus sees a whole interview, as the contract and the schemas promise."""

import re
import uuid

import event_schemas
import event_stage
import viva_client

PUBLISHERS = {
    "frame.captured": "interview",
    "frame.accepted": "worker",
    "emotion.analyzed": "emotion",
    "interview.completed": "interview",
    "score.calculated": "scoring",
    "interview.erased": "interview",
    "interview.changed": "interview",
}
TYPES = {
    "frame.captured": "FrameCaptured",
    "frame.accepted": "FrameCaptured",
    "emotion.analyzed": "EmotionAnalyzed",
    "interview.completed": "InterviewCompleted",
    "score.calculated": "ScoreCalculated",
    "interview.erased": "InterviewErased",
    "interview.changed": "InterviewChanged",
}
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
QUEUED, LIVE = 5, 3


def hold_interview(rest, frames):
    """Queued and live frames, all answers; the interview, and its completion."""
    interview = rest.start(total_questions=2)
    event_stage.send_frames(interview, frames, range(QUEUED))
    with interview.socket() as socket:
        socket.opening()
        for index in range(LIVE):
            event_stage.show_frame(socket, frames, 20 + index)
    interview.answer_all()
    return interview, viva_client.ok(interview.complete())


def check_properties(message, started_s):
    assert message.type == TYPES[message.routing_key]
    assert message.app_id == PUBLISHERS[message.routing_key]
    assert uuid.UUID(message.message_id).version == 7
    assert started_s - 1 <= message.timestamp <= viva_client.now_ms() // 1000 + 1
    assert TRACEPARENT.fullmatch(message.traceparent), message.traceparent
    if message.content_type is not None:
        assert message.content_type == "application/json"
        assert message.delivery_mode == 2
    event_schemas.validate(message.type, message.json())


def test_a_stranger_sees_all_events_of_an_interview(stage, rest, frames, watch):
    started_s = viva_client.now_ms() // 1000
    interview, completion = hold_interview(rest, frames)
    watch.wait_for(QUEUED + LIVE, "emotion.analyzed", interview.id)
    watch.wait_for(1, "score.calculated", interview.id)
    # Nobody is told of the completion of an interview that was erased before.
    watch.wait_for(1, "interview.completed", interview.id)
    watch.wait_for(1, "interview.changed", interview.id)
    stage.wait_for_frames(interview.id, QUEUED + LIVE)
    assert interview.call("DELETE").status_code == 204
    watch.wait_for(1, "interview.erased", interview.id)

    seen = watch.messages(session=interview.id)
    for message in seen:
        check_properties(message, started_s)
    assert {message.routing_key for message in seen} == set(TYPES)
    # The worker passes a frame on under the id it came with.
    assert len({(message.routing_key, message.message_id) for message in seen}) == len(seen)
    check_frames(watch, interview)
    check_score(watch, interview, completion)


def check_frames(watch, interview):
    assert watch.frame_numbers("frame.captured", interview.id) == watch.frame_numbers("frame.accepted", interview.id)
    assert len(watch.messages("frame.captured", interview.id)) == QUEUED
    analysed = [message.json() for message in watch.messages("emotion.analyzed", interview.id)]
    numbers = [event["metadata"]["frame_number"] for event in analysed]
    assert len(set(numbers)) == len(numbers) == QUEUED + LIVE
    sources = {event["metadata"]["frame_number"]: event["metadata"]["source"] for event in analysed}
    assert sorted(sources.values()) == ["live"] * LIVE + ["queue"] * QUEUED
    queued = set(watch.frame_numbers("frame.captured", interview.id))
    assert {number for number, source in sources.items() if source == "queue"} == queued
    for event in analysed:
        assert event["metadata"]["face_detected"] and event["emotion"] and event["metadata"]["face"]["width"] > 0


def check_score(watch, interview, completion):
    [completed] = [message.json() for message in watch.messages("interview.completed", interview.id)]
    assert completed["user_id"] == "test-user"
    assert completed["answer_count"] == 2
    assert completed["completed_at"] == completion["completed_at"]
    assert completed.get("queued_frames", QUEUED) == QUEUED
    scores = [message.json() for message in watch.messages("score.calculated", interview.id)]
    for name in ("technical_score", "communication_score", "overall_score"):
        assert any(abs(score[name] - completion["score"][name]) < 0.01 for score in scores)


def test_an_interview_without_consent_publishes_no_frame(stage, rest, frames, watch):
    interview = rest.start(total_questions=1, emotion=False)
    viva_client.assert_error(interview.frame(frames.face), 403, "EMOTION_NOT_ALLOWED")
    interview.answer_all()
    viva_client.ok(interview.complete())
    [score] = watch.wait_for(1, "score.calculated", interview.id)
    assert score.json()["emotion_score"] == 0
    watch.wait_for(1, "interview.completed", interview.id)
    watch.wait_for(1, "interview.changed", interview.id)
    assert {message.routing_key for message in watch.messages(session=interview.id)} == {
        "interview.completed",
        "interview.changed",
        "score.calculated",
    }
