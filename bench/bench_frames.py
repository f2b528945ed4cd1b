#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many frames one core analyses, what a frame costs, and where: by gRPC, and by a candidate's WebSocket.

All services run on one core, this program on another. Each candidate sends its next frame when the update of the last
one came back, so that no frame is replaced by a newer one and each sent frame is an analysed one. CPU time is what the
kernel counted for each service process (/proc/PID/stat), so what the client spends does not matter as long as it keeps
the server busy. Also measured: memory per idle WebSocket, one interview each, at the interview service and through the
gateway.

The numbers of a machine that does other things at the same time are too low; the table says how busy the server's core
was.
"""
import argparse
import asyncio
import base64
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import socket
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import httpx  # noqa: E402
import websockets.asyncio.client  # noqa: E402

import viva_grpc  # noqa: E402
import viva_platform  # noqa: E402

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
KEY = "viva_bench_key_0123456789abcdef"
WARM_UP_S = 2.0
INFERENCE = re.compile(r"^viva_emotion_inference_seconds_sum ([0-9.e+-]+)$", re.M)


# ------------------------------------------------------------------------------------------------------------ processes


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def pin_everything(pid, core):
    """Binds all threads of a process to one core."""
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


class Meter:
    """CPU of the platform's processes, and emotion's own account of its stages, between two moments."""

    def __init__(self, platform):
        self.platform = platform
        self.pids = platform.children()
        self.cpu = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        self.vision_s = self._vision_seconds()
        self.began = time.monotonic()

    def _vision_seconds(self):
        text = httpx.get(self.platform.url("emotion") + "/metrics", trust_env=False).text
        found = INFERENCE.search(text)
        return float(found[1]) if found else 0.0

    def read(self, frames):
        wall_s = time.monotonic() - self.began
        spent = {name: cpu_seconds(pid) - self.cpu[name] for name, pid in self.pids.items()}
        total = sum(spent.values())
        result = {
            "frames": frames,
            "frames_per_s": frames / wall_s,
            "core_busy": total / wall_s,
            "cpu_ms_per_frame": 1000 * total / frames,
            "frames_per_core_s": frames / total,
            "cpu_ms_per_frame_by_process": {name: 1000 * value / frames for name, value in spent.items()},
            "share_outside_emotion": 1 - spent["emotion"] / total,
        }
        # Emotion times its frames on the wall clock, waiting for the core included: an upper bound of vision's CPU.
        result["vision_wall_ms_per_frame"] = 1000 * (self._vision_seconds() - self.vision_s) / frames
        return result


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


# --------------------------------------------------------------------------------------------------------------- frames


def bench_grpc(platform, pictures, candidates, seconds):
    """AnalyzeFrame, each session with its continuation, `candidates` calls in flight."""
    stub = viva_grpc.emotion_stub(viva_grpc.channel(platform.target("emotion")))
    state = {"running": True, "counting": False}
    latencies = []

    def film(number):
        token, index, counted = b"", 0, 0
        while state["running"]:
            request = viva_grpc.frame_request(f"bench-{number}", pictures[index % len(pictures)], 1000 + index * 66,
                                              continuation=token)
            began = time.monotonic()
            response = stub.AnalyzeFrame(request, timeout=60)
            assert response.face_metrics.detected, "the demo's face was lost"
            token = response.continuation
            index += 1
            if state["counting"]:
                counted += 1
                latencies.append(time.monotonic() - began)
        return counted

    with concurrent.futures.ThreadPoolExecutor(candidates) as threads:
        runs = [threads.submit(film, number) for number in range(candidates)]
        time.sleep(WARM_UP_S)
        meter = Meter(platform)
        state["counting"] = True
        time.sleep(seconds)
        state["counting"] = False
        result = meter.read(len(latencies))
        state["running"] = False
        for run in runs:
            run.result()
    return with_latency(result, latencies)


def bench_key_frames(platform, pictures, pairs, questions=5):
    """What keeping key frames costs the emotion service: sessions of the whole film without and with them, in turns."""
    stub = viva_grpc.emotion_stub(viva_grpc.channel(platform.target("emotion")))
    pid = platform.children()["emotion"]

    def session(name, keep):
        token, began = b"", cpu_seconds(pid)
        for index, picture in enumerate(pictures):
            request = viva_grpc.frame_request(name, picture, 1000 + index * 66, continuation=token, frame_number=index + 1,
                                              keep=keep, question=1 + index * questions // len(pictures))
            token = stub.AnalyzeFrame(request, timeout=60).continuation
        return 1000 * (cpu_seconds(pid) - began) / len(pictures)

    spent = [(session(f"without-{pair}", False), session(f"with-{pair}", True)) for pair in range(pairs)]
    return {"pairs": pairs, "frames_per_session": len(pictures),
            "cpu_ms_per_frame_without": statistics.median(without for without, _ in spent),
            "cpu_ms_per_frame_more": statistics.median(kept - without for without, kept in spent)}


def with_latency(result, latencies):
    return {**result, "latency_p50_ms": 1000 * statistics.median(latencies),
            "latency_p99_ms": 1000 * percentile(latencies, 0.99)}


def start_interview(client):
    answer = client.post("/api/v1/interviews/start", headers={"Authorization": f"Bearer {KEY}"},
                         json={"user_id": "bench", "consent": {"emotion_analysis": True, "recording": False}})
    answer.raise_for_status()
    return answer.json()


def bench_websocket(platform, service, pictures, candidates, seconds):
    """`frame` → `emotion_update` over the WebSocket of the gateway or of the interview service."""
    encoded = [base64.b64encode(picture).decode() for picture in pictures]
    state = {"running": True, "counting": False}
    latencies = []
    with httpx.Client(base_url=platform.url(), trust_env=False) as client:
        started = [start_interview(client) for _ in range(candidates)]

    async def film(interview):
        url = platform.url(service).replace("http", "ws", 1) + "/ws/interviews/" + interview["id"]
        headers = {"Authorization": f"Bearer {interview['token']}"}
        async with websockets.asyncio.client.connect(url, additional_headers=headers, proxy=None, compression=None,
                                                     max_size=None) as connection:
            for _ in ("status", "question"):
                await connection.recv()
            index = 0
            while state["running"]:
                stamp = time.time_ns() // 1_000_000
                message = (f'{{"type":"frame","data":{{"session_id":"{interview["id"]}","timestamp":{stamp},'
                           f'"image":"{encoded[index % len(encoded)]}"}}}}')
                began = time.monotonic()
                await connection.send(message)
                answer = await connection.recv()
                assert '"emotion_update"' in answer, answer[:300]
                index += 1
                if state["counting"]:
                    latencies.append(time.monotonic() - began)

    async def run():
        films = [asyncio.create_task(film(interview)) for interview in started]
        await asyncio.sleep(WARM_UP_S)
        meter = await asyncio.to_thread(Meter, platform)
        state["counting"] = True
        await asyncio.sleep(seconds)
        state["counting"] = False
        result = await asyncio.to_thread(meter.read, len(latencies))
        state["running"] = False
        await asyncio.gather(*films)
        return result

    return with_latency(asyncio.run(run()), latencies)


# --------------------------------------------------------------------------------------------------------------- memory


def open_idle(address, interview):
    """An open WebSocket by hand, which costs the client next to nothing."""
    connection = socket.create_connection(address, 60)
    connection.sendall((f"GET /ws/interviews/{interview['id']} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        f"Authorization: Bearer {interview['token']}\r\n\r\n").encode())
    received = b""
    while b'"question"' not in received:
        data = connection.recv(4096)
        assert data, received
        received += data
    assert received.startswith(b"HTTP/1.1 101"), received
    return connection


def bench_idle(platform, service, interviews):
    """Resident memory per open and silent WebSocket, by process."""
    address = platform.address(service)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        # What the first sockets make the process allocate once is not theirs.
        for connection in list(threads.map(lambda one: open_idle(address, one), interviews[:300])):
            connection.close()
        time.sleep(1)
        pids = platform.children()
        before = {name: resident_bytes(pid) for name, pid in pids.items()}
        opened = list(threads.map(lambda one: open_idle(address, one), interviews))
        time.sleep(1)
    after = {name: resident_bytes(pid) for name, pid in pids.items()}
    for connection in opened:
        connection.close()
    return {"sockets": len(opened),
            "bytes_per_socket_by_process": {name: (after[name] - before[name]) / len(opened)
                                            for name in ("gateway", "interview")}}


def start_many(platform, count):
    with httpx.Client(base_url=platform.url("interview"), trust_env=False, timeout=60,
                      limits=httpx.Limits(max_connections=16)) as client:
        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            return list(threads.map(lambda _: start_interview(client), range(count)))


# --------------------------------------------------------------------------------------------------------------- report


def print_table(report):
    print(f"\n{'640x480 JPEG':28} {'frames/s':>9} {'core busy':>9} {'ms CPU/frame':>12} {'frames/core s':>13}"
          f" {'outside':>8} {'p50 ms':>7} {'p99 ms':>7}")
    for name, row in report["frames"].items():
        print(f"{name:28} {row['frames_per_s']:9.1f} {row['core_busy']:9.0%} {row['cpu_ms_per_frame']:12.2f}"
              f" {row['frames_per_core_s']:13.1f} {row['share_outside_emotion']:8.1%} {row['latency_p50_ms']:7.1f}"
              f" {row['latency_p99_ms']:7.1f}")
        parts = ", ".join(f"{process} {value:.2f}" for process, value in row["cpu_ms_per_frame_by_process"].items())
        print(f"{'':28} of which {parts} ms")
        print(f"{'':28} vision {row['vision_wall_ms_per_frame']:.2f} ms by the clock, waiting for the core included")
    print('"outside" is the share of CPU that is spent outside the emotion process: gateway, interview, scoring.')
    if kept := report["key_frames"]:
        print(f"{'key frames kept':28} {kept['cpu_ms_per_frame_more']:+.2f} ms CPU/frame beside"
              f" {kept['cpu_ms_per_frame_without']:.2f} of emotion (median of {kept['pairs']} pairs of sessions of"
              f" {kept['frames_per_session']} frames)")
    for name, row in report["idle"].items():
        parts = ", ".join(f"{process} {value:,.0f}" for process, value in row["bytes_per_socket_by_process"].items())
        print(f"{name:28} {row['sockets']} open: bytes of memory each: {parts}")


def measure(arguments):
    pictures = [path.read_bytes() for path in sorted(arguments.frames.glob("frame_*.jpg"))]
    assert pictures, f"no frames in {arguments.frames}"
    cores = sorted(os.sched_getaffinity(0))
    server_core, client_cores = cores[0], set(cores[1:]) or {cores[0]}
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    os.environ["VIVA_BINARY"] = str(arguments.build.resolve() / "viva")
    os.sched_setaffinity(0, {server_core})  # what is started now inherits it
    with tempfile.TemporaryDirectory(prefix="viva-bench-") as directory:
        platform = viva_platform.Platform(directory, api_key=KEY)
        os.sched_setaffinity(0, client_cores)
        try:
            for pid in platform.children().values():
                pin_everything(pid, server_core)
            frames = {"gRPC AnalyzeFrame": bench_grpc(platform, pictures, arguments.candidates, arguments.seconds)}
            for service in ("interview", "gateway"):
                frames[f"WebSocket of {service}"] = bench_websocket(platform, service, pictures, arguments.candidates,
                                                                    arguments.seconds)
            key_frames = bench_key_frames(platform, pictures, arguments.pairs) if arguments.pairs else None
            idle = {}
            if arguments.sockets:
                interviews = start_many(platform, arguments.sockets)
                for service in ("interview", "gateway"):
                    idle[f"idle WebSockets of {service}"] = bench_idle(platform, service, interviews)
        finally:
            platform.stop()
    return {"candidates": arguments.candidates, "seconds": arguments.seconds, "client_has_own_core": len(cores) > 1,
            "frames": frames, "key_frames": key_frames, "idle": idle}


def main():
    default_frames = os.environ.get("VIVA_DEMO_FRAMES")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="folder that holds viva")
    parser.add_argument("--frames", type=pathlib.Path, default=default_frames, required=not default_frames,
                        help="folder of frame_*.jpg (default: VIVA_DEMO_FRAMES)")
    parser.add_argument("--seconds", type=float, default=10, help="measured time per way")
    parser.add_argument("--candidates", type=int, default=4, help="sessions in parallel")
    parser.add_argument("--pairs", type=int, default=5,
                        help="pairs of sessions without and with key frames; 0 leaves that out")
    parser.add_argument("--sockets", type=int, default=5000, help="idle WebSockets; 0 leaves that out")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line instead of a table")
    arguments = parser.parse_args()
    arguments.frames = pathlib.Path(arguments.frames)
    report = measure(arguments)
    if arguments.json:
        print(json.dumps(report))
    else:
        print_table(report)


if __name__ == "__main__":
    main()
