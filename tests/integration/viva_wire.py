# SPDX-License-Identifier: Apache-2.0
"""HTTP by hand on a raw socket, for what no proper client would send."""

import socket

READ_LIMIT_S = 60


class Reply:
    """One parsed response."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Wire:
    def __init__(self, address):
        self.socket = socket.create_connection(address, READ_LIMIT_S)
        self.socket.settimeout(READ_LIMIT_S)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_if_open(self, data):
        """Sends what the peer may refuse by closing; says whether it took all."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def _until(self, mark):
        while mark not in self.buffer:
            if not self._more():
                return None
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def _exactly(self, size):
        while len(self.buffer) < size:
            assert self._more(), f"closed inside a body: {self.buffer!r}"
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def reply(self, to_head=False):
        """The next response, or None when the peer closed before one."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        lines = head.decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ", 2)[:2]
        assert version == "HTTP/1.1", lines[0]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(status)
        body = b""
        if status >= 200 and status not in (204, 304) and not to_head:
            if headers.get("transfer-encoding", "").lower() == "chunked":
                body = self._chunked()
            elif "content-length" in headers:
                body = self._exactly(int(headers["content-length"]))
            else:
                while self._more():
                    pass
                body, self.buffer = self.buffer, b""
        return Reply(status, headers, body)

    def _chunked(self):
        body = b""
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
            if size == 0:
                return body

    def is_closed(self):
        """Waits for the peer's close; false when more bytes come instead."""
        return self.buffer == b"" and not self._more()


def exchange(address, data):
    """Sends bytes and gives (first reply or None, whether the peer then closed) back."""
    with Wire(address) as wire:
        wire.send_if_open(data)
        reply = wire.reply()
        return reply, reply is None or wire.is_closed()
