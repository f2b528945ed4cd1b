#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the gateway's TLS costs beside nginx's, in one run: `./dev bench tls [--rounds N] [--json]`.

By turns: the gateway plain, the gateway with TLS (its key of P-256, and of RSA with 2048 bits), and nginx with TLS (P-256) in front of a
plain gateway; TLS 1.3 without resumption, `GET /health/live`. Each round starts them anew, so that memory is compared from the same
start. CPU time is what the scheduler counted for all threads of the processes concerned (/proc/PID/task/*/schedstat), so what the
client spends does not matter; all run on one core and the client on another, so that it isn't chance whether a thread wakes one beside
it or one elsewhere. Of a round it is the median of ten turns, since what else the machine does comes and goes. An idle connection is one
that had an answer and stays open, its memory the growth of what is resident. Medians of the rounds; a ratio is to nginx with the gateway
behind it in the same round: its median, least and greatest.
"""
import argparse
import contextlib
import http.client
import json
import os
import pathlib
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "servers")]

import nginx  # noqa: E402
import private_server  # noqa: E402
import viva_certificates  # noqa: E402
import viva_platform  # noqa: E402
from bench_frames import resident_bytes  # noqa: E402

CLIENT_LIMIT_S = 60
WARM_UP = 50
TURNS, TURN_REQUESTS, TURN_CONNECTIONS = 10, 100, 30  # of a round, for CPU time
SPARE_FILES = 200  # what a process has open beside the connections
STAYS_OPEN_S = 3600
PEER = "nginx, TLS, and gateway"
# In which unit a measure is shown, and how many of them one second or byte is.
MEASURES = {"request_cpu": ("µs", 1e6), "connection_cpu": ("µs", 1e6), "idle_memory": ("KiB", 1 / 1024)}

# One worker: the connections are one client's. What it sends on is as in deploy/nginx/nginx.conf.
CONFIGURATION = """
worker_processes 1;
error_log stderr;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path temp/body; proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi; uwsgi_temp_path temp/uwsgi; scgi_temp_path temp/scgi;
    upstream gateway_service {{ server 127.0.0.1:{gateway_port}; keepalive 64; keepalive_requests 1000000; }}
    keepalive_requests 1000000;
    keepalive_timeout {stays_open_s}s;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Connection '';
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Request-Id $request_id;
    proxy_buffering off;
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location / {{ proxy_pass http://gateway_service; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx_before(gateway_port, certificate, directory, idle):
    """nginx with TLS before a gateway: its port, and its processes' ids."""
    (port,) = private_server.free_ports(1)
    configuration, log = directory / "nginx.conf", directory / "nginx.log"
    configuration.write_text(CONFIGURATION.format(
        port=port, gateway_port=gateway_port, connections=idle + SPARE_FILES, stays_open_s=STAYS_OPEN_S,
        certificate=certificate.certificate, key=certificate.key))  # fmt: skip
    (directory / "temp").mkdir()
    with open(log, "wb") as output:
        server = subprocess.Popen(["setpriv", "--pdeathsig=TERM", nginx.BINARY, "-p", directory, "-c", configuration, "-e", "stderr",
                                   "-g", f"daemon off; pid {directory}/nginx.pid;"], stdout=output, stderr=output)  # fmt: skip

    def is_ready():
        assert server.poll() is None, log.read_text()
        # It listens before it has a worker.
        return private_server.is_listening(port) and viva_platform.children_of(server.pid)

    try:
        viva_platform.wait_until(is_ready, "nginx is ready")
        yield port, [server.pid, *viva_platform.children_of(server.pid)]
    finally:
        server.terminate()
        server.wait()


class Contender:
    """Who answers at a port, and the processes that it takes."""

    def __init__(self, port, pids, certificate=None):
        self.port, self.pids, self.context = port, pids, None
        if certificate:
            self.context = certificate.trusted()
            self.context.minimum_version = ssl.TLSVersion.TLSv1_3

    def connect(self):
        if self.context:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=CLIENT_LIMIT_S, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=CLIENT_LIMIT_S)

    def cpu_seconds(self):
        threads = (thread for pid in self.pids for thread in pathlib.Path(f"/proc/{pid}/task").iterdir())
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def resident_bytes(self):
        return sum(resident_bytes(pid) for pid in self.pids)


def ask(connection):
    connection.request("GET", "/health/live")
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (answer.status, body)


def ask_and_go(contender, count):
    for _ in range(count):
        with contextlib.closing(contender.connect()) as connection:
            ask(connection)


def request_cpu(contender, count):
    with contextlib.closing(contender.connect()) as connection:
        ask(connection)
        opened, before = connection.sock, contender.cpu_seconds()
        for _ in range(count):
            ask(connection)
        assert connection.sock is opened, "the connection was closed meanwhile"
        return (contender.cpu_seconds() - before) / count


def connection_cpu(contender, count):
    before = contender.cpu_seconds()
    ask_and_go(contender, count)
    return (contender.cpu_seconds() - before) / count


def idle_memory(contender, count):
    with contextlib.ExitStack() as stack:
        before, opened = contender.resident_bytes(), []
        for _ in range(count):
            opened.append(stack.enter_context(contextlib.closing(contender.connect())))
            ask(opened[-1])
        time.sleep(0.5)  # what follows an answer is done by then
        grown, oldest = contender.resident_bytes() - before, opened[0].sock
        ask(opened[0])
        assert opened[0].sock is oldest, "the first connection was closed meanwhile"
        return grown / count


def contenders(stack, directory, idle):
    """All of them, started anew; `stack` ends them."""
    p256 = viva_certificates.Certificate(directory, "p256")
    rsa = viva_certificates.Certificate(directory, "rsa", key_kind=viva_certificates.RSA)

    def gateway(name, *more):
        service = viva_platform.Service("gateway", directory / name, "--idle-timeout-ms", STAYS_OPEN_S * 1000, *more)
        stack.callback(service.stop)
        return service

    plain, behind = gateway("plain"), gateway("behind")
    with_p256, with_rsa = gateway("p256", *p256.arguments), gateway("rsa", *rsa.arguments)
    front_port, front_pids = stack.enter_context(nginx_before(behind.port, p256, directory, idle))
    return {
        "gateway, plain": Contender(plain.port, [plain.pid]),
        "gateway, TLS": Contender(with_p256.port, [with_p256.pid], p256),
        "gateway, TLS by RSA": Contender(with_rsa.port, [with_rsa.pid], rsa),
        PEER: Contender(front_port, [*front_pids, behind.pid], p256),
    }


def measure_round(number, counts):
    """{contender: {measure: value}}; who begins goes by the number."""
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="viva-bench-tls-")))
        cores = sorted(os.sched_getaffinity(0))
        stack.callback(os.sched_setaffinity, 0, cores)
        os.sched_setaffinity(0, cores[:1])  # what is started now inherits it
        running = contenders(stack, directory, counts["idle_memory"])
        os.sched_setaffinity(0, cores[1:] or cores)
        at = number % len(running)
        order = [*running.items()][at:] + [*running.items()][:at]
        for _, contender in order:
            ask_and_go(contender, WARM_UP)
        found = {}
        for measure, turns in ((request_cpu, TURNS), (connection_cpu, TURNS), (idle_memory, 1)):
            values = {name: [] for name in running}
            for _ in range(turns):
                for name, contender in order:
                    values[name].append(measure(contender, counts[measure.__name__]))
            for name in running:
                found.setdefault(name, {})[measure.__name__] = statistics.median(values[name])
        return found


def summary(rounds):
    """{contender: {measure: its median in the measure's unit, and the ratios to the peer}}"""
    found = {}
    for name in rounds[0]:
        for measure, (unit, scale) in MEASURES.items():
            ratios = [one[name][measure] / one[PEER][measure] for one in rounds]
            found.setdefault(name, {})[measure] = {
                "median": round(statistics.median(one[name][measure] for one in rounds) * scale, 1), "unit": unit,
                "ratio": round(statistics.median(ratios), 2), "ratio_least": round(min(ratios), 2),
                "ratio_greatest": round(max(ratios), 2)}  # fmt: skip
    return found


def show(found):
    print(f"{'':24} {'request, open connection':>32} {'connection with one request':>32} {'idle connection, resident':>32}")
    for name, row in found.items():
        cells = (f"{one['median']:.1f} {one['unit']}  {one['ratio']:.2f} ({one['ratio_least']:.2f}-{one['ratio_greatest']:.2f})"
                 for one in row.values())  # fmt: skip
        print(f"{name:24}" + "".join(f" {cell:>32}" for cell in cells))
    print(f"Each with its ratio to {PEER}: median (least-greatest) of the rounds.")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench tls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="each with all of them started anew (default 5)")
    parser.add_argument("--idle", type=int, default=1000, help="connections open at a time (default 1000)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and arguments.idle + SPARE_FILES > hard:
        parser.error(f"--idle: {hard} files may be open here (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.environ["VIVA_BINARY"] = str(arguments.build.resolve() / "viva")
    counts = {"request_cpu": TURN_REQUESTS, "connection_cpu": TURN_CONNECTIONS, "idle_memory": arguments.idle}
    found = summary([measure_round(number, counts) for number in range(arguments.rounds)])
    if arguments.json:
        print(json.dumps(found))
    else:
        show(found)


if __name__ == "__main__":
    main()
