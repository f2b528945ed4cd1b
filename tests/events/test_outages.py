# SPDX-License-Identifier: Apache-2.0
"""Services that die in the middle of an interview: what they missed comes by event when they are back."""

import event_stage
import viva_client
from viva_platform import wait_until

BEFORE, DURING, AFTER = 2, 6, 2


def collect_updates(socket, count):
    """The timestamps of the next so many updates."""
    return [socket.wait_for("emotion_update")["timestamp"] for _ in range(count)]


def test_live_frames_fall_back_to_the_queue(stage, rest, frames, watch):
    interview = rest.start()
    with interview.socket() as socket:
        socket.opening()
        for index in range(BEFORE):
            event_stage.show_frame(socket, frames, index)
        with stage.without("emotion"):
            for index in range(BEFORE, BEFORE + DURING):
                socket.send_frame(frames.pictures[index], frames.time_ms(index))
                watch.wait_for(index - BEFORE + 1, "frame.captured", interview.id)
        late = collect_updates(socket, DURING)
        assert sorted(late) == [frames.time_ms(index) for index in range(BEFORE, BEFORE + DURING)]
        for index in range(BEFORE + DURING, BEFORE + DURING + AFTER):
            wait_for_live(socket, frames, index)
    total = BEFORE + DURING + AFTER
    numbers = stage.wait_for_frames(interview.id, total)
    assert len(set(numbers)) == len(numbers) == total
    watch.wait_for(total, "emotion.analyzed", interview.id)
    # One that was published when emotion died may be published again: under the same id, so that it counts once.
    events = {message.message_id: message for message in watch.messages("emotion.analyzed", interview.id)}
    analysed = [message.json()["metadata"]["frame_number"] for message in events.values()]
    assert sorted(analysed) == sorted(numbers)


def wait_for_live(socket, frames, index):
    """The breaker may need a moment to close: then the frame comes by the queue."""
    socket.send_frame(frames.pictures[index], frames.time_ms(index))
    assert collect_updates(socket, 1) == [frames.time_ms(index)]


def test_queued_frames_wait_for_emotion(stage, rest, frames):
    interview = rest.start()
    with stage.held("emotion"):
        numbers = event_stage.send_frames(interview, frames, range(5))
        wait_until(lambda: stage.outcomes(interview.id) == {"accepted": 5}, "the worker lets them pass")
    assert stage.wait_for_frames(interview.id, 5) == numbers


def test_queued_frames_wait_for_the_worker(stage, rest, frames):
    interview = rest.start()
    with stage.without("worker"):
        numbers = event_stage.send_frames(interview, frames, range(5))
        assert stage.timeline(interview.id) == []
    assert stage.wait_for_frames(interview.id, 5) == numbers


def test_a_score_follows_when_scoring_is_back(stage, rest, frames, watch):
    interview = rest.start(total_questions=1)
    with interview.socket() as socket:
        socket.opening()
        with stage.without("scoring"):
            reply = interview.answer_all()[-1]
            assert reply["analysis"] is None
            completion = viva_client.ok(interview.complete())
            assert completion["score"] is None and completion["status"] == "completed"
            watch.wait_for(1, "interview.completed", interview.id)
        score = socket.wait_for("score")
        assert score["overall_score"] > 0
    watch.wait_for(1, "score.calculated", interview.id)
    whole = interview.whole()
    assert whole["status"] == "scored"
    assert whole["score"]["overall_score"] == score["overall_score"]
    wait_until(lambda: interview.whole()["answers"][0]["analysis"], "the analysis follows, too")


def test_frames_on_their_way_count_for_the_score(stage, rest, frames):
    """The worker waits for queued frames before it has an interview scored whose score could not be made."""
    interview = rest.start(total_questions=1)
    with stage.held("emotion"):
        numbers = event_stage.send_frames(interview, frames, range(3))
        with stage.without("scoring"):
            interview.answer_all()
            assert viva_client.ok(interview.complete())["score"] is None
    assert stage.wait_for_frames(interview.id, 3) == numbers
    wait_until(lambda: interview.status()["status"] == "scored", "it is scored")
    assert interview.whole()["score"]["emotion_score"] is not None


def test_what_was_answered_202_survives_the_interview_service(stage, rest, frames):
    interview = rest.start()
    with stage.held("worker"):
        numbers = event_stage.send_frames(interview, frames, range(4))
        with stage.without("interview"):
            pass
    assert stage.wait_for_frames(interview.id, 4) == numbers
