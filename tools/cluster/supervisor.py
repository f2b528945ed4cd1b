# SPDX-License-Identifier: Apache-2.0
"""Keeps the cluster's processes running: starts them in waves, restarts what dies, ends them in reverse.

The supervisor is one process in the background. What runs where is in STATE/state.json, rewritten at each change, so
that `status` and `kill` need nothing but that file.
"""
import dataclasses
import grp
import json
import os
import pathlib
import pwd
import signal
import subprocess
import time
from collections.abc import Callable

POLL_S = 0.1
RESTART_FIRST_S = 0.5
RESTART_LAST_S = 10
CALM_S = 30  # after so long a run the next restart is quick again
READY_LIMIT_S = 180
STOP_LIMIT_S = 30


@dataclasses.dataclass
class Member:
    """One process of the cluster."""

    name: str
    arguments: list
    wave: int  # all of a wave are ready before the next one starts; the end goes the other way round
    is_ready: Callable[[], bool]
    environment: dict = dataclasses.field(default_factory=dict)
    address: str = ""
    user: str = ""  # whom it runs as, when the supervisor is root
    stop_signal: int = signal.SIGTERM


class Running:
    """A member with its process, now or between two."""

    def __init__(self, member):
        self.member = member
        self.process = None
        self.started_at = 0.0
        self.restart_at = 0.0
        self.failures = 0
        self.restarts = 0

    def start(self, directory):
        member = self.member
        # Whoever kills the supervisor shall leave nothing behind.
        command = ["setpriv", "--pdeathsig=TERM", *as_user(member.user), "--"]
        with open(directory / "logs" / f"{member.name}.log", "ab") as log:
            self.process = subprocess.Popen(
                [*command, *map(str, member.arguments)], env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8",
                "HOME": str(directory / "home"), **member.environment},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=directory)  # fmt: skip
        self.started_at = time.monotonic()

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def plan_restart(self):
        now = time.monotonic()
        self.failures = 0 if now - self.started_at > CALM_S else self.failures + 1
        self.restart_at = now + min(RESTART_FIRST_S * 2 ** max(self.failures - 1, 0), RESTART_LAST_S)
        self.process = None

    def stop(self):
        if self.is_alive():
            self.process.send_signal(self.member.stop_signal)

    def wait(self, until):
        try:
            self.process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def as_user(user):
    """setpriv's options that make root `user`; none for anybody else, or without a user."""
    if not user or os.getuid() != 0:
        return []
    return [f"--reuid={user}", f"--regid={group_of(user)}", "--clear-groups"]


def group_of(user):
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


class Supervisor:
    def __init__(self, members, directory):
        self.all = [Running(member) for member in members]
        self.directory = pathlib.Path(directory)
        self.is_stopping = False
        self.is_up = False
        self.failure = ""

    def run(self):
        """Until SIGTERM. The state file says `up` once every member was ready, or `failure` and why."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        try:
            self._start_in_waves()
            self.is_up = not self.is_stopping
            self._write_state()
            while not self.is_stopping:
                self._keep_running(self.all)
                time.sleep(POLL_S)
        except Exception as reason:  # noqa: BLE001: it is told to whoever waits for the cluster
            self.failure = str(reason)
            self._write_state()
        finally:
            self._stop_all()
        return 1 if self.failure else 0

    def _on_stop(self, *_):
        self.is_stopping = True

    def _start_in_waves(self):
        for wave in sorted({running.member.wave for running in self.all}):
            begun = [running for running in self.all if running.member.wave <= wave]
            fresh = [running for running in begun if running.member.wave == wave]
            for running in fresh:
                running.start(self.directory)
            self._write_state()
            end = time.monotonic() + READY_LIMIT_S
            waiting = list(fresh)
            while waiting and not self.is_stopping:
                self._keep_running(begun)
                waiting = [running for running in waiting if not (running.is_alive() and running.member.is_ready())]
                if waiting and time.monotonic() > end:
                    raise RuntimeError(f"not ready after {READY_LIMIT_S} s: " + ", ".join(r.member.name for r in waiting))
                time.sleep(POLL_S)

    def _keep_running(self, among):
        changed = False
        for running in among:
            if running.process is not None and not running.is_alive():
                running.plan_restart()
                changed = True
            elif running.process is None and running.started_at and time.monotonic() >= running.restart_at:
                running.start(self.directory)
                running.restarts += 1
                changed = True
        if changed:
            self._write_state()

    def _stop_all(self):
        for wave in sorted({running.member.wave for running in self.all}, reverse=True):
            members = [running for running in self.all if running.member.wave == wave and running.is_alive()]
            for running in members:
                running.stop()
            end = time.monotonic() + STOP_LIMIT_S
            for running in members:
                running.wait(end)
        if not self.failure:
            (self.directory / "state.json").unlink(missing_ok=True)

    def _write_state(self):
        state = {
            "supervisor": os.getpid(),
            "up": self.is_up,
            "failure": self.failure,
            "members": {
                running.member.name: {
                    "pid": running.process.pid if running.process else None,
                    "address": running.member.address,
                    "restarts": running.restarts,
                }
                for running in self.all
            },
        }
        path = self.directory / "state.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(state, indent=1))
        fresh.replace(path)
