# SPDX-License-Identifier: Apache-2.0
"""A TCP relay that a test can tell to break its connections."""

import socket
import struct
import threading


class Proxy:
    """Relays connections to 127.0.0.1:target until told otherwise."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("", 0))
        self.port = self.listener.getsockname()[1]
        self.accepted = 0
        self._pairs = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self.accepted += 1
                self._pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def reset(self):
        """Ends all connections as a failing network would: with RST, to both sides."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # shutdown() wakes the copying threads; the last close() sends the reset.
                try:
                    end.shutdown(socket.SHUT_RD)
                except OSError:
                    pass
                end.close()

    def close(self):
        self.listener.close()
        self.reset()
