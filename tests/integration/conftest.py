# SPDX-License-Identifier: Apache-2.0
"""What all integration tests share: one running platform, its clients, and the demo's frames.

Nothing here or in the tests asserts on time: limits are only there so that what hangs fails.
"""

import os
import pathlib
import sys

import pika
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))

import rabbitmq
import viva_browser
import viva_bus_driver
import viva_client
import viva_frames
import viva_grpc
import viva_log
import viva_platform

TEST_LIMIT_S = 600
# Workers take whole files, two at the start: the longest begin first, each beside a short one, so that all end together.
FIRST = ("fleet", "rabbitmq_faults", "crashes", "logs", "adaptive", "review", "operating", "command_line", "analyze",
         "web_browser", "rabbitmq_wire", "emotion_grpc", "worker", "postgres", "instances", "eval_vision", "emotion_events")  # fmt: skip
ORDER = {f"test_{name}": place for place, name in enumerate(FIRST)}


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(TEST_LIMIT_S))
    items.sort(key=lambda item: ORDER.get(item.path.stem, len(ORDER)))


@pytest.fixture(scope="session")
def frames(tmp_path_factory):
    return viva_frames.make(tmp_path_factory)


@pytest.fixture(scope="session")
def face(frames):
    return frames.face


@pytest.fixture(scope="module")
def browser(frames, tmp_path_factory):
    """A Chromium whose camera films the demo's face; it ends with the file, as its driver's event loop on this thread does."""
    running = viva_browser.Browser(viva_browser.film(frames, tmp_path_factory.mktemp("film") / "face.mjpeg"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    """The platform that most tests share. Each test starts interviews of its own."""
    running = viva_platform.Platform(tmp_path_factory.mktemp("platform"), VIVA_TOKEN_KEY=TOKEN_KEY)
    yield running
    assert running.stop() == 0, running.log()[-3000:]
    viva_log.assert_sound(running.log())
    viva_log.assert_discreet(running.log(), running.api_key, TOKEN_KEY)
    viva_log.assert_json(running.log())


TOKEN_KEY = "a key for tests only, of more than thirty-two bytes"


@pytest.fixture(scope="session")
def token_key():
    """What the shared platform signs its tokens with."""
    return TOKEN_KEY


@pytest.fixture
def make_platform(tmp_path):
    """Starts platforms of a test's own and stops them with it."""
    started = []

    def start(*arguments, directory=None, **more):
        started.append(viva_platform.Platform(directory or tmp_path / f"platform-{len(started)}", *arguments, **more))
        return started[-1]

    yield start
    for running in started:
        if running.up.process.poll() is None:
            running.stop()
        viva_log.assert_sound(running.log())


@pytest.fixture
def make_service(tmp_path):
    """Starts single services of a test's own and stops them with it."""
    started = []

    def start(name, *arguments, **more):
        started.append(viva_platform.Service(name, tmp_path / f"service-{len(started)}", *arguments, **more))
        return started[-1]

    yield start
    for running in started:
        if running.running.process.poll() is None:
            running.stop()
        viva_log.assert_sound(running.running.log())


@pytest.fixture(scope="session")
def rest(platform):
    """REST through the gateway with the API key."""
    client = viva_client.Rest(platform.url(), platform.api_key)
    yield client
    client.close()


@pytest.fixture(scope="session")
def emotion_channel(platform):
    with viva_grpc.channel(platform.target("emotion")) as channel:
        yield channel


@pytest.fixture(scope="session")
def emotion(emotion_channel):
    return viva_grpc.emotion_stub(emotion_channel)


@pytest.fixture(scope="session")
def scoring(platform):
    with viva_grpc.channel(platform.target("scoring")) as channel:
        yield viva_grpc.scoring_stub(channel)


@pytest.fixture
def same_processes(platform):
    """After the test the same child processes must be alive and healthy."""
    before = platform.children()
    assert sorted(before) == sorted(viva_platform.SERVICES)
    yield before
    assert platform.children() == before, f"a process died:\n{platform.log()[-3000:]}"
    for service in viva_platform.SERVICES:
        client = viva_client.Rest(platform.url(service), platform.api_key)
        assert client.get("/health").status_code == 200
        client.close()


@pytest.fixture(scope="session")
def shared_data():
    """More real pictures, where there are some: VIVA_SHARED_DATA, or shared/data beside the checkout."""
    beside = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
    given = pathlib.Path(os.environ.get("VIVA_SHARED_DATA", beside))
    if not (given / "faces").is_dir():
        pytest.skip("there is no VIVA_SHARED_DATA with faces/")
    return given


# ---- RabbitMQ


@pytest.fixture(scope="session")
def broker():
    """The RabbitMQ that most tests share; each has a virtual host of its own."""
    try:
        running = rabbitmq.Broker(vhosts=rabbitmq.MANY_VHOSTS)
    except rabbitmq.Unavailable as reason:
        pytest.skip(str(reason))
    with running:
        yield running


@pytest.fixture(scope="session")
def unused_vhosts(broker):
    return iter(broker.vhosts[1:])


@pytest.fixture
def vhost(unused_vhosts):
    return next(unused_vhosts)


@pytest.fixture
def make_bus(tmp_path):
    """Starts buses in processes of their own, at any URL, and ends them with the test."""
    started = []

    def start(url, **more):
        started.append(viva_bus_driver.Driver(url, tmp_path / f"bus-{len(started)}.log", **more))
        return started[-1]

    yield start
    for driver in started:
        if driver.process.poll() is None:
            driver.quit()


@pytest.fixture
def bus(broker, vhost, make_bus):
    """Starts buses on the test's virtual host."""
    return lambda **more: make_bus(broker.url(vhost), **more)


@pytest.fixture
def channel(broker, vhost):
    """A stock client's channel there, which confirms."""
    connection = pika.BlockingConnection(pika.URLParameters(broker.url(vhost)))
    opened = connection.channel()
    opened.confirm_delivery()
    yield opened
    if connection.is_open:
        connection.close()
