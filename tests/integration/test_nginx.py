# SPDX-License-Identifier: Apache-2.0
"""The real nginx in front of a fleet, with the configuration that `viva nginx-config` writes from Consul."""

import os
import signal
import subprocess

import grpc
import pytest

import viva_client
import viva_fleet
import viva_grpc
from viva_fleet import API_KEY, Fleet, consul, metric, target
from viva_platform import ROOT, binary, clean_environment, wait_until

import nginx  # noqa: E402  (tests/servers, put on the path by viva_fleet)

REFERENCE = (
    "static:gateway=gateway-1:8000,gateway-2:8000;interview=interview-1:8080,interview-2:8080,interview-3:8080;"
    "emotion=emotion-1:8081,emotion-2:8081;scoring=scoring-1:8082,scoring-2:8082"
)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    try:
        agent = consul.Agent()
    except consul.Unavailable as reason:
        pytest.skip(str(reason))
    with agent:
        running = Fleet(tmp_path_factory.mktemp("fleet"), agent)
        for name in ("scoring", "emotion", "interview", "gateway"):
            running.start(name)
        yield running
        assert set(running.close()) <= {0}, running.log()[-5000:]


@pytest.fixture(scope="module")
def door(fleet, tmp_path_factory):
    environment = clean_environment()
    try:
        front = nginx.Nginx(tmp_path_factory.mktemp("nginx"), binary(), fleet.agent.url(), environment)
    except nginx.Unavailable as reason:
        pytest.skip(str(reason))
    with front:
        yield front


@pytest.fixture
def rest(door):
    client = viva_client.Rest(door.url, API_KEY)
    # A connection for each request: when nginx reads its configuration again it closes those that are idle, and a request
    # that is just being sent on one gets no answer.
    client.http.headers["Connection"] = "close"
    yield client
    client.close()


def servers_in(door, name):
    """The addresses in the configuration's upstream NAME_service."""
    block = door.configuration.read_text().split(f"upstream {name}_service {{")[1].split("}")[0]
    return [line.split()[1].rstrip(";") for line in block.splitlines() if line.strip().startswith("server ")]


def test_a_whole_interview_goes_through_nginx(rest, face):
    interview = rest.start(total_questions=2)
    wait_until(lambda: interview.frame(face).status_code == 200, "the interview service knows the emotion service")
    interview.answer_all()
    assert viva_client.ok(interview.complete())["score"]["overall_score"] >= 0
    assert rest.get("/nowhere").json()["error"] == "not found"
    page = rest.get(f"/interview/{interview.id}")
    assert page.headers["content-type"].startswith("text/html") and "default-src 'none'" in page.headers["content-security-policy"]
    assert rest.get("/", headers={"If-None-Match": rest.get("/").headers["etag"]}).status_code == 304
    answer = rest.get("/health/live", headers={"X-Request-Id": "through-nginx"})
    assert answer.headers["x-request-id"] == "through-nginx"


def test_a_websocket_goes_through_nginx_and_its_token_into_no_log(door, rest, face):
    interview = rest.start()
    url = viva_client.websocket_url(door.url, interview.started["ws_url"]) + f"?token={interview.token}"
    with viva_client.open_socket(url) as socket:
        socket.opening()
        socket.send_frame(face, viva_client.now_ms())
        assert socket.wait_for("emotion_update")["confidence"] > 0
    wait_until(lambda: f"/ws/interviews/{interview.id}" in door.log(), "the access is logged")
    assert interview.token not in door.log()


def test_grpc_goes_through_nginx(door, face):
    with viva_grpc.channel(f"127.0.0.1:{door.emotion_port}") as channel:
        stub = viva_grpc.emotion_stub(channel)
        answer = stub.AnalyzeFrame(viva_grpc.frame_request("through-nginx", face), timeout=60)
        assert answer.face_metrics.detected
        batch = viva_grpc.modules()[0].BatchRequest(
            session_id="batch", frames=[viva_grpc.frame_request("batch", face) for _ in range(3)]
        )
        assert len(list(stub.AnalyzeBatch(batch, timeout=60))) == 3
        with pytest.raises(grpc.RpcError) as bad:
            stub.AnalyzeFrame(viva_grpc.frame_request("bad", b"no picture"), timeout=60)
        assert bad.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with viva_grpc.channel(f"127.0.0.1:{door.scoring_port}") as channel:
        request = viva_grpc.modules()[2].AnswerRequest(question="What is a lock?", answer="It guards data.", category="x")
        assert 0 <= viva_grpc.scoring_stub(channel).AnalyzeAnswer(request, timeout=60).relevance_score <= 1


def test_instances_that_come_and_go_are_followed_without_dropping_a_websocket(fleet, door, rest):
    interview = rest.start()
    first = next(each for each in fleet.instances if each.name == "gateway")
    with interview.socket() as socket:
        socket.opening()
        second = fleet.start("gateway")
        wait_until(lambda: sorted([target(first), target(second)]) == servers_in(door, "gateway"), "it is written")
        before = metric(second, "viva_http_requests_total")

        def reaches_the_new_one():
            assert rest.get(f"/api/v1/interviews/{interview.id}/status").status_code == 200
            return metric(second, "viva_http_requests_total") > before + 20

        wait_until(reaches_the_new_one, "the new gateway is used")
        assert first.stop() == 0
        wait_until(lambda: servers_in(door, "gateway") == [target(second)], "the old one is written out")
        for _ in range(20):
            assert rest.get(f"/api/v1/interviews/{interview.id}/status").status_code == 200
        socket.send("ping")
        assert socket.wait_for("pong") == {}


def test_one_that_is_killed_costs_no_idempotent_request(fleet, door, rest):
    interview = rest.start()
    victim = fleet.start("gateway")
    wait_until(lambda: target(victim) in servers_in(door, "gateway"), "it is written")
    os.kill(victim.pid, signal.SIGKILL)
    victim.running.process.wait()
    for _ in range(50):
        assert rest.get(f"/api/v1/interviews/{interview.id}/status").status_code == 200


def test_the_last_good_file_stays(door, tmp_path):
    # A file of its own: the door's is written anew whenever Consul's list of instances changes.
    configuration = tmp_path / "nginx.conf"
    writer = [str(binary()), *map(str, door.arguments(configuration))]

    def write(*more):
        return subprocess.run([*writer, *more], env=clean_environment(), capture_output=True, text=True, timeout=120)

    written = write()
    assert written.returncode == 0, written.stderr
    good = configuration.read_text()
    template = tmp_path / "template"
    template.write_text("events {} http { upstream x { {{http_listen}} } }\n")
    refused = write("--template", str(template))
    assert refused.returncode == 1
    assert "the test refuses the new configuration; the one before stays" in refused.stderr
    assert configuration.read_text() == good
    # Nor does a Consul that can't be asked replace it.
    unknown = write("--discovery-url", "consul://127.0.0.1:1")
    assert unknown.returncode == 0 and "stays as it is" in unknown.stderr, unknown.stderr
    assert configuration.read_text() == good


def test_the_written_example_is_what_the_template_makes(tmp_path):
    out = tmp_path / "nginx.conf"
    command = [str(binary()), "nginx-config", "--discovery-url", REFERENCE, "--out", str(out)]
    subprocess.run(command, env=clean_environment(), check=True, stderr=subprocess.DEVNULL, timeout=120)
    assert out.read_text() == (ROOT / "deploy" / "nginx" / "nginx.conf").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--out is missing"),
        (["--out", "x", "more"], "unexpected argument"),
        (["--out", "x", "--discovery-url", "consul://?token=hush"], "a host is missing"),
        (["--out", "x", "--http-listen", "80; evil on"], "--http-listen has characters"),
        (["--out", "x", "--log-level", "loud"], "log"),
    ],
)
def test_wrong_usage_is_one_clear_line(arguments, sentence):
    done = subprocess.run(
        [str(binary()), "nginx-config", *arguments], env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert sentence in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert "hush" not in done.stderr
