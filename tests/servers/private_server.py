# SPDX-License-Identifier: Apache-2.0
"""What the private servers of tests share: free ports, a user that is not root, and an end that comes for sure."""
import os
import random
import signal
import socket
import subprocess

USER = "nobody"  # servers of Debian's packages refuse to run as root
GROUP = "nogroup"
FREE_PORTS = range(12_000, 32_000)  # below those that Linux gives to connections (ip_local_port_range)
PORT_PARTS = 8
given_ports = set()  # by this process


class PrivateServer:
    """Has start() and close(); `with` calls both, whatever happens."""

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()


def free_ports(count):
    """Ports that nothing listens on now, and that nobody takes until the server of this test does: no other test of this
    process, none of another worker of pytest-xdist (each has a part of them), and no connection of anybody."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % PORT_PARTS
    part = FREE_PORTS[worker::PORT_PARTS]
    ports = []
    while len(ports) < count:
        port = random.choice(part)
        if port not in given_ports and is_free(port):
            given_ports.add(port)
            ports.append(port)
    return ports


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_listening(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def as_server_user(arguments, death_signal="TERM"):
    """The command as USER where it would be root; it gets the signal when whoever started it is killed."""
    drop = [f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups"] if os.getuid() == 0 else []
    return ["setpriv", f"--pdeathsig={death_signal}", *drop, *map(str, arguments)]


def run_beside(command, environment):
    """Runs the command with more environment, beside a server that runs: its exit status."""
    process = subprocess.Popen(command, env={**os.environ, **environment})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # It goes to the whole group: let the command end first, then the server.
            process.send_signal(signal.SIGINT)
