"""Sessions end, calls do not: renewals in a row, interrupted ones, and an hour of silence.

The simulator's time runs faster here, so that its eight minutes pass in seconds; ours is told.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.faults.conftest import QUICK
from tests.faults.rows import Row
from tests.fixtures.coded import silence, words
from tests.fixtures.line import Line, open_line
from tests.fixtures.simulator import RunningSimulator, started_simulator
from tests.fixtures.site import Site, running_site

pytestmark = [pytest.mark.wire, pytest.mark.timeout(150)]

SCALE = 120
SESSION_S = 480 / SCALE
CHUNK_BYTES = 1024
CHUNK_S = 0.032


@pytest.fixture(scope="module")
def hasty_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    folder = tmp_path_factory.mktemp("hasty-simulator")
    options = ("--hearing", "words", "--time-scale", str(SCALE), "--max-streams", "64")
    with started_simulator(folder, *options) as running:
        yield running


@pytest.fixture(scope="module")
def hasty_site(
    tmp_path_factory: pytest.TempPathFactory, dynamodb: str, hasty_simulator: RunningSimulator
) -> Iterator[Site]:
    environ = {
        "DYNAMODB_ENDPOINT_URL": dynamodb,
        "BEDROCK_ENDPOINT_URL": hasty_simulator.url,
        "BEDROCK_CA_FILE": str(hasty_simulator.ca_file),
        **QUICK,
        "SESSION_MAX_S": str(SESSION_S),
        "SESSION_SHORTEST_PAUSE_MS": "60",
        "SESSION_DEAF_S": "20",
        "NOVA_SONIC_ENDPOINTING_SENSITIVITY": "LOW",
        "CALL_IDLE_S": "3600",
    }
    with running_site(tmp_path_factory.mktemp("hasty-site"), environ) as site:
        yield site


async def sessions_in(simulator: RunningSimulator) -> int:
    """Return how many sessions there have been; no other test uses this simulator."""
    return len(await simulator.sessions())


async def play(line: Line, audio: bytes) -> None:
    """Speak at the pace of speech, and take in what comes meanwhile."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for start in range(0, len(audio), CHUNK_BYTES):
        await line.socket.send(line.frames.audio(audio[start : start + CHUNK_BYTES]))
        due += CHUNK_S
        while (left := due - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    await line.next()
            except TimeoutError:
                break


def heard(line: Line) -> list[str]:
    said = [e["text"] for e in line.events if e["type"] == "caption" and e["role"] == "user"]
    return " ".join(said).split()


async def test_twenty_renewals_of_a_customer_who_talks_throughout(
    hasty_site: Site, hasty_simulator: RunningSimulator, row: Row, demo_data: object
) -> None:
    row(
        "20 renewals, customer talking",
        "notices nothing",
        kept="each word reached the model once",
        within_s=120,
    )
    async with open_line(hasty_site.ws_url) as line:
        spoken, before = 0, await sessions_in(hasty_simulator) - 1
        with row.measured():
            while await sessions_in(hasty_simulator) < before + 21:
                await play(line, words(range(spoken, spoken + 12)) + silence(90))
                spoken += 12
            await play(line, silence(1500))
        assert heard(line) == [str(number) for number in range(spoken)]


async def test_an_hour_of_silence(
    hasty_site: Site, hasty_simulator: RunningSimulator, row: Row, demo_data: object
) -> None:
    row("silence for an hour", "is heard at once when they speak", kept="the call", within_s=5)
    async with open_line(hasty_site.ws_url) as line:
        before = await sessions_in(hasty_simulator)
        await line.audio_within(3600 / SCALE)
        with row.measured():
            await line.converse("Hola")
        assert await sessions_in(hasty_simulator) - before >= 7
