"""Calls that come and go for minutes while everything fails: nothing leaks, nothing is lost.

Run `make soak MINUTES=3`; `make test` runs it for a few seconds.
"""

import asyncio
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, running_proxy
from tests.fixtures.site import Site, running_site
from tests.reports import SOAK_REPORT
from tests.soak.callers import ORDER, Account, Caller
from tests.soak.chaos import Chaos
from tests.soak.losses import find_losses, order_of
from tests.soak.report import Footprint, report

MINUTES = float(os.environ.get("SOAK_MINUTES") or 0.15)
WARM_UP_S = min(10.0, 30 * MINUTES)
CALLERS = 8
SEED = int(os.environ.get("SOAK_SEED") or random.randrange(10_000))
RESUME_S = 4
"""How long a call waits for a customer who vanished."""
SPARE_CONNECTIONS = 4
"""Connections to the service that stay open for the next session."""
EXTRA_MB = 48
"""How much memory may be added between start and end: allocators do not return all of it."""

pytestmark = [pytest.mark.wire, pytest.mark.timeout(60 * MINUTES + 600)]

ENVIRON = {
    "SESSION_MAX_S": "15",
    # To the simulator's 300 ms as the default is to the service's 1.5 s.
    "SESSION_SHORTEST_PAUSE_MS": "80",
    "SESSION_OPEN_TIMEOUT_S": "3",
    "SESSION_UNRESPONSIVE_S": "5",
    "NOVA_SONIC_ENDPOINTING_SENSITIVITY": "HIGH",
    "CALL_RESUME_S": str(RESUME_S),
    "CONVERSATION_MASKS": "none",
}


@pytest.fixture
def proxy(dynamodb: str) -> Iterator[DynamoDBProxy]:
    with running_proxy(dynamodb) as proxy:
        yield proxy


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[RunningSimulator]:
    options = ("--hearing", "coded", "--time-scale", "5", "--max-streams", "64")
    with run_simulator(tmp_path, *options) as running:
        yield running


@pytest.fixture
def site(
    tmp_path: Path, proxy: DynamoDBProxy, simulator: RunningSimulator, demo_data: object
) -> Iterator[Site]:
    environ = {
        "DYNAMODB_ENDPOINT_URL": proxy.url,
        "BEDROCK_ENDPOINT_URL": simulator.url,
        "BEDROCK_CA_FILE": str(simulator.ca_file),
        **ENVIRON,
    }
    with running_site(tmp_path, environ) as running:
        yield running


async def test_calls_under_faults_lose_and_leak_nothing(
    site: Site,
    simulator: RunningSimulator,
    proxy: DynamoDBProxy,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(SEED)
    crowd = Crowd(site, simulator, chance)
    await crowd.call_for(WARM_UP_S)
    await wait_until_idle(site)
    before = Footprint.of(site)
    chaos = Chaos(simulator, proxy, chance)
    async with asyncio.TaskGroup() as tasks:
        injection = tasks.create_task(chaos.inject_faults())
        await crowd.call_for(60 * MINUTES)
        injection.cancel()
    proxy.reset()
    await simulator.command("clear")
    await wait_until_idle(site)
    after = Footprint.of(site)
    title = f"{MINUTES:g} minutes, seed {SEED}"
    record_property(SOAK_REPORT, report(title, crowd.accounts, chaos.done, before, after))

    losses = find_losses(crowd.accounts)
    assert not losses, "\n".join(losses)
    assert_nothing_leaked(before, after)
    assert_log_is_clean(site)


class Crowd:
    """Several customers at a time, each calling again and again."""

    def __init__(self, site: Site, simulator: RunningSimulator, chance: random.Random) -> None:
        self.accounts: list[Account] = []
        self._site = site
        self._simulator = simulator
        self._chance = chance
        self._numbers = itertools.cycle(range(10_000))
        self._names = itertools.count(1)

    async def call_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CALLERS):
                tasks.create_task(self._call_again(until))

    async def _call_again(self, until: float) -> None:
        while time.monotonic() < until:
            name = f"cliente{next(self._names)}"
            await self._simulator.command("script", when=f"{ORDER} {name}", **order_of(name))
            caller = Caller(self._site.ws_url, name, self._numbers, self._chance)
            self.accounts.append(await caller.call(until=until))


async def wait_until_idle(site: Site) -> None:
    """Wait until no call is left and its resources are released."""
    async with asyncio.timeout(RESUME_S + 120):
        while (await asyncio.to_thread(Footprint.of, site)).calls:  # noqa: ASYNC110 -- another process's
            await asyncio.sleep(0.2)
    await asyncio.sleep(1.0)


def assert_nothing_leaked(before: Footprint, after: Footprint) -> None:
    assert after.calls == 0
    assert after.tasks <= before.tasks
    # Threads for DynamoDB start when they are needed, and each has a connection.
    started = after.threads - before.threads
    assert started <= settings.DYNAMODB_THREADS, (before, after)
    assert after.files <= before.files + max(0, started) + SPARE_CONNECTIONS, (before, after)
    assert after.megabytes <= before.megabytes + EXTRA_MB, (before, after)


def assert_log_is_clean(site: Site) -> None:
    log = site.log.read_text()
    for bug in (
        "call crashed",
        "unhandled error processing frame",
        "never retrieved",
        "Exception in",
        "recording stopped",
        "not stored",
    ):
        assert bug not in log, log[log.index(bug) - 200 :][:3000]
