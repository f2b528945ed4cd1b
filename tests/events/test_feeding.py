# SPDX-License-Identifier: Apache-2.0
"""Frames through the queue, ours and a stranger's: each has its effect once, in order."""

import event_bus
import event_stage
import viva_client
from viva_platform import wait_until


def publish_frame(stage, session, number, index, frames, **properties):
    body = event_bus.frame_event(session, number, frames.time_ms(index), frames.pictures[index])
    stage.bus.publish("frame.captured", body, session=session, **properties)


def test_a_strangers_frame_comes_out_as_an_emotion(stage, rest, frames, watch):
    interview = rest.start(total_questions=1)
    publish_frame(stage, interview.id, 1, 0, frames)
    [message] = watch.wait_for(1, "emotion.analyzed", interview.id)
    event = message.json()
    assert event["metadata"]["source"] == "queue"
    assert event["metadata"]["frame_number"] == 1
    assert event["metadata"]["face_detected"] is True
    assert event["timestamp"].startswith("2023-11-14T22:13:20")
    assert stage.wait_for_frames(interview.id, 1) == [1]
    interview.answer_all()
    score = viva_client.ok(interview.complete())["score"]
    assert score["emotion_score"] is not None
    page = viva_client.ok(rest.get(f"/api/v1/emotions/session/{interview.id}"))
    assert [row["emotion"] for row in page["emotions"]] == [event["emotion"]]


def test_an_update_reaches_the_socket(stage, rest, frames):
    interview = rest.start()
    with interview.socket() as socket:
        socket.opening()
        publish_frame(stage, interview.id, 1, 0, frames)
        update = socket.expect("emotion_update")
        assert update["timestamp"] == frames.time_ms(0)
        assert update["face"]["width"] > 0


def test_a_message_twice_has_one_effect(stage, rest, frames, watch):
    interview = rest.start()
    first = {"message_id": "0198c9a1-7c1e-7b1e-8f3a-2f6d1f0a9b11"}
    for properties in (first, first, {}):
        publish_frame(stage, interview.id, 1, 0, frames, **properties)
    publish_frame(stage, interview.id, 1, 5, frames)  # another picture under the same number
    publish_frame(stage, interview.id, 2, 1, frames)
    watch.wait_for(2, "emotion.analyzed", interview.id)
    assert stage.wait_for_frames(interview.id, 2) == [1, 2]
    wait_until(lambda: sum(stage.outcomes(interview.id).values()) >= 4, "each message but the repeated one is noted")
    assert stage.outcomes(interview.id) == {"accepted": 2, "duplicate": 2}
    assert watch.frame_numbers("emotion.analyzed", interview.id) == [1, 2]
    assert stage.copied(interview.id) == [1, 2]


def test_an_emotion_twice_is_kept_once(stage, rest, frames, watch):
    interview = rest.start()
    publish_frame(stage, interview.id, 1, 0, frames)
    [message] = watch.wait_for(1, "emotion.analyzed", interview.id)
    stage.wait_for_frames(interview.id, 1)
    stage.bus.publish("emotion.analyzed", message.body, session=interview.id, message_id=message.message_id)
    publish_frame(stage, interview.id, 2, 1, frames)
    assert stage.wait_for_frames(interview.id, 2) == [1, 2]
    assert stage.copied(interview.id) == [1, 2]


def test_a_completion_twice_makes_one_score(stage, rest, watch):
    interview = rest.start(total_questions=1)
    interview.answer_all()
    score = viva_client.ok(interview.complete())["score"]
    [message] = watch.wait_for(1, "interview.completed", interview.id)
    watch.wait_for(1, "score.calculated", interview.id)
    stage.bus.publish("interview.completed", message.body, session=interview.id, message_id=message.message_id)
    other = rest.start(total_questions=1)
    other.answer_all()
    other.complete()
    watch.wait_for(1, "score.calculated", other.id)
    wait_until(lambda: len(stage.receiver.calls_of(other.id)) == 1, "the webhook of the interview behind it")
    assert viva_client.ok(interview.complete())["score"] == score
    assert interview.whole()["score"] == score


def test_frames_of_a_session_keep_their_order(stage, rest, frames, watch):
    interviews = [rest.start() for _ in range(3)]
    count = 12
    for index in range(count):
        for interview in interviews:
            event_stage.send_frames(interview, frames, [index])
    for interview in interviews:
        watch.wait_for(count, "emotion.analyzed", interview.id)
        numbers = watch.frame_numbers("frame.captured", interview.id)
        assert numbers == sorted(numbers) and len(set(numbers)) == count
        assert watch.frame_numbers("emotion.analyzed", interview.id) == numbers
        assert stage.wait_for_frames(interview.id, count) == numbers


def test_blinks_are_counted_through_the_queue(stage, rest, frames):
    interview = rest.start()
    count = len(frames.pictures)
    event_stage.send_frames(interview, frames, range(count))
    stage.wait_for_frames(interview.id, count)
    blinks = [count for _, count in stage.timeline(interview.id)]
    assert blinks == sorted(blinks)
    assert blinks[-1] == len(frames.blinks)


def test_what_has_no_face_or_is_no_picture_is_told_apart(stage, rest, frames, watch):
    interview = rest.start()
    grey = nobody()
    body = event_bus.frame_event(interview.id, 1, frames.time_ms(0), grey, format="png")
    stage.bus.publish("frame.captured", body, session=interview.id)
    [message] = watch.wait_for(1, "emotion.analyzed", interview.id)
    event = message.json()
    assert event["emotion"] == "" and event["confidence"] == 0
    assert event["metadata"]["face_detected"] is False


def nobody():
    """A grey PNG."""
    import io

    import PIL.Image

    out = io.BytesIO()
    PIL.Image.new("RGB", (320, 240), (120, 120, 120)).save(out, "PNG")
    return out.getvalue()
