# SPDX-License-Identifier: Apache-2.0
"""RFC 6455 by Autobahn's cases, run by kosoku against an echo server on our code; then by hand on the real door."""

import asyncio
import re
import struct
import subprocess

import kosoku
import pytest

import viva_platform
from viva_wire import Wire

PORT = re.compile(r"^port (\d+)\n", re.M)
DEFLATE = ["12.*", "13.*"]  # permessage-deflate, which is optional and not offered
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def start_echo(directory, name, *arguments):
    """Starts viva-echo on a free port: (process, its address, its log)."""
    found = sorted(path for path in viva_platform.build_directory().rglob("viva-echo") if path.is_file())
    assert found, "viva-echo is not built"
    log = directory / f"{name}.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [found[0], *arguments], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    port = viva_platform.wait_until(
        lambda: PORT.search(log.read_text()) or process.poll() is not None, "viva-echo says its port"
    )
    assert process.poll() is None, log.read_text()
    return process, f"127.0.0.1:{port[1]}", log


@pytest.fixture(scope="module", params=["direct", "through the relay"])
def echo_address(request, tmp_path_factory):
    """An echo server on src/net, alone or behind our own proxy."""
    directory = tmp_path_factory.mktemp("echo")
    started = [start_echo(directory, "echo")]
    if request.param != "direct":
        started.append(start_echo(directory, "relay", "--upstream", started[0][1]))
    yield started[-1][1]
    for process, _, log in reversed(started):
        process.terminate()
        assert process.wait(viva_platform.STOP_LIMIT_S) == 0, log.read_text()
        assert "Sanitizer" not in log.read_text(), log.read_text()


def run_cases(address, include, exclude):
    """The results of Autobahn's cases; those that fail are among them."""

    async def run():
        try:
            return await kosoku.run_fuzzingclient(address, include, exclude, concurrency=4)
        except kosoku.FailureError as failure:
            return failure.results

    return asyncio.run(run())


def failures(results):
    return [
        f"{row.case_id}: {row.behavior.value} {row.result} / {row.behavior_close.value} {row.result_close}"
        for row in results
        if not row.passed
    ]


def test_every_autobahn_case_of_the_protocol_passes(echo_address):
    results = run_cases(echo_address, None, ["9.*", *DEFLATE])
    assert len(results) >= 240
    assert failures(results) == []


def test_every_autobahn_case_of_large_messages_passes(echo_address):
    results = run_cases(echo_address, ["9.*"], None)
    assert len(results) >= 50
    assert failures(results) == []


# What follows goes through the gateway to the interview service, as a candidate's browser does.


def upgrade(path, token, **changes):
    headers = {
        "Host": "x",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
        "Authorization": f"Bearer {token}",
    }
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


def frame(opcode, payload=b"", final=True, masked=True, reserved=0):
    head = bytes([(0x80 if final else 0) | reserved | opcode])
    length, bit = len(payload), 0x80 if masked else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 1 << 16:
        head += bytes([bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", length)
    if not masked:
        return head + payload
    mask = b"\x12\x34\x56\x78"
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


class RawSocket:
    """A WebSocket by hand, already open."""

    def __init__(self, address, path, token):
        self.wire = Wire(address)
        self.wire.send(upgrade(path, token))
        reply = self.wire.reply(to_head=True)
        assert reply.status == 101, reply
        # RFC 6455 section 1.3's example.
        assert reply.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert reply.headers["upgrade"].lower() == "websocket" and "sec-websocket-extensions" not in reply.headers

    def close_code(self):
        """Skips messages until the close frame; its code, or None when the connection ends without one."""
        while True:
            while len(self.wire.buffer) < 2:
                if not self.wire._more():
                    return None
            opcode, length = self.wire.buffer[0] & 15, self.wire.buffer[1]
            assert length < 128, "a server must not mask (RFC 6455 section 5.1)"
            self.wire.buffer = self.wire.buffer[2:]
            if length == 126:
                length = struct.unpack(">H", self.wire._exactly(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self.wire._exactly(8))[0]
            payload = self.wire._exactly(length)
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0]


@pytest.fixture
def raw_socket(platform, rest):
    interview = rest.start()
    opened = RawSocket(platform.address("gateway"), interview.started["ws_url"], interview.token)
    yield opened
    opened.wire.socket.close()


VIOLATIONS = {
    "a frame without a mask": (frame(1, b"{}", masked=False), 1002),
    "a reserved bit": (frame(1, b"{}", reserved=0x40), 1002),
    "an unknown opcode": (frame(3, b"x"), 1002),
    "an unknown control opcode": (frame(11, b"x"), 1002),
    "a fragmented ping": (frame(9, b"x", final=False), 1002),
    "a ping of 126 bytes": (frame(9, b"x" * 126), 1002),
    "a continuation of nothing": (frame(0, b"x"), 1002),
    "a message inside a message": (frame(1, b"{", final=False) + frame(1, b"}"), 1002),
    "text that is not UTF-8": (frame(1, b"\xff\xfe"), 1007),
    "text that ends inside a character": (frame(1, b"\xe2\x82"), 1007),
    "a close frame of one byte": (frame(8, b"x"), 1002),
    "a close code that no one may send": (frame(8, struct.pack(">H", 1005)), 1002),
    "a close reason that is not UTF-8": (frame(8, struct.pack(">H", 1000) + b"\xff"), 1007),
    "a length beyond 63 bits": (b"\x82\xff" + b"\xff" * 8 + b"mask", 1002),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_protocol_violation_closes_with_the_rfcs_code(raw_socket, name):
    data, code = VIOLATIONS[name]
    raw_socket.wire.send(data)
    assert raw_socket.close_code() in {code, 1002}


def test_a_clean_close_is_echoed(raw_socket):
    raw_socket.wire.send(frame(8, struct.pack(">H", 1000) + b"done"))
    assert raw_socket.close_code() == 1000
    assert raw_socket.wire.is_closed()


def test_a_fragmented_message_with_a_ping_between_is_one_message(raw_socket):
    message = b'{"type":"ping","data":{}}'
    raw_socket.wire.send(
        b"".join(
            frame(1 if n == 0 else 0, message[n : n + 1], final=n == len(message) - 1) + frame(9, b"beat")
            for n in range(len(message))
        )
    )
    seen = b""
    while b'"pong"' not in seen.replace(b" ", b""):
        assert raw_socket.wire._more()
        seen += raw_socket.wire.buffer
        raw_socket.wire.buffer = b""
    assert b"\x8a\x04beat" in seen


@pytest.mark.parametrize(
    "changes, status",
    [
        ({"Sec_WebSocket_Version": "8"}, {400, 426}),
        ({"Sec_WebSocket_Version": None}, {400, 426}),
        ({"Sec_WebSocket_Key": None}, {400}),
        ({"Sec_WebSocket_Key": "short"}, {400}),
        ({"Connection": None}, {400, 426}),
        ({"Upgrade": "tea"}, {400, 426}),
        ({"Host": None}, {400}),
    ],
    ids=str,
)
def test_a_bad_opening_handshake_is_refused(platform, rest, changes, status):
    interview = rest.start()
    with Wire(platform.address("gateway")) as wire:
        wire.send(upgrade(interview.started["ws_url"], interview.token, **changes))
        reply = wire.reply()
        assert reply.status in status, reply
        if reply.status == 426:
            assert reply.headers["sec-websocket-version"] == "13"
