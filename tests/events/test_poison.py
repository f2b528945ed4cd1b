# SPDX-License-Identifier: Apache-2.0
"""What can't be read ends in dead.letters with a reason, and nothing behind it waits."""

import json

import pytest

import event_bus
import event_schemas
import viva_client
from viva_platform import wait_until

LARGE = 20 << 20
QUEUES = {
    "frame.captured": ["worker.frames"],
    "frame.accepted": ["emotion.frames"],
    "emotion.analyzed": ["scoring.emotions"],
    "interview.completed": ["worker.completions"],
    "score.calculated": ["worker.scores"],
    "interview.erased": ["emotion.erasures", "scoring.erasures", "worker.erasures"],
}


def poisons(event, session):
    """(what it is, the body, its type)."""
    good = {**event_schemas.schema_of(event)["examples"][0], "session_id": session}
    text = json.dumps(good).encode()
    member = next(name for name, value in good.items() if name != "session_id")
    yield "not JSON", text[:-1], event
    yield "a missing member", json.dumps({name: good[name] for name in good if name != member}).encode(), event
    yield "a wrong type", json.dumps({**good, member: {"no": "value"}}).encode(), event
    yield "too large", json.dumps({**good, "more": "x" * LARGE}).encode(), event
    yield "an unknown type", text, "SomethingElse"
    yield "not UTF-8", text.replace(b"session_id", b"session\xff"), event
    yield "empty", b"", event



@pytest.mark.parametrize("key", QUEUES)
def test_poison_dies_and_what_is_behind_it_lives(stage, rest, frames, watch, key):
    interview = rest.start(total_questions=1)
    event = event_bus.KEYS[key]
    partition = event_bus.partition_of(interview.id)
    before = len(stage.letters())
    kinds = list(poisons(event, interview.id))
    for _, body, kind in kinds:
        stage.bus.publish(key, body, session=interview.id, type=kind, partition=partition)
    check_what_is_behind(stage, rest, frames, watch, key, interview, partition)

    expected = len(kinds) * len(QUEUES[key])
    wait_until(lambda: len(stage.letters()) >= before + expected, f"{expected} more dead letters")
    letters = stage.letters()[before:]
    assert len(letters) == expected
    for letter in letters:
        assert letter["reason"] and interview.id not in letter["reason"], letter
        assert any(letter["queue"].startswith(queue) for queue in QUEUES[key]), letter
    check_as_a_stranger(stage, key, expected)
    # What the good message led to, or its acknowledgement, may still be on its way.
    wait_until(lambda: stage.queue_depths()[0] == 0, "the queues are empty")
    stage.drop_letters()


def check_what_is_behind(stage, rest, frames, watch, key, interview, partition):
    """A good message behind the poison is handled."""
    if key.startswith("frame."):
        body = event_bus.frame_event(interview.id, 1, frames.time_ms(0), frames.face)
        stage.bus.publish(key, body, session=interview.id, partition=partition, type="FrameCaptured")
        assert stage.wait_for_frames(interview.id, 1) == [1]
    elif key == "emotion.analyzed":
        event = {**event_schemas.schema_of("EmotionAnalyzed")["examples"][0], "session_id": interview.id}
        stage.bus.publish(key, json.dumps(event).encode(), session=interview.id)
        wait_until(lambda: stage.copied(interview.id) == [7], "the emotion behind is kept")
    elif key == "interview.erased":
        assert interview.call("DELETE").status_code == 204
        wait_for_sound(watch, key, interview.id)
        wait_until(lambda: stage.queue_depths()[0] == 0, "the erasure behind is done")
    else:
        interview.answer_all()
        viva_client.ok(interview.complete())
        if key == "score.calculated":
            wait_until(lambda: stage.receiver.calls_of(interview.id), "the webhook of the score behind")
        else:
            noted = "SELECT 1 FROM worker_inbox WHERE message_id = ?"
            last = wait_for_sound(watch, key, interview.id)
            wait_until(lambda: stage.rows(noted, last.message_id), "the completion behind is done")


def wait_for_sound(watch, key, session):
    """The first message of this key and session that is an event by type and schema, once it is there."""

    def sound():
        event = event_bus.KEYS[key]
        return [message for message in watch.messages(key, session)
                if message.type == event and len(message.body) < LARGE
                and event_schemas.is_valid(event, message.json())]  # fmt: skip

    return wait_until(sound, f"a sound {key}")[0]


def check_as_a_stranger(stage, key, expected):
    """Over AMQP each letter has its reason in a header, whole as it came."""
    if stage.bus.name != "rabbitmq":
        return
    letters = stage.bus.letters()[-expected:]
    assert sum(len(body) > LARGE for _, _, body in letters) == len(QUEUES[key])
    for queue, reason, _ in letters:
        assert reason
        assert any(queue.startswith(name) for name in QUEUES[key])
