# SPDX-License-Identifier: Apache-2.0
"""The gateway with a certificate: stock clients, our own, hostile ones, and another certificate while it runs."""

import json
import os
import signal
import socket
import ssl
import subprocess

import httpx
import pytest
import viva_certificates
import viva_client
import viva_platform
from viva_client import now_ms, ok

ANSWER = "I plan the work, do it and look at the result."


@pytest.fixture
def certificate(tmp_path):
    return viva_certificates.Certificate(tmp_path, "gateway")


@pytest.fixture
def gateway(make_service, certificate):
    """A gateway alone: nobody is behind it, but it is alive."""
    return make_service("gateway", *certificate.arguments)


def run(*arguments, **environment):
    return subprocess.run([viva_platform.binary(), *map(str, arguments)], capture_output=True, text=True,
                          env=viva_platform.clean_environment(**environment))  # fmt: skip


def connect(service, certificate, **more):
    raw = socket.create_connection(service.address, timeout=viva_client.CALL_LIMIT_S)
    return certificate.trusted().wrap_socket(raw, server_hostname="localhost", **more)


def assert_alive(service, certificate):
    """It answers; where it has little patience, a slow machine's client may need more than one try."""

    def answers():
        try:
            return viva_client.fetch(f"https://127.0.0.1:{service.port}/health/live", verify=certificate.trusted()).status_code == 200
        except httpx.TransportError:
            return False

    viva_platform.wait_until(answers, "it answers")


def rest_of(connection):
    """What comes until the end."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_a_whole_interview_by_https_and_wss(make_platform, certificate, frames, tmp_path):
    platform = make_platform(*certificate.arguments)
    assert platform.url().startswith("https://") and platform.url("interview").startswith("http://")
    trusted = certificate.trusted()
    rest = viva_client.Rest(platform.url(), platform.api_key, trusted)
    interview = rest.start(total_questions=1)
    assert ok(interview.frame(frames.face))["frame_number"] == 1
    with interview.socket(ssl=trusted) as live:
        _, question = live.opening()
        live.send_frame(frames.face, now_ms())
        assert live.wait_for("emotion_update")["emotion"]
        live.send("answer", question_id=question["id"], transcript=ANSWER, duration=9)
        assert live.wait_for("analysis")["question_id"] == question["id"]
    assert ok(interview.complete())["score"]
    rest.close()

    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"transcript": ANSWER}]))
    trust = ("--url", platform.url(), "--ca-file", certificate.certificate)
    done = run("candidate", *trust, "--answers", answers, "--questions", 1, "--seconds-per-question", 0, "--json",
               VIVA_API_KEY=platform.api_key)  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = tmp_path / "report.json"
    done = run("report", json.loads(done.stdout)["interview_id"], *trust, "-o", report, VIVA_API_KEY=platform.api_key)
    assert done.returncode == 0, done.stderr
    assert json.loads(report.read_text())
    # A certificate also makes SIGHUP a reload, without a file of settings.
    platform.up.process.send_signal(signal.SIGHUP)
    viva_platform.wait_until(lambda: "the settings were read again" in platform.log(), "the reload")
    assert platform.stop() == 0


def test_our_clients_trust_nobody_they_do_not_know(gateway, tmp_path):
    stranger = viva_certificates.Certificate(tmp_path, "stranger")
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"transcript": ANSWER}]))
    url = ("candidate", "--answers", answers, "--url", f"https://127.0.0.1:{gateway.port}")
    for trust in ((), ("--ca-file", stranger.certificate)):
        done = run(*url, *trust)
        assert done.returncode == 1 and "certificate" in done.stderr, done.stderr
    done = run(*url, "--ca-file", tmp_path / "none.pem")
    assert done.returncode == 2 and "none.pem can't be read" in done.stderr, done.stderr
    plain = ("candidate", "--answers", answers, "--url", f"http://127.0.0.1:{gateway.port}")
    done = run(*plain, "--ca-file", stranger.certificate)
    assert done.returncode == 2 and "--ca-file is for https://" in done.stderr, done.stderr


def test_what_is_wrong_with_a_certificate_is_said_at_the_start(certificate, tmp_path):
    other = viva_certificates.Certificate(tmp_path, "other")
    cases = {
        "--tls-certificate needs --tls-key": certificate.arguments[:2],
        "--tls-key needs --tls-certificate": certificate.arguments[2:],
        "none.pem can't be read: No such file": ("--tls-certificate", tmp_path / "none.pem", *certificate.arguments[2:]),
        "does not belong to the certificate": (*certificate.arguments[:2], *other.arguments[2:]),
        "is no private key in PEM": (*certificate.arguments[:3], certificate.certificate),
    }
    for sentence, arguments in cases.items():
        done = run("gateway", "--port", 0, "--data-dir", tmp_path / "data", *arguments)
        assert done.returncode == 2 and sentence in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()
    done = run("interview", "--port", 0, *certificate.arguments)
    assert done.returncode == 2 and "--tls-certificate" in done.stderr, done.stderr


def test_a_certificate_that_expires_soon_is_a_warning(make_service, tmp_path):
    soon = viva_certificates.Certificate(tmp_path, "soon", days=3)
    gateway = make_service("gateway", *soon.arguments)
    assert_alive(gateway, soon)
    assert "expires soon" in gateway.running.log()


def reload(service, sentence):
    count = service.running.log().count(sentence)
    os.kill(service.pid, signal.SIGHUP)
    viva_platform.wait_until(lambda: service.running.log().count(sentence) > count, sentence)


def test_a_reload_renews_the_certificate_and_drops_no_connection(gateway, certificate, tmp_path):
    url = f"https://127.0.0.1:{gateway.port}/health/live"
    old_one, trusted = certificate.der(), certificate.trusted()
    # It keeps an idle connection for as long as the test takes.
    limits = httpx.Limits(keepalive_expiry=None)
    with httpx.Client(verify=trusted, trust_env=False, timeout=viva_client.CALL_LIMIT_S, limits=limits) as client:
        first = client.get(url)
        stream = first.extensions["network_stream"].get_extra_info("socket")
        renewed = viva_certificates.Certificate(tmp_path, "renewed")
        # A new certificate with the old key is refused, and the old one stays.
        certificate.certificate.write_bytes(renewed.certificate.read_bytes())
        reload(gateway, "the settings stay as they are")
        assert ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(gateway.address)) == old_one
        renewed.put_in_place_of(certificate)
        reload(gateway, "the settings were read again")
        assert ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(gateway.address)) == renewed.der()
        assert_alive(gateway, renewed)
        second = client.get(url)
        assert second.status_code == 200
        assert second.extensions["network_stream"].get_extra_info("socket") is stream


def test_plain_http_is_answered_in_the_form_of_errors(gateway):
    for method in ("GET", "POST", "DELETE"):
        answer = httpx.request(method, f"http://127.0.0.1:{gateway.port}/health/live", trust_env=False,
                               timeout=viva_client.CALL_LIMIT_S)  # fmt: skip
        body = viva_client.assert_error(answer, 400, "INVALID_MESSAGE")
        assert "HTTPS" in body["error"]


def test_half_and_hostile_handshakes_end_and_hurt_nobody(make_service, certificate):
    gateway = make_service("gateway", *certificate.arguments, "--header-timeout-ms", "3000")
    hello = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = hello.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    opening = outgoing.read()
    attempts = {
        "nothing": b"",
        "half an opening": opening[: len(opening) // 2],
        "an opening without an end": opening,
        "two openings": opening + opening,
        "a record that is too long": b"\x16\x03\x01\xff\xff" + bytes(70000),
        "an opening of megabytes": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(16380),
        "zeros": bytes(100000),
        "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
        "SSH": b"SSH-2.0-client\r\n",
    }
    waiting = []
    for name, attempt in attempts.items():
        for _ in range(5):
            connection = socket.create_connection(gateway.address, timeout=viva_client.CALL_LIMIT_S)
            try:
                connection.sendall(attempt)
            except ConnectionError:
                pass  # it was cut off already
            waiting.append((name, connection))
    assert_alive(gateway, certificate)
    for name, connection in waiting:
        try:
            assert b"HTTP/1.1 200" not in rest_of(connection), name
        except ConnectionError:
            pass  # a reset is an end, too
        connection.close()
    assert_alive(gateway, certificate)


def test_a_client_that_goes_amid_its_request_leaves_nothing_behind(gateway, certificate):
    for _ in range(20):
        connection = connect(gateway, certificate)
        connection.sendall(b"POST /api/v1/interviews/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")
        connection.close()
    assert_alive(gateway, certificate)


def test_requests_sent_together_are_answered_in_order(gateway, certificate):
    with connect(gateway, certificate) as connection:
        live = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r-%d\r\n%s\r\n"
        connection.sendall(b"".join(live % (i, b"Connection: close\r\n" if i == 9 else b"") for i in range(10)))
        answer = rest_of(connection)
    places = [answer.index(b"X-Request-Id: r-%d\r\n" % i) for i in range(10)]
    assert places == sorted(places) and answer.count(b"HTTP/1.1 200 OK") == 10
