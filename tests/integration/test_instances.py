# SPDX-License-Identifier: Apache-2.0
"""Two interview instances on one store and one bus: a candidate's socket is at one, and what happens, happens at the other."""

import base64
import concurrent.futures
import contextlib
import json
import sqlite3

import pytest
import websockets

import postgres
import viva_client
import viva_platform
from viva_client import ok
from viva_fleet import metric, rpc_calls
from viva_platform import wait_until

FRAME_PATIENCE_S = 15  # more than a live frame may take; nothing is asserted about it
TOKEN_KEY = "a key for tests only, of more than thirty-two bytes"
SAID = "A mutex is a lock that lets only one thread at a time into a critical section, so that they do not disturb each other."


class Instances:
    """`here` has the candidate's sockets, requests go to `there`."""

    def __init__(self, directory, query, **environment):
        self.services = []
        self.query = query  # of the store, for what has no way through the API
        shared = {"VIVA_TOKEN_KEY": TOKEN_KEY, **environment}
        called = [self.add(name, directory, **shared) for name in ("scoring", "emotion")]
        shared["VIVA_DISCOVERY_URL"] = "static:scoring=127.0.0.1:%d;emotion=127.0.0.1:%d" % tuple(each.port for each in called)
        self.here, self.there = (
            viva_client.Rest(each.url, each.api_key) for each in [self.add("interview", directory, **shared) for _ in range(2)]
        )

    def add(self, name, directory, **environment):
        self.services.append(viva_platform.Service(name, directory, **environment))
        return self.services[-1]

    def start(self, **members):
        """An interview whose requests go to `there`."""
        return self.there.start(emotion=False, **members)

    def socket(self, interview):
        return interview.socket(base=self.here.url)

    def completions(self):
        """How many interviews were completed so far, by either."""
        return sum(metric(each, "viva_interview_interviews_total", event="completed") for each in self.services[2:])

    def at(self, rest, interview):
        """The same interview, with its requests going to that instance."""
        return viva_client.Interview(rest, interview.started)

    def close(self):
        self.here.close()
        self.there.close()
        assert {each.stop() for each in reversed(self.services)} == {0}


@pytest.fixture(scope="module", params=["embedded", "servers"])
def instances(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("instances")
    if request.param == "embedded":

        def query(text):
            with contextlib.closing(sqlite3.connect(f"file:{directory}/data/viva.db?mode=ro", uri=True, timeout=30)) as store:
                return store.execute(text).fetchone()[0]

        running = Instances(directory, query)
        yield running
        running.close()
        return
    try:
        server = postgres.Server()
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))
    broker = request.getfixturevalue("broker")
    vhost = next(request.getfixturevalue("unused_vhosts"))
    with server:
        running = Instances(directory, server.query, VIVA_STORE_URL=server.url(), VIVA_BUS_URL=broker.url(vhost))
        yield running
        running.close()


def expect_step(socket, progress, number, total):
    """What follows an answer: its analysis, the status, the next question."""
    analysis = socket.expect("analysis")
    assert 0 <= analysis["relevance_score"] <= 1
    assert socket.expect("status") == {"progress": progress, "current_question": number, "total_questions": total}
    return analysis, socket.expect("question") if progress < 100 else None


def test_an_answer_elsewhere_is_told_as_one_here(instances):
    interview = instances.start(total_questions=3)
    with instances.socket(interview) as socket:
        _, question = socket.opening()
        for number, progress in ((1, 33), (2, 67), (3, 100)):
            reply = ok(interview.answer(question["id"], SAID), 201)
            analysis, following = expect_step(socket, progress, number, 3)
            assert analysis["question_id"] == question["id"]
            assert analysis["feedback"] == reply["analysis"]["feedback"]
            assert following == reply["next_question"]
            question = following
        socket.send("ping")
        assert socket.expect("pong") == {}
        assert ok(interview.complete())["status"] in ("completed", "scored")


def test_an_erasure_elsewhere_is_told_and_closes_the_sockets(instances):
    interview = instances.start()
    with instances.socket(interview) as socket:
        socket.opening()
        assert interview.call("DELETE").status_code == 204
        assert socket.expect("error")["code"] == "NOT_FOUND"
        with pytest.raises(websockets.ConnectionClosed):
            socket.receive()


def together(*calls):
    """Makes the calls at the same time; what they give, in order."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as threads:
        return [running.result() for running in [threads.submit(call) for call in calls]]


def count_up(socket, total):
    """What a socket is told until all is answered: analyses by question, and each status's progress."""
    analysed, progress, questions = [], [0], []
    while progress[-1] < 100 or len(analysed) < total:
        kind, data = socket.receive()
        if kind == "analysis":
            analysed.append(data["question_id"])
        elif kind == "status":
            progress.append(data["progress"])
        else:
            assert kind == "question", kind
            questions.append(data["id"])
    return analysed, progress, questions


def test_answers_at_both_are_told_once_and_in_order_at_both(instances):
    total = 4
    interview = instances.start(total_questions=total, adaptive=False)
    with instances.socket(interview) as here, interview.socket() as there:
        here.opening()
        _, question = there.opening()
        said = []
        for number in range(total):
            said.append(question["id"])
            if number % 2:
                here.send("answer", question_id=question["id"], transcript=SAID, duration=4)
                wait_until(lambda: interview.status()["progress"] == 100 * (number + 1) // total, "it is taken")
                question = interview.whole_open_question()
            else:
                question = ok(interview.answer(question["id"], SAID), 201)["next_question"]
        for socket in (here, there):
            analysed, progress, _ = count_up(socket, total)
            assert sorted(analysed) == sorted(said)
            assert progress == sorted(set(progress)) and progress[-1] == 100
            socket.send("ping")
            assert socket.expect("pong") == {}


def test_of_two_answers_to_one_question_one_is_taken(instances):
    interview = instances.start(total_questions=1)
    question = interview.started["question"]["id"]
    with instances.socket(interview) as socket:
        socket.opening()
        replies = together(*[lambda at=at: instances.at(at, interview).answer(question, SAID)
                             for at in (instances.here, instances.there) * 4])  # fmt: skip
        assert sorted(reply.status_code for reply in replies) == [201] + [409] * 7
        expect_step(socket, 100, 1, 1)
        socket.send("ping")
        assert socket.expect("pong") == {}


def test_completed_at_both_it_is_completed_once(instances):
    interview = instances.start(total_questions=1)
    interview.answer_all()
    before = instances.completions()
    replies = together(*[instances.at(at, interview).complete for at in (instances.here, instances.there) * 4])
    assert len({ok(reply)["completed_at"] for reply in replies}) == 1
    assert instances.completions() == before + 1


def test_an_answer_here_while_it_is_completed_there_counts_or_is_refused(instances):
    for _ in range(5):
        interview = instances.start(total_questions=2)
        question = interview.started["question"]["id"]
        answered, completed = together(lambda: instances.at(instances.here, interview).answer(question, SAID), interview.complete)
        answers = interview.whole()["answers"]
        if answered.status_code == 201:
            assert [answer["transcript"] for answer in answers] == [SAID]
        else:
            viva_client.assert_error(answered, 409, "INTERVIEW_COMPLETED")
            assert answers == []
        score = ok(completed)["score"]
        if score:
            assert all(answer["analysis"] for answer in answers)
            assert (score["overall_score"] is not None) == bool(answers), score


def test_what_is_answered_while_it_is_erased_leaves_nothing(instances):
    for _ in range(5):
        interview = instances.start(total_questions=3)
        question = interview.started["question"]["id"]
        answered, erased = together(
            lambda: instances.at(instances.here, interview).answer(question, SAID), lambda: interview.call("DELETE")
        )
        assert erased.status_code == 204 and answered.status_code in (201, 404), answered.text
        for at in (instances.here, instances.there):
            assert instances.at(at, interview).call("GET").status_code == 404
        for table in ("interview_answers", "interview_questions"):
            assert int(instances.query(f"SELECT count(*) FROM {table} WHERE interview_id = '{interview.id}'")) == 0


def test_an_end_elsewhere_is_told(instances):
    interview = instances.start(total_questions=1)
    with instances.socket(interview) as socket:
        _, question = socket.opening()
        interview.answer(question["id"], SAID)
        expect_step(socket, 100, 1, 1)
        assert ok(interview.complete())["status"] in ("completed", "scored")
        kind, data = socket.receive()
        assert kind == "score" or (kind == "status" and data["status"] == "completed"), (kind, data)


def test_a_key_that_is_used_at_both_starts_one_interview(instances):
    for number in range(3):
        key = {"Idempotency-Key": f"at-both-{number}-{id(instances)}"}
        body = {"user_id": "both", "total_questions": 1}
        replies = together(*[lambda at=at: at.post("/api/v1/interviews/start", json=body, headers=key)
                             for at in (instances.here, instances.there) * 4])  # fmt: skip
        assert {reply.status_code for reply in replies} <= {201, 409}
        ids = {reply.json()["id"] for reply in replies if reply.status_code == 201}
        assert len(ids) == 1
        for reply in replies:
            if reply.status_code == 409:
                viva_client.assert_error(reply, 409, "CONFLICT")
        for at in (instances.here, instances.there):
            assert ok(at.post("/api/v1/interviews/start", json=body, headers=key), 201)["id"] in ids


def run_of_frames(number):
    """The tenth of frames: 40 of them hold one blink, and one that looks at every other ten must not lose it."""
    return range(10 * number, 10 * number + 10)


def blinks_by_request(interview, frames, index):
    """The count after this frame. One that a slow machine has put into the queue, which nobody reads here, is sent again."""
    frame = {"image_data": base64.b64encode(frames.pictures[index]).decode(), "timestamp": frames.time_ms(index)}

    def analysed():
        reply = interview.call("POST", "/frames", json=frame, headers={"Prefer": "wait"})
        return reply.json() if reply.status_code == 200 else None

    return wait_until(analysed, f"frame {index} is analysed")["blink_metrics"]["count"]


def blinks_by_socket(socket, frames, index):
    """As by request, over a socket."""

    def analysed():
        socket.send_frame(frames.pictures[index], frames.time_ms(index))
        with contextlib.suppress(TimeoutError):
            return json.loads(socket.connection.recv(timeout=FRAME_PATIENCE_S))
        return None

    update = wait_until(analysed, f"frame {index} is analysed")
    assert update["type"] == "emotion_update", update
    return update["data"]["blink_count"]


def test_blinks_are_counted_across_requests_to_one_and_the_other(instances, frames):
    interview = instances.there.start()
    counts = []
    for run in range(4):
        at = instances.at((instances.here, instances.there)[run % 2], interview)
        counts += [blinks_by_request(at, frames, index) for index in run_of_frames(run)]
    assert counts == sorted(counts) and counts[-1] == 1, counts


def test_blinks_are_counted_across_sockets_to_one_and_the_other(instances, frames):
    interview = instances.there.start()
    counts = []
    for run in range(4):
        with interview.socket(base=(instances.here, instances.there)[run % 2].url) as socket:
            socket.opening()
            counts += [blinks_by_socket(socket, frames, index) for index in run_of_frames(run)]
    assert counts == sorted(counts) and counts[-1] == 1, counts


def test_what_one_emotion_instance_cannot_read_of_another_costs_no_frame(tmp_path, frames):
    """As while a new version of it is rolled out: here the two don't even have the same key."""
    with contextlib.ExitStack() as running:

        def service(name, **environment):
            started = viva_platform.Service(name, tmp_path, **environment)
            running.callback(started.stop)
            return started

        emotions = [service("emotion", VIVA_TOKEN_KEY=key) for key in (TOKEN_KEY, TOKEN_KEY[::-1])]
        places = ",".join(f"127.0.0.1:{each.port}" for each in emotions)
        interviews = service("interview", VIVA_TOKEN_KEY=TOKEN_KEY, VIVA_DISCOVERY_URL=f"static:emotion={places}")
        rest = running.enter_context(contextlib.closing(viva_client.Rest(interviews.url, interviews.api_key)))
        socket = running.enter_context(rest.start().socket())
        socket.opening()
        for index in range(6):
            blinks_by_socket(socket, frames, index)
        assert all(rpc_calls(each, "/emotion.EmotionService/AnalyzeFrame") > 0 for each in emotions)
