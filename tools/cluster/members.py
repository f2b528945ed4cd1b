# SPDX-License-Identifier: Apache-2.0
"""Which processes the cluster is made of, on which ports, with which settings."""
import dataclasses
import secrets

import servers
from supervisor import Member

# Each service's instances, and in which wave they start.
INSTANCES = {"emotion": 2, "scoring": 2, "interview": 3, "worker": 2, "gateway": 2}
SERVER_WAVES = 3
USES_BUS_AND_STORE = {"emotion", "scoring", "interview", "worker"}


@dataclasses.dataclass(frozen=True)
class Ports:
    """All ports, counted from one base, so that two clusters can stand side by side."""

    base: int

    @property
    def http(self):
        return self.base

    @property
    def emotion_grpc(self):
        return self.base + 1

    @property
    def scoring_grpc(self):
        return self.base + 2

    @property
    def consul(self):
        return self.base + 10

    @property
    def postgresql(self):
        return self.base + 20

    @property
    def epmd(self):
        return self.base + 30

    def rabbitmq(self, index):
        return self.base + 31 + index

    def rabbitmq_distribution(self, index):
        return self.base + 41 + index

    def instance(self, service, index):
        return self.base + 100 + 10 * list(INSTANCES).index(service) + index


class Cluster:
    """The plan: server members, then a member for each instance.

    `settings` are more VIVA_* variables for all; `reach` names ports that instances use instead of a server's own.
    """

    def __init__(self, directory, viva, consul, base_port, brokers, settings, reach):
        self.directory, self.viva, self.reach = directory, viva, reach
        self.ports = Ports(base_port)
        self.rabbitmq = servers.RabbitMQ(directory, self.ports, brokers)
        self.postgresql = servers.PostgreSQL(directory, self.ports)
        self.consul = servers.Consul(directory, self.ports, consul)
        self.nginx = servers.Nginx(directory, self.ports, viva, self.consul.url())
        self.api_key = "viva_" + secrets.token_hex(24)
        self.settings = {
            "VIVA_API_KEY": self.api_key,
            "VIVA_TOKEN_KEY": secrets.token_hex(32),
            "VIVA_DISCOVERY_URL": self.consul.url(),
            "VIVA_LOG_FORMAT": "json",
            **settings,
        }

    def members(self):
        for server in (self.rabbitmq, self.postgresql, self.consul):
            yield from server.members()
        for service, count in INSTANCES.items():
            for index in range(count):
                yield self._instance(service, index)
        yield from self.nginx.members(SERVER_WAVES + len(INSTANCES))

    def _instance(self, service, index):
        name = f"{service}-{index + 1}"
        port = self.ports.instance(service, index)
        data = self.directory / "data" / name
        environment = dict(self.settings)
        if service in USES_BUS_AND_STORE:
            environment |= {"VIVA_STORE_URL": self.postgresql.url(self.reach.get("postgresql")),
                            "VIVA_BUS_URL": self.rabbitmq.url(self.reach.get("rabbitmq"))}  # fmt: skip
        return Member(
            name,
            [self.viva, service, "--port", port, "--data-dir", data],
            SERVER_WAVES + list(INSTANCES).index(service),
            lambda: servers.answers(f"http://127.0.0.1:{port}/health"),
            environment=environment,
            address=f"127.0.0.1:{port}",
        )
