"""The simulator of each file of tests of its control port, and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from support.control import SCALE, connected
from support.raw_client import RawClient


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """One of this file's own, whose time passes ten times as fast."""
    folder = tmp_path_factory.mktemp("simulator")
    options = ("--hearing", "coded", "--time-scale", str(SCALE), "--max-streams", "64")
    with run_simulator(folder, *options) as running:
        yield running


@pytest.fixture
async def running(shared: RunningSimulator) -> AsyncIterator[RunningSimulator]:
    yield shared
    await shared.command("clear")


@pytest.fixture
async def client(running: RunningSimulator) -> AsyncIterator[RawClient]:
    async with connected(running) as client:
        yield client
