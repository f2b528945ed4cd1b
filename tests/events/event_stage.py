# SPDX-License-Identifier: Apache-2.0
"""A whole platform on one of the buses, with what tests need to look behind it and to break it."""

import base64
import contextlib
import fcntl
import hashlib
import hmac
import http.server
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time

import httpx

import viva_client
import viva_platform
from viva_platform import wait_until

SECRET = "a secret of tests, of enough characters"
SERVICES = viva_platform.SERVICES
OUTAGE_S = 240
COMMAND_LIMIT_S = 120


def can_be_written(path, patience_s=2):
    """Whether nobody holds SQLite's lock for writing, or the gate that Viva's processes take it behind, for so long."""
    end = time.monotonic() + patience_s
    with contextlib.closing(sqlite3.connect(path, timeout=patience_s, isolation_level=None)) as store, open(f"{path}-gate") as gate:
        while True:
            try:
                fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
                store.execute("BEGIN IMMEDIATE")
                store.execute("ROLLBACK")
                return True
            except (BlockingIOError, sqlite3.OperationalError):
                if time.monotonic() >= end:
                    return False
                time.sleep(0.01)


class Stage:
    """`viva up` on a bus, its REST client, its stores, its webhooks' receiver."""

    def __init__(self, directory, bus, *arguments, **environment):
        self.bus = bus
        self.receiver = Receiver()
        settings = {
            "VIVA_WEBHOOK_URL": self.receiver.url,
            "VIVA_WEBHOOK_SECRET": SECRET,
            # A slow machine must not make scores early, and a breaker must not make tests slow.
            "VIVA_COMPLETION_WAIT_MS": "240000",
            "VIVA_BREAKER_OPEN_MS": "500",
            **environment,
        }
        try:
            self.platform = viva_platform.Platform(directory, "--bus-url", bus.url, *arguments, **settings)
        except BaseException:
            self.receiver.close()
            raise
        self.rest = viva_client.Rest(self.platform.url(), self.platform.api_key)

    def close(self):
        self.rest.close()
        try:
            assert self.platform.stop() == 0, self.platform.log()[-3000:]
        finally:
            self.receiver.close()

    # ---- looking behind it

    def database(self, name="viva"):
        return self.platform.data_directory / f"{name}.db"

    def rows(self, query, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True, timeout=30)) as store:
            return store.execute(query, values).fetchall()

    def timeline(self, session):
        """(frame_number, blink_count) of each analysed frame, in the order of time."""
        query = "SELECT frame_number, blink_count FROM emotion_frames WHERE session_id = ? ORDER BY timestamp_ms"
        return self.rows(query, session)

    def copied(self, session):
        """The frame numbers that scoring has learnt of, in order."""
        query = "SELECT frame_number FROM scoring_emotions WHERE session_id = ? ORDER BY timestamp_ms"
        return [number for (number,) in self.rows(query, session)]

    def outcomes(self, session):
        """{outcome: how many}: what the worker has noted of the session's frames."""
        query = "SELECT outcome, COUNT(*) FROM worker_ledger WHERE session_id = ? GROUP BY outcome"
        return dict(self.rows(query, session))

    def wait_for_frames(self, session, count):
        """Until so many frames are in the timeline and in scoring's copy of it; their numbers, in the order of time."""
        wait_until(lambda: len(self.timeline(session)) >= count, f"{count} frames in the timeline of {session}")
        wait_until(lambda: len(self.copied(session)) >= count, f"{count} frames in scoring's copy of {session}")
        numbers = [number for number, _ in self.timeline(session)]
        assert sorted(self.copied(session)) == sorted(numbers)
        return numbers

    # ---- operating its bus

    def command(self, *arguments):
        """Runs `viva …` for this bus and gives its JSON lines back."""
        environment = viva_platform.clean_environment(VIVA_BUS_URL=self.bus.url)
        done = subprocess.run([viva_platform.binary(), *arguments], env=environment, capture_output=True, text=True,
                              timeout=COMMAND_LIMIT_S)  # fmt: skip
        assert done.returncode == 0, f"viva {' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout

    def queue_depths(self):
        """(messages in the work queues, dead letters)."""
        table = json.loads(self.command("queues", "--json"))
        depths = {queue["name"]: queue["waiting"] + max(queue["unsettled"] or 0, 0) for queue in table}
        dead = depths.pop("dead.letters")
        return sum(depths.values()), dead

    def letters(self):
        """All dead letters, oldest first: "queue", "reason", "message_id", …"""
        return json.loads(self.command("dead-letters", "list", "--json"))

    def drop_letters(self):
        self.command("dead-letters", "drop", "--all")

    # ---- breaking it

    def pid(self, service):
        return wait_until(lambda: self.platform.children().get(service), f"{service} runs")

    @contextlib.contextmanager
    def without(self, service):
        """The service is dead in between, and stays so: its supervisor is held, too."""
        pid = self.pid(service)
        os.kill(self.platform.up.pid, signal.SIGSTOP)
        try:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not viva_platform.is_running(pid), f"{service} is dead")
            yield
        finally:
            os.kill(self.platform.up.pid, signal.SIGCONT)
        self.wait_until_healthy(service, pid)

    @contextlib.contextmanager
    def held(self, service):
        """The service stands still in between, outside of transactions, which would make the others stand still, too."""
        pid = self.pid(service)
        try:
            while True:
                os.kill(pid, signal.SIGSTOP)
                wait_until(lambda: viva_platform.process_state(pid) == "T", f"{service} stands still")
                if all(can_be_written(path) for path in self.databases()):
                    break
                os.kill(pid, signal.SIGCONT)
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def databases(self):
        """All SQLite files, the bus's too."""
        own = list(self.platform.data_directory.glob("*.db"))
        return [*own, self.bus.url.partition(":")[2]] if self.bus.name == "sqlite" else own

    def wait_until_healthy(self, service, old_pid=None):
        def healthy():
            if self.platform.children().get(service) in (None, old_pid):
                return False
            try:
                return viva_client.fetch(self.platform.url(service) + "/health").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(healthy, f"{service} is healthy", OUTAGE_S)


# ---- what a candidate does


def send_frames(interview, frames, indices):
    """Puts these frames of the demo into the queue, one after the other; their numbers."""
    numbers = []
    for index in indices:
        body = {"image_data": base64.b64encode(frames.pictures[index]).decode(), "timestamp": frames.time_ms(index)}
        numbers.append(viva_client.ok(interview.call("POST", "/frames", json=body), 202)["frame_number"])
    return numbers


def show_frame(socket, frames, index):
    """Sends a live frame and waits for its update, skipping others."""
    socket.send_frame(frames.pictures[index], frames.time_ms(index))
    while True:
        update = socket.wait_for("emotion_update")
        if update["timestamp"] == frames.time_ms(index):
            return update


# ---- webhooks


class Receiver:
    """A webhooks' receiver: keeps what comes, and answers with the statuses that a test wants for a session, else 200."""

    def __init__(self):
        self.calls = []  # {"session", "headers", "body", "status"}
        self.wanted = {}  # session → statuses yet to be given
        self._lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver._note(dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def _note(self, headers, body):
        session = session_of(json.loads(body))
        with self._lock:
            waiting = self.wanted.get(session)
            status = waiting.pop(0) if waiting else 200
            self.calls.append({"session": session, "headers": headers, "body": body, "status": status})
        return status

    def calls_of(self, session):
        with self._lock:
            return [call for call in self.calls if call["session"] == session]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def session_of(event):
    """A webhook's body is the event itself, or has it as its data."""
    return event.get("session_id") or event["data"]["session_id"]


def signature_of(secret, text):
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
