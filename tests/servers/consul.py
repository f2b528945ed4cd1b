#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A private Consul agent in development mode: free ports of loopback, all in memory, ended by process id.

`with Agent() as agent: agent.url()`; kill() and start() are for tests of outages: what it knew is gone then.
The binary is the one that `./dev consul` builds (VIVA_CONSUL names another).
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from private_server import PrivateServer, free_ports

START_LIMIT_S = 120
STOP_LIMIT_S = 30
CALL_LIMIT_S = 30


class Unavailable(Exception):
    """Why there is no Consul here."""


def binary():
    cache = os.environ.get("VIVA_CACHE_DIR")
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "viva"
    path = pathlib.Path(os.environ.get("VIVA_CONSUL", pathlib.Path(cache or home) / "consul" / "consul"))
    if not path.exists():
        raise Unavailable(f"there is no {path}: ./dev consul builds it")
    return path


class Agent(PrivateServer):
    """`settings` are more members of its configuration (acl, services, …), `files` more configuration files."""

    def __init__(self, files=(), **settings):
        self.files = files
        self.binary = binary()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="viva-consul-"))
        self.port, *others = free_ports(6)
        names = ("server", "serf_lan", "serf_wan", "grpc", "dns")
        self.settings = {
            "bind_addr": "127.0.0.1",
            "ports": {"http": self.port, "grpc_tls": -1, **dict(zip(names, others))},
            "disable_update_check": True,
            "limits": {"http_max_conns_per_client": 1000},
            **settings,
        }
        self.token = settings.get("acl", {}).get("tokens", {}).get("initial_management", "")
        self.process = None

    # ---- what tests use

    def url(self, query=""):
        return f"consul://127.0.0.1:{self.port}{query}"

    def start(self):
        """Starts it and returns when it has a leader, which knows this node and the token."""
        (self.directory / "agent.json").write_text(json.dumps(self.settings))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                # Whoever kills the tests shall not leave an agent behind.
                ["setpriv", "--pdeathsig=TERM", self.binary, "agent", "-dev",
                 *(f"-config-file={path}" for path in (self.directory / "agent.json", *self.files))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.directory,
                env={"PATH": os.environ["PATH"], "HOME": str(self.directory)})  # fmt: skip
        end = time.monotonic() + START_LIMIT_S
        while not self._is_ready():
            assert self.process.poll() is None, f"Consul ended:\n{self.log()[-3000:]}"
            assert time.monotonic() < end, f"Consul is not ready:\n{self.log()[-3000:]}"
            time.sleep(0.05)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def log_path(self):
        return self.directory / "agent.log"

    def log(self):
        return self.log_path.read_text(errors="replace")

    def call(self, method, path, body=None):
        """The JSON that the HTTP API answers with; None for an empty answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Consul-Token": self.token} if self.token else {})  # fmt: skip
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=CALL_LIMIT_S) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def services(self):
        """{id: service} that this agent knows."""
        return self.call("GET", "/agent/services")

    def checks(self):
        return self.call("GET", "/agent/checks")

    def passing(self, service):
        """The addresses of NAME-service's passing instances, sorted."""
        found = self.call("GET", f"/health/service/{service}-service?passing=1")
        return sorted(f"{e['Service']['Address'] or e['Node']['Address']}:{e['Service']['Port']}" for e in found)

    # ---- how it is done

    def _is_ready(self):
        try:
            return bool(self.call("GET", "/status/leader")) and bool(self.call("GET", "/catalog/nodes"))
        except (OSError, urllib.error.URLError):
            return False
