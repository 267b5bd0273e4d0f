"""Simulated customers: they talk, type, interrupt, lose connections, reload, hang up and vanish.

Each records what it sent and received, so that the test can check that nothing was lost.
"""

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from common import clock
from nova_sonic_simulator.testing.coded_audio import encode_numbers, silence
from tests.fixtures.voice_clients import open_socket, request_ticket
from voice import pcm
from voice.wire.binary import FrameType
from voice.wire.client import ClientCall, ServerFrame
from voice.wire.close_codes import CloseCode

CHUNK_BYTES = 1024
CHUNK_S = 0.032
ACKNOWLEDGE_S = 0.2
ANSWERED_WITHIN_S = 120.0
PAUSE_MS = 700
"""Long enough for a turn to end at the simulator's pace."""
LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"
ORDER = "encargo"
OVER = {CloseCode.NORMAL, CloseCode.INTERNAL_ERROR, CloseCode.UNKNOWN_CALL}
"""Close codes after which there is nothing to resume."""


@dataclass(slots=True)
class Account:
    """What one customer sent and received during a call."""

    name: str
    call_id: str = ""
    typed: list[str] = field(default_factory=list)
    spoken: list[int] = field(default_factory=list)
    captions: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    tools: list[dict[str, Any]] = field(default_factory=list)
    drops: int = 0
    reloads: int = 0
    complaint: str = ""
    """Code of the error that the customer received, if any."""
    ending: str = ""
    story: list[str] = field(default_factory=list)
    """Everything that happened, with times, to find out why something was lost."""

    def log(self, event: str) -> None:
        """Add an event to the story."""
        self.story.append(f"{clock.now():%H:%M:%S.%f} {event}")

    def shown(self, role: str) -> list[str]:
        """Return the captions of one side, in order."""
        captions = (self.captions[place] for place in sorted(self.captions))
        return [caption["text"] for caption in captions if caption["role"] == role]


class CallOverError(Exception):
    """The server has ended the call."""


class Caller:
    """One call of one customer."""

    def __init__(self, url: str, name: str, numbers: Iterator[int], chance: random.Random) -> None:
        self.account = Account(name)
        self._url = url
        self._numbers = numbers
        self._chance = chance
        self._side = ClientCall(output_rate_hz=pcm.OUTPUT_RATE_HZ)
        self._socket: ClientConnection | None = None
        self._microphone: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._answered_to = self._cut_to = 0
        self._is_over = self._is_reloading = False

    async def call(self, *, until: float) -> Account:
        """Call, do random things until the time is over, hang up, and return the account."""
        await self._connect()
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(work())
                for work in (self._receive, self._send_microphone, self._acknowledge)
            ]
            try:
                await self._until(lambda: bool(self._side.token))
                while time.monotonic() < until and self._chance.random() < 0.85:
                    await self._act()
                await self._leave()
            except CallOverError:
                self.account.ending = self.account.ending or "was ended"
            except TimeoutError:
                self.account.ending = "got no answer"
            for helper in helpers:
                helper.cancel()
        if self._socket is not None:
            await self._socket.close()
        return self.account

    # Actions

    async def _act(self) -> None:
        await self._chance.choice(
            [self._type, self._type, self._speak, self._order, self._interrupt, self._reload]
        )()

    async def _type(self, text: str = "") -> None:
        text = text or f"{LOOK_UP}, {len(self.account.typed)}"
        await self._send_text(text)
        await self._maybe_drop()
        await self._until(lambda: self._is_answered(text))

    async def _send_text(self, text: str) -> None:
        self.account.typed.append(text)
        self.account.log(f"types {text}")
        self._side.queue_event(type="text", text=text)
        await self._send_waiting()

    async def _order(self) -> None:
        await self._type(f"{ORDER} {self.account.name}")

    async def _speak(self) -> None:
        said = [next(self._numbers) for _ in range(self._chance.randint(1, 6))]
        self.account.spoken += said
        self.account.log(f"says {said}")
        audio = encode_numbers(said) + silence(PAUSE_MS)
        self._microphone.extend(map(bytes, batched(audio, CHUNK_BYTES)))
        await self._maybe_drop()
        await self._until(lambda: not self._microphone and self._is_number_answered(said[-1]))

    async def _interrupt(self) -> None:
        text = f"{LOOK_UP}, {len(self.account.typed)}"
        await self._send_text(text)
        await self._until(lambda: self._is_written(text))
        await asyncio.sleep(self._chance.random() * 1.5)
        await self._speak()

    async def _reload(self) -> None:
        """Wait a while, then reload the page: it keeps nothing but the call's token."""
        await asyncio.sleep(self._chance.random() * 3)
        self.account.reloads += 1
        self.account.log("reloads")
        self._is_reloading = True
        if self._socket is not None:
            self._socket.transport.abort()
        await self._until(lambda: not self._is_reloading)

    async def _maybe_drop(self) -> None:
        if self._chance.random() < 0.3 and self._socket is not None:
            await asyncio.sleep(self._chance.random() * 1.5)
            self.account.log("drops")
            self._socket.transport.abort()

    async def _leave(self) -> None:
        """Hang up, or vanish without a message."""
        if self._chance.random() < 0.2:
            self.account.ending = "vanished"
            return
        self.account.ending = "hung up"
        self._side.queue_event(type="end")
        await self._send_waiting()
        await self._until(lambda: self._is_over)

    # Waiting

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while not condition():
                if self._is_over:
                    raise CallOverError
                self._changed.clear()
                await self._changed.wait()

    def _is_written(self, text: str) -> bool:
        return any(text in caption for caption in self.account.shown("user"))

    def _is_answered(self, text: str) -> bool:
        return self._are_answered(lambda caption: text in caption)

    def _is_number_answered(self, number: int) -> bool:
        # A typed text contains the digits of many numbers.
        return self._are_answered(lambda caption: str(number) in spoken_part(caption).split())

    def _are_answered(self, is_meant: Callable[[str], bool]) -> bool:
        turns = [
            turn
            for (turn, _), caption in self.account.captions.items()
            if caption["role"] == "user" and is_meant(caption["text"])
        ]
        return bool(turns) and self._answered_to >= max(turns)

    # The connection

    async def _connect(self) -> None:
        ticket = await asyncio.to_thread(request_ticket, self._url)
        self._socket = await open_socket(self._url)
        greet = self._chance.random() < 0.5
        self._side.queue_event(type="start", ticket=ticket, greet=greet)
        await self._send_waiting()

    async def _send_waiting(self) -> None:
        while (frame := self._side.next_frame()) is not None:
            await self._send(frame)

    async def _send(self, frame: bytes) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(frame)

    async def _send_microphone(self) -> None:
        """Send queued speech, otherwise silence, at the pace of speech."""
        due = time.monotonic()
        while not self._is_over:
            chunk = self._microphone.popleft() if self._microphone else bytes(CHUNK_BYTES)
            if not self._microphone:
                self._changed.set()
            if self._side.token and not self._is_reloading:
                self._side.queue_audio(chunk)
                await self._send_waiting()
            due += CHUNK_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _acknowledge(self) -> None:
        while not self._is_over:
            await asyncio.sleep(ACKNOWLEDGE_S)
            await self._send(self._side.acknowledgement(time.monotonic()))

    async def _receive(self) -> None:
        while self._socket is not None:
            with suppress(ConnectionClosed):
                async for data in self._socket:
                    assert isinstance(data, bytes)
                    await self._handle_frame(self._side.receive(data, now=time.monotonic()))
            if self._is_over or not self._side.token or self._socket.close_code in OVER:
                break
            self._side.connection_lost()
            await self._resume()
        self._is_over = True
        self._changed.set()

    async def _resume(self) -> None:
        self.account.drops += 1
        await asyncio.sleep(self._chance.random())
        with suppress(OSError, InvalidHandshake, ConnectionClosed):
            socket = await open_socket(self._url)
            if self._is_reloading:
                self._side = self._side.after_page_reload(time.monotonic())
            await socket.send(self._side.resume_frame(time.monotonic()))
            self._socket = socket

    async def _handle_frame(self, frame: ServerFrame | None) -> None:
        if frame is None:
            return
        if frame.kind is FrameType.RESUME:
            await self._on_resumed(frame)
        elif frame.kind is FrameType.FLUSH:
            await self._send(self._side.acknowledgement(time.monotonic()))
        elif frame.kind is FrameType.EVENT:
            self._record_event(frame.event)
        self._changed.set()

    async def _on_resumed(self, frame: ServerFrame) -> None:
        self._is_reloading = False
        missing = len(self._side.unacknowledged_frames(frame.sequence))
        self.account.log(f"is back, sends {missing} frames again")
        await self._send_waiting()

    def _record_event(self, event: dict[str, Any]) -> None:
        self.account.log(f"receives {event}")
        match event:
            case {"type": "ready", "callId": call_id}:
                self.account.call_id = call_id
            case {"type": "caption", "turn": turn, "segment": segment}:
                self.account.captions[turn, segment] = event
            case {"type": "tool", "phase": "finished"}:
                self.account.tools.append(event)
            case {"type": "turn", "phase": "finished", "turn": turn}:
                self._answered_to = max(self._answered_to, turn)
            case {"type": "error", "code": code}:
                self.account.complaint = code
            case {"type": "ended"}:
                self._is_over = True
            case _:
                pass


def spoken_part(captions: str) -> str:
    """Return the captions without the typed texts."""
    return re.sub(r"Consulta el pedido número 1 con DNI 12345678, \d+|encargo \w+", "", captions)
