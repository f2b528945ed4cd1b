# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy in front of one server that can delay what passes, and reset all connections: a bad network, on loopback."""
import asyncio
import socket
import struct
import threading

READ_BYTES = 65536
# SO_LINGER with no time left makes close() send RST instead of FIN.
RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on `port` (0: any free one) of 127.0.0.1 and passes everything on to `target`, on a thread of its own."""

    def __init__(self, target, port=0):
        self.target = target
        self.delay_s = 0.0
        self.resets = 0
        self._open = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(port, started := threading.Event()), daemon=True)
        self._thread.start()
        started.wait()

    def _run(self, port, started):
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", port))
        self.port = self._server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()

    async def _serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _pump(self, reader, writer):
        """One direction. Each piece waits its own time, so that the delay is latency and does not limit the rate."""
        pieces = asyncio.Queue(64)
        sender = asyncio.ensure_future(self._send(pieces, writer))
        try:
            while data := await reader.read(READ_BYTES):
                await pieces.put((self._loop.time() + self.delay_s, data))
        except OSError:
            pass
        await pieces.put((0, b""))
        await sender

    async def _send(self, pieces, writer):
        try:
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(due - self._loop.time(), 0))
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()
        except OSError:
            writer.close()
            while (await pieces.get())[1]:
                pass

    def reset_all(self):
        """Ends each open connection with RST on both sides. How many ends that were."""
        done = threading.Event()

        def reset():
            for end in list(self._open):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.transport.abort()
                self.resets += 1
            done.set()

        self._loop.call_soon_threadsafe(reset)
        done.wait()

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
