# SPDX-License-Identifier: Apache-2.0
"""What the tests of the events share: for each bus one platform, which most tests use with interviews of their own.

The platform and its clients are those of tests/integration. Nothing here or in the tests asserts on time: limits are
only there so that what hangs fails.
"""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "servers")]

import pytest  # noqa: E402

import event_bus  # noqa: E402
import event_stage  # noqa: E402
import rabbitmq  # noqa: E402
import viva_frames  # noqa: E402

TEST_LIMIT_S = 600
BUSES = ("sqlite", "rabbitmq")


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(TEST_LIMIT_S))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """One worker takes all tests of a bus, since they share its platform; the others go by their files."""
    from xdist.scheduler import LoadScopeScheduling

    class ByBus(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return next((bus for bus in BUSES if f"[{bus}" in nodeid), nodeid.partition("::")[0])

    return ByBus(config, log)


@pytest.fixture(scope="session")
def frames(tmp_path_factory):
    return viva_frames.make(tmp_path_factory)


@pytest.fixture(scope="session")
def broker():
    try:
        running = rabbitmq.Broker()
    except rabbitmq.Unavailable as reason:
        pytest.skip(str(reason))
    with running:
        yield running


@pytest.fixture(scope="session", params=BUSES)
def bus_name(request):
    return request.param


@pytest.fixture(scope="session")
def make_bus(bus_name, request, tmp_path_factory):
    """Makes an untouched bus of this kind."""
    made = []

    def make():
        if bus_name == "sqlite":
            made.append(event_bus.EmbeddedBus(tmp_path_factory.mktemp("bus") / "bus.db"))
        else:
            running = request.getfixturevalue("broker")
            made.append(event_bus.RabbitBus(running, f"test-{len(made)}"))
        return made[-1]

    yield make
    for bus in made:
        bus.close()


@pytest.fixture(scope="session")
def stage(make_bus, tmp_path_factory):
    running = event_stage.Stage(tmp_path_factory.mktemp("stage"), make_bus())
    yield running
    running.close()


@pytest.fixture
def rest(stage):
    return stage.rest


@pytest.fixture
def watch(stage):
    """What the bus carries during the test."""
    watching = stage.bus.watch()
    yield watching
    watching.close()
