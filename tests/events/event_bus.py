# SPDX-License-Identifier: Apache-2.0
"""Both buses as a stranger sees them: RabbitMQ by pika, the embedded one by viva-bus-client, since it speaks no protocol."""

import base64
import dataclasses
import json
import subprocess
import threading
import time

import pika

import viva_platform

EXCHANGE = "interview.events"
LIMIT_S = 120  # what takes longer fails; nothing is asserted about time
KEYS = {
    "frame.captured": "FrameCaptured",
    "frame.accepted": "FrameCaptured",
    "emotion.analyzed": "EmotionAnalyzed",
    "interview.completed": "InterviewCompleted",
    "score.calculated": "ScoreCalculated",
    "interview.erased": "InterviewErased",
    "interview.changed": "InterviewChanged",
}


@dataclasses.dataclass
class Message:
    """A message that was seen. The embedded bus has no content_type and delivery_mode; both are None there."""

    routing_key: str
    body: bytes
    type: str
    message_id: str
    app_id: str
    timestamp: int  # Unix seconds
    traceparent: str
    content_type: str | None = None
    delivery_mode: int | None = None

    def json(self):
        return json.loads(self.body)


def session_of(message):
    """None for what is no event."""
    try:
        return message.json()["session_id"]
    except (ValueError, KeyError, TypeError):
        return None


class Watch:
    """What the bus carries from now on, collected in the background."""

    def __init__(self):
        self._messages = []  # with their sessions
        self._lock = threading.Lock()

    def _add(self, message):
        session = session_of(message)
        with self._lock:
            self._messages.append((session, message))

    def messages(self, key=None, session=None):
        """Those seen so far, in order; of one routing key and one session."""
        with self._lock:
            seen = list(self._messages)
        return [
            message for of, message in seen if key in (None, message.routing_key) and session in (None, of)
        ]

    def wait_for(self, count, key, session, limit_s=LIMIT_S):
        """At least so many messages of this key and session, as soon as they are there."""

        def there():
            found = self.messages(key, session)
            return found if len(found) >= count else None

        what = f"{count} × {key} of {session}, there are {len(self.messages(key, session))}"
        return viva_platform.wait_until(there, what, limit_s)

    def frame_numbers(self, key, session):
        """The frame numbers of FrameCaptured or EmotionAnalyzed, in the order in which they came."""
        bodies = [message.json() for message in self.messages(key, session)]
        return [body["metadata"]["frame_number"] if "metadata" in body else body["frame_number"] for body in bodies]


class RabbitBus:
    name = "rabbitmq"

    def __init__(self, broker, vhost):
        self.broker = broker
        self.url = broker.url(vhost)
        self.vhost = vhost

    def connect(self):
        return pika.BlockingConnection(pika.URLParameters(self.url))

    def publish(self, key, body, session=None, partition=None, **properties):
        """As a stock client would: nothing but the body, unless told otherwise. Returns when it is confirmed."""
        headers = {"partition": partition} if partition is not None else None
        with self.connect() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(EXCHANGE, key, body, pika.BasicProperties(headers=headers, **properties), mandatory=True)

    def watch(self):
        return RabbitWatch(self)

    def letters(self):
        """(queue, reason, body) of each dead letter, as any client sees them; they stay."""
        found = []
        with self.connect() as connection:
            channel = connection.channel()
            while True:
                method, properties, body = channel.basic_get("dead.letters")
                if not method:
                    return found  # closing the connection puts them back
                found.append((properties.headers.get("x-queue"), properties.headers.get("x-error"), body))

    def close(self):
        pass


class RabbitWatch(Watch):
    def __init__(self, bus):
        super().__init__()
        self.connection = bus.connect()
        channel = self.connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, EXCHANGE, "#")
        channel.basic_consume(queue, self._on_message, auto_ack=True)
        self.is_closing = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _on_message(self, channel, method, properties, body):
        self._add(
            Message(
                method.routing_key,
                body,
                properties.type,
                properties.message_id,
                properties.app_id,
                properties.timestamp,
                (properties.headers or {}).get("traceparent"),
                properties.content_type,
                properties.delivery_mode,
            )
        )

    def _run(self):
        while not self.is_closing:
            self.connection.process_data_events(time_limit=0.1)

    def close(self):
        self.is_closing = True
        self.thread.join()
        self.connection.close()


class EmbeddedBus:
    name = "sqlite"

    def __init__(self, path):
        self.url = f"sqlite:{path}"
        self.publisher = None

    def publish(self, key, body, session=None, partition=None, **properties):
        """As a message with a type and a session, without which the embedded bus takes none."""
        if not self.publisher:
            self.publisher = start_tool("publish", self.url)
        message = {"routing_key": key, "type": properties.pop("type", KEYS[key]), "session_id": session or "",
                   "body": base64.b64encode(body).decode(), **properties}  # fmt: skip
        self.publisher.stdin.write(json.dumps(message).encode() + b"\n")
        self.publisher.stdin.flush()
        answer = self.publisher.stdout.readline().decode().strip()
        assert answer == "ok", f"publishing failed: {answer}"

    def watch(self):
        return EmbeddedWatch(self)

    def close(self):
        if self.publisher:
            end_tool(self.publisher)
            self.publisher = None


class EmbeddedWatch(Watch):
    def __init__(self, bus):
        super().__init__()
        self.tool = start_tool("listen", bus.url)
        assert self.tool.stdout.readline() == b"listening\n"
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        for line in self.tool.stdout:
            seen = json.loads(line)
            self._add(
                Message(
                    seen["routing_key"],
                    base64.b64decode(seen["body"]),
                    seen["type"],
                    seen["message_id"],
                    seen["app_id"],
                    seen["timestamp_ms"] // 1000,
                    seen["traceparent"],
                )
            )

    def close(self):
        self.tool.stdin.close()
        self.thread.join()
        end_tool(self.tool)


def start_tool(what, url):
    program = viva_platform.build_directory() / "tests/integration/viva-bus-client"
    assert program.exists(), f"{program} is not built"
    return subprocess.Popen([program, what, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def end_tool(tool):
    if not tool.stdin.closed:
        tool.stdin.close()
    tool.stdout.close()
    assert tool.wait(LIMIT_S) == 0


def partition_of(session, partitions=8):
    """As src/bus/topology.h has it: 32-bit FNV-1a."""
    number = 2166136261
    for byte in session.encode():
        number = (number ^ byte) * 16777619 % 2**32
    return number % partitions


def frame_event(session, number, timestamp_ms, picture, **members):
    """The body of a FrameCaptured, as any program would write it."""
    seconds, ms = divmod(timestamp_ms, 1000)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03}Z"
    event = {"session_id": session, "timestamp": moment, "image_data": base64.b64encode(picture).decode(), "format": "jpeg",
             "frame_number": number, **members}  # fmt: skip
    return json.dumps(event).encode()
