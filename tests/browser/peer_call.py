"""One call of the page as its opposite sees it: over as many connections as it takes."""

import asyncio
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

HEADER = struct.Struct("<BBHIII")
AUDIO_IN, AUDIO_OUT, ACK, FLUSH, PING, PONG, RESUME, EVENT = 1, 2, 3, 4, 5, 6, 7, 16
FIRST, LAST, RESENT = 1, 2, 4
OUTPUT_RATE_HZ = 24_000
CHUNK_SAMPLES = 960
ACK_EVERY_S = 0.25
type Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, either way."""

    kind: int
    payload: bytes = b""
    flags: int = 0
    generation: int = 0
    sequence: int = 0
    position: int = 0

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        kind, flags, generation, sequence, position, _time_ms = HEADER.unpack_from(raw)
        return cls(kind, raw[HEADER.size :], flags, generation, sequence, position)

    def pack(self) -> bytes:
        numbers = (self.kind, self.flags, self.generation, self.sequence, self.position, 0)
        return HEADER.pack(*numbers) + self.payload

    @property
    def end(self) -> int:
        """The position after its sound."""
        return self.position + len(self.payload) // 2


@dataclass
class PeerCall:
    """What came in, and words for what goes out.

    What goes out while there is no connection is kept, and sent when the page resumes the call.
    """

    socket: ServerConnection
    token: str
    events: list[Event] = field(default_factory=list)
    acks: list[Frame] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    resumes: list[Frame] = field(default_factory=list)
    """What the page said each time it came back."""
    resent: list[Frame] = field(default_factory=list)
    """What it said again."""
    faults: list[str] = field(default_factory=list)
    close_code: int | None = None
    position: int = 0
    generation: int = 0
    loses: bool = False
    """What comes in is lost on its way: never counted, never acknowledged."""
    lost: int = 0
    """Frames lost so."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _next_in: int = 0
    _next_position: int = 0
    _sent: list[Frame] = field(default_factory=list)
    _captions: dict[tuple[int, int], Event] = field(default_factory=dict)
    _acked_at_s: float = 0
    _is_restored: bool = False

    # What comes in

    async def listen(self, socket: ServerConnection) -> None:
        """Take frames until the page closes, noting every break of the wire's rules."""
        with suppress(ConnectionClosed):
            async for raw in socket:
                await self.take(raw)
        if socket is self.socket:
            self.close_code = socket.close_code
        await self._notify()

    async def take(self, raw: str | bytes) -> None:
        """Take one frame."""
        if isinstance(raw, str):
            self.faults.append("a text frame")
            return
        frame = Frame.parse(raw)
        if frame.kind in (AUDIO_IN, EVENT):
            await self._take_counted(frame)
        elif frame.kind == ACK:
            self.acks.append(frame)
        elif frame.kind == PING:
            await self._write(Frame(PONG, frame.payload))
        await self._notify()

    async def _take_counted(self, frame: Frame) -> None:
        if self.loses:
            self.lost += 1
            return
        if frame.flags & RESENT:
            self.resent.append(frame)
            if self._is_restored:
                return  # a server that begins anew has no use for it
        self._count(frame.sequence)
        if frame.kind == AUDIO_IN:
            self._hear(frame)
        else:
            self.events.append(json.loads(frame.payload))
        await self._acknowledge()

    def _count(self, sequence: int) -> None:
        if sequence != self._next_in and not self._is_restored:
            self.faults.append(f"sequence {sequence}, not {self._next_in}")
        self._next_in = sequence + 1
        self._is_restored = False

    def _hear(self, frame: Frame) -> None:
        if frame.position != self._next_position:
            self.faults.append(f"position {frame.position}, not {self._next_position}")
        if len(frame.payload) != 1024:
            self.faults.append(f"a block of {len(frame.payload)} bytes")
        if not self.events:
            self.faults.append("audio before the start")
        self._next_position = frame.end
        self.audio += frame.payload

    async def _acknowledge(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._acked_at_s < ACK_EVERY_S:
            return
        self._acked_at_s = now_s
        await self._write(Frame(ACK, sequence=self._next_in - 1, position=self._next_position))

    async def event(self, kind: str, *, timeout_s: float = 10) -> Event:
        """Wait for an event of this type."""
        await self.until(lambda: any(e["type"] == kind for e in self.events), timeout_s)
        return next(e for e in self.events if e["type"] == kind)

    def texts(self) -> list[str]:
        """Return what the customer has typed."""
        return [e["text"] for e in self.events if e["type"] == "text"]

    async def audio_ms(self, least: int, *, timeout_s: float = 10) -> None:
        """Wait until this much of the microphone has come."""
        await self.until(lambda: len(self.audio) >= least * 32, timeout_s)

    async def played(self, position: int, *, timeout_s: float = 15) -> Frame:
        """Wait for an acknowledgement of at least this position."""
        await self.until(lambda: any(a.position >= position for a in self.acks), timeout_s)
        return next(a for a in self.acks if a.position >= position)

    async def resumed(self, times: int = 1, *, timeout_s: float = 10) -> Frame:
        """Wait until the page has come back this many times; return what it said then."""
        await self.until(lambda: len(self.resumes) >= times, timeout_s)
        return self.resumes[times - 1]

    async def closed(self, *, timeout_s: float = 10) -> int:
        """Wait for the page to close; return its code."""
        await self.until(lambda: self.close_code is not None, timeout_s)
        assert self.close_code is not None
        return self.close_code

    async def until(self, done: Callable[[], bool], timeout_s: float = 10) -> None:
        """Wait until this is so."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(done)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # Coming back

    async def resume(self, socket: ServerConnection, frame: Frame, **more: Any) -> None:
        """Go on over another connection: say what is missing here, send what is missing there."""
        self.socket, self.close_code = socket, None
        is_newcomer = bool(frame.flags & FIRST)
        missing = self._unheard(frame) if is_newcomer else self._missing(frame)
        if is_newcomer:
            self._next_position = 0
        answer = {**self._description("resumed"), **more}
        await self._write(self._answer(frame, answer))
        if is_newcomer:
            for caption in list(self._captions.values()):
                await self.say(caption)
        for one in missing:
            await self._write(replace(one, flags=one.flags | RESENT))
        self.resumes.append(frame)
        await self._notify()

    async def restore(self, socket: ServerConnection, frame: Frame) -> None:
        """Go on as a server that knows of the call only what was stored."""
        self._next_in, self._sent, self.position, self.generation = 0, [], 0, 0
        self._is_restored = True
        await self.resume(socket, replace(frame, sequence=0), restored=True)

    def _answer(self, frame: Frame, event: Event) -> Frame:
        return Frame(
            RESUME,
            json.dumps(event).encode(),
            generation=self.generation,
            sequence=self._next_in,
            position=frame.position,
        )

    def _missing(self, frame: Frame) -> list[Frame]:
        return [f for f in self._sent if f.sequence >= frame.sequence and self._is_current(f)]

    def _unheard(self, frame: Frame) -> list[Frame]:
        audio = [f for f in self._sent if f.kind == AUDIO_OUT and self._is_current(f)]
        return [f for f in audio if f.end > frame.position]

    def _is_current(self, frame: Frame) -> bool:
        return frame.kind != AUDIO_OUT or frame.generation >= self.generation

    # What goes out

    async def say(self, event: Event) -> None:
        """Send one event."""
        await self._send(EVENT, json.dumps(event).encode())

    async def ready(self) -> None:
        """Answer the page's `start`."""
        await self.event("start")
        await self.say(self._description("ready"))

    def _description(self, kind: str) -> Event:
        return {
            "type": kind,
            "callId": "call-1",
            "inputSampleRateHz": 16_000,
            "outputSampleRateHz": OUTPUT_RATE_HZ,
            "voice": "carlos",
            "language": "es",
            "resumeToken": self.token,
            "resumeForS": 30,
            "windowMs": 3000,
        }

    async def caption(
        self,
        role: str,
        text: str,
        *,
        stage: str = "spoken",
        turn: int = 1,
        segment: int = 1,
        position: int | None = None,
    ) -> None:
        """Send one caption; its audio starts here unless told otherwise."""
        caption = {
            "type": "caption",
            "role": role,
            "stage": stage,
            "turn": turn,
            "segment": segment,
            "text": text,
            "position": self.position if position is None else position,
        }
        self._captions[turn, segment] = caption
        await self.say(caption)

    async def speak(
        self, pcm: bytes, *, first: bool = True, last: bool = True, generation: int | None = None
    ) -> None:
        """Send a reply at once, as the service does: faster than it can be heard."""
        size = CHUNK_SAMPLES * 2
        chunks = [pcm[i : i + size] for i in range(0, len(pcm), size)]
        for i, chunk in enumerate(chunks):
            begins, ends = first and i == 0, last and i == len(chunks) - 1
            flags = FIRST * begins | LAST * ends
            await self._send(AUDIO_OUT, chunk, flags=flags, generation=generation)

    async def flush(self) -> None:
        """Interrupt: what was sent before is not to be heard any more."""
        self.generation += 1
        await self._send(FLUSH, b"")

    async def nonsense(self) -> None:
        """Send a frame that is no frame."""
        await self.socket.send(b"\x10nonsense")

    def drop(self) -> None:
        """Lose the connection as a network does: without a word."""
        self.socket.transport.abort()

    async def _send(
        self, kind: int, payload: bytes, *, flags: int = 0, generation: int | None = None
    ) -> None:
        sequence = self._sent[-1].sequence + 1 if self._sent else 0
        of = self.generation if generation is None else generation
        frame = Frame(kind, payload, flags, of, sequence, self.position)
        self._sent.append(frame)
        if kind == AUDIO_OUT:
            self.position = frame.end
        await self._write(frame)

    async def _write(self, frame: Frame) -> None:
        with suppress(ConnectionClosed):  # then it is sent again when the page comes back
            await self.socket.send(frame.pack())
