#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the bus carries: on RabbitMQ beside RabbitMQ's own Go client, and embedded end to end.

Both clients do the same work on the same queue of the same broker, by turns (A B A B …), so that what else the machine
does hits both: durable messages, published through the topic exchange with confirms in a window, then consumed with a
prefetch and acknowledged. The embedded bus passes messages from publisher to acknowledgement, each commit on the disk.
Medians of the rounds; the ratio is Viva's to Go's. CPU is the client's own, and the broker's beside it: where the broker
limits both, or the machine does other things as well, that says more than the rate.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "servers"))

import rabbitmq  # noqa: E402

WINDOW, PREFETCH = 1024, 256
SIZES = {1024: 40_000, 65536: 6_000}  # bytes of a body: messages of a round
EMBEDDED_MESSAGES = 50_000
LIMIT_S = 600


def last_line(*arguments):
    """The JSON that a program ends with."""
    done = subprocess.run([str(one) for one in arguments], check=True, capture_output=True, text=True, timeout=LIMIT_S)
    return json.loads(done.stdout.splitlines()[-1])


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


MEASURES = ("messages_per_s", "cpu_us_per_message", "broker_cpu_us_per_message")


def measure_clients(clients, broker, vhost, size, messages, rounds):
    """{client: {half: {measure: [value of each round]}}}"""
    found = {name: {half: {key: [] for key in MEASURES} for half in ("publish", "consume")} for name in clients}
    for number in range(rounds + 1):
        for name, program in clients.items():
            for half, window in (("publish", WINDOW), ("consume", PREFETCH)):
                count = messages if number else messages // 10
                before = cpu_seconds(broker.node.pid)
                measured = last_line(program, half, broker.url(vhost), count, size, window)
                measured["broker_cpu_us_per_message"] = (cpu_seconds(broker.node.pid) - before) * 1e6 / count
                # The first round only warms the broker up.
                for key, values in found[name][half].items():
                    if number:
                        values.append(measured[key])
    return found


def medians(found):
    return {name: {half: {key: statistics.median(values) for key, values in keys.items()} for half, keys in halves.items()}
            for name, halves in found.items()}  # fmt: skip


def compare(build, peer, rounds):
    clients = {"viva": build / "bench" / "viva-bench-bus-half", "go": peer}
    results = []
    with rabbitmq.Broker(memory="4GB") as broker:
        for number, (size, messages) in enumerate(SIZES.items()):
            found = medians(measure_clients(clients, broker, f"test-{number}", size, messages, rounds))
            for half in ("publish", "consume"):
                viva, go = found["viva"][half], found["go"][half]
                results.append({
                    "what": half, "bytes": size,
                    "viva_per_s": viva["messages_per_s"], "go_per_s": go["messages_per_s"],
                    "rate_ratio": round(viva["messages_per_s"] / go["messages_per_s"], 2),
                    "viva_cpu_us": viva["cpu_us_per_message"], "go_cpu_us": go["cpu_us_per_message"],
                    "cpu_ratio": round(viva["cpu_us_per_message"] / go["cpu_us_per_message"], 2),
                    "viva_broker_cpu_us": round(viva["broker_cpu_us_per_message"], 1),
                    "go_broker_cpu_us": round(go["broker_cpu_us_per_message"], 1),
                })  # fmt: skip
    return results


def embedded(build, rounds):
    """End to end through the embedded bus, in one process and in two."""
    results = []
    for processes in (1, 2):
        rates, latencies = [], []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="viva-bench-bus-") as directory:
                measured = last_line(build / "bench" / "viva-bench-bus", f"sqlite:{directory}/bus.db", EMBEDDED_MESSAGES,
                                     1024, 4, 64, 512, processes)  # fmt: skip
            rates.append(measured["end_to_end_per_s"])
            latencies.append(measured["latency_ms_p50"])
        results.append({"what": "embedded end to end", "bytes": 1024, "processes": processes,
                        "per_s": statistics.median(rates), "latency_ms_p50": statistics.median(latencies)})  # fmt: skip
    return results


def show(results):
    print(f"{'':28}{'Viva/s':>10}{'Go/s':>10}{'ratio':>8}{'Viva µs':>10}{'Go µs':>8}{'ratio':>8}{'broker µs':>18}")
    for row in results["rabbitmq"]:
        print(f"{row['what'] + ' ' + str(row['bytes']) + ' bytes':28}{row['viva_per_s']:10.0f}{row['go_per_s']:10.0f}"
              f"{row['rate_ratio']:8.2f}{row['viva_cpu_us']:10.1f}{row['go_cpu_us']:8.1f}{row['cpu_ratio']:8.2f}"
              f"{row['viva_broker_cpu_us']:10.0f}{row['go_broker_cpu_us']:8.0f}")
    for row in results["embedded"]:
        print(f"{row['what']}, {row['bytes']} bytes, {row['processes']} process(es): {row['per_s']:.0f} durable messages/s,"
              f" half of them within {row['latency_ms_p50']:.1f} ms")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench bus", description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peer", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="of each client and size, by turns (default 5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    arguments = parser.parse_args()
    results = {"rabbitmq": compare(arguments.build, arguments.peer, arguments.rounds),
               "embedded": embedded(arguments.build, arguments.rounds)}  # fmt: skip
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)


if __name__ == "__main__":
    main()
