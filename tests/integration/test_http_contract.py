# SPDX-License-Identifier: Apache-2.0
"""What holds for every REST route: unknown routes, methods, types, sizes, ids of requests; health and metrics."""

import re
import uuid

import pytest

import viva_client
import viva_platform
import viva_wire
from viva_client import assert_error, ok

METRIC = re.compile(
    r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*"'
    r'(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*")*,?\})? (-?[0-9.eE+-]+|NaN|[+-]Inf)( [0-9]+)?$'
)


@pytest.fixture(scope="module", params=viva_platform.SERVICES)
def any_service(request, platform):
    client = viva_client.Rest(platform.url(request.param), platform.api_key)
    client.name = request.param
    client.address = platform.address(request.param)
    yield client
    client.close()


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v2/interviews/start",
        "/api/v1/interview",
        "/%2e%2e/etc/passwd",
        "/healthy",
        "/ws",
        "//api/v1/scores/health",
    ],
)
def test_an_unknown_route_is_404_with_the_reference_designs_body(any_service, path):
    for method in ("GET", "POST", "DELETE"):
        answer = any_service.call(method, path)
        assert answer.status_code == 404
        assert answer.json() == {"error": "not found"}
        assert answer.headers["x-request-id"]


def test_the_gateway_passes_on_only_what_has_a_whole_prefix(rest):
    for path in ("/api/v1/interviewsx", "/api/v1/emotionsx/health", "/api/v1/scoresx/health", "/api/v1/scor"):
        answer = rest.get(path)
        assert answer.status_code == 404 and answer.json() == {"error": "not found"}


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("PUT", "/api/v1/interviews/start", {"POST"}),
        ("PATCH", "/api/v1/interviews/x", {"GET", "DELETE"}),
        ("POST", "/api/v1/interviews/x/status", {"GET"}),
        ("GET", "/api/v1/interviews/x/answers", {"POST"}),
        ("GET", "/api/v1/interviews/x/complete", {"POST"}),
        ("GET", "/api/v1/emotions/analyze", {"POST"}),
        ("PUT", "/api/v1/emotions/batch", {"POST"}),
        ("POST", "/api/v1/emotions/session/x", {"GET"}),
        ("GET", "/api/v1/scores/calculate", {"POST"}),
        ("DELETE", "/api/v1/scores/report", {"POST"}),
        ("POST", "/health", {"GET"}),
        ("DELETE", "/metrics", {"GET"}),
    ],
)
def test_a_wrong_method_is_405_and_names_the_right_ones(rest, method, path, allowed):
    answer = rest.call(method, path)
    assert_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert allowed <= {word.strip() for word in answer.headers["allow"].split(",")}


@pytest.mark.parametrize(
    "path", ["/api/v1/interviews/start", "/api/v1/emotions/batch", "/api/v1/scores/calculate", "/api/v1/scores/report"]
)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "image/gif", "application/jsonx", "json", ""]
)
def test_a_wrong_content_type_is_415(rest, path, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    assert_error(rest.post(path, content=b"{}", headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_parameters_of_a_content_type_do_not_matter(rest):
    for content_type in ("application/json; charset=utf-8", "Application/JSON", "application/json ;charset=UTF-8"):
        answer = rest.post(
            "/api/v1/interviews/start", content=b'{"user_id":"u"}', headers={"Content-Type": content_type}
        )
        assert answer.status_code == 201, content_type


@pytest.mark.parametrize(
    "service, path",
    [
        ("gateway", "/api/v1/interviews/start"),
        ("gateway", "/api/v1/emotions/batch"),
        ("gateway", "/api/v1/scores/calculate"),
        ("interview", "/api/v1/interviews/start"),
        ("emotion", "/api/v1/emotions/batch"),
        ("scoring", "/api/v1/scores/calculate"),
    ],
)
def test_a_body_over_the_limit_is_413_before_it_is_sent(platform, service, path):
    with viva_wire.Wire(platform.address(service)) as wire:
        wire.send(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.api_key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {1 << 40}\r\n\r\n{{".encode()
        )
        reply = wire.reply()
        assert reply.status == 413, reply
        assert b'"code"' in reply.body


def test_a_chunked_body_over_the_limit_is_413_too(platform):
    with viva_wire.Wire(platform.address("gateway")) as wire:
        wire.send(
            f"POST /api/v1/interviews/start HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.api_key}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(40):
            if not wire.send_if_open(chunk):
                break
        reply = wire.reply()
        # A peer that closes while we still send may lose its answer on the way; it must not have taken the request.
        assert reply is None or reply.status == 413, reply


def test_a_request_id_is_echoed_or_made(any_service):
    assert (
        any_service.get("/health", headers={"X-Request-Id": "my-Request_1.x"}).headers["x-request-id"]
        == "my-Request_1.x"
    )
    made = {any_service.get("/health").headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3 and all(uuid.UUID(text).version == 7 for text in made)
    for bad in ("x" * 65, "with space", "semi;colon", "<script>"):
        answer = any_service.get("/health", headers={"X-Request-Id": bad})
        assert answer.headers["x-request-id"] != bad and uuid.UUID(answer.headers["x-request-id"])


def test_the_request_id_is_in_the_error_body(rest):
    answer = rest.get(f"/api/v1/interviews/{uuid.uuid4()}", headers={"X-Request-Id": "find-me"})
    assert assert_error(answer, 404, "NOT_FOUND")["request_id"] == "find-me"


def test_each_service_is_healthy(any_service):
    for path in ("/health", "/health/live", "/health/ready"):
        answer = any_service.get(path, credential="")
        assert answer.status_code == 200 and answer.json()["status"] == "ok", answer.text


def test_health_of_emotion_and_scoring_goes_through_the_gateway(rest):
    for path in ("/api/v1/emotions/health", "/api/v1/scores/health"):
        assert ok(rest.get(path, credential=""))["status"] == "ok"


def test_metrics_are_in_prometheus_text_format(any_service):
    answer = any_service.get("/metrics", credential="")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    typed, samples = set(), 0
    assert answer.text.endswith("\n")
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:4]
            assert name not in typed, f"{name} has two TYPE lines"
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped")
            typed.add(name)
        elif line and not line.startswith("#"):
            match = METRIC.match(line)
            assert match, line
            family = re.sub(r"_(bucket|sum|count|total)$", "", match[1])
            assert match[1] in typed or family in typed, f"{match[1]} has no TYPE"
            samples += 1
    assert samples > 5 and any(name.startswith("viva_") for name in typed)


def test_metrics_count_requests(rest, platform):
    def total():
        text = rest.get("/metrics").text
        return sum(
            float(line.split()[-1])
            for line in text.splitlines()
            if re.match(r"viva_http_requests_total|viva_http_request_(duration_seconds_)?count", line)
        )

    before = total()
    for _ in range(5):
        rest.get("/health")
    assert total() >= before + 5


def test_head_is_get_without_a_body(any_service):
    answer = any_service.call("HEAD", "/health")
    assert answer.status_code == 200 and answer.content == b""


def test_ids_with_odd_characters_are_not_found_and_break_nothing(rest):
    for odd in (
        "%00",
        "a%00b",
        "%ff%fe",
        "..",
        "%2e%2e",
        "%2F",
        "a%2Fb",
        "x" * 3000,
        "%F0%9F%98%80",
        "'%20or%201=1--",
        "%0d%0aX:y",
    ):
        for suffix in ("", "/status", "/export"):
            answer = rest.get(f"/api/v1/interviews/{odd}{suffix}")
            assert answer.status_code in (400, 404, 414), (odd, suffix, answer.status_code)
            assert "x" not in answer.headers and answer.json()["error"]
