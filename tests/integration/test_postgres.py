# SPDX-License-Identifier: Apache-2.0
"""The platform with its stores on PostgreSQL: an interview from start to erasure, and the server's death in its middle."""

import concurrent.futures
import contextlib

import pytest

import postgres
import viva_client
import viva_platform
from test_crashes import persist
from test_rabbitmq_faults import make_certificates
from viva_platform import wait_until

TOKEN_KEY = "a key for tests only, of more than thirty-two bytes"
WRITERS = 50


@pytest.fixture(scope="module")
def server():
    try:
        running = postgres.Server()
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))
    with running:
        yield running


@pytest.fixture(scope="module")
def platform(server, tmp_path_factory):
    running = viva_platform.Platform(tmp_path_factory.mktemp("on-postgres"), VIVA_STORE_URL=server.url())
    yield running
    assert running.stop() == 0, running.log()[-3000:]
    assert postgres.PASSWORD not in running.log()


@pytest.fixture
def rest(platform):
    client = viva_client.Rest(platform.url(), platform.api_key)
    yield client
    client.close()


def rows_about(server, interview_id):
    """How many rows of all tables hold the id, by table."""
    tables = server.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").splitlines()
    counts = {}
    for table in tables:
        counts[table] = int(server.query(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%{interview_id}%'"))
    return {table: count for table, count in counts.items() if count}


def test_an_interview_from_start_to_erasure(platform, server, rest, frames):
    key = {"Idempotency-Key": "on-postgres-1"}
    interview = rest.start(headers=key, total_questions=2)
    assert rest.start(headers=key, total_questions=2).id == interview.id
    with interview.socket() as socket:
        _, question = socket.opening()
        for number in range(2):
            socket.send_frame(frames.pictures[number], viva_client.now_ms())
            socket.wait_for("emotion_update")
            socket.send("answer", question_id=question["id"], transcript="First I measure, then I cut.", duration=4)
            socket.wait_for("analysis")
            if number == 0:
                question = socket.wait_for("question")
    assert interview.complete().status_code == 200
    wait_until(lambda: interview.status()["status"] == "scored", "the score")
    whole = interview.whole()
    assert len(whole["answers"]) == 2 and whole["score"]["overall_score"] > 0
    assert rest.get(f"/api/v1/emotions/session/{interview.id}").json()["summary"]["frames"] == 2
    assert {"interview_interviews", "emotion_frames", "scoring_sessions"} <= set(rows_about(server, interview.id))

    assert interview.call("DELETE").status_code == 204
    assert rest.get(f"/api/v1/interviews/{interview.id}").status_code == 404
    # What may stay says only that there was one: tombstones, and notes of what came too late.
    kept = {"interview_erasures", "emotion_tombstones", "scoring_tombstones", "worker_sessions", "worker_deliveries", "worker_drops"}
    wait_until(lambda: set(rows_about(server, interview.id)) <= kept, "all rows of the interview are gone")


def test_a_killed_server_costs_no_answer(platform, server, rest):
    interview = rest.start(total_questions=4)
    said = {}
    question = interview.started["question"]
    for number in range(4):
        transcript = f"This is what I say to question {number}, and I stand by it."
        if number in (1, 3):
            server.kill()
            with concurrent.futures.ThreadPoolExecutor() as pool:
                coming = pool.submit(
                    persist, lambda: interview.answer(question["id"], transcript), "the answer is taken"
                )
                server.start()
                reply = coming.result()
        else:
            reply = interview.answer(question["id"], transcript)
        # 409: it was taken, and the acknowledgement was lost.
        assert reply.status_code in (201, 409), reply.text
        said[question["id"]] = transcript
        question = interview.whole_open_question()
    whole = interview.whole()
    assert {answer["question_id"]: answer["transcript"] for answer in whole["answers"]} == said
    assert persist(interview.complete, "completed").status_code == 200
    wait_until(lambda: interview.status()["status"] == "scored", "the score")


def test_fifty_writers_over_two_instances_on_one_interview(server, make_service):
    variables = {"VIVA_STORE_URL": server.url(), "VIVA_TOKEN_KEY": TOKEN_KEY}
    clients = [viva_client.Rest(make_service("interview", **variables).url, "viva_test_key_0123456789abcdef") for _ in range(2)]
    interview = clients[0].start(total_questions=5)
    rows = server.query(
        f"SELECT question_id FROM interview_questions WHERE interview_id = '{interview.id}' ORDER BY number"
    ).splitlines()

    def write(number):
        at = clients[number % 2]
        body = {"question_id": rows[number // 2 % 5], "transcript": f"Writer {number} was here, and said so.", "duration": 3}
        reply = at.post(f"/api/v1/interviews/{interview.id}/answers", credential=interview.token, json=body)
        return body["question_id"], body["transcript"], reply.status_code

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        outcomes = list(pool.map(write, range(WRITERS)))
    taken = {question: transcript for question, transcript, status in outcomes if status == 201}
    assert sorted(status for *_, status in outcomes) == [201] * 5 + [409] * (WRITERS - 5), outcomes
    for client in clients:
        whole = client.get(f"/api/v1/interviews/{interview.id}", credential=interview.token).json()
        assert {answer["question_id"]: answer["transcript"] for answer in whole["answers"]} == taken
        status = client.get(f"/api/v1/interviews/{interview.id}/status", credential=interview.token).json()
        assert status["progress"] == 100
        client.close()


def test_tls_is_verified_and_a_wrong_authority_refused(tmp_path, make_service):
    certificates = make_certificates(tmp_path)
    try:
        server = postgres.Server(tls=[certificates / name for name in ("ca.pem", "server.pem", "server.key")])
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))
    with server:
        good = server.url(sslmode="verify-full", sslrootcert=str(certificates / "ca.pem"))
        service = make_service("interview", VIVA_STORE_URL=good)
        client = viva_client.Rest(service.url, service.api_key)
        assert client.start(total_questions=1).started["status"] == "in_progress"
        in_use = server.query("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND"
                              " application_name = 'viva-interview'", sslmode="require")  # fmt: skip
        assert int(in_use) > 0
        client.close()
        bad = server.url(sslmode="verify-full", sslrootcert=str(certificates / "other-ca.pem"))
        refused = viva_platform.Process(["interview", "--data-dir", tmp_path / "data", "--port", "0"], tmp_path / "refused.log",
                                        viva_platform.clean_environment(VIVA_STORE_URL=bad))  # fmt: skip
        assert refused.process.wait(viva_platform.STOP_LIMIT_S) == 1
        assert "certificate" in refused.log() and postgres.PASSWORD not in refused.log()


def test_a_service_makes_no_more_connections_than_it_may(make_service, server):
    service = make_service("interview", "--store-connections", "1", VIVA_STORE_URL=server.url(application_name="held"))

    def hold(_):
        with contextlib.closing(viva_client.Rest(service.url, service.api_key)) as rest:
            return rest.start().status()["status"]

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as threads:
        assert set(threads.map(hold, range(WRITERS))) == {"in_progress"}
    peers = server.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'held'")
    assert 1 <= int(peers) <= 2  # one for reading, one for transactions
