#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL of Debian's package: a port of loopback, a directory of its own, not run as root, ended by
process id.

For pytest: `with Server() as server: server.url()`; kill(), stop(), start() and freeze() are for tests of outages.
As a command it runs another one with VIVA_TEST_POSTGRES_URL set: `python tests/servers/postgres.py -- ninja test`; with
`--durable` before it waits for the disk as a real one does. Each test makes a schema of its own in that database (tests/contract/postgres_fixture.h).
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

from private_server import GROUP, PrivateServer, as_server_user, free_ports, run_beside
from private_server import USER as SERVER_USER

HOME = "/usr/lib/postgresql"
USER = "viva"
PASSWORD = "viva-test"
DATABASE = "viva"
START_LIMIT_S = 180
STOP_LIMIT_S = 60

# Tests are about processes that die, not about machines: what was written is there without waiting for the disk.
TEST_SETTINGS = {"fsync": "off", "max_connections": "200", "log_min_messages": "warning"}


class Unavailable(Exception):
    """Why there is no PostgreSQL here."""


def installation():
    """The folder of the newest installed version's programs."""
    found = sorted(pathlib.Path(HOME).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise Unavailable("no postgresql is installed: ./dev deps")
    return found[-1].parent


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def environment_of(directory):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C.UTF-8", "HOME": str(directory)}


def initialise(directory, password):
    """Makes DIRECTORY/data: databases of USER, who has this password, one of them DATABASE. Gives the folder, which must
    be there, to the server's user."""
    password_file = directory / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if os.getuid() == 0:
        for path in (directory, password_file):
            shutil.chown(path, SERVER_USER, GROUP)

    def run(program, *arguments, **more):
        done = subprocess.run(as_server_user([installation() / program, *arguments], "QUIT"), cwd=directory,
                              env=environment_of(directory), capture_output=True, text=True, **more)  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    # Neither waits for the disk: the machine does not die between this and the first start.
    run("initdb", "-D", directory / "data", "-U", USER, "-A", "scram-sha-256", "--pwfile", password_file,
        "--locale=C.UTF-8", "-E", "UTF8", "--no-sync")  # fmt: skip
    password_file.unlink()
    # The database is there before the first start that takes connections.
    run("postgres", "--single", "-D", directory / "data", "-F", "postgres", input=f"CREATE DATABASE {DATABASE}\n")


class Server(PrivateServer):
    """`settings` are of postgresql.conf; `tls` is (CA, certificate, key), and then only TLS is taken."""

    def __init__(self, tls=None, settings=None):
        self.programs = installation()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="viva-postgres-"))
        self.port, = free_ports(1)
        self.settings = {**TEST_SETTINGS, **(settings or {})}
        self.process = None
        self.is_frozen = False
        self.tls = tls

    # ---- what tests use

    def url(self, user=USER, password=PASSWORD, host="127.0.0.1", database=DATABASE, **parameters):
        query = urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)
        return f"postgresql://{user}:{password}@{host}:{self.port}/{database}" + (f"?{query}" if query else "")

    def start(self):
        """Starts it, on the data that it left, and returns when it takes connections."""
        if not (self.directory / "data").exists():
            initialise(self.directory, PASSWORD)
            if self.tls:
                self._use_tls()
        words = [f"-c{name}={value}" for name, value in self.settings.items()]
        with open(self.directory / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                as_server_user([self.programs / "postgres", "-D", self.directory / "data", "-p", self.port,
                                "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={self.directory}", *words],
                               "QUIT"),
                env=environment_of(self.directory), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)  # fmt: skip
        end = time.monotonic() + START_LIMIT_S
        while not self._is_ready():
            assert self.process.poll() is None, f"PostgreSQL ended:\n{self.log()[-3000:]}"
            assert time.monotonic() < end, f"PostgreSQL is not ready after {START_LIMIT_S} s:\n{self.log()[-3000:]}"
            time.sleep(0.02)

    def stop(self, number=signal.SIGINT):
        """SIGINT ends all sessions and stops; SIGTERM waits for them; SIGQUIT stops as if it crashed."""
        if self.process and self.process.poll() is None:
            self.thaw()
            self.process.send_signal(number)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        """kill −9 of all its processes, as a crash of its machine would be."""
        processes = [self.process.pid, *self._children()]
        for pid in processes:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        # Those of its children that still die hold its shared memory, and it would not start again.
        while any(is_alive(pid) for pid in processes[1:]):
            time.sleep(0.01)

    def freeze(self):
        """Its processes stop in whatever they do; connections stay open."""
        self.is_frozen = True
        self._signal_all(signal.SIGSTOP)

    def thaw(self):
        if self.is_frozen:
            self._signal_all(signal.SIGCONT)
        self.is_frozen = False

    def query(self, sql, **url):
        """What psql prints: rows as lines, columns between '|'."""
        done = subprocess.run([self.programs / "psql", self.url(**url), "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql],
                              capture_output=True, text=True, env=environment_of(self.directory))  # fmt: skip
        assert done.returncode == 0, f"{sql}: {done.stderr}"
        return done.stdout.strip()

    def log(self):
        path = self.directory / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- how it is done

    def _use_tls(self):
        for name, path in zip(("ssl_ca_file", "ssl_cert_file", "ssl_key_file"), self.tls):
            copy = self.directory / pathlib.Path(path).name
            shutil.copyfile(path, copy)
            copy.chmod(0o600)
            if os.getuid() == 0:
                shutil.chown(copy, SERVER_USER, GROUP)
            self.settings[name] = str(copy)
        self.settings["ssl"] = "on"
        rules = self.directory / "data" / "pg_hba.conf"
        rules.write_text("hostssl all all 127.0.0.1/32 scram-sha-256\nlocal all all trust\n")

    def _is_ready(self):
        words = [self.programs / "pg_isready", "-q", "-h", self.directory, "-p", str(self.port)]
        return subprocess.run(words, env=environment_of(self.directory)).returncode == 0

    def _children(self):
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()] if path.exists() else []

    def _signal_all(self, number):
        for pid in [self.process.pid, *self._children()]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass


def main(arguments):
    settings = {}
    if arguments[:1] == ["--durable"]:
        settings, arguments = {"fsync": "on"}, arguments[1:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        print("usage: postgres.py [--durable] [--] COMMAND [ARGUMENTS]", file=sys.stderr)
        return 2
    try:
        server = Server(settings=settings)
    except Unavailable as reason:
        print(f"postgres.py: {reason}", file=sys.stderr)
        return 1
    with server:
        return run_beside(arguments, {"VIVA_TEST_POSTGRES_URL": server.url()})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
