"""One call of the page, as the fake server sees it over all of the call's connections."""

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
BLOCK_BYTES = 1024
INPUT_BYTES_PER_MS = 32
ACK_INTERVAL_S = 0.25
type Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame in either direction."""

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
    def end_position(self) -> int:
        """The position after its audio."""
        return self.position + len(self.payload) // 2


@dataclass
class FakeCall:
    """Record what the page sends, and send what a server may send.

    Frames sent while the page is disconnected are kept, and sent when it resumes the call.
    """

    socket: ServerConnection
    token: str
    events: list[Event] = field(default_factory=list)
    acks: list[Frame] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    """16-bit samples of the microphone at 16 kHz."""
    resumes: list[Frame] = field(default_factory=list)
    """The page's RESUME frames."""
    resent: list[Frame] = field(default_factory=list)
    """The page's frames marked RESENT."""
    violations: list[str] = field(default_factory=list)
    """What the page sent against the rules of the wire."""
    close_code: int | None = None
    position: int = 0
    generation: int = 0
    drops_frames: bool = False
    """Whether numbered frames are lost on their way: never counted, never acknowledged."""
    dropped_frames: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _next_sequence: int = 0
    _next_position: int = 0
    _sent: list[Frame] = field(default_factory=list)
    _captions: dict[tuple[int, int], Event] = field(default_factory=dict)
    _acked_at_s: float = 0
    _is_restored: bool = False

    # Receiving

    async def receive_until_closed(self, socket: ServerConnection) -> None:
        """Receive frames until the page closes the socket."""
        with suppress(ConnectionClosed):
            async for raw in socket:
                await self.receive(raw)
        if socket is self.socket:
            self.close_code = socket.close_code
        await self._notify()

    async def receive(self, raw: str | bytes) -> None:
        """Process one message of the page."""
        if isinstance(raw, str):
            self.violations.append("a text frame")
            return
        frame = Frame.parse(raw)
        if frame.kind in (AUDIO_IN, EVENT):
            await self._receive_numbered(frame)
        elif frame.kind == ACK:
            self.acks.append(frame)
        elif frame.kind == PING:
            await self._write(Frame(PONG, frame.payload))
        await self._notify()

    async def _receive_numbered(self, frame: Frame) -> None:
        if self.drops_frames:
            self.dropped_frames += 1
            return
        if frame.flags & RESENT:
            self.resent.append(frame)
            if self._is_restored:
                return  # a restored call does not use resent frames
        if frame.sequence != self._next_sequence and not self._is_restored:
            self.violations.append(f"sequence {frame.sequence}, not {self._next_sequence}")
        self._next_sequence = frame.sequence + 1
        self._is_restored = False
        if frame.kind == AUDIO_IN:
            self._receive_audio(frame)
        else:
            self.events.append(json.loads(frame.payload))
        await self._acknowledge()

    def _receive_audio(self, frame: Frame) -> None:
        if frame.position != self._next_position:
            self.violations.append(f"position {frame.position}, not {self._next_position}")
        if len(frame.payload) != BLOCK_BYTES:
            self.violations.append(f"a block of {len(frame.payload)} bytes")
        if not self.events:
            self.violations.append("audio before `start`")
        self._next_position = frame.end_position
        self.audio += frame.payload

    async def _acknowledge(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._acked_at_s < ACK_INTERVAL_S:
            return
        self._acked_at_s = now_s
        ack = Frame(ACK, sequence=self._next_sequence - 1, position=self._next_position)
        await self._write(ack)

    # Waiting

    async def wait_for_event(self, kind: str, *, timeout_s: float = 60) -> Event:
        """Wait for an event of this type and return the first one."""
        await self.wait_until(lambda: any(e["type"] == kind for e in self.events), timeout_s)
        return next(e for e in self.events if e["type"] == kind)

    async def wait_for_audio(self, duration_ms: int, *, timeout_s: float = 60) -> None:
        """Wait until so much audio of the microphone has arrived in all."""
        least = duration_ms * INPUT_BYTES_PER_MS
        await self.wait_until(lambda: len(self.audio) >= least, timeout_s)

    async def wait_for_more_audio(self, duration_ms: int) -> None:
        """Wait until so much more audio of the microphone has arrived."""
        await self.wait_for_audio(len(self.audio) // INPUT_BYTES_PER_MS + duration_ms)

    async def wait_until_played(self, position: int, *, timeout_s: float = 60) -> Frame:
        """Wait for an acknowledgement of at least this position and return it."""
        await self.wait_until(lambda: any(a.position >= position for a in self.acks), timeout_s)
        return next(a for a in self.acks if a.position >= position)

    async def wait_for_resume(self, count: int = 1, *, timeout_s: float = 60) -> Frame:
        """Wait until the page has resumed the call `count` times; return that RESUME frame."""
        await self.wait_until(lambda: len(self.resumes) >= count, timeout_s)
        return self.resumes[count - 1]

    async def wait_until_closed(self, *, timeout_s: float = 60) -> int:
        """Wait until the page closes the socket and return the close code."""
        await self.wait_until(lambda: self.close_code is not None, timeout_s)
        assert self.close_code is not None
        return self.close_code

    async def wait_until(self, condition: Callable[[], bool], timeout_s: float = 60) -> None:
        """Wait until the condition holds after a frame of the page."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def event_types(self) -> list[str]:
        """Return the types of the page's events."""
        return [e["type"] for e in self.events]

    def texts(self) -> list[str]:
        """Return what the customer has typed."""
        return [e["text"] for e in self.events if e["type"] == "text"]

    # Resuming

    async def resume(self, socket: ServerConnection, frame: Frame, **fields: Any) -> None:
        """Continue on another connection: answer RESUME, then send what the page lacks."""
        self.socket, self.close_code = socket, None
        is_reloaded = bool(frame.flags & FIRST)
        missing = self._unplayed_frames(frame) if is_reloaded else self._missing_frames(frame)
        if is_reloaded:
            self._next_position = 0
        event = {**self._description("resumed"), **fields}
        await self._write(
            Frame(
                RESUME,
                json.dumps(event).encode(),
                generation=self.generation,
                sequence=self._next_sequence,
                position=frame.position,
            )
        )
        if is_reloaded:
            for caption in list(self._captions.values()):
                await self.send_event(caption)
        for one in missing:
            await self._write(replace(one, flags=one.flags | RESENT))
        self.resumes.append(frame)
        await self._notify()

    async def restore(self, socket: ServerConnection, frame: Frame) -> None:
        """Continue as another server, which knows only what was stored of the call."""
        self._next_sequence, self._sent, self.position, self.generation = 0, [], 0, 0
        self._is_restored = True
        await self.resume(socket, replace(frame, sequence=0), restored=True)

    def _missing_frames(self, frame: Frame) -> list[Frame]:
        return [f for f in self._sent if f.sequence >= frame.sequence and self._is_current(f)]

    def _unplayed_frames(self, frame: Frame) -> list[Frame]:
        audio = [f for f in self._sent if f.kind == AUDIO_OUT and self._is_current(f)]
        return [f for f in audio if f.end_position > frame.position]

    def _is_current(self, frame: Frame) -> bool:
        return frame.kind != AUDIO_OUT or frame.generation >= self.generation

    # Sending

    async def send_event(self, event: Event) -> None:
        """Send one event."""
        await self._send(EVENT, json.dumps(event).encode())

    async def send_ready(self) -> None:
        """Wait for the page's `start` and answer it."""
        await self.wait_for_event("start")
        await self.send_event(self._description("ready"))

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

    async def send_caption(
        self,
        role: str,
        text: str,
        *,
        stage: str = "spoken",
        turn: int = 1,
        segment: int = 1,
        position: int | None = None,
    ) -> None:
        """Send one caption; without a `position`, its audio is the next to be sent."""
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
        await self.send_event(caption)

    async def send_audio(
        self, pcm: bytes, *, first: bool = True, last: bool = True, generation: int | None = None
    ) -> None:
        """Send a reply in one burst, as the service does: faster than real time."""
        size = CHUNK_SAMPLES * 2
        chunks = [pcm[i : i + size] for i in range(0, len(pcm), size)]
        for i, chunk in enumerate(chunks):
            is_first, is_last = first and i == 0, last and i == len(chunks) - 1
            flags = FIRST * is_first | LAST * is_last
            await self._send(AUDIO_OUT, chunk, flags=flags, generation=generation)

    async def flush(self) -> None:
        """Interrupt the reply: audio sent so far is stale."""
        self.generation += 1
        await self._send(FLUSH, b"")

    async def send_malformed_frame(self) -> None:
        """Send a message that is shorter than a header."""
        await self.socket.send(b"\x10nonsense")

    def abort_connection(self) -> None:
        """Break the connection as a network failure does, without a close."""
        self.socket.transport.abort()

    async def _send(
        self, kind: int, payload: bytes, *, flags: int = 0, generation: int | None = None
    ) -> None:
        sequence = self._sent[-1].sequence + 1 if self._sent else 0
        frame_generation = self.generation if generation is None else generation
        frame = Frame(kind, payload, flags, frame_generation, sequence, self.position)
        self._sent.append(frame)
        if kind == AUDIO_OUT:
            self.position = frame.end_position
        await self._write(frame)

    async def _write(self, frame: Frame) -> None:
        with suppress(ConnectionClosed):  # `resume` sends it again
            await self.socket.send(frame.pack())
