"""A whole call in virtual time: the call under test, the service it speaks with, and a customer.

The customer's client takes what the downlink gives, plays it at the pace of speech and acknowledges what
it has heard, as the voice page does.
"""

import asyncio
import datetime as dt
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from simulator.conversation import Reply, ToolCall
from tests.call import words
from tests.call.service import Service
from voice import pcm
from voice.call import Call, CallSettings, CallWishes
from voice.call.transcript import Transcript, Utterance
from voice.prompts import directions
from voice.sonic.events import EndpointingSensitivity, SessionStart
from voice.sonic.families import SECOND
from voice.tools.registry import ToolRegistry
from voice.wire import messages as m

CHUNK_MS = 32
ACK_EVERY_S = 0.25
DIRECTIONS = directions(language="es", business="la prueba")


def settings(**changed: Any) -> CallSettings:
    ids = itertools.count()
    start = dt.datetime(2026, 11, 23, 13, 0, tzinfo=dt.UTC)
    values: dict[str, Any] = {
        "session": SessionStart(
            max_tokens=1024,
            top_p=0.9,
            temperature=0.7,
            endpointing_sensitivity=EndpointingSensitivity.HIGH,
        ),
        "family": SECOND,
        "time_zone": ZoneInfo("America/Argentina/Buenos_Aires"),
        "system_prompt": lambda language, now: "Eres Carlos.",
        "directions": lambda language: DIRECTIONS,
        "now": lambda: start + dt.timedelta(milliseconds=next(ids)),
        "chance": lambda: 0.5,
        **changed,
    }
    return CallSettings(**values)


@dataclass(slots=True)
class Client:
    """What a customer's browser does with the downlink."""

    call: Call
    connected: bool = True
    acknowledges: bool = True
    got: list[m.Numbered] = field(default_factory=list)
    heard: int = 0
    generation: int = 0
    _buffered_to: int = 0
    _received: int = -1

    async def listen(self) -> None:
        """Take what comes, play it, and acknowledge."""
        while True:
            if self.connected:
                self._take()
            await asyncio.sleep(0.02)
            self._play(0.02)

    async def acknowledge_for_ever(self) -> None:
        while True:
            await asyncio.sleep(ACK_EVERY_S)
            self.acknowledge()

    def acknowledge(self) -> None:
        if self.connected and self.acknowledges:
            self.call.acknowledge(
                m.Played(
                    sequence=max(0, self._received),
                    generation=self.generation,
                    position=self.heard,
                )
            )

    def _take(self) -> None:
        while (one := self.call.downlink.next()) is not None:
            self.got.append(one)
            if one.sequence is not None:
                self._received = max(self._received, one.sequence)
            self._note(one.message)
            self.call.delivered(one.message)

    def _note(self, message: m.ServerMessage) -> None:
        match message:
            case m.SpeechChunk() if message.generation == self.generation:
                if message.position > self._buffered_to:
                    self.heard = message.position if self.heard == self._buffered_to else self.heard
                self._buffered_to = message.position + pcm.samples(len(message.pcm))
            case m.Flush():
                self.generation = message.generation
                self._buffered_to = self.heard
                self.acknowledge()
            case _:
                pass

    def _play(self, seconds: float) -> None:
        self.heard = min(self._buffered_to, self.heard + int(seconds * pcm.OUTPUT_RATE_HZ))

    # What a test asks

    def of[T](self, kind: type[T]) -> list[T]:
        return [one.message for one in self.got if isinstance(one.message, kind)]

    def spoken(self) -> list[str]:
        """What both sides said as it is shown at the end, spoken words only."""
        shown: dict[tuple[int, int], m.Caption] = {}
        for caption in self.of(m.Caption):
            shown[caption.turn, caption.segment] = caption
        return [
            f"{caption.speaker}: {caption.text}"
            for _, caption in sorted(shown.items())
            if caption.stage is m.Stage.SPOKEN
        ]

    def speech(self) -> bytes:
        return b"".join(chunk.pcm for chunk in self.of(m.SpeechChunk))


class Talk:
    """A running call, its service and its client."""

    def __init__(self, call: Call, service: Service) -> None:
        self.call = call
        self.service = service
        self.client = Client(call)
        self.reason: m.EndReason | None = None

    @property
    def transcript(self) -> list[Utterance]:
        return self.call.dialogue.transcript.utterances()

    @property
    def said_by_customer(self) -> list[str]:
        return [u.text for u in self.transcript if u.speaker is m.Speaker.USER]

    @property
    def said_by_assistant(self) -> list[str]:
        return [u.text for u in self.transcript if u.speaker is m.Speaker.ASSISTANT]

    async def speak(self, numbers: Sequence[int], *, pause_ms: float = 0.0) -> None:
        """Let the customer say words, at the pace of speech."""
        await self.play(b"".join(map(words.spoken, numbers)) + words.silence(pause_ms))

    async def play(self, audio: bytes) -> None:
        size = pcm.byte_count(CHUNK_MS, words.RATE_HZ)
        for start in range(0, len(audio), size):
            self.call.hear(audio[start : start + size])
            await asyncio.sleep(CHUNK_MS / 1000)

    async def ask(self, text: str, *, patience_s: float = 60.0) -> str:
        """Type something, wait for the whole answer to be heard, and return it."""
        before = len(self.said_by_assistant)
        self.call.read(text)
        async with asyncio.timeout(patience_s):
            while len(self.said_by_assistant) == before or not self.call.is_quiet:  # noqa: ASYNC110 -- virtual time
                await asyncio.sleep(0.05)
        return " ".join(self.said_by_assistant[before:])

    async def until_quiet(self, patience_s: float = 60.0) -> None:
        async with asyncio.timeout(patience_s):
            await asyncio.sleep(0.1)
            while not self.call.is_quiet:  # noqa: ASYNC110 -- virtual time
                await asyncio.sleep(0.05)


@asynccontextmanager
async def talk(
    script: Mapping[str, Reply] | None = None,
    *,
    tools: ToolRegistry | None = None,
    service: Service | None = None,
    transcript: Transcript | None = None,
    earlier_runs: tuple[tuple[str, str], ...] = (),
    greet: bool = False,
    acknowledges: bool = True,
    **changed: Any,
) -> AsyncIterator[Talk]:
    """Run a call for as long as the block lasts; it is hung up at the end."""
    service = service or Service(script)
    wishes = CallWishes(
        call_id="call-1",
        resume_token="token",
        input_rate_hz=words.RATE_HZ,
        voice="carlos",
        language="es",
        greet=greet,
        acknowledges=acknowledges,
    )
    call = Call(
        wishes,
        transport=service,
        tools=tools or ToolRegistry(),
        settings=settings(**changed),
        transcript=transcript,
        earlier_runs=earlier_runs,
    )
    running = Talk(call, service)
    async with asyncio.TaskGroup() as tasks:
        helpers = [tasks.create_task(running.client.listen())]
        helpers.append(tasks.create_task(running.client.acknowledge_for_ever()))
        task = tasks.create_task(_hold(running))
        await asyncio.sleep(0.5)
        try:
            yield running
        finally:
            if not task.done():
                call.end()
            await asyncio.wait({task})
            await asyncio.sleep(0.1)
            for helper in helpers:
                helper.cancel()


async def _hold(running: Talk) -> None:
    running.reason = await running.call.run()


def says(*sentences: str) -> Reply:
    return Reply(sentences=sentences)


def asks_for(name: str, **arguments: Any) -> Reply:
    return Reply(tool_calls=(ToolCall(name=name, arguments=arguments),))
