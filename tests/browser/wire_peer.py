"""A server that speaks `sonic.audio.v1` as it is told to: the page's opposite in its tests.

It shares no code with `voice.wire`, so that it can disagree with it. It serves the page itself
too, under the site's own content security policy, and does what the real site does not: refuses,
falls silent, interrupts and talks nonsense on command. One port serves page and socket.
"""

import asyncio
import json
import mimetypes
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("sonic.audio.v1")
HEADER = struct.Struct("<BBHIII")
AUDIO_IN, AUDIO_OUT, ACK, FLUSH, PING, PONG, EVENT = 1, 2, 3, 4, 5, 6, 16
FIRST, LAST = 1, 2
OUTPUT_RATE_HZ = 24_000
CHUNK_SAMPLES = 960
FOLDERS = {
    "/static/": Path(__file__).parents[2] / "voice" / "static",
    "/tests/": Path(__file__).parent,
}
POLICY = (
    "default-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self' ws: wss:; "
    "style-src 'self'; img-src 'self' data:"
)
type Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ack:
    """What the page said it has received and played."""

    sequence: int
    generation: int
    position: int


@dataclass
class PeerCall:
    """One connection of the page: what came in, and words for what goes out."""

    socket: ServerConnection
    events: list[Event] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    faults: list[str] = field(default_factory=list)
    close_code: int | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _next_in: int = 0
    _next_out: int = 0
    position: int = 0

    # What comes in

    async def listen(self) -> None:
        """Take frames until the page closes, noting every break of the wire's rules."""
        try:
            async for frame in self.socket:
                await self._take(frame)
        except ConnectionClosed:
            pass
        self.close_code = self.socket.close_code
        async with self._changed:
            self._changed.notify_all()

    async def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            self.faults.append("a text frame")
            return
        kind, _flags, generation, sequence, position, _time_ms = HEADER.unpack_from(frame)
        payload = frame[HEADER.size :]
        if kind in (AUDIO_IN, EVENT):
            self._count(sequence)
        if kind == AUDIO_IN:
            self._hear(position, payload)
        elif kind == EVENT:
            self.events.append(json.loads(payload))
        elif kind == ACK:
            self.acks.append(Ack(sequence, generation, position))
        elif kind == PING:
            await self.socket.send(HEADER.pack(PONG, 0, 0, 0, 0, 0) + payload)
        async with self._changed:
            self._changed.notify_all()

    def _count(self, sequence: int) -> None:
        if sequence != self._next_in:
            self.faults.append(f"sequence {sequence}, not {self._next_in}")
        self._next_in = sequence + 1

    def _hear(self, position: int, payload: bytes) -> None:
        if position != len(self.audio) // 2:
            self.faults.append(f"position {position}, not {len(self.audio) // 2}")
        if len(payload) != 1024:
            self.faults.append(f"a block of {len(payload)} bytes")
        if not self.events:
            self.faults.append("audio before the start")
        self.audio += payload

    async def event(self, kind: str, *, timeout_s: float = 10) -> Event:
        """Wait for an event of this type."""
        await self._until(lambda: any(e["type"] == kind for e in self.events), timeout_s)
        return next(e for e in self.events if e["type"] == kind)

    async def audio_ms(self, least: int, *, timeout_s: float = 10) -> None:
        """Wait until this much of the microphone has come."""
        await self._until(lambda: len(self.audio) >= least * 32, timeout_s)

    async def played(self, position: int, *, timeout_s: float = 15) -> Ack:
        """Wait for an acknowledgement of at least this position."""
        await self._until(lambda: any(a.position >= position for a in self.acks), timeout_s)
        return next(a for a in self.acks if a.position >= position)

    async def closed(self, *, timeout_s: float = 10) -> int:
        """Wait for the page to close; return its code."""
        await self._until(lambda: self.close_code is not None, timeout_s)
        assert self.close_code is not None
        return self.close_code

    async def _until(self, done: Any, timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(done)

    # What goes out

    async def say(self, event: Event) -> None:
        """Send one event."""
        await self._send(EVENT, json.dumps(event).encode())

    async def ready(self) -> None:
        """Answer the page's `start`."""
        await self.event("start")
        await self.say(
            {
                "type": "ready",
                "callId": "call-1",
                "inputSampleRateHz": 16_000,
                "outputSampleRateHz": OUTPUT_RATE_HZ,
                "voice": "carlos",
            }
        )

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
        await self.say(
            {
                "type": "caption",
                "role": role,
                "stage": stage,
                "turn": turn,
                "segment": segment,
                "text": text,
                "position": self.position if position is None else position,
            }
        )

    async def speak(self, pcm: bytes, *, generation: int = 0, last: bool = True) -> None:
        """Send a reply at once, as the service does: faster than it can be heard."""
        size = CHUNK_SAMPLES * 2
        chunks = [pcm[i : i + size] for i in range(0, len(pcm), size)]
        for i, chunk in enumerate(chunks):
            ends = last and i == len(chunks) - 1
            flags = FIRST * (i == 0) | LAST * ends
            await self._send(AUDIO_OUT, chunk, flags=flags, generation=generation)

    async def flush(self, generation: int) -> None:
        """Interrupt: what is older than `generation` is not to be heard any more."""
        await self._send(FLUSH, b"", generation=generation)

    async def nonsense(self) -> None:
        """Send a frame that is no frame."""
        await self.socket.send(b"\x10nonsense")

    async def _send(
        self, kind: int, payload: bytes, *, flags: int = 0, generation: int = 0
    ) -> None:
        header = HEADER.pack(kind, flags, generation, self._next_out, self.position, 0)
        self._next_out += 1
        if kind == AUDIO_OUT:
            self.position += len(payload) // 2
        await self.socket.send(header + payload)


class WirePeer:
    """Serves the page and waits for its calls."""

    def __init__(self) -> None:
        self.refuses = False
        self.port = 0
        self._calls: asyncio.Queue[PeerCall] = asyncio.Queue()
        self.connections = 0

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    async def call(self, *, timeout_s: float = 10) -> PeerCall:
        """Wait for the page's next call."""
        async with asyncio.timeout(timeout_s):
            return await self._calls.get()

    async def handle(self, socket: ServerConnection) -> None:
        """Hold one connection."""
        call = PeerCall(socket)
        self.connections += 1
        self._calls.put_nowait(call)
        await call.listen()

    def answer(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Serve the page and its files; leave the socket's path to the handshake."""
        path = request.path.partition("?")[0]
        if path == "/ws":
            return _response(HTTPStatus.FORBIDDEN, b"", "text/plain") if self.refuses else None
        if path == "/":
            page = render_to_string("voice/call.html", {"business_name": "Clínica del Sol"})
            return _response(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")
        for prefix, folder in FOLDERS.items():
            file = folder / path.removeprefix(prefix)
            if path.startswith(prefix) and file.is_file():
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                return _response(HTTPStatus.OK, file.read_bytes(), kind)
        return _response(HTTPStatus.NOT_FOUND, b"", "text/plain")


def _response(status: HTTPStatus, body: bytes, kind: str) -> Response:
    headers = Headers(
        {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": POLICY,
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)


@asynccontextmanager
async def wire_peer() -> AsyncIterator[WirePeer]:
    """Run a peer on a free port."""
    peer = WirePeer()
    server: Server
    async with serve(
        peer.handle,
        "127.0.0.1",
        0,
        subprotocols=[SUBPROTOCOL],
        process_request=peer.answer,
        compression=None,
        ping_interval=None,
        close_timeout=1,
    ) as server:
        peer.port = next(iter(server.sockets)).getsockname()[1]
        yield peer
