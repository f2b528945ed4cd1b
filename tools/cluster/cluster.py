#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A whole scaled-out Viva on this one machine: RabbitMQ, PostgreSQL, Consul, nginx, and several instances of each service.

All processes are private: own ports (from --base-port on), own directory, on 127.0.0.1 only, ended by process id. Logs
are in DIRECTORY/logs, one file a process; what runs is in DIRECTORY/state.json.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_LIMIT_S = 400
STOP_LIMIT_S = 120


def default_directory():
    # Servers run as a user of their own, who must be able to get there: a home folder may not let them.
    return pathlib.Path(os.environ.get("VIVA_CLUSTER_DIR", f"/tmp/viva-cluster-{os.getuid()}"))


def read_state(directory):
    try:
        return json.loads((directory / "state.json").read_text())
    except FileNotFoundError:
        return None


def is_running(pid):
    try:
        return pid is not None and pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def fail(sentence):
    sys.exit(f"cluster: {sentence}")


# ---- up


def up(arguments):
    directory = arguments.directory
    state = read_state(directory)
    if state and is_running(state["supervisor"]):
        fail(f"one is up already in {directory} (./dev cluster down ends it)")
    shutil.rmtree(directory, ignore_errors=True)
    for name in ("logs", "home", "data"):
        (directory / name).mkdir(parents=True)
    log = directory / "logs" / "supervisor.log"
    command = [sys.executable, __file__, "--directory", str(directory), "supervise", "--base-port",
               str(arguments.base_port), *(["--small"] if arguments.small else []),
               *[word for setting in arguments.set for word in ("--set", setting)],
               *[word for reach in arguments.reach for word in ("--reach", reach)]]  # fmt: skip
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    wait_until_up(directory, process, log)
    access = json.loads((directory / "access.json").read_text())
    status(arguments)
    print(f"\n{access['url']} is the door (nginx), {access['consul']} Consul's page; gRPC of emotion and scoring at"
          f" {access['emotion_grpc']} and {access['scoring_grpc']}; logs in {directory}/logs")  # fmt: skip
    print(f"export VIVA_API_KEY={access['api_key']}")


def wait_until_up(directory, process, log):
    end = time.monotonic() + START_LIMIT_S
    shown = set()
    while True:
        state = read_state(directory)
        if state and state["failure"]:
            process.wait()
            fail(f"{state['failure']}; logs are in {directory}/logs")
        if state and state["up"]:
            return
        for name, member in (state or {"members": {}})["members"].items():
            if member["pid"] and name not in shown:
                shown.add(name)
                print(f"cluster: starting {name}", file=sys.stderr)
        if process.poll() is not None:
            fail(f"the supervisor ended:\n{log.read_text()[-2000:]}")
        if time.monotonic() > end:
            process.terminate()
            fail(f"not up after {START_LIMIT_S} s; logs are in {directory}/logs")
        time.sleep(0.2)


def supervise(arguments):
    from members import Cluster
    from supervisor import Supervisor

    os.umask(0o022)
    cache = pathlib.Path(os.environ["VIVA_CACHE_DIR"])
    settings = dict(setting.split("=", 1) for setting in arguments.set)
    cluster = Cluster(arguments.directory, ROOT / "build" / "viva", cache / "consul" / "consul", arguments.base_port,
                      1 if arguments.small else 3, settings, dict(map(parse_reach, arguments.reach)))  # fmt: skip
    ports = cluster.ports
    access = {"url": f"http://127.0.0.1:{ports.http}", "api_key": cluster.api_key,
              "consul": f"http://127.0.0.1:{ports.consul}", "emotion_grpc": f"127.0.0.1:{ports.emotion_grpc}",
              "scoring_grpc": f"127.0.0.1:{ports.scoring_grpc}", "store": cluster.postgresql.url(),
              "bus": cluster.rabbitmq.url()}  # fmt: skip
    members = list(cluster.members())
    path = arguments.directory / "access.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(access, indent=1))
    return Supervisor(members, arguments.directory).run()


# ---- the others


def health_of(address):
    import httpx

    try:
        reply = httpx.get(f"http://{address}/health", timeout=3, trust_env=False)
    except httpx.HTTPError:
        return "no answer"
    if reply.status_code == 200:
        return "ok"
    try:
        return str(reply.json().get("error") or reply.json().get("status"))
    except ValueError:
        return f"HTTP {reply.status_code}"


def passing_in_consul(access):
    """How many instances of each service Consul calls passing."""
    import httpx

    try:
        with httpx.Client(base_url=access["consul"], timeout=3, trust_env=False) as consul:
            names = [name for name in consul.get("/v1/catalog/services").json() if name != "consul"]
            return {name: len(consul.get(f"/v1/health/service/{name}?passing").json()) for name in sorted(names)}
    except (httpx.HTTPError, ValueError):
        return None


def status(arguments):
    from members import INSTANCES

    state = read_state(arguments.directory)
    if not state or not is_running(state["supervisor"]):
        fail(f"none is up in {arguments.directory}")
    access = json.loads((arguments.directory / "access.json").read_text())
    rows = []
    for name, member in state["members"].items():
        is_service = name.rpartition("-")[0] in INSTANCES
        alive = is_running(member["pid"])
        health = "down" if not alive else health_of(member["address"]) if is_service else "running"
        rows.append({"name": name, "pid": member["pid"], "address": member["address"], "health": health,
                     "restarts": member["restarts"]})  # fmt: skip
    passing = passing_in_consul(access)
    if arguments.json:
        print(json.dumps({"members": rows, "passing": passing}))
    else:
        print(f"{'process':16} {'pid':>8}  {'address':18} {'health':12} restarts")
        for row in rows:
            print(f"{row['name']:16} {row['pid'] or '-':>8}  {row['address']:18} {row['health']:12} {row['restarts']}")
        told = "cannot be reached" if passing is None else ", ".join(f"{n} {c}" for n, c in passing.items())
        print(f"passing in Consul: {told}")
    return 0 if all(row["health"] in ("ok", "running") for row in rows) else 1


def kill(arguments):
    state = read_state(arguments.directory)
    if not state:
        fail(f"none is up in {arguments.directory}")
    member = state["members"].get(arguments.name)
    if not member:
        fail(f"there is no {arguments.name}; there are: {' '.join(state['members'])}")
    if not is_running(member["pid"]):
        fail(f"{arguments.name} is not running now")
    os.kill(member["pid"], getattr(signal, f"SIG{arguments.signal}"))
    print(f"{arguments.name} (pid {member['pid']}) got SIG{arguments.signal}; if it ends, it is started again")


def down(arguments):
    state = read_state(arguments.directory)
    if not state or not is_running(state["supervisor"]):
        fail(f"none is up in {arguments.directory}")
    os.kill(state["supervisor"], signal.SIGTERM)
    end = time.monotonic() + STOP_LIMIT_S
    while is_running(state["supervisor"]):
        if time.monotonic() > end:
            fail(f"the supervisor (pid {state['supervisor']}) does not end")
        time.sleep(0.1)
    print("cluster: down")


def parse_reach(text):
    server, _, ports = text.partition("=")
    return server, [int(port) for port in ports.split(",")]


def setting(text):
    name, equals, _ = text.partition("=")
    if not equals or not name.startswith("VIVA_"):
        raise argparse.ArgumentTypeError(f"{text!r} is not VIVA_NAME=VALUE")
    return text


def main():
    parser = argparse.ArgumentParser(prog="./dev cluster", description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=pathlib.Path, default=default_directory(), help="default %(default)s")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "supervise"):
        command = commands.add_parser(name) if name == "supervise" else commands.add_parser(name, help="starts it")
        command.add_argument("--small", action="store_true", help="one RabbitMQ node instead of three")
        command.add_argument("--base-port", type=int, default=9000, help="the first of 200 ports; default %(default)s")
        command.add_argument("--set", action="append", default=[], type=setting, metavar="VIVA_NAME=VALUE",
                             help="a setting for all instances")  # fmt: skip
        command.add_argument("--reach", action="append", default=[], metavar="SERVER=PORT[,PORT]…",
                             help="where instances reach rabbitmq or postgresql, when something stands in between")
        command.set_defaults(json=False)
    command = commands.add_parser("status", help="a table of what runs, and what Consul thinks")
    command.add_argument("--json", action="store_true")
    command = commands.add_parser("kill", help="sends a signal to one process, which is then started again")
    command.add_argument("name", metavar="NAME")
    command.add_argument("--signal", default="KILL", choices=["KILL", "TERM", "HUP", "STOP", "CONT"])
    commands.add_parser("down", help="ends all of it")
    arguments = parser.parse_args()
    return {"up": up, "supervise": supervise, "status": status, "kill": kill, "down": down}[arguments.command](arguments)


if __name__ == "__main__":
    sys.exit(main())
