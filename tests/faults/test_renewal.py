"""Sessions end, calls do not: renewals in a row, interrupted ones, and an hour of silence.

Our sessions are short here, and the simulator's time runs faster, so that its limits pass in seconds.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from nova_sonic_simulator.testing.coded_audio import encode_numbers, silence
from tests.faults.conftest import QUICK
from tests.faults.rows import Row
from tests.fixtures.site import Site, running_site
from tests.fixtures.voice_clients import VoiceClient, open_client
from voice.wire.binary import FrameType

pytestmark = [pytest.mark.wire, pytest.mark.timeout(150)]

CHUNK_BYTES = 1024
CHUNK_S = 0.032
SILENT_SCALE = 120
"""At this pace an hour lasts half a minute, and the service's eight minutes four seconds."""
LONG = "Había una vez un pedido que nadie reclamaba, y que esperó años en un depósito de Rosario."
TALKING_SCALE = 5
"""At this pace a turn of the customer's ends after 300 ms."""


type Running = tuple[Site, RunningSimulator]


@contextmanager
def running(folder: Path, dynamodb: str, scale: int, **environ: str) -> Iterator[Running]:
    """Run a site with short sessions, and a simulator whose time runs `scale` times as fast."""
    options = ("--hearing", "coded", "--time-scale", str(scale), "--max-streams", "64")
    with run_simulator(folder, *options) as simulator:
        site_environ = {
            "DYNAMODB_ENDPOINT_URL": dynamodb,
            "BEDROCK_ENDPOINT_URL": simulator.url,
            "BEDROCK_CA_FILE": str(simulator.ca_file),
            **QUICK,
            **environ,
        }
        with running_site(folder, site_environ) as site:
            yield site, simulator


@pytest.fixture
def silent(tmp_path: Path, dynamodb: str, demo_data: object) -> Iterator[Running]:
    session_s = str(480 / SILENT_SCALE)
    with running(
        tmp_path, dynamodb, SILENT_SCALE, SESSION_MAX_S=session_s, CALL_IDLE_S="3600"
    ) as both:
        yield both


@pytest.fixture
def talking(tmp_path: Path, dynamodb: str, demo_data: object) -> Iterator[Running]:
    environ = {
        "SESSION_MAX_S": "3",
        "SESSION_SHORTEST_PAUSE_MS": "100",
        "SESSION_UNRESPONSIVE_S": "20",
        "NOVA_SONIC_ENDPOINTING_SENSITIVITY": "HIGH",
    }
    with running(tmp_path, dynamodb, TALKING_SCALE, **environ) as both:
        yield both


async def sessions_in(simulator: RunningSimulator) -> int:
    """Return how many sessions there have been; no other test uses this simulator."""
    return len(await simulator.sessions())


async def play(client: VoiceClient, audio: bytes) -> None:
    """Speak at the pace of speech, and take in what comes meanwhile."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for start in range(0, len(audio), CHUNK_BYTES):
        await client.socket.send(client.frames.audio(audio[start : start + CHUNK_BYTES]))
        due += CHUNK_S
        while (left := due - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    await client.next()
            except TimeoutError:
                break


def heard(client: VoiceClient) -> list[str]:
    return " ".join(client.texts_of("user")).split()


async def test_twenty_renewals_of_a_customer_who_talks_throughout(
    talking: Running, row: Row
) -> None:
    """Words are numbered in the audio: the model tells which it understood."""
    row(
        "20 renewals, customer talking",
        "notices nothing",
        kept="each word, understood once",
        within_s=110,
    )
    site, simulator = talking
    async with open_client(site.ws_url) as client:
        spoken = 0
        with row.measured():
            while await sessions_in(simulator) < 21:
                await play(client, encode_numbers(range(spoken, spoken + 10)) + silence(450))
                spoken += 10
            await play(client, silence(1500))
        numbers = [str(number) for number in range(spoken)]
        assert heard(client) == numbers
        sessions = await simulator.sessions()
        assert {session["ended"] for session in sessions[:-1]} == {"client"}  # none broke
        assert {word for session in sessions for word in session["numbers"]} == set(numbers)
        told = customers_words(sessions[-1])
        assert told == numbers[: len(told)]
        assert len(told) > spoken / 2


def customers_words(session: dict[str, Any]) -> list[str]:
    """Return what a session was told that the customer had said before it began."""
    return " ".join(text for role, text in session["history"] if role == "USER").split()


async def test_an_interruption_while_the_next_session_opens(talking: Running, row: Row) -> None:
    row(
        "interruption during renewal",
        "is heard at once, and answered",
        kept="what they said, once; nothing stale is heard",
        within_s=6,
    )
    site, simulator = talking
    await simulator.command("script", when="cuento", say=[LONG] * 3, tools=[])
    async with open_client(site.ws_url) as client:
        opening = await simulator.inject_fault("open", "delay", s=0.8 * TALKING_SCALE)
        client.acknowledges = False  # so there is something to interrupt, however late they speak
        await client.send(type="text", text="un cuento")
        while not await simulator.times_triggered(opening):
            await client.audio_within(0.05)
        with row.measured():
            await play(client, encode_numbers(range(3)) + silence(450))
            while not any(event["type"] == "interrupted" for event in client.events):
                await client.next()
            client.acknowledges = True
            await client.acknowledge_all()
            # Where a session took the words along, the next one is asked them in writing.
            await client.until_answered("2")
        assert heard(client) == ["un", "cuento", "0", "1", "2"]
        assert_nothing_stale(client)
        assert await sessions_in(simulator) >= 2


def assert_nothing_stale(client: VoiceClient) -> None:
    """After a FLUSH no frame of an older generation came."""
    newest = 0
    for frame in client.received:
        if frame.kind is FrameType.FLUSH:
            newest = frame.generation
        assert frame.kind is not FrameType.AUDIO_OUT or frame.generation == newest
    assert newest


@pytest.fixture
def unrenewed(tmp_path: Path, dynamodb: str, demo_data: object) -> Iterator[Running]:
    """A site that believes in longer sessions than the service has."""
    with running(tmp_path, dynamodb, SILENT_SCALE, SESSION_MAX_S="480") as both:
        yield both


async def test_a_session_that_runs_into_the_services_cap(unrenewed: Running, row: Row) -> None:
    row("eight minutes without a renewal", "notices nothing", kept="the call", within_s=5)
    site, simulator = unrenewed
    async with open_client(site.ws_url) as client:
        await client.converse("Hola")
        while (first := (await simulator.sessions())[0])["ended"] is None:
            await client.audio_within(0.1)
        with row.measured():
            await client.converse("Hola")
        assert first["ended"] == "failure"
        assert await sessions_in(simulator) == 2


async def test_an_hour_of_silence(silent: Running, row: Row) -> None:
    """With goodbyes off, which by default come after five minutes: see the next row."""
    row("silence for an hour", "is answered at once when they speak", kept="the call", within_s=5)
    site, simulator = silent
    async with open_client(site.ws_url) as client:
        await client.audio_within(3600 / SILENT_SCALE)
        with row.measured():
            await client.converse("Hola")
        assert await sessions_in(simulator) >= 7


async def test_silence_is_ended_with_a_goodbye(
    tmp_path: Path, faulty_environ: dict[str, str], demo_data: object, row: Row
) -> None:
    row(
        "silence for as long as CALL_IDLE_S",
        "hears a goodbye, and the call ends",
        kept="what was said",
        within_s=10,
    )
    with running_site(tmp_path, {**faulty_environ, "CALL_IDLE_S": "1"}) as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            with row.measured():
                assert (await client.until("ended"))["reason"] == "idle"
                assert await client.until_closed() == 1000
            assert "¡Hasta luego!" in client.texts_of("assistant")[-1]
