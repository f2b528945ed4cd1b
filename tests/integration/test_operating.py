# SPDX-License-Identifier: Apache-2.0
"""What an operator sees of the bus and does about dead letters, on each backend."""

import base64
import json
import subprocess
import sys

import pytest

from viva_platform import ROOT, binary, build_directory, clean_environment, wait_until

sys.path.insert(0, str(ROOT / "tests" / "servers"))
import rabbitmq  # noqa: E402

LIMIT_S = 120
PICTURE = base64.b64encode(b"a face " * 100).decode()
FRAME = json.dumps({"session_id": "session-1", "image_data": PICTURE, "frame_number": 7, "format": None}).encode()


@pytest.fixture(scope="module")
def broker():
    try:
        running = rabbitmq.Broker(vhosts=16)
    except rabbitmq.Unavailable as reason:
        pytest.skip(str(reason))
    with running:
        yield iter([running.url(vhost=name) for name in running.vhosts[1:]])


class Bus:
    """A bus of a test's own, and the commands on it."""

    def __init__(self, url):
        self.url = url

    def tool(self, verb, message_id, body=b"{}", key="score.calculated", kind="ScoreCalculated", reason=None):
        arguments = [build_directory() / "tests/integration/viva-bury", verb, self.url, key, kind, message_id, "session-1"]
        done = subprocess.run(arguments + ([reason] if reason else []), input=body, capture_output=True, timeout=LIMIT_S)
        assert done.returncode == 0, done.stderr

    def publish(self, message_id, **more):
        self.tool("publish", message_id, **more)

    def bury(self, message_id, reason="the test says so", **more):
        self.tool("bury", message_id, reason=reason, **more)

    def run(self, *arguments, **more):
        command = [binary(), *arguments, "--bus-url", self.url]
        return subprocess.run(command, capture_output=True, timeout=LIMIT_S, env=clean_environment(), **more)

    def ok(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def json(self, *arguments):
        return json.loads(self.ok(*arguments, "--json"))

    def queue(self, name):
        return next(queue for queue in self.json("queues") if queue["name"] == name)

    def letters(self, *arguments):
        return self.json("dead-letters", "list", *arguments)

    def wait_for_letters(self, *ids):
        wait_until(lambda: [letter["id"] for letter in self.letters()] == list(ids), f"dead letters {ids}")


@pytest.fixture(params=["sqlite", "rabbitmq"])
def bus(request, tmp_path):
    if request.param == "rabbitmq":
        return Bus(next(request.getfixturevalue("broker")))
    made = Bus(f"sqlite:{tmp_path}/bus.db")
    made.publish("first", key="interview.completed", kind="InterviewCompleted")
    return made


def refused(done, status, *words):
    """Ended with this status and one clear line on stderr that has these words."""
    assert done.returncode == status, (done.returncode, done.stderr)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    for word in words:
        assert word in lines[0], lines[0]


# ---- queues


def test_queues_tells_what_waits(bus):
    for number in range(3):
        bus.publish(f"id-{number}")
    wait_until(lambda: bus.queue("worker.scores")["waiting"] == 3, "three messages wait")
    queue = bus.queue("worker.scores")
    assert queue["consumers"] == 0
    assert queue["unsettled"] in (0, None) and (queue["oldest_age_ms"] is None or queue["oldest_age_ms"] >= 0)
    names = [queue["name"] for queue in bus.json("queues")]
    assert len(names) == len(set(names)) == 16 and names[-1] == "dead.letters"
    assert {"worker.frames", "emotion.frames.0", "emotion.frames.7", "worker.erasures"} < set(names)


def test_queues_prints_a_table(bus):
    lines = bus.ok("queues").splitlines()
    assert lines[0].split() == ["QUEUE", "WAITING", "UNSETTLED", "CONSUMERS", "OLDEST"]
    assert len(lines) == 17
    assert len({len(line) for line in lines}) == 1, "columns are not aligned"
    assert lines[1].startswith("worker.frames ") and lines[1].split()[1] == "0"


# ---- dead letters


def test_a_dead_letter_is_listed_with_its_reason(bus):
    assert bus.ok("dead-letters", "list") == "no dead letters\n" and bus.letters() == []
    bus.bury("id-1", reason="no face that I know of")
    bus.wait_for_letters("id-1")
    (letter,) = bus.letters()
    assert letter["queue"] == "worker.scores" and letter["reason"] == "no face that I know of"
    assert letter["type"] == "ScoreCalculated" and letter["session_id"] == "session-1" and letter["retries"] == 0
    assert letter["routing_key"] == "score.calculated" and letter["published_by"] == "test" and letter["bytes"] == 2
    assert letter["died_at"] is None or letter["died_at"].endswith("Z")
    heading, row = bus.ok("dead-letters", "list").splitlines()
    assert heading.split() == ["ID", "QUEUE", "TYPE", "DIED", "RETRIES", "REASON"]
    assert row.startswith("id-1") and row.endswith("no face that I know of")


def test_what_is_listed_is_limited_and_chosen_by_queue(bus):
    for number in range(3):
        bus.bury(f"score-{number}")
    bus.bury("frame", key="frame.accepted", kind="FrameCaptured", body=FRAME)
    bus.wait_for_letters("score-0", "score-1", "score-2", "frame")
    assert [letter["id"] for letter in bus.letters("--limit", "2")] == ["score-0", "score-1"]
    assert "--limit" in bus.ok("dead-letters", "list", "--limit", "2")
    assert [letter["id"] for letter in bus.letters("--queue", "worker.scores")] == ["score-0", "score-1", "score-2"]
    (frame,) = bus.letters("--queue", "emotion.frames")
    assert frame["queue"].startswith("emotion.frames.")
    assert bus.letters("--queue", frame["queue"]) == [frame]
    assert bus.letters("--queue", "emotion.frame") == []


def test_show_summarises_a_body_and_gives_it_only_when_asked(bus):
    bus.bury("frame", key="frame.accepted", kind="FrameCaptured", body=FRAME)
    bus.wait_for_letters("frame")
    shown = bus.ok("dead-letters", "show", "frame")
    assert "the test says so" in shown and f"image_data: text of {len(PICTURE)} bytes" in shown
    assert "frame_number: 7" in shown and "session_id: text of 9 bytes" in shown
    assert PICTURE[:20] not in shown
    (letter,) = bus.json("dead-letters", "show", "frame")
    assert letter["body"]["bytes"] == len(FRAME)
    assert letter["body"]["members"]["image_data"] == f"text of {len(PICTURE)} bytes"
    assert PICTURE[:20] not in bus.ok("dead-letters", "list") and PICTURE[:20] not in json.dumps(bus.letters())
    assert bus.run("dead-letters", "show", "frame", "--raw").stdout == FRAME
    (letter,) = bus.json("dead-letters", "show", "frame", "--raw")
    assert base64.b64decode(letter["body_base64"]) == FRAME


@pytest.mark.parametrize("body", [b"", b"no JSON at all", b"[1, 2]", b"\xff\xfe\x00", b'{"a": {"b": [1]}, "c": [1, 2]}'])
def test_any_body_can_be_shown(bus, body):
    bus.bury("odd", body=body)
    bus.wait_for_letters("odd")
    assert f"{len(body)} bytes" in bus.ok("dead-letters", "show", "odd")
    assert bus.run("dead-letters", "show", "odd", "--raw").stdout == body
    members = bus.json("dead-letters", "show", "odd")[0]["body"]["members"]
    assert members == ({"a": "object of 1 members", "c": "list of 2"} if body[:1] == b"{" else None)


def test_texts_of_others_do_not_steer_the_terminal(bus):
    bus.bury("id-1\x1b[2J", reason="red \x1b[31m and \u009b31m and \x07 bell", body=b'{"\\u001b[2Jname": 1}')
    wait_until(bus.letters, "a dead letter")
    for shown in (bus.ok("dead-letters", "list"), bus.ok("dead-letters", "show", "id-1\x1b[2J"),
                  json.dumps(bus.letters())):  # fmt: skip
        assert "\x1b" not in shown and "\u009b" not in shown and "\x07" not in shown
    assert bus.letters()[0]["reason"] == "red ?[31m and ?31m and ? bell"


def test_a_replayed_letter_is_in_its_queue_again(bus):
    for number in range(3):
        bus.bury(f"id-{number}")
    bus.wait_for_letters("id-0", "id-1", "id-2")
    assert bus.ok("dead-letters", "replay", "id-1") == "replayed 1 dead letter\n"
    wait_until(lambda: bus.queue("worker.scores")["waiting"] == 1, "the replayed message waits")
    bus.wait_for_letters("id-0", "id-2")
    assert bus.json("dead-letters", "replay", "id-2", "id-0") == {"replayed": ["id-0", "id-2"]}
    wait_until(lambda: bus.queue("worker.scores")["waiting"] == 3, "all wait")
    assert bus.letters() == []


def test_dropped_letters_are_gone(bus):
    for number in range(3):
        bus.bury(f"id-{number}")
    bus.bury("frame", key="frame.accepted", kind="FrameCaptured", body=FRAME)
    bus.wait_for_letters("id-0", "id-1", "id-2", "frame")
    assert bus.ok("dead-letters", "drop", "id-1") == "dropped 1 dead letter\n"
    assert bus.json("dead-letters", "drop", "--all", "--queue", "worker.scores") == {"dropped": ["id-0", "id-2"]}
    bus.wait_for_letters("frame")
    assert bus.ok("dead-letters", "drop", "--all") == "dropped 1 dead letter\n"
    assert bus.letters() == [] and bus.queue("worker.scores")["waiting"] == 0
    assert bus.ok("dead-letters", "drop", "--all") == "dropped 0 dead letters\n"


def test_an_id_that_is_not_there_is_told_and_the_others_are_dealt_with(bus):
    bus.bury("id-0")
    bus.wait_for_letters("id-0")
    refused(bus.run("dead-letters", "show", "nobody"), 1, 'no dead letter has the id "nobody"')
    done = bus.run("dead-letters", "drop", "nobody", "id-0")
    refused(done, 1, 'no dead letter has the id "nobody"')
    assert done.stdout == b"dropped 1 dead letter\n" and bus.letters() == []


# ---- usage


@pytest.mark.parametrize("arguments, word", [
    (["dead-letters"], "list, show, replay or drop"),
    (["dead-letters", "burn"], '"burn"'),
    (["dead-letters", "list", "id"], "no ids"),
    (["dead-letters", "show"], "one id"),
    (["dead-letters", "show", "a", "b"], "one id"),
    (["dead-letters", "replay"], "--all"),
    (["dead-letters", "drop", "a", "--all"], "--all"),
    (["dead-letters", "list", "--all"], "--all"),
    (["dead-letters", "list", "--raw"], "--raw"),
    (["dead-letters", "list", "--limit", "0"], "limit"),
    (["dead-letters", "list", "--nonsense"], "nonsense"),
    (["queues", "now"], '"now"'),
    (["queues", "--bus-url", "redis://me:secret@host/"], "sqlite:"),
])  # fmt: skip
def test_wrong_usage_is_one_clear_line(arguments, word, tmp_path):
    done = subprocess.run([binary(), *arguments], capture_output=True, timeout=LIMIT_S, env=clean_environment(),
                          cwd=tmp_path)  # fmt: skip
    refused(done, 2, word)
    assert b"secret" not in done.stderr and done.stdout == b""


def test_who_looks_for_a_bus_does_not_make_one(tmp_path):
    done = subprocess.run([binary(), "queues", "--data-dir", tmp_path / "data"], capture_output=True, timeout=LIMIT_S,
                          env=clean_environment())  # fmt: skip
    refused(done, 1, "there is no bus")
    assert list(tmp_path.iterdir()) == []


def test_a_broker_that_is_not_there_is_told(tmp_path):
    done = subprocess.run([binary(), "queues", "--bus-url", "amqp://me:secret@127.0.0.1:1/"], capture_output=True,
                          timeout=LIMIT_S, env=clean_environment())  # fmt: skip
    refused(done, 1, "queues")
    assert b"secret" not in done.stderr


@pytest.mark.parametrize("command", ["queues", "dead-letters"])
def test_help_lists_the_options_and_keeps_the_url_secret(command):
    done = subprocess.run([binary(), command, "--help"], capture_output=True, timeout=LIMIT_S,
                          env=clean_environment(VIVA_BUS_URL="amqp://me:secret@host/"))  # fmt: skip
    assert done.returncode == 0 and b"--json" in done.stdout and b"secret" not in done.stdout


# ---- with the platform


def test_the_commands_look_at_a_running_platform(make_platform):
    platform = make_platform()
    bus = Bus(f"sqlite:{platform.data_directory}/bus.db")
    assert {queue["name"] for queue in bus.json("queues")} > {"worker.frames", "dead.letters"}
    assert bus.letters() == []
    assert platform.stop() == 0
