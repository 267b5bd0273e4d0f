"""Calls outlive their sessions: twenty rotations, an interrupted rotation, an hour of silence.

Sessions are short here and the simulator's clock runs faster, so that its limits pass in seconds.
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

pytestmark = [pytest.mark.wire]

CHUNK_BYTES = 1024
CHUNK_S = 0.032
SILENT_SCALE = 120
"""An hour lasts half a minute, and the service's eight minutes last four seconds."""
LONG = "Había una vez un pedido que nadie reclamaba, y que esperó años en un depósito de Rosario."
TALKING_SCALE = 5
"""A pause of 140 ms ends the customer's turn, with Nova 2 one of 180 ms."""


type Running = tuple[Site, RunningSimulator]


@contextmanager
def running(folder: Path, dynamodb: str, scale: int, **environ: str) -> Iterator[Running]:
    """Run a site with short sessions, and a simulator whose clock runs `scale` times as fast."""
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
        # With margin: Nova 2.5 ends a turn after 0.7 s, which are 140 ms here.
        "SESSION_SHORTEST_PAUSE_MS": "70",
        "SESSION_UNRESPONSIVE_S": "20",
        "NOVA_SONIC_ENDPOINTING_SENSITIVITY": "MEDIUM",
    }
    with running(tmp_path, dynamodb, TALKING_SCALE, **environ) as both:
        yield both


async def sessions_in(simulator: RunningSimulator) -> int:
    """Return how many sessions there were; no other test uses this simulator."""
    return len(await simulator.sessions())


async def sessions_once_replaced_ones_ended(simulator: RunningSimulator) -> list[dict[str, Any]]:
    """Return the sessions as soon as all but the newest have ended."""
    async with asyncio.timeout(60):
        while True:
            sessions = await simulator.sessions()
            if all(session["ended"] is not None for session in sessions[:-1]):
                return sessions
            await asyncio.sleep(0.1)


async def play(client: VoiceClient, audio: bytes) -> None:
    """Send audio at the pace of speech and receive frames meanwhile."""
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


def recognized_parts(client: VoiceClient) -> list[str]:
    """Return the customer's captions, split at blanks."""
    return " ".join(client.texts_of("user")).split()


async def test_customer_speaking_through_twenty_rotations_loses_no_number(
    talking: Running, row: Row
) -> None:
    """Numbers are coded in the audio, so that the simulator reports which ones it recognized."""
    row(
        "20 session rotations, customer speaking",
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
        assert recognized_parts(client) == numbers
        sessions = await sessions_once_replaced_ones_ended(simulator)
        assert {session["ended"] for session in sessions[:-1]} == {"client"}  # none broke
        assert {number for session in sessions for number in session["numbers"]} == set(numbers)
        history = customer_history(sessions[-1])
        assert history == numbers[: len(history)]
        assert len(history) > spoken / 2


def customer_history(session: dict[str, Any]) -> list[str]:
    """Return the customer's part of the history that a session received, split at blanks."""
    return " ".join(text for role, text in session["history"] if role == "USER").split()


async def test_interruption_while_next_session_opens_is_answered(
    talking: Running, row: Row
) -> None:
    row(
        "interruption during a rotation",
        "is heard at once, and answered",
        kept="what they said, once; nothing stale is heard",
        within_s=6,
    )
    site, simulator = talking
    await simulator.command("script", when="cuento", say=[LONG] * 3, tools=[])
    async with open_client(site.ws_url) as client:
        opening = await simulator.inject_fault("open", "delay", s=0.8 * TALKING_SCALE)
        client.acknowledges = (
            False  # the reply stays unplayed, so that there is something to interrupt
        )
        await client.send(type="text", text="un cuento")
        while not await simulator.times_triggered(opening):
            await client.audio_within(0.05)
        with row.measured():
            await play(client, encode_numbers(range(3)) + silence(450))
            while not any(event["type"] == "interrupted" for event in client.events):
                await client.next()
            client.acknowledges = True
            await client.acknowledge_all()
            # If the session ended with the speech unanswered, the next one receives it as text.
            await client.until_answered("2")
        assert recognized_parts(client) == ["un", "cuento", "0", "1", "2"]
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
def without_rotation(tmp_path: Path, dynamodb: str, demo_data: object) -> Iterator[Running]:
    """A site configured for longer sessions than the service allows."""
    with running(tmp_path, dynamodb, SILENT_SCALE, SESSION_MAX_S="480") as both:
        yield both


async def test_session_that_reaches_the_services_limit_is_replaced(
    without_rotation: Running, row: Row
) -> None:
    row("eight minutes without a rotation", "notices nothing", kept="the call", within_s=5)
    site, simulator = without_rotation
    async with open_client(site.ws_url) as client:
        await client.converse("Hola")
        while (first := (await simulator.sessions())[0])["ended"] is None:
            await client.audio_within(0.1)
        with row.measured():
            await client.converse("Hola")
        assert first["ended"] == "failure"
        assert await sessions_in(simulator) >= 2  # on a slow machine the second one may end, too


async def test_call_silent_for_an_hour_answers_at_once(silent: Running, row: Row) -> None:
    """The idle timeout is an hour here; by default it is five minutes (next row)."""
    row("silence for an hour", "is answered at once when they speak", kept="the call", within_s=5)
    site, simulator = silent
    async with open_client(site.ws_url) as client:
        await client.audio_within(3600 / SILENT_SCALE)
        with row.measured():
            await client.converse("Hola")
        assert await sessions_in(simulator) >= 7


async def test_idle_call_ends_with_a_goodbye(
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
