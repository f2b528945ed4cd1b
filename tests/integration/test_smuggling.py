# SPDX-License-Identifier: Apache-2.0
"""Requests on whose end two servers could disagree: each is answered 400 and its connection closed."""

import pytest

import viva_platform
from viva_wire import Wire, exchange

POST = b"POST /a-path HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer KEY\r\n"
PATHS = {  # of routes that take a body, so that it is read; the worker has none
    "gateway": b"/api/v1/interviews/start",
    "interview": b"/api/v1/interviews/start",
    "emotion": b"/api/v1/emotions/batch",
    "scoring": b"/api/v1/scores/calculate",
}
GET = b"GET /health HTTP/1.1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

PROBES = {
    "length and chunked together": POST + b"Content-Length: 6\r\n" + CHUNKED + b"\r\n0\r\n\r\nG",
    "chunked and length together": POST + CHUNKED + b"Content-Length: 6\r\n\r\n0\r\n\r\nG",
    "two different lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two lengths in one line": POST + b"Content-Length: 3, 4\r\n\r\nabcd",
    "the same length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length with a plus": POST + b"Content-Length: +3\r\n\r\nabc",
    "a length in hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "a length with a space inside": POST + b"Content-Length: 1 3\r\n\r\nabc",
    "an empty length": POST + b"Content-Length: \r\n\r\n",
    "a length beyond 64 bits": POST + b"Content-Length: 18446744073709551619\r\n\r\nabc",
    "a length with a letter": POST + b"Content-Length: 3x\r\n\r\nabc",
    "an unknown transfer coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunked that is not the last coding": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in two headers": POST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": POST + b"Content-Length : 3\r\n\r\nabc",
    "a space before the coding's colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a tab in a coding's name": POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab before chunked": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a folded header": GET + b"Host: x\r\nX-A: a\r\n b\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": b"GET /health HTTP/1.1\nHost: x\n\n",
    "a bare line feed between headers": GET + b"Host: x\nX-A: b\r\n\r\n",
    "a bare carriage return in a header": GET + b"Host: x\r\nX-A: a\rX-B: b\r\n\r\n",
    "a NUL in a header": GET + b"Host: x\r\nX-A: a\0b\r\n\r\n",
    "a NUL in a header's name": GET + b"Host: x\r\nX-\0A: b\r\n\r\n",
    "a header without a name": GET + b"Host: x\r\n: b\r\n\r\n",
    "a header without a colon": GET + b"Host: x\r\nnonsense\r\n\r\n",
    "a space before the first header": GET + b" Host: x\r\n\r\n",
    "no Host": GET + b"\r\n",
    "two Hosts": GET + b"Host: x\r\nHost: y\r\n\r\n",
    "a Host that is no host": GET + b"Host: a b/c\r\n\r\n",
    "a chunk size with 0x": POST + CHUNKED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a negative chunk size": POST + CHUNKED + b"\r\n-3\r\nabc\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": POST + CHUNKED + b"\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
    "a chunk that ends elsewhere": POST + CHUNKED + b"\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a chunk that ends with a line feed": POST + CHUNKED + b"\r\n3\r\nabc\n0\r\n\r\n",
    "a chunk size ended by a line feed": POST + CHUNKED + b"\r\n3\nabc\r\n0\r\n\r\n",
    "an empty chunk size": POST + CHUNKED + b"\r\n\r\nabc\r\n0\r\n\r\n",
    "no version": b"GET /health\r\n\r\n",
    "an unknown version": b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
    "a lower-case version": b"GET /health http/1.1\r\nHost: x\r\n\r\n",
    "a method that is none": b"G\x01T /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target with a control character": b"GET /he\x01alth HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target that does not begin with a slash": b"GET health HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS on the plain port": bytes.fromhex("16030100a5010000a10303") + b"\0" * 160,
}


@pytest.mark.parametrize("service", PATHS)
@pytest.mark.parametrize("name", PROBES)
def test_a_doubtful_request_is_refused_with_400_and_closed(platform, service, name):
    probe = PROBES[name].replace(b"/a-path", PATHS[service]).replace(b"KEY", platform.api_key.encode())
    reply, closed = exchange(platform.address(service), probe + HIDDEN)
    assert reply is not None, "closed without an answer"
    assert reply.status in ({400, 505} if "version" in name else {400}), reply
    assert b"hidden" not in reply.body
    assert closed, "what follows a doubtful request must not be read as another one"


def test_a_sound_request_passes_the_same_way(platform):
    """The probes prove nothing if everything were refused."""
    for service in viva_platform.SERVICES:
        reply, _ = exchange(platform.address(service), GET + b"Host: x\r\nConnection: close\r\n\r\n")
        assert reply.status == 200


def test_an_upgrade_that_is_refused_leaves_no_tunnel(platform):
    """A proxy must not stop parsing before the upstream said 101 (h2c and WebSocket smuggling)."""
    for upgrade in (
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 777\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    ):
        request = b"GET /ws/interviews/none HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n"
        with Wire(platform.address("gateway")) as wire:
            wire.send(request)
            assert wire.reply().status in (400, 401, 404, 426)
            if wire.send_if_open(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
                second = wire.reply()
                assert second is None or second.status == 200


def test_hop_by_hop_headers_are_not_passed_on(platform):
    """A client that lists Authorization in Connection must not be able to strip it, or to smuggle its own."""
    key = platform.api_key.encode()
    request = (
        b"GET /api/v1/interviews/none HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        + key
        + b"\r\nConnection: close, X-Request-Id\r\nX-Request-Id: hop\r\nTE: trailers\r\nProxy-Authorization: x\r\n\r\n"
    )
    reply, _ = exchange(platform.address("gateway"), request)
    assert reply.status == 404
