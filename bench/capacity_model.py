# SPDX-License-Identifier: Apache-2.0
"""The capacity model: what a candidate costs, fitted to measured points, and what many candidates need from that.

Pure arithmetic and a discrete-event simulation with a seed; bench_capacity.py measures and prints.
"""
import heapq
import math
import random
import statistics

FRAMES_PER_S = 2.0
TARGET_UTILISATION = 0.6  # of a core or a server's known limit: room for bursts and for the loss of an instance


def fit(points, read):
    """Least squares of read(point) = fixed + slope × candidates; (fixed, slope)."""
    xs, ys = [point["candidates"] for point in points], [read(point) for point in points]
    mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / spread if spread else mean_y / mean_x
    return mean_y - slope * mean_x, slope


def costs(points):
    """{resource: (fixed, per candidate)}: cores by role, bytes of memory, network, broker and database a second."""
    roles = points[0]["cores"].keys()
    found = {f"cores {role}": fit(points, lambda point, role=role: point["cores"][role]) for role in roles}
    for name in ("network_bytes_per_s", "published_per_s", "rows_per_s", "commits_per_s", "wal_bytes_per_s"):
        found[name] = fit(points, lambda point, name=name: point[name])
    return found


def needs(found, candidates, limits, cores_per_host=16):
    """What so many candidates need. `limits` are what one server was measured to bear: {resource: per second}."""
    load = {name: fixed + slope * candidates for name, (fixed, slope) in found.items()}
    load = {name: max(value, 0.0) for name, value in load.items()}
    cores = {name[6:]: value / TARGET_UTILISATION for name, value in load.items() if name.startswith("cores ")}
    servers = {name: math.ceil(load[name] / (limit * TARGET_UTILISATION)) for name, limit in limits.items()}
    own = sum(value for role, value in cores.items() if role not in ("rabbitmq", "postgresql", "consul"))
    return {"candidates": candidates, "load": load, "cores": cores, "hosts": math.ceil(own / cores_per_host),
            "servers": servers}  # fmt: skip


def first_to_saturate(found, limits):
    """[(resource, candidates at which one server of it is full)], the lowest first."""
    full = [(name, (limit - found[name][0]) / found[name][1]) for name, limit in limits.items() if found[name][1] > 0]
    return sorted(full, key=lambda item: item[1])


def simulate(candidates, live_s, background_s, cores, seconds=60.0, seed=1, variation=0.5):
    """Latencies (s) of frames when `candidates` send FRAMES_PER_S each to `cores` cores.

    A frame needs live_s of CPU on its way to the update; background_s more (events, relay, stores) is spent at the same
    time and competes. Cores serve first come, first served; demands are gamma distributed with that coefficient of
    variation, which covers frames with and without the expression network.
    """
    chance = random.Random(seed)
    shape = 1 / variation**2

    def demand(mean):
        return chance.gammavariate(shape, mean / shape)

    arrivals = []
    for _ in range(candidates):
        at = chance.random() / FRAMES_PER_S
        while at < seconds:
            arrivals.append((at, True, demand(live_s)))
            if background_s > 0:
                arrivals.append((at + chance.random() * 0.05, False, demand(background_s)))
            at += (0.9 + 0.2 * chance.random()) / FRAMES_PER_S
    arrivals.sort()
    free_at = [0.0] * cores
    latencies = []
    for at, is_live, work in arrivals:
        begins = max(at, heapq.heappop(free_at))
        heapq.heappush(free_at, begins + work)
        if is_live:
            latencies.append(begins + work - at)
    return latencies


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
