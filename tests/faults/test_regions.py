"""A Region fails, or has no session left: calls continue in another one."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from tests.faults.conftest import QUICK
from tests.faults.listener import Listener, listening, longest_silence_s
from tests.faults.rows import Row
from tests.fixtures.site import Site, running_site
from tests.fixtures.voice_clients import open_client

pytestmark = [pytest.mark.wire]

LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"
NEAR, FAR = "us-east-1", "us-west-2"


@dataclass(frozen=True, slots=True)
class TwoRegions:
    """Two Regions, each a simulator of its own; all of them trust the same file of CAs."""

    near: RunningSimulator
    far: RunningSimulator
    ca_file: Path

    def environ(self, near_name: str = NEAR, far_name: str = FAR) -> dict[str, str]:
        """Return the settings of a server that uses both, under these names."""
        return {
            "NOVA_SONIC_REGIONS": f"{near_name}={self.near.url}, {far_name}={self.far.url}",
            "BEDROCK_CA_FILE": str(self.ca_file),
            **QUICK,
        }


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[TwoRegions]:
    with ExitStack() as running:
        simulators = []
        for name in (NEAR, FAR):
            folder = tmp_path / name
            folder.mkdir()
            options = ("--hearing", "text", "--max-streams", "64")
            simulators.append(running.enter_context(run_simulator(folder, *options)))
        ca_file = tmp_path / "all-cas.pem"
        near, far = simulators
        ca_file.write_text(near.ca_file.read_text() + far.ca_file.read_text())
        yield TwoRegions(near, far, ca_file)


@pytest.fixture
def two_region_site(
    tmp_path: Path, dynamodb: str, regions: TwoRegions, demo_data: object
) -> Iterator[Site]:
    environ = {"DYNAMODB_ENDPOINT_URL": dynamodb, **regions.environ()}
    with running_site(tmp_path, environ) as site:
        yield site


async def fail(simulator: RunningSimulator) -> None:
    """Break all sessions of a Region at once, and refuse every other one."""
    await simulator.inject_fault(
        "open",
        "refuse",
        times=None,
        status=503,
        code="ServiceUnavailableException",
        message="A fault on command.",
    )
    await simulator.command("drop_all", action={"kind": "abort"})


async def test_ten_calls_continue_in_another_region(
    two_region_site: Site, regions: TwoRegions, row: Row
) -> None:
    row(
        "a Region fails under ten live calls",
        "hears the answer begin anew",
        kept="all calls, their questions and answers",
        within_s=45,
    )
    async with listening(10, [two_region_site.ws_url]) as listeners:
        await asyncio.gather(*(listener.ask("Hola") for listener in listeners))
        await asyncio.gather(*(listener.send(LOOK_UP) for listener in listeners))
        await asyncio.gather(*(listener.until_hearing() for listener in listeners))
        await fail(regions.near)
        with row.measured():
            await asyncio.gather(*(listener.until_answered() for listener in listeners))
        assert_all_answered(listeners)
    assert len(await regions.near.sessions()) == 10
    assert len(await regions.far.sessions()) == 10
    log = two_region_site.log.read_text()
    assert "region failed" in log
    assert "call crashed" not in log


def assert_all_answered(listeners: list[Listener]) -> None:
    for listener in listeners:
        said = " ".join(event["text"] for event in listener.events if event["type"] == "caption")
        assert "pendiente" in said
        assert not [event for event in listener.events if event["type"] in {"error", "ended"}]
    gaps = [answer.longest_gap_s for listener in listeners for answer in listener.answers]
    print(  # noqa: T201 -- the figure of `make drain-proof`
        f"{len(listeners)} calls in another Region: longest silence in an answer {max(gaps):.2f} s"
    )
    assert max(gaps) <= longest_silence_s()


async def test_full_region_sends_new_calls_to_another_until_all_are_busy(
    tmp_path: Path, dynamodb: str, regions: TwoRegions, demo_data: object, row: Row
) -> None:
    row(
        "a Region has no session left",
        "notices nothing; with none left anywhere hears that all lines are busy",
        kept="all calls",
        within_s=45,
    )
    # Regions of its own: servers of other tests may still have leases in the others.
    environ = {"DYNAMODB_ENDPOINT_URL": dynamodb, **regions.environ("eu-north-1", "ap-northeast-1")}
    with running_site(tmp_path, {**environ, "NOVA_SONIC_SESSION_QUOTA": "3"}) as site:
        async with listening(4, [site.ws_url]) as listeners:
            with row.measured():
                await asyncio.gather(*(listener.ask("Hola") for listener in listeners))
            assert len(await regions.near.sessions()) == 2
            assert len(await regions.far.sessions()) == 2
            async with open_client(site.ws_url, start=False) as refused:
                await refused.send_start()
                error = await refused.until("error")
                assert (error["code"], error["retryAfterS"]) == ("busy", 20)
                assert await refused.until_closed() == 4429
