# SPDX-License-Identifier: Apache-2.0
"""Starts Viva's processes for a test and ends them again: only what it started, by process id."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "interview", "emotion", "scoring", "worker")
START_LIMIT_S = 240  # how long a start may take before the test gives up; nothing is asserted about it
STOP_LIMIT_S = 240
LISTENING = re.compile(r'listening on [^ \n"]*:(\d+)[^\d]')  # with what follows: all of the number is there


def binary():
    return pathlib.Path(os.environ.get("VIVA_BINARY", ROOT / "build" / "viva"))


def build_directory():
    return pathlib.Path(os.environ.get("VIVA_BUILD", binary().parent))


def cache_directory():
    fallback = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "viva"
    return pathlib.Path(os.environ.get("VIVA_CACHE_DIR", fallback))


def clean_environment(**more):
    """The environment without any VIVA_* setting of whoever runs the tests, plus `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIVA_")}
    # The platforms of all tests share what is computed of the question bank.
    return {"VIVA_EMBEDDING_CACHE": str(cache_directory() / "embeddings.bin"), **kept, **more}


def wait_until(condition, what, limit_s=START_LIMIT_S):
    """Polls until condition() is true and gives its value back; fails with `what` when it never is."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"gave up waiting: {what}"
        time.sleep(0.05)


def files_with(directory, data):
    """The files below `directory` that hold these bytes. Files may come and go meanwhile."""
    found = []
    for path in directory.rglob("*"):
        try:
            if path.is_file() and data in path.read_bytes():
                found.append(path)
        except FileNotFoundError:
            pass
    return found


def process_state(pid):
    """The letter of /proc/PID/stat ("R", "S", "Z", …), or None when the process is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_running(pid):
    return process_state(pid) not in (None, "Z", "X")


def children_of(pid):
    """Process ids whose parent is `pid`."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def arguments_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


class Process:
    """A started `viva …` whose output goes to a file."""

    def __init__(self, arguments, log_path, environment=None):
        self.log_path = pathlib.Path(log_path)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(binary()), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment or clean_environment(),
                cwd=self.log_path.parent,
            )

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self, number=signal.SIGTERM):
        """Asks for an end and gives the exit status back; a process that ignores it is killed and fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"process {self.pid} did not stop; its log ends:\n{self.log()[-3000:]}")


class Platform:
    """A whole `viva up` on free ports with a data directory of its own."""

    def __init__(self, directory, *arguments, api_key="viva_test_key_0123456789abcdef", **environment):
        self.directory = pathlib.Path(directory)
        self.api_key = api_key
        self.data_directory = self.directory / "data"
        self.ready_file = self.directory / "ready.json"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ready_file.unlink(missing_ok=True)
        ports = [word for name in SERVICES for word in (f"--{name}-port", "0")]
        # A slow machine must not make frames late, nor have services killed that look for leaks at their end.
        settings = {"VIVA_MAX_FRAME_AGE_MS": "3600000", "VIVA_GRACE_MS": "120000",
                    **({"VIVA_API_KEY": api_key} if api_key else {}), **environment}  # fmt: skip
        self.up = Process(
            ["up", "--data-dir", self.data_directory, *ports, "--ready-file", self.ready_file, *arguments],
            self.directory / "platform.log",
            clean_environment(**settings),
        )
        wait_until(self._is_ready, "the platform is ready")
        self.urls = json.loads(self.ready_file.read_text())

    def _is_ready(self):
        assert self.up.process.poll() is None, f"`viva up` ended early:\n{self.log()[-3000:]}"
        return self.ready_file.exists() and self.ready_file.stat().st_size > 0

    def url(self, service="gateway"):
        return self.urls[service].rstrip("/")

    def address(self, service):
        host, port = self.url(service).rpartition("/")[2].split(":")
        return host, int(port)

    def target(self, service):
        """host:port, as gRPC wants it."""
        return "%s:%d" % self.address(service)

    def children(self):
        """{service: pid} of the running children."""
        found = {}
        for pid in children_of(self.up.pid):
            words = arguments_of(pid)
            if len(words) > 1 and words[1] in SERVICES and is_running(pid):
                found[words[1]] = pid
        return found

    def log(self):
        return self.up.log()

    def stop(self):
        return self.up.stop()


class Service:
    """One service process alone, on a free port of its own."""

    def __init__(self, name, directory, *arguments, api_key="viva_test_key_0123456789abcdef", **environment):
        self.directory = pathlib.Path(directory)
        self.api_key = api_key
        self.directory.mkdir(parents=True, exist_ok=True)
        variables = clean_environment(**({"VIVA_API_KEY": api_key} if api_key else {}), **environment)
        log_path = self.directory / f"{name}-{time.monotonic_ns()}.log"
        self.running = Process(
            [name, "--data-dir", self.directory / "data", "--port", "0", *arguments], log_path, variables
        )
        self.port = int(wait_until(self._listening, f"{name} is ready")[1])

    def _listening(self):
        assert self.running.process.poll() is None, f"the service ended early:\n{self.running.log()[-3000:]}"
        return LISTENING.search(self.running.log())

    @property
    def pid(self):
        return self.running.pid

    @property
    def address(self):
        return "127.0.0.1", self.port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        return self.running.stop()
