# SPDX-License-Identifier: Apache-2.0
"""HTTP connections by hand: pipelining, chunks, Expect, slow and many clients."""

import json
import socket

import pytest

import viva_platform
from viva_wire import Wire

SLOW = ("--header-timeout-ms", "500", "--body-timeout-ms", "500", "--idle-timeout-ms", "500")
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module", params=viva_platform.SERVICES)
def address(request, platform):
    return platform.address(request.param)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A service with short timeouts, for clients that are slow on purpose."""
    service = viva_platform.Service("interview", tmp_path_factory.mktemp("impatient"), *SLOW)
    yield service
    service.stop()


def start_request(key, body, framing):
    return (
        f"POST /api/v1/interviews/start HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\n{framing}\r\n"
    ).encode() + body


def test_a_connection_serves_one_request_after_the_other(address):
    with Wire(address) as wire:
        for _ in range(50):
            wire.send(HEALTH)
            assert wire.reply().status == 200


def test_pipelined_requests_are_answered_in_order(address):
    with Wire(address) as wire:
        wire.send(b"".join(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: n-%d\r\n\r\n" % n for n in range(40)))
        assert [wire.reply().headers["x-request-id"] for _ in range(40)] == [f"n-{n}" for n in range(40)]


def test_pipelined_requests_with_bodies_keep_their_ends(platform):
    body = json.dumps({"user_id": "pipelined"}).encode()
    one = start_request(platform.api_key, body, f"Content-Length: {len(body)}\r\n")
    chunked = start_request(
        platform.api_key, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), "Transfer-Encoding: chunked\r\n"
    )
    with Wire(platform.address("gateway")) as wire:
        wire.send(one + HEALTH + chunked + HEALTH + one)
        assert [wire.reply().status for _ in range(5)] == [201, 200, 201, 200, 201]


@pytest.mark.parametrize("service", ["gateway", "interview"])
def test_a_body_may_come_in_chunks_of_any_size(platform, service):
    body = json.dumps({"user_id": "chunked", "total_questions": 2}).encode()
    for size in (1, 7, len(body)):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        coded = b"".join(b'%X;ext="1"\r\n%s\r\n' % (len(piece), piece) for piece in pieces)
        with Wire(platform.address(service)) as wire:
            wire.send(
                start_request(
                    platform.api_key, coded + b"0\r\nX-Trailer: ignored\r\n\r\n", "Transfer-Encoding: chunked\r\n"
                )
            )
            assert wire.reply().status == 201
            wire.send(HEALTH)
            assert wire.reply().status == 200


def test_a_request_may_come_byte_by_byte(platform):
    body = b'{"user_id":"slow"}'
    request = start_request(platform.api_key, body, f"Content-Length: {len(body)}\r\n")
    with Wire(platform.address("gateway")) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            wire.send(bytes([byte]))
        assert wire.reply().status == 201


@pytest.mark.parametrize("service", ["gateway", "interview"])
def test_expect_100_continue_is_answered_before_the_body(platform, service):
    body = b'{"user_id":"expecting"}'
    with Wire(platform.address(service)) as wire:
        wire.send(start_request(platform.api_key, b"", f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"))
        assert wire.reply().status == 100
        wire.send(body)
        assert wire.reply().status == 201


def test_a_request_that_will_fail_is_not_invited_to_continue(platform):
    with Wire(platform.address("interview")) as wire:
        wire.send(start_request(platform.api_key, b"", f"Content-Length: {1 << 40}\r\nExpect: 100-continue\r\n"))
        assert wire.reply().status == 413


def test_an_unknown_expectation_is_417(address):
    with Wire(address) as wire:
        wire.send(b"GET /health HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n")
        assert wire.reply().status == 417


def test_connection_close_closes(address):
    with Wire(address) as wire:
        wire.send(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        reply = wire.reply()
        assert reply.status == 200 and reply.headers["connection"].lower() == "close" and wire.is_closed()


def test_http_1_0_is_answered_and_closed(address):
    with Wire(address) as wire:
        wire.send(b"GET /health HTTP/1.0\r\nHost: x\r\n\r\n")
        reply = wire.reply()
        assert reply.status == 200 and "transfer-encoding" not in reply.headers and wire.is_closed()


def test_an_absolute_target_is_understood(address):
    with Wire(address) as wire:
        wire.send(b"GET http://x/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.reply().status in (200, 400)


def test_too_many_and_too_long_headers_are_431(address):
    for headers in (b"".join(b"X-%d: y\r\n" % n for n in range(500)), b"X-Long: " + b"y" * 100_000 + b"\r\n"):
        with Wire(address) as wire:
            wire.send_if_open(b"GET /health HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
            reply = wire.reply()
            assert reply is None or reply.status == 431, reply


def test_an_endless_target_is_414_or_431(address):
    with Wire(address) as wire:
        wire.send_if_open(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = wire.reply()
        assert reply is None or reply.status in (414, 431), reply


def test_headers_that_never_end_are_cut_off(impatient):
    with Wire(impatient.address) as wire:
        wire.send_if_open(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        reply = wire.reply()
        assert reply is None or reply.status == 408
        assert wire.is_closed()


def test_headers_that_trickle_are_cut_off_too(impatient):
    """Each byte must not buy more time: that is what a slow loris lives on."""
    with Wire(impatient.address) as wire:
        wire.send_if_open(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        wire.socket.settimeout(0.1)
        sent = 0
        while sent < 1000:
            if not wire.send_if_open(b"a"):
                break
            sent += 1
            try:
                data = wire.socket.recv(4096)
            except TimeoutError:
                continue
            except ConnectionResetError:
                break
            if not data or data.startswith(b"HTTP/1.1 408"):
                break
        assert sent < 1000, "still waiting for headers that trickle"


def test_a_body_that_never_comes_is_cut_off(impatient):
    with Wire(impatient.address) as wire:
        wire.send_if_open(start_request(impatient.api_key, b'{"us', "Content-Length: 1000\r\n"))
        reply = wire.reply()
        assert reply is None or reply.status == 408
        assert wire.is_closed()


def served_in_time(address):
    """A connection whose request came before the short timeouts of this service, which a slow machine may miss."""
    while True:
        wire = Wire(address)
        wire.send_if_open(HEALTH)
        reply = wire.reply()
        if reply and reply.status == 200:
            return wire
        assert reply is None or reply.status == 408, reply
        wire.socket.close()


def test_an_idle_connection_is_closed(impatient):
    with served_in_time(impatient.address) as wire:
        assert wire.is_closed()
    with Wire(impatient.address) as wire:
        reply = wire.reply()
        assert reply is None or reply.status == 408


def test_slow_clients_do_not_keep_others_waiting(impatient):
    slow = [Wire(impatient.address) for _ in range(200)]
    for wire in slow:
        wire.send_if_open(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: a")
    served_in_time(impatient.address).socket.close()
    for wire in slow:
        wire.socket.close()


def test_many_connections_at_once_are_served(address):
    wires = [Wire(address) for _ in range(300)]
    for wire in wires:
        wire.send(HEALTH)
    assert [wire.reply().status for wire in wires] == [200] * len(wires)
    for wire in wires:
        wire.socket.close()


def test_a_client_that_leaves_in_the_middle_harms_no_one(platform):
    body = b'{"user_id":"gone"}'
    for service in ("gateway", "interview"):
        for cut in (20, 60, 150):
            request = start_request(platform.api_key, body, f"Content-Length: {len(body) + 10}\r\n")
            with Wire(platform.address(service)) as wire:
                wire.send(request[:cut])
        for _ in range(20):
            with Wire(platform.address(service)) as wire:
                wire.send(HEALTH)
        with Wire(platform.address(service)) as wire:
            wire.send(HEALTH)
            assert wire.reply().status == 200


def test_a_client_that_stops_sending_still_gets_its_answer(address):
    with Wire(address) as wire:
        wire.send(HEALTH)
        wire.finish_sending()
        assert wire.reply().status == 200
