# SPDX-License-Identifier: Apache-2.0
"""A fleet that finds itself by a real Consul: registered as the reference design has it, calls spread evenly, and
instances that come, leave and die cost nobody a call."""

import os
import signal
import time

import pytest

import viva_client
import viva_platform
from private_server import free_ports
from viva_fleet import API_KEY, Fleet, FrameLoad, consul, metric, rpc_calls, target
from viva_platform import ROOT, wait_until

ANALYZE = "/emotion.EmotionService/AnalyzeFrame"


@pytest.fixture(scope="module")
def agent():
    try:
        running = consul.Agent()
    except consul.Unavailable as reason:
        pytest.skip(str(reason))
    with running:
        yield running


@pytest.fixture
def fleet(agent, tmp_path):
    running = Fleet(tmp_path, agent)
    yield running
    statuses = set(running.close())
    # Those that were killed would be taken for alive by the next test's fleet.
    for killed in agent.services():
        agent.call("PUT", f"/agent/service/deregister/{killed}")
    assert statuses <= {0}, running.log()[-5000:]


def start_all(fleet, emotions=2):
    """One of each, and several of emotion; the gateway last, so that it passes at once."""
    fleet.start("scoring")
    started = [fleet.start("emotion") for _ in range(emotions)]
    fleet.start("interview")
    return fleet.start("gateway"), started


def test_each_service_is_registered_as_the_reference_design_has_it(agent, fleet):
    gateway, (emotion,) = start_all(fleet, emotions=1)
    services = {service["Service"]: service for service in agent.services().values()}
    assert set(services) == {f"{name}-service" for name in ("gateway", "interview", "emotion", "scoring")}
    assert services["interview-service"]["Tags"] == ["api", "v1"]
    assert services["emotion-service"]["Tags"] == ["ml", "grpc"]
    assert services["emotion-service"]["Port"] == emotion.port
    assert services["gateway-service"]["ID"] == f"gateway-service-127.0.0.1-{gateway.port}"
    kinds = {check["ServiceName"]: check for check in agent.checks().values()}
    for name, kind in (("gateway", "http"), ("interview", "http"), ("emotion", "grpc"), ("scoring", "grpc")):
        check = kinds[f"{name}-service"]
        assert (check["Type"], check["Interval"], check["Timeout"]) == (kind, "10s", "2s")
    # By the checks' own results, not only by what the services said of themselves when they registered. A slow machine
    # may not answer one of them in time; the next one it does.
    wait_until(
        lambda: all(check["Output"] and check["Status"] == "passing" for check in agent.checks().values()),
        "each check has run and passes",
    )


def assert_even(gateway, face, emotions, within):
    """Nobody calls while the calls are counted: the counters are read one after the other."""
    with FrameLoad(gateway.url, face) as load:
        wait_until(lambda: all(rpc_calls(each, ANALYZE) for each in emotions), "all are used")
    before = [rpc_calls(each, ANALYZE) for each in emotions]
    with FrameLoad(gateway.url, face) as counted:
        counted.wait_for(200)
    assert load.failures == counted.failures == []
    counts = [rpc_calls(each, ANALYZE) - old for each, old in zip(emotions, before)]
    print(f"calls of each instance: {counts}")
    share = sum(counts) / len(counts)
    assert (1 - within) * share <= min(counts) and max(counts) <= (1 + within) * share, counts


def test_calls_are_spread_evenly_over_the_instances(fleet, face, tmp_path):
    settings = tmp_path / "settings"
    settings.write_text("VIVA_BALANCING=round_robin\n")
    fleet.environment["VIVA_CONFIG_FILE"] = str(settings)
    gateway, emotions = start_all(fleet, emotions=3)
    interview = next(each for each in fleet.instances if each.name == "interview")
    assert_even(gateway, face, emotions, 0.1)
    settings.write_text("VIVA_BALANCING=least_loaded\n")
    os.kill(interview.pid, signal.SIGHUP)
    wait_until(lambda: "the setting balancing has changed" in interview.running.log(), "it balances otherwise")
    # An instance that the machine holds up has more calls in flight, and rightly gets fewer.
    assert_even(gateway, face, emotions, 0.5)


def test_instances_that_come_and_go_cost_no_call(fleet, face):
    gateway, (first,) = start_all(fleet, emotions=1)
    with FrameLoad(gateway.url, face) as load:
        load.wait_for(20)
        second = fleet.start("emotion")
        passing = time.monotonic()
        wait_until(lambda: rpc_calls(second, ANALYZE), "the new one is called")
        print(f"from passing to the first call: {time.monotonic() - passing:.3f} s")
        first.running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: target(first) not in fleet.agent.passing("emotion"), "the old one has left")
        assert first.running.process.wait(viva_platform.STOP_LIMIT_S) == 0
        load.wait_for(20)
        third = fleet.start("interview")  # now the other hop
        wait_until(lambda: metric(third, "viva_http_requests_total"), "the new interview instance is used")
        old = next(each for each in fleet.instances if each.name == "interview")
        assert old.stop() == 0
        load.wait_for(20)
    assert load.failures == []
    assert rpc_calls(second, ANALYZE) > 20


def test_an_instance_that_is_killed_costs_no_call(fleet, face):
    gateway, emotions = start_all(fleet, emotions=2)
    with FrameLoad(gateway.url, face) as load:
        for victim in emotions:
            load.wait_for(30)
            fleet.start("emotion")
            os.kill(victim.pid, signal.SIGKILL)
            victim.running.process.wait()
            load.wait_for(30)
    assert load.failures == []


def test_the_fleet_outlives_consul_and_registers_again_when_it_is_back(tmp_path, face):
    with consul.Agent() as agent:
        fleet = Fleet(tmp_path, agent)
        gateway, emotions = start_all(fleet, emotions=2)
        with FrameLoad(gateway.url, face) as load:
            load.wait_for(20)
            agent.kill()
            load.wait_for(60)
            agent.start()  # it knows nothing any more
            wait_until(lambda: sorted(map(target, emotions)) == agent.passing("emotion"), "emotion is back")
            wait_until(lambda: agent.passing("gateway") and agent.passing("interview"), "all are back")
            load.wait_for(20)
        assert load.failures == []
        agent.kill()
        # Nobody to deregister at: the stop says so and is orderly all the same.
        assert set(fleet.close()) == {0}
        assert "could not be told that this instance leaves" in fleet.log()


def test_one_registered_by_file_is_not_registered_twice(tmp_path, face):
    port = free_ports(1)[0]
    by_file = {"name": "emotion-service", "port": port, "tags": ["ml", "grpc"],
               "check": {"grpc": f"localhost:{port}", "interval": "10s", "timeout": "2s"}}  # fmt: skip
    with consul.Agent(services=[by_file]) as agent:
        fleet = Fleet(tmp_path, agent)
        emotion = fleet.start("emotion", "--port", str(port), until_passing=False)
        wait_until(lambda: "registered as emotion-service (by file)" in emotion.running.log(), "it found the file's")
        assert list(agent.services()) == ["emotion-service"]
        wait_until(lambda: agent.passing("emotion"), "the file's check passes")
        assert emotion.stop() == 0
        assert agent.passing("emotion") == []
        assert list(agent.services()) == ["emotion-service"]  # in maintenance
        again = fleet.start("emotion", "--port", str(port), until_passing=False)
        wait_until(lambda: agent.passing("emotion"), "it is out of maintenance")
        assert again.stop() == 0


def test_an_acl_needs_its_token(tmp_path):
    token = "11111111-2222-3333-4444-555555555555"
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": token}}
    with consul.Agent(acl=acl) as agent:
        fleet = Fleet(tmp_path, agent)
        refused = fleet.start("emotion", until_passing=False)
        wait_until(lambda: "--consul-token" in refused.running.log(), "it says what is missing")
        fleet.start("emotion", VIVA_CONSUL_TOKEN=token)
        fleet.start("emotion", VIVA_DISCOVERY_URL=agent.url(f"?token={token}"))
        wait_until(lambda: len(agent.passing("emotion")) == 2, "both pass")
        assert set(fleet.close()) == {0}
        assert token not in fleet.log()


def test_an_outage_leaves_its_trace(fleet, face):
    """Breaker and retry in a real outage: delays with jitter, counts at the trip, and the way back."""
    settings = {"VIVA_LOG_LEVEL": "debug", "VIVA_BREAKER_OPEN_MS": "1000"}
    fleet.start("scoring")
    emotion = fleet.start("emotion")
    interview = fleet.start("interview", **settings)
    client = viva_client.Rest(interview.url, API_KEY)
    session = client.start()

    def analyse():
        return session.frame(face, headers={"Prefer": "wait"}).status_code

    wait_until(lambda: analyse() == 200, "it knows the emotion service")
    os.kill(emotion.pid, signal.SIGKILL)
    emotion.running.process.wait()
    wait_until(lambda: analyse() != 200 and "breaker of emotion: open for" in interview.running.log(), "it opens")
    assert metric(interview, "viva_breaker_trip_failures_in_a_row", target="emotion") == 6
    assert metric(interview, "viva_breaker_transitions_total", target="emotion", to="open") >= 1
    assert metric(interview, "viva_retries_total", target="emotion") >= 2
    fleet.start("emotion")
    wait_until(lambda: analyse() == 200, "it closes")
    assert metric(interview, "viva_breaker_state", target="emotion") == 0
    log = interview.running.log()
    for part in ("attempt 1 of 3 failed", "backoff 50.0, jitter", "after 6 failures in a row",
                 "breaker of emotion: half-open", "breaker of emotion: closed again"):  # fmt: skip
        assert part in log, part
    print("\n".join(line for line in log.splitlines() if "breaker of" in line or "call to emotion" in line))
    client.close()


def test_a_reload_changes_settings_and_drops_no_websocket(fleet, tmp_path, face):
    settings = tmp_path / "settings"
    settings.write_text(f"VIVA_LOG_LEVEL=info\nVIVA_API_KEY={API_KEY}\nVIVA_BREAKER_OPEN_MS=10000\n")
    fleet.start("scoring")
    fleet.start("emotion")
    interview = viva_platform.Service(
        "interview", tmp_path, "--config-file", settings, api_key=None, **fleet.environment
    )
    interview.name = "interview"
    fleet.instances.append(interview)
    client = viva_client.Rest(interview.url, API_KEY)
    session = client.start()
    with session.socket() as socket:
        socket.opening()
        settings.write_text(
            "# another key, more to read\nVIVA_LOG_LEVEL='debug'\nVIVA_API_KEY=viva_another_key_0123456789\n"
            "VIVA_BREAKER_OPEN_MS=500\nVIVA_MAX_CONNECTIONS=5\n"
        )
        os.kill(interview.pid, signal.SIGHUP)
        wait_until(lambda: "the settings were read again" in interview.running.log(), "it has read them")
        socket.send("ping")
        assert socket.wait_for("pong") == {}
        # There is no worker here, so an update comes only of what is analysed at once.
        wait_until(lambda: session.frame(face).status_code == 200, "it knows the emotion service")
        socket.send_frame(face, viva_client.now_ms())
        socket.wait_for("emotion_update")
    log = interview.running.log()
    assert "the setting max-connections has changed, which takes effect at the next start" in log
    assert "the setting breaker-open-ms has changed" in log
    assert client.get(f"/api/v1/interviews/{session.id}").status_code == 401
    client.api_key = "viva_another_key_0123456789"
    assert client.get(f"/api/v1/interviews/{session.id}").status_code == 200
    settings.write_text("VIVA_LOG_LEVEL=loud\n")
    os.kill(interview.pid, signal.SIGHUP)
    wait_until(lambda: "the settings stay as they are" in interview.running.log(), "it refuses")
    assert client.get(f"/api/v1/interviews/{session.id}").status_code == 200
    assert "viva_another_key" not in interview.running.log()
    client.close()


def test_a_reload_of_viva_up_reaches_all_services(make_platform, tmp_path):
    settings = tmp_path / "settings"
    settings.write_text("VIVA_LOG_LEVEL=info\n")
    platform = make_platform("--config-file", settings)
    settings.write_text("VIVA_LOG_LEVEL=info\nVIVA_BREAKER_OPEN_MS=5000\n")
    platform.up.process.send_signal(signal.SIGHUP)
    services = len(viva_platform.SERVICES)
    wait_until(lambda: platform.log().count("the settings were read again") >= services, "all have read them")
    assert viva_client.Rest(platform.url(), API_KEY).get("/health").status_code == 200


def test_the_registrations_by_file_are_valid(tmp_path):
    files = sorted((ROOT / "deploy" / "consul").glob("*.hcl"))
    assert len(files) == 5
    with consul.Agent(files=files) as agent:
        found = {service["Service"]: service for service in agent.services().values()}
        assert {name: service["Port"] for name, service in found.items()} == {
            "gateway-service": 8000, "interview-service": 8080, "emotion-service": 8081,
            "scoring-service": 8082, "worker-service": 8083}  # fmt: skip
        assert {check["Interval"] for check in agent.checks().values()} == {"10s"}
