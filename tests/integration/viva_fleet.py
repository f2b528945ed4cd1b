# SPDX-License-Identifier: Apache-2.0
"""Several instances of each service, found through a Consul agent."""

import re
import sys
import threading

import httpx

import viva_client
import viva_platform
from viva_platform import ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests" / "servers"))
import consul  # noqa: E402

TOKEN_KEY = "a key for tests only, of more than thirty-two bytes"
API_KEY = "viva_test_key_0123456789abcdef"


class Fleet:
    """Services that share a store and a Consul agent. start() adds an instance of one."""

    def __init__(self, directory, agent, **environment):
        self.directory = directory
        self.agent = agent
        self.environment = {"VIVA_DISCOVERY_URL": agent.url(), "VIVA_TOKEN_KEY": TOKEN_KEY, **environment}
        self.instances = []

    def start(self, name, *arguments, until_passing=True, **more):
        instance = viva_platform.Service(
            name, self.directory, *arguments, api_key=API_KEY, **{**self.environment, **more}
        )
        instance.name = name
        self.instances.append(instance)
        if until_passing:
            wait_until(lambda: target(instance) in self.agent.passing(name), f"{name} passes in Consul")
        return instance

    def close(self):
        """Stops all; gives the exit statuses of those that were still running."""
        running = [each for each in self.instances if each.running.process.poll() is None]
        return [each.stop() for each in reversed(running)]

    def log(self):
        return "\n".join(each.running.log() for each in self.instances)


def target(instance):
    return f"127.0.0.1:{instance.port}"


def metric(instance, name, **labels):
    """The sum over all series of this name that have these labels."""
    text = viva_client.fetch(instance.url + "/metrics").text
    total = 0.0
    for line in text.splitlines():
        match = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)$", line)
        if match and match[1] == name and all(f'{key}="{value}"' in (match[2] or "") for key, value in labels.items()):
            total += float(match[3])
    return total


def rpc_calls(instance, method):
    return metric(instance, "viva_rpc_calls_total", side="server", method=method)


class Load:
    """Threads that call all the time. What a call gives back other than None is noted as a failure."""

    def __init__(self, call, threads=4):
        self.call = call
        self.must_stop = False
        self.calls = 0
        self.failures = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.must_stop = True
        for thread in self.threads:
            thread.join()

    def wait_for(self, more):
        """Until so many more calls were made."""
        wanted = self.calls + more
        wait_until(lambda: self.calls >= wanted, f"{more} more calls")

    def _run(self, number):
        while not self.must_stop:
            failure = self.call(number)
            with self.lock:
                self.calls += 1
                if failure is not None:
                    self.failures.append(failure)


class FrameLoad(Load):
    """Pictures of interviews of its own, each analysed at once: gateway → interview → emotion."""

    def __init__(self, url, picture, threads=4):
        self.clients = [viva_client.Rest(url, API_KEY) for _ in range(threads)]
        self.interviews = [client.start() for client in self.clients]
        self.picture = picture
        super().__init__(self._send, threads)

    def __enter__(self):
        # Consul may not have told the instances of each other yet.
        wait_until(lambda: self._send(0) is None, "the fleet analyses pictures")
        return super().__enter__()

    def __exit__(self, *_):
        super().__exit__()
        for client in self.clients:
            client.close()

    def _send(self, number):
        try:
            answer = self.interviews[number].frame(self.picture, headers={"Prefer": "wait"})
        except httpx.TransportError as error:
            return repr(error)
        return None if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"
