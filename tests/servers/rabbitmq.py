#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A private RabbitMQ of Debian's package: own ports, directories and epmd, not run as root, ended by process id.

For pytest: `with Broker() as broker: broker.url(…)`; kill(), start() and control() are for tests of outages.
As a command it runs another one with VIVA_TEST_AMQP_URL set: `python tests/servers/rabbitmq.py -- ninja test`. That
URL names no virtual host: there are many, and each test takes one that no other used, by removing the file of its name
from the folder VIVA_TEST_AMQP_VHOSTS (tests/contract/amqp_fixture.h).
"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from private_server import GROUP, PrivateServer, as_server_user, free_ports, is_listening, run_beside
from private_server import USER as SERVER_USER

HOME = "/usr/lib/rabbitmq/lib"
USER = "viva"
PASSWORD = "viva-test"
VHOSTS = 8
MANY_VHOSTS = 48  # for a whole suite; the start takes longer with their square
START_LIMIT_S = 180
STOP_LIMIT_S = 60
CONTROL_LIMIT_S = 120


class Unavailable(Exception):
    """Why there is no RabbitMQ here."""


def installation():
    """The folder of the installed version."""
    found = sorted(pathlib.Path(HOME).glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if not found or not shutil.which("epmd"):
        raise Unavailable("no rabbitmq-server is installed: ./dev deps")
    return found[-1].parents[1]


def password_hash(password):
    """As RabbitMQ stores it: four bytes of salt, then SHA-256 over salt and password."""
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def definitions(vhosts):
    return {
        "users": [{"name": USER, "password_hash": password_hash(PASSWORD),
                   "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": "administrator"}],
        "vhosts": [{"name": name} for name in vhosts],
        "permissions": [{"user": USER, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}
                        for name in vhosts],
    }  # fmt: skip


class Broker(PrivateServer):
    """One node. `tls` is (CA, certificate, key) for a second, encrypted port; `settings` are more rabbitmq.conf lines."""

    def __init__(self, vhosts=VHOSTS, tls=None, settings=(), memory="1GB"):
        self.installation = installation()
        self.vhosts = ["/", *(f"test-{number}" for number in range(vhosts))]
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="viva-rabbitmq-"))
        self.port, self.tls_port, self.distribution_port, self.epmd_port = free_ports(4)
        self.node = self.epmd = None
        self._write_files(tls, [f"vm_memory_high_watermark.absolute = {memory}", *settings])

    # ---- what tests use

    def url(self, vhost="test-0", scheme="amqp", query=""):
        port = self.tls_port if scheme == "amqps" else self.port
        name = "%2F" if vhost == "/" else vhost
        return f"{scheme}://{USER}:{PASSWORD}@localhost:{port}/{name}{query}"

    def start(self):
        """Starts the node, on the data that it left, and returns when it takes connections."""
        if not self.epmd or self.epmd.poll() is not None:
            arguments = ["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"]
            self.epmd = self._spawn(arguments, "epmd.log")
            self._wait(lambda: is_listening(self.epmd_port), self.epmd, "epmd.log")
        self.node = self._spawn([self.installation / "sbin" / "rabbitmq-server"], "node.log")
        # The log's last line of a start; the port alone opens before everything is there.
        self._wait(lambda: self._log().count("Server startup complete") > self._starts, self.node, "node.log")
        self._starts += 1

    def kill(self):
        """kill −9, as a crash of the machine's node would be."""
        self.node.send_signal(signal.SIGKILL)
        self.node.wait()

    def stop(self):
        """An orderly end."""
        if self.node.poll() is None:
            self.node.send_signal(signal.SIGTERM)
            try:
                self.node.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def control(self, *arguments, program="rabbitmqctl"):
        """Runs rabbitmqctl against the node and gives its output back."""
        command = as_server_user([self.installation / "sbin" / program, "--quiet", *arguments])
        done = subprocess.run(command, env=self.environment, cwd=self.directory, capture_output=True, text=True,
                              timeout=CONTROL_LIMIT_S)  # fmt: skip
        assert done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def close(self):
        if self.node:
            self.stop()
        if self.epmd and self.epmd.poll() is None:
            self.epmd.terminate()
            self.epmd.wait(STOP_LIMIT_S)
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- how it is done

    def _write_files(self, tls, settings):
        for name in ("mnesia", "log", "home"):
            (self.directory / name).mkdir()
        lines = [
            f"listeners.tcp.default = 127.0.0.1:{self.port}",
            "disk_free_limit.absolute = 50MB",
            f"load_definitions = {self.directory}/definitions.json",
            "log.console = true",
            "log.console.level = info",
            "log.file = false",
            *settings,
        ]
        if tls:
            lines += [f"listeners.ssl.default = 127.0.0.1:{self.tls_port}"]
            for name, path in zip(("cacertfile", "certfile", "keyfile"), tls):
                copy = self.directory / pathlib.Path(path).name
                shutil.copyfile(path, copy)
                lines += [f"ssl_options.{name} = {copy}"]
        (self.directory / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (self.directory / "plugins").write_text("[].\n")
        (self.directory / "definitions.json").write_text(json.dumps(definitions(self.vhosts)))
        self._starts = 0
        if os.getuid() == 0:
            self._give_to_server_user()
        self.environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.directory / "home"),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_MNESIA_DIR": str(self.directory / "mnesia" / "node"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the node, so that its process id is the node's
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none"
            " -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _give_to_server_user(self):
        for path in (self.directory, *self.directory.rglob("*")):
            shutil.chown(path, SERVER_USER, GROUP)

    def _spawn(self, arguments, log_name):
        with open(self.directory / log_name, "ab") as log:
            return subprocess.Popen(as_server_user(arguments), env=self.environment, cwd=self.directory,
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)  # fmt: skip

    def _log(self):
        return (self.directory / "node.log").read_text(errors="replace")

    def _wait(self, condition, process, log_name):
        end = time.monotonic() + START_LIMIT_S
        while not condition():
            tail = (self.directory / log_name).read_text(errors="replace")[-3000:]
            assert process.poll() is None, f"{log_name} of a process that ended:\n{tail}"
            assert time.monotonic() < end, f"not ready after {START_LIMIT_S} s, {log_name}:\n{tail}"
            time.sleep(0.05)


def main(arguments):
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        print("usage: rabbitmq.py [--] COMMAND [ARGUMENTS]", file=sys.stderr)
        return 2
    try:
        broker = Broker(vhosts=MANY_VHOSTS)
    except Unavailable as reason:
        print(f"rabbitmq.py: {reason}", file=sys.stderr)
        return 1
    with broker:
        unused = broker.directory / "unused"
        unused.mkdir()
        for name in broker.vhosts[1:]:
            (unused / name).touch()
        place = {"VIVA_TEST_AMQP_URL": broker.url(vhost="").rstrip("/"), "VIVA_TEST_AMQP_VHOSTS": str(unused)}
        return run_beside(arguments, place)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
