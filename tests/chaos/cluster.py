#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Candidates in the middle of their interviews, on a whole cluster in which anything dies at any moment.

Instances of every service are killed with SIGKILL, and so are a RabbitMQ node and Consul; PostgreSQL is restarted; the
network between the services and their servers, and between candidates and the door, gets 200 ms of delay and storms of
resets. At the end the ledger must balance. The same seed gives the same schedule of faults.
"""
import argparse
import asyncio
import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tools" / "cluster")]

import crowd  # noqa: E402
import ledger  # noqa: E402
import members  # noqa: E402
import proxy  # noqa: E402

DELAY_S = 0.2
DELAY_LASTS_S, STORM_LASTS_S, STORM_EVERY_S = 20, 10, 0.5
KILL_EVERY_S = (3, 7)
FINISH_LIMIT_S = 240
DRAIN_LIMIT_S = 180


def say(sentence):
    print(f"chaos: {sentence}", file=sys.stderr, flush=True)


class Faults:
    """The schedule: a list of (second, what), made from the seed alone, so that a run can be repeated."""

    def __init__(self, seconds, seed):
        chance = random.Random(seed)
        self.schedule = []
        at = 5.0
        while at < seconds:
            service = chance.choice(list(members.INSTANCES))
            self.schedule.append((at, f"{service}-{chance.randrange(members.INSTANCES[service]) + 1}"))
            at += chance.uniform(*KILL_EVERY_S)
        # The servers' own troubles, one after another, each with time to heal.
        once = ["rabbitmq node", "consul", "postgresql", "delay", "storm"]
        chance.shuffle(once)
        for number, what in enumerate(once):
            self.schedule.append((seconds * (number + 0.5) / len(once), what))
        self.schedule.sort()
        self.victim_node = f"rabbitmq-{chance.randrange(3) + 1}"


class Cluster:
    """A cluster of its own, reached through proxies."""

    def __init__(self, directory, base_port):
        self.directory = directory
        self.ports = members.Ports(base_port)
        servers = [("127.0.0.1", self.ports.rabbitmq(i)) for i in range(3)] + [("127.0.0.1", self.ports.postgresql)]
        self.inner = [proxy.Proxy(server) for server in servers]
        self.door = proxy.Proxy(("127.0.0.1", self.ports.http))
        self.proxies = [*self.inner, self.door]
        self.counts = collections.Counter()

    def _run(self, *arguments):
        command = [sys.executable, str(ROOT / "tools/cluster/cluster.py"), "--directory", str(self.directory), *arguments]
        return subprocess.run(command, stdout=sys.stderr).returncode

    def up(self):
        brokers = ",".join(str(each.port) for each in self.inner[:3])
        status = self._run("up", "--base-port", str(self.ports.base), "--reach", f"rabbitmq={brokers}", "--reach",
                           f"postgresql={self.inner[3].port}")  # fmt: skip
        if status != 0:
            sys.exit(status)
        self.access = json.loads((self.directory / "access.json").read_text())

    def down(self):
        self._run("down")

    def send(self, name, number):
        state = json.loads((self.directory / "state.json").read_text())
        pid = state["members"][name]["pid"]
        if pid is None:
            return  # it is down already, and comes back
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        self.counts[name.rpartition("-")[0] if name[-1].isdigit() else name] += 1

    async def fault(self, what, victim_node):
        if what == "rabbitmq node":
            self.send(victim_node, signal.SIGKILL)
        elif what == "consul":
            self.send("consul", signal.SIGKILL)
        elif what == "postgresql":
            self.send("postgresql", signal.SIGINT)  # "fast" shutdown; the supervisor starts it again
        elif what == "delay":
            for each in self.proxies:
                each.delay_s = DELAY_S
            await asyncio.sleep(DELAY_LASTS_S)
            for each in self.proxies:
                each.delay_s = 0
            self.counts["delays"] += 1
        elif what == "storm":
            for _ in range(int(STORM_LASTS_S / STORM_EVERY_S)):
                for each in self.proxies:
                    each.reset_all()
                await asyncio.sleep(STORM_EVERY_S)
            self.counts["connection ends reset"] = sum(each.resets for each in self.proxies)
        else:
            self.send(what, signal.SIGKILL)

    async def make_trouble(self, faults):
        began = time.monotonic()
        lasting = []
        for at, what in faults.schedule:
            await asyncio.sleep(max(began + at - time.monotonic(), 0))
            say(f"{at:5.0f} s: {what}")
            lasting.append(asyncio.ensure_future(self.fault(what, faults.victim_node)))
        await asyncio.gather(*lasting)


def main():
    parser = argparse.ArgumentParser(prog="./dev chaos cluster", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--frames-per-s", type=float, default=0.5, help="of each candidate; default %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--base-port", type=int, default=9400)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    directory = pathlib.Path(f"/tmp/viva-chaos-{os.getuid()}")
    cluster = Cluster(directory, arguments.base_port)
    cluster.up()
    try:
        seconds = arguments.minutes * 60
        trouble = cluster.make_trouble(Faults(seconds, arguments.seed))
        door = (f"http://127.0.0.1:{cluster.door.port}", cluster.access["api_key"])
        memories, gave_up = asyncio.run(crowd.interview_all(door, arguments, seconds, FINISH_LIMIT_S, trouble))
        stores = ledger.Stores(cluster.access["store"])
        queues = ledger.drain(ROOT / "build" / "viva", cluster.access["bus"], stores, DRAIN_LIMIT_S)
        figures, faults = ledger.make(memories, stores, queues)
    finally:
        cluster.down()
    return crowd.tell(arguments.json, cluster.counts, memories, figures, faults + gave_up)


if __name__ == "__main__":
    sys.exit(main())
