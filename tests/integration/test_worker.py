# SPDX-License-Identifier: Apache-2.0
"""The worker on the embedded bus: what it says of itself, frames through the queue, reports and webhooks."""

import json
import os
import re
import signal
import subprocess

import pytest

import viva_client
import viva_platform
import viva_receiver
from viva_platform import binary, clean_environment, wait_until

SECRET = "a secret of tests, of enough characters"
PATHS = ("/good", "/flaky", "/gone", "/moving")
LIMIT_S = 120


@pytest.fixture(scope="module")
def receiver():
    running = viva_receiver.Receiver()
    yield running
    running.close()


@pytest.fixture(scope="module")
def told(tmp_path_factory, receiver):
    """A platform that tells four URLs of each score."""
    running = viva_platform.Platform(
        tmp_path_factory.mktemp("told"),
        VIVA_WEBHOOK_URL=",".join(receiver.url(path) for path in PATHS),
        VIVA_WEBHOOK_SECRET=SECRET,
    )
    yield running
    assert running.stop() == 0, running.log()[-3000:]


@pytest.fixture(scope="module")
def client(told):
    running = viva_client.Rest(told.url(), told.api_key)
    yield running
    running.close()


def metrics(platform):
    """{"name{labels}": value} of the worker."""
    text = viva_client.fetch(platform.url("worker") + "/metrics").text
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def webhooks(platform, *arguments):
    return subprocess.run(
        [binary(), "webhooks", *arguments, "--data-dir", platform.data_directory],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=clean_environment(),
    )


def deliveries(platform, session):
    """{path: delivery} of an interview's score, as `viva webhooks list` tells."""
    listed = webhooks(platform, "list", "--json", "--limit", "1000")
    assert listed.returncode == 0, listed.stderr
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    return {"/" + row["url"].rpartition("/")[2]: row for row in rows if row["session_id"] == session}


def wait_for_state(platform, session, path, state):
    return wait_until(
        lambda: deliveries(platform, session).get(path, {}).get("state") == state and deliveries(platform, session)[path],
        f"{path} is {state}",
    )


def scored(client, receiver=None, **statuses):
    """An interview with its score. `statuses` are those that the receiver answers its calls of a path with at first."""
    interview = client.start(total_questions=1)
    for path, first in statuses.items():
        receiver.script(f"/{path}", interview.id, *first)
    interview.answer_all()
    viva_client.ok(interview.complete())
    wait_until(lambda: interview.status()["status"] == "scored", "the score")
    return interview


def test_the_worker_tells_of_its_health_and_nothing_else(told):
    base = told.url("worker")
    health = viva_client.fetch(base + "/health")
    assert health.status_code == 200
    checks = health.json()["checks"]
    assert checks["store"] == "ok" and checks["bus"] == "ok"
    assert {"interview", "emotion", "scoring"} <= checks.keys()
    assert viva_client.fetch(base + "/health/ready").status_code == 200
    assert viva_client.fetch(base + "/api/v1/interviews").status_code == 404


def test_the_queues_are_measured(told):
    # The first measurement may come before the worker has its queues.
    consumers = 'viva_bus_queue_consumers{queue="worker.frames"}'
    wait_until(lambda: metrics(told).get(consumers) == 1, "the queues are measured")
    measured = metrics(told)
    for queue in ("worker.frames", "emotion.frames.0", "worker.completions", "worker.scores", "dead.letters"):
        assert f'viva_bus_queue_waiting{{queue="{queue}"}}' in measured


def test_queued_frames_come_into_the_timeline_and_are_counted(told, client, frames):
    counter = 'viva_worker_frames_total{outcome="accepted"}'
    before = metrics(told)[counter]
    interview = client.start()
    for index in range(5):
        reply = interview.frame(frames.pictures[index], prefer=None)
        assert reply.status_code == 202, reply.text
    timeline = f"/api/v1/emotions/session/{interview.id}"
    summary = wait_until(
        lambda: (page := viva_client.ok(client.get(timeline)))["summary"]["frames"] == 5 and page["summary"],
        "the frames are in the timeline",
    )
    assert summary["frames"] == 5
    # A frame is passed on before it is noted and counted.
    wait_until(lambda: metrics(told)[counter] == before + 5, "all are counted")
    assert viva_client.ok(client.get(timeline, params={"frame": 5}))["frame"] == {"number": 5, "state": "analysed"}
    assert viva_client.ok(client.get(timeline, params={"frame": 6}))["frame"]["state"] == "unknown"


def test_a_completed_interview_has_its_report_made(told, client):
    counter = 'viva_worker_completions_total{result="done"}'
    before = metrics(told)[counter]
    scored(client)
    wait_until(lambda: metrics(told)[counter] > before, "the completion is done")


def test_each_url_is_told_once_and_signed(told, client, receiver):
    interview = scored(client)
    wait_until(lambda: all(receiver.of(path, interview.id) for path in PATHS), "the webhooks")
    calls = [receiver.of(path, interview.id) for path in PATHS]
    assert [len(of_path) for of_path in calls] == [1, 1, 1, 1]
    for [call] in calls:
        assert viva_receiver.is_signed(call, SECRET)
        assert not viva_receiver.is_signed(call, SECRET + "!")
    bodies = {call["body"] for [call] in calls}
    assert len(bodies) == 1
    body = json.loads(bodies.pop())
    assert body["type"] == "score.calculated" and body["id"] == calls[0][0]["headers"]["x-viva-event-id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", body["created_at"])
    keys = {call["headers"]["idempotency-key"] for [call] in calls}
    assert len(keys) == 4, "a key names one delivery to one URL"


def test_refusals_are_tried_again_and_410_and_redirects_are_no_deliveries(told, client, receiver):
    interview = scored(client, receiver, flaky=[500, 503], gone=[410], moving=[302])
    flaky = wait_for_state(told, interview.id, "/flaky", "delivered")
    assert flaky["attempts"] == 3 and flaky["last_status"] == 200
    assert [call["status"] for call in receiver.of("/flaky", interview.id)] == [500, 503, 200]
    keys = {call["headers"]["idempotency-key"] for call in receiver.of("/flaky", interview.id)}
    assert keys == {flaky["id"]}
    assert wait_for_state(told, interview.id, "/gone", "gone")["last_status"] == 410
    assert len(receiver.of("/gone", interview.id)) == 1
    moving = wait_for_state(told, interview.id, "/moving", "delivered")
    assert moving["attempts"] == 2
    assert receiver.of("/moved", interview.id) == []


def test_one_that_is_gone_can_be_sent_again_by_hand(told, client, receiver):
    interview = scored(client, receiver, gone=[410])
    gone = wait_for_state(told, interview.id, "/gone", "gone")
    again = webhooks(told, "retry", gone["id"])
    assert again.returncode == 0 and again.stdout.startswith("1 "), again.stderr
    wait_for_state(told, interview.id, "/gone", "delivered")
    assert len(receiver.of("/gone", interview.id)) == 2
    unknown = webhooks(told, "retry", "no-such-delivery")
    assert unknown.returncode == 1 and "no-such-delivery" in unknown.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_restart_in_between_neither_loses_nor_repeats(told, client, receiver, number):
    interview = scored(client, receiver, flaky=[500, 500])
    wait_until(lambda: receiver.of("/flaky", interview.id), "the first call")
    wait_for_state(told, interview.id, "/good", "delivered")
    old = wait_until(lambda: told.children().get("worker"), "the worker runs")
    os.kill(old, number)
    wait_until(lambda: told.children().get("worker", old) != old, "another worker runs")
    wait_for_state(told, interview.id, "/flaky", "delivered")
    assert [call["status"] for call in receiver.of("/flaky", interview.id)][-1] == 200
    assert len(receiver.of("/good", interview.id)) == 1
    assert all(viva_receiver.is_signed(call, SECRET) for call in receiver.of("/flaky", interview.id))


def test_an_erased_interview_leaves_no_body_behind(told, client, receiver):
    interview = scored(client)
    wait_for_state(told, interview.id, "/good", "delivered")
    assert client.delete(f"/api/v1/interviews/{interview.id}").status_code == 204
    wait_for_state(told, interview.id, "/good", "erased")
    refused = webhooks(told, "retry", deliveries(told, interview.id)["/good"]["id"])
    assert refused.returncode == 1 and "erased" in refused.stderr


def test_the_log_can_be_read_as_a_table(told, client):
    interview = scored(client)
    wait_for_state(told, interview.id, "/good", "delivered")
    listed = webhooks(told, "list", "--state", "delivered")
    assert listed.returncode == 0
    head, *rows = listed.stdout.splitlines()
    assert head.split()[:3] == ["id", "state", "attempts"]
    assert deliveries(told, interview.id)["/good"]["id"] in listed.stdout
    assert all(" delivered " in row for row in rows)


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("dance",), "dance"),
        (("list", "--state", "lost"), "state"),
        (("list", "surplus"), "list"),
        (("retry",), "retry"),
        ((), "list or retry"),
    ],
    ids=str,
)
def test_the_command_says_what_it_does_not_understand(told, arguments, word):
    done = webhooks(told, *arguments)
    assert done.returncode == 2 and word in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_command_makes_no_store(tmp_path):
    done = subprocess.run(
        [binary(), "webhooks", "list", "--data-dir", tmp_path], capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 1 and str(tmp_path) in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "settings, word",
    [
        ({"VIVA_WEBHOOK_URL": "https://hooks.example.com/"}, "webhook-secret"),
        ({"VIVA_WEBHOOK_URL": "http://hooks.example.com/s3cret", "VIVA_WEBHOOK_SECRET": SECRET}, "https://"),
        ({"VIVA_WEBHOOK_URL": "ftp://127.0.0.1/", "VIVA_WEBHOOK_SECRET": SECRET}, "webhook-url"),
        ({"VIVA_WEBHOOK_INSECURE": "perhaps"}, "VIVA_WEBHOOK_INSECURE"),
        ({"VIVA_REPORT_FORMAT": "docx"}, "VIVA_REPORT_FORMAT"),
    ],
    ids=str,
)
def test_settings_that_are_not_safe_are_refused(tmp_path, settings, word):
    done = subprocess.run(
        [binary(), "worker", "--port", "0", "--data-dir", tmp_path / "data"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=clean_environment(VIVA_API_KEY="viva_key_for_this_test_only", **settings),
    )
    assert done.returncode == 2 and word in done.stderr, done.stderr
    assert "s3cret" not in done.stderr


def test_nothing_of_a_webhook_is_in_the_log(told, client, receiver):
    interview = scored(client, receiver, flaky=[500])
    wait_for_state(told, interview.id, "/flaky", "delivered")
    assert "again in" in told.log()
    for path in PATHS:
        assert receiver.url(path) not in told.log()
    assert SECRET not in told.log()
