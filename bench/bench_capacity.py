#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a candidate at 2 frames a second costs on a real cluster, and what that makes of 1,000, 100,000 and 1,000,000.

A cluster of its own (RabbitMQ, PostgreSQL, Consul, nginx, all instances) is loaded with more and more candidates, each
on a WebSocket through nginx; the kernel's account of each process, the database's and the bus's own counters give the
cost. The fitted model is then checked against the measured latencies by simulation.
"""
import argparse
import asyncio
import base64
import collections
import json
import math
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tools" / "cluster")]

import httpx  # noqa: E402
import websockets.asyncio.client  # noqa: E402

import capacity_model as model  # noqa: E402
import members  # noqa: E402
from bench_frames import cpu_seconds, percentile, resident_bytes  # noqa: E402

# What one server of its kind was measured to bear on two such cores of its own: 1 KB messages with confirms on one node
# by `./dev bench bus`; timeline transactions, three rows each, of 64 writers by `./dev bench store`.
DEFAULT_LIMITS = {"published_per_s": 21800.0, "rows_per_s": 12000.0}
PUBLISHED = re.compile(r"^viva_bus_published_total(?:\{[^}]*\})? ([0-9.e+]+)$", re.M)
LIVE_ROLES = ("nginx", "gateway", "interview", "emotion")


def descendants(pid):
    """The process and all below it: servers fork."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        try:
            left += map(int, pathlib.Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except FileNotFoundError:
            pass
    return found


def role_of(name):
    head, _, tail = name.rpartition("-")
    return head if tail.isdigit() else name


class Account:
    """Counters of the whole cluster at one moment."""

    def __init__(self, directory, access):
        state = json.loads((directory / "state.json").read_text())
        self.at = time.monotonic()
        self.cpu, self.memory = collections.Counter(), collections.Counter()
        for name, member in state["members"].items():
            role = role_of(name)
            for pid in descendants(member["pid"]):
                try:
                    self.cpu[role] += cpu_seconds(pid)
                    self.memory[role] += resident_bytes(pid)
                except FileNotFoundError:
                    continue
        self.network = self._loopback_bytes()
        self.published = sum(self._published(member["address"]) for name, member in state["members"].items()
                             if role_of(name) in members.USES_BUS_AND_STORE)  # fmt: skip
        row = self._sql(access["store"], "SELECT xact_commit, tup_inserted + tup_updated + tup_deleted,"
                        " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') FROM pg_stat_database WHERE datname = 'viva'")
        self.commits, self.rows, self.wal = (float(value) for value in row.split("|"))

    @staticmethod
    def _loopback_bytes():
        for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
            if line.strip().startswith("lo:"):
                return int(line.split()[1])
        return 0

    @staticmethod
    def _published(address):
        text = httpx.get(f"http://{address}/metrics", trust_env=False, timeout=10).text
        return sum(float(value) for value in PUBLISHED.findall(text))

    @staticmethod
    def _sql(url, statement):
        return subprocess.run(["psql", url, "-XAtqc", statement], check=True, capture_output=True, text=True).stdout

    def since(self, before, candidates, latencies):
        seconds = self.at - before.at
        return {
            "candidates": candidates,
            "cores": {role: (self.cpu[role] - before.cpu[role]) / seconds for role in self.cpu},
            "memory_bytes": dict(self.memory),
            "network_bytes_per_s": (self.network - before.network) / seconds,
            "published_per_s": (self.published - before.published) / seconds,
            "rows_per_s": (self.rows - before.rows) / seconds,
            "commits_per_s": (self.commits - before.commits) / seconds,
            "wal_bytes_per_s": (self.wal - before.wal) / seconds,
            "frames_per_s": len(latencies) / seconds,
            "latency_p50_ms": 1000 * percentile(latencies, 0.5),
            "latency_p95_ms": 1000 * percentile(latencies, 0.95),
        }


# ---- the load, in a process of its own


async def film(access, number, encoded, until, latencies):
    async with httpx.AsyncClient(base_url=access["url"], trust_env=False, timeout=60) as client:
        body = {"user_id": f"bench-{number}", "consent": {"emotion_analysis": True, "recording": False}}
        answer = await client.post("/api/v1/interviews/start", json=body,
                                   headers={"Authorization": f"Bearer {access['api_key']}"})  # fmt: skip
        answer.raise_for_status()
    interview = answer.json()
    url = f"{access['url'].replace('http', 'ws', 1)}/ws/interviews/{interview['id']}?token={interview['token']}"
    async with websockets.asyncio.client.connect(url, proxy=None, compression=None, max_size=None) as connection:
        sent = {}

        async def read():
            while True:
                message = json.loads(await connection.recv())
                began = sent.pop(message["data"].get("timestamp"), None)
                if message["type"] == "emotion_update" and began is not None:
                    latencies.append((began, time.monotonic() - began))

        reading = asyncio.ensure_future(read())
        index, due = number * 7, time.monotonic() + (number % 16) / 16 / model.FRAMES_PER_S
        while time.monotonic() < until:
            await asyncio.sleep(max(due - time.monotonic(), 0))
            due += 1 / model.FRAMES_PER_S
            stamp = time.time_ns() // 1_000_000
            sent[stamp] = time.monotonic()
            await connection.send(f'{{"type":"frame","data":{{"session_id":"{interview["id"]}","timestamp":{stamp},'
                                  f'"image":"{encoded[index % len(encoded)]}"}}}}')  # fmt: skip
            index += 1
        await asyncio.sleep(1)
        reading.cancel()


def load(access, candidates, frames, until, out):
    encoded = [base64.b64encode(path.read_bytes()).decode() for path in sorted(frames.glob("frame_*.jpg"))]
    latencies = []

    async def run():
        await asyncio.gather(*(film(access, number, encoded, until, latencies) for number in range(candidates)))

    asyncio.run(run())
    out.send(latencies)


def measure_point(directory, access, candidates, frames, seconds):
    warm_up = 5
    receiving, sending = multiprocessing.Pipe(False)
    began = time.monotonic()
    until = began + warm_up + seconds + 1
    process = multiprocessing.Process(target=load, args=(access, candidates, frames, until, sending))
    process.start()
    time.sleep(warm_up)
    before = Account(directory, access)
    time.sleep(seconds)
    after = Account(directory, access)
    latencies = [latency for at, latency in receiving.recv() if before.at <= at < after.at]
    process.join()
    return after.since(before, candidates, latencies)


# ---- the report


def report(points, limits):
    print(f"\n{'candidates':>10} {'frames/s':>9} {'p50 ms':>8} {'p95 ms':>8} {'published/s':>11} {'rows/s':>8}"
          f" {'commits/s':>9} {'WAL KB/s':>9} {'lo MB/s':>8}")
    for point in points:
        print(f"{point['candidates']:10} {point['frames_per_s']:9.1f} {point['latency_p50_ms']:8.1f}"
              f" {point['latency_p95_ms']:8.1f} {point['published_per_s']:11.1f} {point['rows_per_s']:8.1f}"
              f" {point['commits_per_s']:9.1f} {point['wal_bytes_per_s'] / 1e3:9.1f}"
              f" {point['network_bytes_per_s'] / 1e6:8.2f}")  # fmt: skip
    found = model.costs(points)
    print("\ncost of one candidate at 2 frames/s (slope of the fit):")
    for name, (fixed, slope) in sorted(found.items()):
        unit = f"{1000 * slope:8.2f} millicores" if name.startswith("cores ") else f"{slope:11.2f}"
        print(f"  {name:24} {unit}   (and {fixed:.3g} for none)")
    largest = max(points, key=lambda point: point["candidates"])
    print("memory at the largest point, MB: " + ", ".join(
        f"{role} {size / 1e6:.0f}" for role, size in sorted(largest["memory_bytes"].items())))  # fmt: skip
    print("\nwhat so many candidates need at 60 % utilisation:")
    for candidates in (1_000, 100_000, 1_000_000):
        need = model.needs(found, candidates, limits)
        cores = ", ".join(f"{role} {math.ceil(value)}" for role, value in sorted(need["cores"].items()))
        print(f"  {candidates:>9,}: cores: {cores}; hosts of 16 cores for Viva itself {need['hosts']}; "
              + ", ".join(f"{name} ×{count}" for name, count in need["servers"].items()))  # fmt: skip
    for name, full in model.first_to_saturate(found, limits):
        print(f"  one server's {name} is full at {full:,.0f} candidates")
    check(points, found)


def check(points, found):
    """The simulation beside the measured points."""
    live = sum(found[f"cores {role}"][1] for role in LIVE_ROLES) / model.FRAMES_PER_S
    rest = sum(slope for name, (_, slope) in found.items() if name.startswith("cores ")) / model.FRAMES_PER_S - live
    cores = len(os.sched_getaffinity(0))
    print(f"\nsimulated beside measured ({1000 * live:.2f} ms of CPU on a frame's way, {1000 * rest:.2f} ms beside it,"
          f" {cores} cores):")  # fmt: skip
    for point in points:
        latencies = model.simulate(point["candidates"], live, max(rest, 0), cores)
        print(f"  {point['candidates']:>6}: p50 {1000 * model.percentile(latencies, .5):7.1f} ms simulated,"
              f" {point['latency_p50_ms']:7.1f} measured; p95 {1000 * model.percentile(latencies, .95):7.1f},"
              f" {point['latency_p95_ms']:7.1f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=pathlib.Path, default=os.environ.get("VIVA_DEMO_FRAMES"))
    parser.add_argument("--seconds", type=float, default=20, help="of each point")
    parser.add_argument("--points", default="4,8,16,24", help="candidates at a time; default %(default)s")
    parser.add_argument("--base-port", type=int, default=9700)
    parser.add_argument("--small", action="store_true", help="one RabbitMQ node instead of three")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    directory = pathlib.Path(f"/tmp/viva-capacity-{os.getuid()}")
    cluster = [sys.executable, str(ROOT / "tools/cluster/cluster.py"), "--directory", str(directory)]
    small = ["--small"] if arguments.small else []
    subprocess.run([*cluster, "up", "--base-port", str(arguments.base_port), *small], check=True, stdout=sys.stderr)
    try:
        access = json.loads((directory / "access.json").read_text())
        points = [measure_point(directory, access, int(count), pathlib.Path(arguments.frames), arguments.seconds)
                  for count in arguments.points.split(",")]  # fmt: skip
    finally:
        subprocess.run([*cluster, "down"], stdout=sys.stderr)
    if arguments.json:
        print(json.dumps({"points": points, "costs": model.costs(points)}))
    else:
        report(points, DEFAULT_LIMITS)


if __name__ == "__main__":
    main()
