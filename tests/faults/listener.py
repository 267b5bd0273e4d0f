"""A customer who listens in real time, and measures how long nothing is heard when something should be.

Audio is played at its own pace. Silence counts while a reply is heard, from its first sound to its end,
and from a question to the first sound of its answer.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.fixtures.voice_clients import open_socket, request_ticket
from voice import pcm
from voice.wire.binary import Flag, FrameType
from voice.wire.client import ClientCall, ServerFrame

ACKNOWLEDGE_S = 0.1
RETRY_S = 0.2
ANSWERED_WITHIN_S = 120.0


def longest_silence_s() -> float:
    """Return how long a customer may hear nothing.

    `make drain-proof` sets it to 1 s, and needs a machine that does nothing else; `make test` measures it,
    but among other tests it says nothing.
    """
    return float(os.environ.get("LONGEST_SILENCE_S", "inf"))


@dataclass(slots=True, kw_only=True)
class Answer:
    """What was heard of one answer."""

    asked_at: float
    began_at: float = 0.0
    longest_gap_s: float = 0.0
    """The longest silence from its first sound on."""

    @property
    def waited_s(self) -> float:
        """How long the customer waited for its first sound."""
        return self.began_at - self.asked_at


@dataclass(slots=True)
class Listener:
    """One call. `urls` are the servers, in the order in which they are tried after a lost connection."""

    urls: list[str]
    answers: list[Answer] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    resumed: list[bool] = field(default_factory=list)
    """For each time that the call was resumed, whether another server restored it."""
    away_s: list[float] = field(default_factory=list)
    """For each time that the call was resumed, how long it had no connection."""
    asked_at_resume: int = 0
    """How many questions had been asked when the call was resumed last."""
    _call: ClientCall = field(default_factory=lambda: ClientCall(output_rate_hz=pcm.OUTPUT_RATE_HZ))
    _socket: ClientConnection | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _reconnect_at: float = 0.0
    _lost_at: float = 0.0

    async def start(self) -> None:
        """Start the call on the first server."""
        ticket = await asyncio.to_thread(request_ticket, self.urls[0])
        self._socket = await open_socket(self.urls[0])
        self._call.queue_event(type="start", ticket=ticket, greet=False)
        await self._send_queued()

    async def until_ready(self) -> None:
        """Wait until the assistant listens."""
        await self._until(lambda: bool(self._call.token))

    async def send(self, text: str) -> None:
        """Type a question."""
        self.answers.append(Answer(asked_at=time.monotonic()))
        self._call.queue_event(type="text", text=text)
        await self._send_queued()

    async def until_hearing(self) -> None:
        """Wait until the newest question's answer is heard."""
        await self._until(lambda: self.answers[-1].began_at > 0)

    async def until_answered(self) -> None:
        """Wait until all questions are answered, and the answers played."""
        await self._until(lambda: self._finished() >= len(self.answers))
        await asyncio.sleep(max(0.0, self._call.playback.ends_at - time.monotonic()))

    async def ask(self, text: str) -> None:
        """Type a question, and listen to its answer."""
        await self.send(text)
        await self.until_answered()

    async def run(self) -> None:
        """Receive and acknowledge until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._acknowledge())
            tasks.create_task(self._receive())

    async def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            await self._socket.close()

    def _finished(self) -> int:
        return sum(event["type"] == "turn" for event in self.events)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def _send_queued(self) -> None:
        while (frame := self._call.next_frame()) is not None:
            await self._send(frame)

    async def _send(self, frame: bytes) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(frame)

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(ACKNOWLEDGE_S)
            await self._send(self._call.acknowledgement(time.monotonic()))

    async def _receive(self) -> None:
        while True:
            assert self._socket is not None
            with suppress(ConnectionClosed):
                async for data in self._socket:
                    assert isinstance(data, bytes)
                    await self._handle(data)
            self._call.connection_lost()
            self._lost_at = time.monotonic()
            await self._resume()

    async def _resume(self) -> None:
        await asyncio.sleep(max(0.0, self._reconnect_at - time.monotonic()))
        while True:
            self.urls.append(self.urls.pop(0))
            with suppress(OSError, InvalidHandshake, ConnectionClosed):
                self._socket = await open_socket(self.urls[0])
                await self._socket.send(self._call.resume_frame(time.monotonic()))
                return
            await asyncio.sleep(RETRY_S)

    async def _handle(self, data: bytes) -> None:
        now = time.monotonic()
        silent_since = self._call.playback.ends_at
        frame = self._call.receive(data, now=now)
        if frame is None:
            return
        match frame.kind:
            case FrameType.AUDIO_OUT if frame.generation == self._call.generation:
                self._measure_silence(frame, silent_since, now)
                if frame.flags & Flag.FIRST:
                    self._call.queue_event(type="heard", position=frame.position, afterMs=0)
                    await self._send_queued()
            case FrameType.FLUSH:
                await self._send(self._call.acknowledgement(now))
            case FrameType.RESUME:
                self.resumed.append(bool(frame.event["restored"]))
                self.away_s.append(now - self._lost_at)
                self.asked_at_resume = len(self.answers)
                await self._send_queued()
            case FrameType.EVENT:
                self.events.append(frame.event)
                if frame.event["type"] == "moving":
                    self._reconnect_at = now + frame.event["resumeAfterMs"] / 1000
            case _:
                pass
        self._changed.set()

    def _measure_silence(self, frame: ServerFrame, silent_since: float, now: float) -> None:
        if not self.answers or not frame.payload:
            return
        answer = self.answers[-1]
        if answer.began_at:
            answer.longest_gap_s = max(answer.longest_gap_s, now - silent_since)
        else:
            answer.began_at = now


@asynccontextmanager
async def listening(count: int, urls: list[str]) -> AsyncIterator[list[Listener]]:
    """Run so many calls for as long as the block lasts; each is ready."""
    listeners = [Listener(list(urls)) for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        await asyncio.gather(*(listener.start() for listener in listeners))
        running = [tasks.create_task(listener.run()) for listener in listeners]
        try:
            await asyncio.gather(*(listener.until_ready() for listener in listeners))
            yield listeners
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*(listener.close() for listener in listeners))
