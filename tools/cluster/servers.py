# SPDX-License-Identifier: Apache-2.0
"""The servers that a scaled-out Viva stands on, as members of the cluster: RabbitMQ, PostgreSQL, Consul, nginx."""
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "servers"))

import postgres  # noqa: E402
import rabbitmq  # noqa: E402
from private_server import USER as SERVER_USER  # noqa: E402
from private_server import is_listening  # noqa: E402
from supervisor import Member, group_of  # noqa: E402


def answers(url, accept=lambda body: True):
    """Whether a GET gives 200 and a body that is acceptable."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as reply:
            return reply.status == 200 and accept(reply.read())
    except OSError:
        return False


def give_to_server_user(path):
    if os.getuid() != 0:
        return
    group = group_of(SERVER_USER)
    for each in (path, *path.rglob("*")):
        shutil.chown(each, SERVER_USER, group)


# ---- RabbitMQ


class RabbitMQ:
    """`count` nodes on this host that form one cluster; quorum queues live on all of them."""

    def __init__(self, directory, ports, count):
        self.directory = directory / "rabbitmq"
        self.ports, self.count = ports, count
        self.user, self.password = "viva", secrets.token_hex(16)
        self.installation = rabbitmq.installation()

    def url(self, ports=None):
        ports = ports or [self.ports.rabbitmq(index) for index in range(self.count)]
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"amqp://{self.user}:{self.password}@{hosts}/%2F"

    def members(self):
        self._write_files()
        yield Member("epmd", ["epmd", "-port", self.ports.epmd, "-address", "127.0.0.1"], 0,
                     lambda: is_listening(self.ports.epmd), user=SERVER_USER)  # fmt: skip
        for index in range(self.count):
            # The first node makes the cluster, the others join it: one after another, so that none makes its own.
            yield Member(
                f"rabbitmq-{index + 1}",
                [self.installation / "sbin" / "rabbitmq-server"],
                1 + (index > 0),
                lambda port=self.ports.rabbitmq(index): is_listening(port),
                environment=self._environment(index),
                address=f"127.0.0.1:{self.ports.rabbitmq(index)}",
                user=SERVER_USER,
            )

    def node(self, index):
        return f"viva{index + 1}@localhost"

    def _home(self, index):
        return self.directory / f"node-{index + 1}"

    def _environment(self, index):
        home = self._home(index)
        return {
            "HOME": str(home),
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.node(index),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.ports.rabbitmq(index)),
            "RABBITMQ_DIST_PORT": str(self.ports.rabbitmq_distribution(index)),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_MNESIA_DIR": str(home / "mnesia" / "node"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the node, so that its process id is the node's
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none"
            " -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _write_files(self):
        cookie = secrets.token_hex(16).upper()
        users = {
            "users": [{"name": self.user, "password_hash": rabbitmq.password_hash(self.password),
                       "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": "administrator"}],
            "vhosts": [{"name": "/"}],
            "permissions": [{"user": self.user, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
        }  # fmt: skip
        for index in range(self.count):
            home = self._home(index)
            for name in ("mnesia", "log"):
                (home / name).mkdir(parents=True, exist_ok=True)
            (home / "definitions.json").write_text(json.dumps(users))
            (home / "plugins").write_text("[].\n")
            lines = [
                f"listeners.tcp.default = 127.0.0.1:{self.ports.rabbitmq(index)}",
                "disk_free_limit.absolute = 50MB",
                "vm_memory_high_watermark.absolute = 1GB",
                f"load_definitions = {home}/definitions.json",
                "log.console = true",
                "log.console.level = warning",
                "log.file = false",
                "cluster_partition_handling = pause_minority" if self.count > 2 else "",
                # A node that was killed is missed soon, though not at the first hiccup of a busy machine.
                "net_ticktime = 20",
            ]
            if self.count > 1:
                lines.append("cluster_formation.peer_discovery_backend = classic_config")
                lines += [f"cluster_formation.classic_config.nodes.{i + 1} = {self.node(i)}" for i in range(self.count)]
            (home / "rabbitmq.conf").write_text("\n".join(filter(None, lines)) + "\n")
            (home / ".erlang.cookie").write_text(cookie)
            (home / ".erlang.cookie").chmod(0o400)
        give_to_server_user(self.directory)


# ---- PostgreSQL


class PostgreSQL:
    def __init__(self, directory, ports):
        self.directory = directory / "postgresql"
        self.port = ports.postgresql
        self.password = secrets.token_hex(16)

    def url(self, ports=None):
        port = ports[0] if ports else self.port
        return f"postgresql://{postgres.USER}:{self.password}@127.0.0.1:{port}/{postgres.DATABASE}"

    def members(self):
        programs = postgres.installation()
        self.directory.mkdir(parents=True)
        postgres.initialise(self.directory, self.password)
        yield Member("postgresql", [programs / "postgres", "-D", self.directory / "data", "-p", self.port,
                                    "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.directory}",
                                    "-c", "max_connections=300"], 0,
                     lambda: self._is_ready(programs), address=f"127.0.0.1:{self.port}", user=SERVER_USER,
                     stop_signal=signal.SIGINT)  # fmt: skip

    def _is_ready(self, programs):
        return subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0


# ---- Consul


class Consul:
    def __init__(self, directory, ports, program):
        self.directory = directory / "consul"
        self.ports, self.program = ports, program

    def url(self):
        return f"consul://127.0.0.1:{self.ports.consul}"

    def members(self):
        self.directory.mkdir(parents=True)
        configuration = {
            "ports": {"http": self.ports.consul, "server": self.ports.consul + 1, "serf_lan": self.ports.consul + 2,
                      "serf_wan": self.ports.consul + 3, "dns": -1, "grpc": -1, "grpc_tls": -1},
            "performance": {"raft_multiplier": 1},
            "ui_config": {"enabled": True},
            "disable_update_check": True,
            "log_level": "WARN",
        }  # fmt: skip
        (self.directory / "consul.json").write_text(json.dumps(configuration))
        leader = f"http://127.0.0.1:{self.ports.consul}/v1/status/leader"
        yield Member("consul", [self.program, "agent", "-server", "-bootstrap-expect=1", "-bind=127.0.0.1",
                                "-client=127.0.0.1", "-node=viva", f"-data-dir={self.directory}/data",
                                f"-config-file={self.directory}/consul.json"], 0,
                     lambda: answers(leader, lambda body: len(body) > 4), address=f"127.0.0.1:{self.ports.consul}")  # fmt: skip


# ---- nginx


class Nginx:
    """The door: its configuration is written from Consul and follows it (`viva nginx-config --watch`)."""

    def __init__(self, directory, ports, viva, consul_url):
        self.directory = directory / "nginx"
        self.ports, self.viva, self.consul_url = ports, viva, consul_url

    def members(self, wave):
        for name in ("temp", "logs"):
            (self.directory / name).mkdir(parents=True)
        configuration, pid_file = self.directory / "nginx.conf", self.directory / "nginx.pid"
        yield Member(
            "nginx-config",
            [self.viva, "nginx-config", "--discovery-url", self.consul_url, "--out", configuration, "--watch",
             "--reload-pid", pid_file, "--test-command",
             f'/usr/sbin/nginx -t -q -p "{self.directory}" -c "$FILE" -e stderr -g "pid {self.directory}/test.pid;"',
             "--temp-path", self.directory / "temp", "--access-log", self.directory / "logs" / "access.log",
             "--http-listen", f"127.0.0.1:{self.ports.http}",
             "--emotion-grpc-listen", f"127.0.0.1:{self.ports.emotion_grpc}",
             "--scoring-grpc-listen", f"127.0.0.1:{self.ports.scoring_grpc}"],
            wave,
            configuration.exists,
        )  # fmt: skip
        yield Member("nginx", ["/usr/sbin/nginx", "-p", self.directory, "-c", configuration, "-e", "stderr",
                               "-g", f"daemon off; pid {pid_file};"], wave + 1,
                     lambda: answers(f"http://127.0.0.1:{self.ports.http}/health/live"),
                     address=f"127.0.0.1:{self.ports.http}", stop_signal=signal.SIGQUIT)  # fmt: skip
