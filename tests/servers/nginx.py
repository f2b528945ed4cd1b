#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A private nginx of Debian's package in front of a fleet: own port, directories and process id, on loopback only.

`viva nginx-config --watch` writes its configuration from Consul and tells it of changes.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import time

from private_server import USER, PrivateServer, free_ports, is_listening

BINARY = "/usr/sbin/nginx"
START_LIMIT_S = 180
STOP_LIMIT_S = 60


class Unavailable(Exception):
    """Why there is no nginx here."""


class Nginx(PrivateServer):
    """`viva` is the executable, `discovery` its --discovery-url."""

    def __init__(self, directory, viva, discovery, environment):
        if not pathlib.Path(BINARY).exists():
            raise Unavailable("no nginx is installed: ./dev deps")
        self.directory = pathlib.Path(directory)
        self.http_port, self.emotion_port, self.scoring_port = free_ports(3)
        self.viva, self.discovery, self.environment = viva, discovery, environment
        self.configuration = self.directory / "nginx.conf"
        self.pid_file = self.directory / "nginx.pid"
        self.writer = self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    def arguments(self, out):
        """Those of `viva nginx-config` that write the configuration to `out`."""
        return [
            "nginx-config", "--discovery-url", self.discovery, "--out", out,
            "--temp-path", self.directory / "temp", "--access-log", self.directory / "access.log",
            "--test-command", f'{BINARY} -t -q -p "{self.directory}" -c "$FILE" -e stderr -g "pid {self.directory}/test.pid;"',
            "--http-listen", f"127.0.0.1:{self.http_port}",
            "--emotion-grpc-listen", f"127.0.0.1:{self.emotion_port}",
            "--scoring-grpc-listen", f"127.0.0.1:{self.scoring_port}",
        ]  # fmt: skip

    def start(self):
        (self.directory / "temp").mkdir(parents=True)
        self._open_to_workers()
        watch = [*self.arguments(self.configuration), "--watch", "--reload-pid", self.pid_file]
        self.writer = self._spawn([self.viva, *watch], "nginx-config.log", self.environment)
        self._wait(self.configuration.exists, self.writer)
        self.server = self._spawn([BINARY, "-p", self.directory, "-c", self.configuration, "-e", "stderr",
                                   "-g", f"daemon off; pid {self.pid_file};"], "nginx.log")  # fmt: skip
        # The writer's test of a configuration listens there for a moment, too; the process id is the server's.
        self._wait(lambda: self._has_started() and is_listening(self.http_port), self.server)

    def close(self):
        for process, number in ((self.writer, signal.SIGTERM), (self.server, signal.SIGTERM)):
            if process and process.poll() is None:
                process.send_signal(number)
                try:
                    process.wait(STOP_LIMIT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def log(self):
        return "\n".join(path.read_text(errors="replace") for path in self.directory.glob("*.log"))

    def _has_started(self):
        return self.pid_file.exists() and self.pid_file.read_text().strip() == str(self.server.pid)

    def _open_to_workers(self):
        # Started by root, its workers are nobody, who must get at the temporary files.
        if os.getuid() == 0:
            shutil.chown(self.directory / "temp", USER)

    def _spawn(self, arguments, log_name, environment=None):
        with open(self.directory / log_name, "ab") as log:
            return subprocess.Popen(["setpriv", "--pdeathsig=TERM", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=subprocess.STDOUT, cwd=self.directory, env=environment)  # fmt: skip

    def _wait(self, condition, process):
        end = time.monotonic() + START_LIMIT_S
        while not condition():
            assert process.poll() is None, f"it ended:\n{self.log()[-3000:]}"
            assert time.monotonic() < end, f"it is not ready:\n{self.log()[-3000:]}"
            time.sleep(0.05)
