#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transactions per second of the store, durable on return, on SQLite and on a private PostgreSQL that waits for its
disk: 1, 8 and 64 writers at a time, and for comparison each transaction with a commit of its own on 4 and 16 connections.

`./dev bench store [--seconds N] [--writers 1,8,64]`
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "servers"))
import postgres  # noqa: E402

# What is measured: where, connections, transactions that may share a commit.
VARIANTS = (
    ("SQLite", 1, 256),
    ("PostgreSQL", 4, 256),
    ("PostgreSQL, a commit each", 4, 1),
    ("PostgreSQL, a commit each, 16 connections", 16, 1),
)


def measure(program, url, work, threads, seconds, connections, batch):
    words = [program, url, work, str(threads), str(seconds), str(connections), str(batch)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(prog="./dev bench store")
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path)
    parser.add_argument("--seconds", default=3, type=int)
    parser.add_argument("--writers", default="1,8,64")
    arguments = parser.parse_args()
    program = arguments.build / "bench" / "viva-bench-store"
    with tempfile.TemporaryDirectory(prefix="viva-bench-") as directory, \
            postgres.Server(settings={"fsync": "on"}) as server:  # fmt: skip
        for work in ("frame", "answer"):
            for threads in map(int, arguments.writers.split(",")):
                for name, connections, batch in VARIANTS:
                    url = f"sqlite:{directory}/bench.db" if name == "SQLite" else server.url()
                    got = measure(program, url, work, threads, arguments.seconds, connections, batch)
                    print(f"{work:7} {threads:3} writers  {name:42} {got['transactions_per_s']:7.0f} transactions/s"
                          f" {got['commits_per_s']:6.0f} commits/s", flush=True)  # fmt: skip
                    assert got["failed"] == 0, got


if __name__ == "__main__":
    main()
