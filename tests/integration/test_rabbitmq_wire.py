# SPDX-License-Identifier: Apache-2.0
"""What a stock AMQP client sees of Viva's messages, and what it may send."""

import json
import re
import time

import pika
import pika.exceptions
import pytest

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01$")


def drain(channel, queue, count, limit_s=180):
    """Up to `count` messages of a queue, waited for and acknowledged. (basic.get does not work on queues with a single
    active consumer.)"""
    channel.basic_qos(prefetch_count=1)
    taken = []
    for method, properties, body in channel.consume(queue, inactivity_timeout=limit_s):
        if method is None:
            break
        channel.basic_ack(method.delivery_tag)
        taken.append((properties, body))
        if len(taken) == count:
            break
    channel.cancel()
    return taken


def take(channel, queue):
    """The first message of a queue."""
    (message,) = drain(channel, queue, 1)
    return message


def publish(channel, key, body, exchange="interview.events", **properties):
    """As a stock client does, mandatory, so that what no queue takes is an error."""
    channel.basic_publish(exchange, key, body, pika.BasicProperties(**properties), mandatory=True)


def test_a_message_carries_the_contracts_properties(bus, channel):
    bus().command("publish", "frame.captured", "session-1", '{"n":1}')
    properties, body = take(channel, "worker.frames")
    assert json.loads(body) == {"n": 1}
    assert properties.content_type == "application/json"
    assert properties.delivery_mode == 2
    assert properties.type == "FrameCaptured"
    assert properties.app_id == "driver"
    assert UUID7.match(properties.message_id)
    assert abs(properties.timestamp - time.time()) < 3600
    assert TRACEPARENT.match(properties.headers["traceparent"])
    assert properties.headers["session_id"] == "session-1"
    assert properties.headers["timestamp_in_ms"] // 1000 == properties.timestamp


def test_the_topology_is_what_the_contract_says(bus, channel):
    bus(partitions=3)
    channel.exchange_declare("interview.events", "topic", durable=True)
    dead_letters = {"x-queue-type": "quorum", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead.letters",
                    "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
                    "x-delivery-limit": 19}  # fmt: skip
    ordered = {"x-single-active-consumer": True}
    queues = {"worker.frames": ordered, "scoring.emotions": {}, "worker.completions": {}, "worker.scores": {},
              "emotion.erasures": {}, "scoring.erasures": {}, "worker.erasures": {},
              **{f"emotion.frames.{number}": ordered for number in range(3)}}  # fmt: skip
    for queue, more in queues.items():
        # The same arguments, or this is refused.
        channel.queue_declare(queue, durable=True, arguments={**dead_letters, **more})
    channel.queue_declare("dead.letters", passive=True)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        channel.queue_declare("emotion.frames.3", passive=True)


def test_each_routing_key_reaches_its_queues(bus, channel):
    driver = bus(partitions=3)
    keys = {"frame.captured": ["worker.frames"], "emotion.analyzed": ["scoring.emotions"],
            "interview.completed": ["worker.completions"], "score.calculated": ["worker.scores"],
            "interview.erased": ["emotion.erasures", "scoring.erasures", "worker.erasures"]}  # fmt: skip
    for key, queues in keys.items():
        driver.command("publish", key, "s", key)
        for queue in queues:
            assert take(channel, queue)[1].decode() == key
    assert sum(waiting for waiting, _ in driver.queues().values()) == 0


def test_a_sessions_accepted_frames_go_to_one_partition(bus, channel):
    driver = bus(partitions=3)
    for session in range(12):
        for _ in range(2):
            driver.command("publish", "frame.accepted", f"session-{session}", "x")
    partitions = {}
    waiting = driver.queues()
    for number in range(3):
        for properties, _ in drain(channel, f"emotion.frames.{number}", waiting[f"emotion.frames.{number}"][0]):
            assert properties.headers["partition"] == number
            partitions.setdefault(properties.headers["session_id"], []).append(number)
    assert sorted(map(len, partitions.values())) == [2] * 12
    assert all(len(set(numbers)) == 1 for numbers in partitions.values())
    assert {numbers[0] for numbers in partitions.values()} == {0, 1, 2}


@pytest.mark.parametrize("headers", [None, {"partition": 99}, {"partition": "0"}, {"partition": -1}])
def test_an_accepted_frame_without_a_valid_partition_goes_to_the_worker(bus, channel, headers):
    bus(partitions=3)
    publish(channel, "frame.accepted", b"lost", headers=headers)
    assert take(channel, "worker.frames")[1] == b"lost"


def test_a_stock_client_may_send_a_body_and_a_type_and_nothing_else(bus, channel):
    driver = bus()
    publish(channel, "frame.captured", b'{"bare":true}', type="FrameCaptured")
    driver.command("consume", "worker.frames", 4, "ack")
    (got,) = driver.wait_for_got(1)
    assert (got.key, got.type, got.session, got.retries, got.text) == ("frame.captured", "FrameCaptured", "-", 0, '{"bare":true}')
    assert len(got.message_id) == 36


def test_a_message_without_an_id_keeps_the_one_that_it_gets(bus, channel):
    holder = bus()
    publish(channel, "score.calculated", b"one", type="ScoreCalculated")
    publish(channel, "score.calculated", b"two", type="ScoreCalculated")
    holder.command("consume", "worker.scores", 4, "hold")
    held = {got.text: got.message_id for got in holder.wait_for_got(2)}
    assert held["one"] != held["two"]
    holder.kill()
    again = bus()
    again.command("consume", "worker.scores", 4, "retry")
    # Once delivered again, then retried five times each, always under the same id.
    for got in again.wait_for_got(12):
        assert got.message_id == held[got.text]


def test_strange_properties_do_no_harm(bus, channel):
    driver = bus()
    strange = [
        {},
        {"type": "T" * 255, "message_id": "m" * 255, "app_id": "a" * 255},
        {"type": "FrameCaptured", "timestamp": 2**63},
        {"type": "FrameCaptured", "expiration": "600000", "priority": 9, "reply_to": "amq.nowhere", "correlation_id": "c"},
        {"headers": {"x-retries": -5, "session_id": 7, "traceparent": None, "timestamp_in_ms": "soon"}},
        {"headers": {"x-retries": 2**40, "session_id": "s" * 5000, "deep": {"er": {"and": [1, {"deeper": "x"}]}}}},
        {"headers": {f"header-{number}": number for number in range(400)}},
        {"headers": {"session_id": "\x00", "CC": ["worker.scores"]}, "content_encoding": "gzip", "delivery_mode": 1},
    ]
    for number, properties in enumerate(strange):
        publish(channel, "score.calculated", str(number).encode(), **properties)
    driver.command("consume", "worker.scores", 16, "dead")
    texts = {got.text for got in driver.wait_for_got(len(strange))}
    assert texts == {str(number) for number in range(len(strange))}
    driver.quit()
    letters = bus().letters()
    assert {letter.queue for letter in letters} == {"worker.scores"}, letters
    assert len(letters) >= len(strange)


def test_a_retry_waits_in_a_queue_and_comes_back_with_its_count(bus, channel):
    driver = bus()
    publish(channel, "score.calculated", b"again", type="ScoreCalculated", headers={"mine": "kept"}, message_id="m-1")
    driver.command("consume", "worker.scores", 1, "retry")
    got = driver.wait_for_got(6)
    assert [one.retries for one in got] == [0, 1, 2, 3, 4, 5]
    assert {one.message_id for one in got} == {"m-1"}
    properties, body = take(channel, "dead.letters")
    assert body == b"again"
    assert properties.headers["mine"] == "kept"
    assert properties.headers["x-retries"] == 5
    assert properties.headers["x-queue"] == "worker.scores"


def test_a_dead_letter_says_why_where_and_when(bus, channel):
    driver = bus()
    driver.command("publish", "score.calculated", "session-9", "bad")
    driver.command("consume", "worker.scores", 1, "dead")
    driver.wait_for_got(1)
    properties, body = take(channel, "dead.letters")
    assert body == b"bad"
    headers = properties.headers
    assert headers["x-error"] == "the test says so"
    assert headers["x-queue"] == "worker.scores"
    assert headers["x-retries"] == 0
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", headers["x-died-at"])
    assert headers["session_id"] == "session-9"
    assert properties.type == "FrameCaptured" and properties.app_id == "driver" and properties.delivery_mode == 2


def test_what_its_consumers_die_of_is_explained_by_the_broker(bus, channel):
    driver = bus()
    publish(channel, "score.calculated", b"poison", type="ScoreCalculated", message_id="p-1")
    for _ in range(20):
        method = None
        while not method:
            method, _, _ = channel.basic_get("worker.scores")
        channel.basic_nack(method.delivery_tag, requeue=True)
    letters = []
    end = time.monotonic() + 180
    while not letters and time.monotonic() < end:
        letters = driver.letters()
    (letter,) = letters
    assert (letter.queue, letter.message_id) == ("worker.scores", "p-1")
    assert "delivered too often" in letter.reason
    assert letter.died_at_ms > 1_600_000_000_000


def test_a_message_larger_than_allowed_is_a_dead_letter_and_nothing_waits_behind_it(bus, channel):
    driver = bus()
    large = 20_000_000
    publish(channel, "score.calculated", b"x" * large, type="ScoreCalculated")
    publish(channel, "score.calculated", b"small", type="ScoreCalculated")
    driver.command("consume", "worker.scores", 4, "ack")
    (got,) = driver.wait_for_got(1)
    assert got.text == "small"
    properties, body = take(channel, "dead.letters")
    assert len(body) == large
    assert "20000000 bytes" in properties.headers["x-error"]


def test_many_too_large_messages_do_not_fill_the_memory(bus, channel):
    driver = bus()
    count = 6
    for _ in range(count):
        publish(channel, "score.calculated", b"x" * 20_000_000)
    publish(channel, "score.calculated", b"small")
    driver.command("consume", "worker.scores", 16, "ack")
    driver.wait_for_got(1)
    end = time.monotonic() + 180
    while len(letters := driver.letters()) < count and time.monotonic() < end:
        time.sleep(0.1)
    assert len(letters) == count
    # Some by the bus itself, some by the broker; each says that it was too large.
    assert all("large" in letter.reason for letter in letters), letters


def test_dead_letters_are_replayed_into_their_queue_with_their_own_properties(bus, channel):
    driver = bus()
    publish(channel, "score.calculated", b"body", type="ScoreCalculated", headers={"mine": "kept"}, message_id="m-2", app_id="stock")
    driver.command("consume", "worker.scores", 1, "dead")
    driver.wait_for_got(1)
    driver.quit()
    operator = bus()
    while not (letters := operator.letters("replay")):
        pass
    assert letters[0].reason == "the test says so"
    properties, body = take(channel, "worker.scores")
    assert body == b"body"
    assert properties.message_id == "m-2" and properties.app_id == "stock"
    assert properties.headers == {"mine": "kept"}
    assert operator.letters() == []


def test_a_letter_of_a_queue_that_is_gone_stays(bus, channel):
    driver = bus()
    channel.basic_publish("", "dead.letters", b"old", pika.BasicProperties(headers={"x-error": "e", "x-queue": "no.more"}))
    while not driver.letters():
        pass
    with pytest.raises(Exception, match="VIVA_ENOTFOUND"):
        driver.letters("replay")
    assert [letter.queue for letter in driver.letters()] == ["no.more"]
    assert len(driver.letters("drop")) == 1
    assert driver.letters() == []


def test_listeners_hear_what_stock_clients_publish(bus, channel):
    driver = bus()
    driver.command("listen", "emotion.analyzed")
    publish(channel, "emotion.analyzed", b"hello", type="EmotionAnalyzed")
    (heard,) = driver.wait_for_got(1, "heard")
    assert (heard.key, heard.type, heard.text) == ("emotion.analyzed", "EmotionAnalyzed", "hello")
