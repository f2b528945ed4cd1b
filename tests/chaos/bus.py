#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Candidates in the middle of their interviews, on one platform whose asynchronous half is killed again and again.

The worker, emotion and scoring are killed with SIGKILL (`viva up` starts them again), and with RabbitMQ so is the broker,
and the connections to it are reset. At the end the ledger must balance. The same seed gives the same schedule of faults.
"""
import argparse
import asyncio
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "servers")]

import crowd  # noqa: E402
import ledger  # noqa: E402
import proxy  # noqa: E402
import rabbitmq  # noqa: E402
import viva_platform  # noqa: E402

PROCESSES = ["worker", "emotion", "scoring"]
FAULT_EVERY_S = (3, 7)
# Each broker restart takes some ten seconds, so it comes less often.
BROKER_SHARE, RESET_SHARE = 0.12, 0.18
FINISH_LIMIT_S, DRAIN_LIMIT_S = 180, 180


def schedule(seconds, seed, has_broker):
    """[(second, what)], made from the seed alone."""
    chance, at, found = random.Random(seed), 5.0, []
    while at < seconds:
        lot = chance.random()
        what = chance.choice(PROCESSES)
        if has_broker and lot < BROKER_SHARE:
            what = "broker"
        elif has_broker and lot < BROKER_SHARE + RESET_SHARE:
            what = "reset"
        found.append((at, what))
        at += chance.uniform(*FAULT_EVERY_S)
    return found


class Stage:
    """The platform on the embedded bus, or on a private RabbitMQ behind a proxy."""

    def __init__(self, directory, bus):
        self.counts = collections.Counter()
        # A broker ends with the thread that started it, so that one lives as long as the stage.
        self.hands = concurrent.futures.ThreadPoolExecutor(1)
        self.broker = self.proxy = None
        self.bus_url = f"sqlite:{directory}/data/bus.db"
        if bus == "rabbitmq":
            self.broker = rabbitmq.Broker()
            self.broker.start()
            self.proxy = proxy.Proxy(("127.0.0.1", self.broker.port))
            self.bus_url = self.broker.url()
        seen_by_viva = self.bus_url
        if self.proxy:
            seen_by_viva = self.bus_url.replace(f":{self.broker.port}/", f":{self.proxy.port}/")
        os.environ.setdefault("VIVA_BINARY", str(ROOT / "build" / "viva"))
        self.platform = viva_platform.Platform(directory, "--bus-url", seen_by_viva)
        self.store_url = f"sqlite:{self.platform.data_directory}/viva.db"

    def fault(self, what):
        self.counts[what] += 1
        if what == "broker":
            self.broker.kill()
            self.broker.start()
        elif what == "reset":
            self.proxy.reset_all()
        else:
            pid = self.platform.children().get(what)
            if pid:
                os.kill(pid, signal.SIGKILL)

    async def make_trouble(self, faults):
        began = time.monotonic()
        for at, what in faults:
            await asyncio.sleep(max(began + at - time.monotonic(), 0))
            print(f"chaos: {at:5.0f} s: {what}", file=sys.stderr, flush=True)
            await asyncio.get_running_loop().run_in_executor(self.hands, self.fault, what)

    def close(self):
        self.platform.stop()
        if self.broker:
            self.proxy.close()
            self.broker.close()
        self.hands.shutdown()


def main():
    parser = argparse.ArgumentParser(prog="./dev chaos bus", description=__doc__.splitlines()[0])
    parser.add_argument("--bus", choices=["sqlite", "rabbitmq"], default="sqlite", help="default %(default)s")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--candidates", type=int, default=6)
    parser.add_argument("--frames-per-s", type=float, default=2, help="of each candidate; default %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    seconds = arguments.minutes * 60

    directory = pathlib.Path(tempfile.mkdtemp(prefix="viva-chaos-bus-"))
    stage = Stage(directory, arguments.bus)
    try:
        trouble = stage.make_trouble(schedule(seconds, arguments.seed, stage.broker is not None))
        door = (stage.platform.url(), stage.platform.api_key)
        memories, gave_up = asyncio.run(crowd.interview_all(door, arguments, seconds, FINISH_LIMIT_S, trouble))
        stores = ledger.Stores(stage.store_url)
        queues = ledger.drain(viva_platform.binary(), stage.bus_url, stores, DRAIN_LIMIT_S)
        figures, faults = ledger.make(memories, stores, queues)
    finally:
        stage.close()
    status = crowd.tell(arguments.json, stage.counts, memories, figures, faults + gave_up)
    if status == 0:
        shutil.rmtree(directory)
    else:
        print(f"chaos: stores and log are left in {directory}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
