# SPDX-License-Identifier: Apache-2.0
"""Children of `viva up` killed with SIGKILL in the middle of interviews: nothing acknowledged is lost."""

import json
import os
import signal
import subprocess
import time

import httpx
import pytest
import websockets.exceptions

import viva_client
import viva_platform
from viva_platform import SERVICES, binary, clean_environment, is_running, wait_until

DISCONNECTED = (httpx.TransportError, websockets.exceptions.WebSocketException, OSError, EOFError)
PATIENCE_S = 240


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """These tests kill processes, so they have a platform of their own."""
    running = viva_platform.Platform(tmp_path_factory.mktemp("crashing"))
    yield running
    assert running.stop() == 0, running.log()[-3000:]


@pytest.fixture
def rest(platform):
    client = viva_client.Rest(platform.url(), platform.api_key)
    yield client
    client.close()


def kill(platform, service):
    """SIGKILL to one child; its old process id."""
    pid = wait_until(lambda: platform.children().get(service), f"{service} runs")
    os.kill(pid, signal.SIGKILL)
    return pid


def wait_until_back(platform, service, old_pid):
    wait_until(lambda: platform.children().get(service) not in (None, old_pid), f"{service} is started again")

    def healthy():
        try:
            return viva_client.fetch(platform.url(service) + "/health").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(healthy, f"{service} is healthy again")


def persist(attempt, what):
    """Repeats what a patient client would repeat: a broken connection, or a service that is not there for now."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer = attempt()
            if not isinstance(answer, httpx.Response) or answer.status_code not in (502, 503, 504):
                return answer
        except DISCONNECTED:
            pass
        assert time.monotonic() < end, f"gave up: {what}"
        time.sleep(0.1)


class PatientCandidate:
    """Goes through an interview over the WebSocket and reconnects as often as needed."""

    def __init__(self, rest, frames, kill_before, killer):
        self.interview = rest.start(total_questions=4)
        self.frames = frames
        self.kill_before = kill_before
        self.killer = killer
        self.acknowledged = {}
        self.updates = 0
        self.sent = 0

    def connect_and_go_on(self):
        """One connection's life; returns when all questions are answered."""
        with self.interview.socket() as socket:
            status, question = socket.opening()
            while question:
                self.show_frames(socket)
                if len(self.acknowledged) == self.kill_before and self.killer:
                    killer, self.killer = self.killer, None
                    killer()
                status, question = self.answer(socket, question)
            assert status["progress"] == 100

    def show_frames(self, socket):
        for _ in range(3):
            picture = self.frames.pictures[self.sent % len(self.frames.pictures)]
            self.sent += 1
            socket.send_frame(picture, viva_client.now_ms())
            kind, data = socket.receive()
            while kind == "analysis":  # of an answer that was judged once scoring was back
                kind, data = socket.receive()
            if kind == "emotion_update":
                self.updates += 1
            else:
                assert kind == "error" and data["code"] in ("EMOTION_UNAVAILABLE", "RATE_LIMITED"), (kind, data)

    def answer(self, socket, question):
        transcript = f"My answer number {len(self.acknowledged) + 1}: I looked, I thought, and then I acted."
        socket.send("answer", question_id=question["id"], transcript=transcript, duration=12.5)
        while True:
            kind, data = socket.receive()
            if kind == "error":
                # The answer was stored before the connection broke, and its acknowledgement was lost.
                assert data["code"] in ("ALREADY_ANSWERED", "EMOTION_UNAVAILABLE"), data
            is_taken = kind == "analysis" and data["question_id"] == question["id"]
            if is_taken or kind == "error" and data["code"] == "ALREADY_ANSWERED":
                self.acknowledged[question["id"]] = transcript
            if kind == "status":
                return (data, None) if data["progress"] == 100 else (data, socket.wait_for("question"))

    def run(self):
        persist(lambda: self.connect_and_go_on() or "done", "the interview goes on")
        finished = persist(self.interview.complete, "the interview is completed")
        assert finished.status_code == 200, finished.text
        return finished.json()


@pytest.mark.parametrize("service", SERVICES)
def test_an_interview_survives_the_death_of_a_child(platform, rest, frames, service):
    killed = []
    candidate = PatientCandidate(rest, frames, 2, lambda: killed.append(kill(platform, service)))
    candidate.run()
    assert killed
    wait_until_back(platform, service, killed[0])

    whole = persist(lambda: candidate.interview.call("GET"), "the interview is read").json()
    assert {answer["question_id"]: answer["transcript"] for answer in whole["answers"]} == candidate.acknowledged
    assert len(whole["answers"]) == 4 and candidate.updates > 0

    def scored():
        return candidate.interview.status()["status"] == "scored"

    def judged():
        return all(answer["analysis"] for answer in candidate.interview.whole()["answers"])

    wait_until(scored, "the score follows, however long scoring was away")
    wait_until(judged, "the analyses follow, too")
    assert candidate.interview.whole()["score"]["overall_score"] > 0


@pytest.mark.parametrize("service", SERVICES)
def test_the_terminal_candidate_survives_the_death_of_a_child(platform, frames, service, tmp_path):
    answers = viva_platform.ROOT / "data" / "demo" / "answers.json"
    before = interviews_started(platform)
    process = subprocess.Popen(
        [
            binary(),
            "candidate",
            "--url",
            platform.url(),
            "--user",
            "crash",
            "--frames",
            frames.directory,
            "--answers",
            answers,
            "--consent-emotion",
            "--seconds-per-question",
            "1",
            "--report",
            tmp_path / "report.json",
            "--json",
        ],
        env=clean_environment(VIVA_API_KEY=platform.api_key),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=open(tmp_path / "candidate.log", "wb"),
        text=True,
    )
    # What dies before it has heard anything of the platform at all it takes for a platform that is not there.
    wait_until(
        lambda: process.poll() is not None or interviews_started(platform) > before, "the candidate has an interview"
    )
    time.sleep(0.5)
    old = kill(platform, service)
    out, _ = process.communicate(timeout=PATIENCE_S)
    wait_until_back(platform, service, old)
    assert process.returncode == 0, (tmp_path / "candidate.log").read_text()[-3000:]
    result = json.loads(out.splitlines()[-1])
    assert len(result["answers"]) >= 3 and result["score"]["overall_score"] > 0
    assert json.loads((tmp_path / "report.json").read_text())


def interviews_started(platform):
    text = viva_client.fetch(platform.url("interview") + "/metrics").text
    return sum(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith("viva_interviews_started_total")
    )


def test_every_acknowledged_interview_is_there_after_a_crash(platform, rest):
    started = [rest.start(total_questions=2) for _ in range(10)]
    for interview in started[::2]:
        assert interview.answer(interview.started["question"]["id"]).status_code == 201
    old = kill(platform, "interview")
    wait_until_back(platform, "interview", old)
    for number, interview in enumerate(started):
        status = persist(lambda: interview.call("GET", "/status"), "status").json()
        assert status["progress"] == (50 if number % 2 == 0 else 0)


def test_while_scoring_is_down_answers_are_kept_and_scored_later(platform, rest):
    interview = rest.start(total_questions=1)
    old = kill(platform, "scoring")
    reply = persist(
        lambda: interview.answer(
            interview.started["question"]["id"], "I keep calm and carry on, since it comes " "back by itself."
        ),
        "the answer is taken",
    )
    assert reply.status_code == 201, reply.text
    finished = persist(interview.complete, "completed")
    assert finished.status_code == 200 and finished.json()["status"] in ("completed", "scored")
    wait_until_back(platform, "scoring", old)
    wait_until(lambda: interview.status()["status"] == "scored", "the score follows")
    wait_until(lambda: interview.whole()["answers"][0]["analysis"], "the analysis follows")
    assert interview.whole()["score"]["overall_score"] > 0


def test_a_child_that_dies_again_and_again_is_started_again(platform):
    for _ in range(3):
        old = kill(platform, "gateway")
        wait_until_back(platform, "gateway", old)


def test_a_stop_during_an_interview_leaves_no_process_and_loses_no_answer(make_platform):
    running = make_platform()
    children = running.children()
    assert sorted(children) == sorted(SERVICES)
    rest = viva_client.Rest(running.url(), running.api_key)
    interview = rest.start(total_questions=2)
    with interview.socket() as socket:
        _, question = socket.opening()
        socket.send("answer", question_id=question["id"], transcript="I am here until the end.", duration=2)
        socket.wait_for("question")
        assert running.stop() == 0
        with pytest.raises(websockets.exceptions.ConnectionClosed) as caught:
            while True:
                socket.receive()
        assert caught.value.rcvd is None or caught.value.rcvd.code in (1001, 1012)
    assert [pid for pid in children.values() if is_running(pid)] == []
    assert "Sanitizer" not in running.log()
    rest.close()

    again = make_platform(directory=running.directory)
    rest = viva_client.Rest(again.url(), again.api_key)
    kept = rest.get(f"/api/v1/interviews/{interview.id}", credential=interview.token)
    assert kept.json()["answers"][0]["transcript"] == "I am here until the end."
    rest.close()

    # And when the supervisor itself dies, its children must not stay.
    children = again.children()
    again.up.process.kill()
    again.up.process.wait()
    wait_until(lambda: not any(is_running(pid) for pid in children.values()), "the children end by themselves")
