"""A service of our own over real TLS and HTTP/2, which can fail in every way a service can.

What it does with a stream is a coroutine given by the test: it reads frames, sends frames,
and breaks things. Nothing here is shared with the client under test.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, cast

import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.settings import SettingCodes

from tests.sonic import frames

type Script = Callable[["PeerStream"], Awaitable[None]]


class GoneError(Exception):
    """The client has reset the stream or dropped the connection."""


class PeerStream:
    """One stream, as the service sees it."""

    def __init__(
        self, connection: "PeerConnection", stream_id: int, headers: Sequence[Any]
    ) -> None:
        self.connection = connection
        self.stream_id = stream_id
        self.headers = {name.decode(): value.decode() for name, value in headers}
        self.frames: list[frames.Frame] = []  # the outer frames, signed
        self.input_ended = False
        self.gone = False
        self._buffer = bytearray()
        self._changed = asyncio.Event()

    # What the connection tells.

    def on_data(self, data: bytes) -> None:
        self._buffer += data
        self._changed.set()

    def on_change(self, *, ended: bool = False, gone: bool = False) -> None:
        self.input_ended |= ended
        self.gone |= gone
        self._changed.set()

    # What a script says and hears.

    async def payload(self) -> bytes | None:
        """Give the next payload of the client; None when it has ended its side."""
        while (outer := await self.frame()) is not None:
            if outer.payload:
                return frames.payload_of(frames.parse_whole(outer.payload))
        return None

    async def frame(self) -> frames.Frame | None:
        """Give the next outer frame; None when the client has ended its side."""
        while not (size := frames.whole_frame_bytes(self._buffer)):
            if self.gone:
                raise GoneError
            if self.input_ended:
                assert not self._buffer
                return None
            await self._wait()
        frame = frames.parse_whole(bytes(self._buffer[:size]))
        del self._buffer[:size]
        self.frames.append(frame)
        return frame

    async def until_gone(self) -> None:
        while not self.gone:
            await self._wait()

    def head(self, status: int = 200, **headers: str) -> None:
        if self.gone:
            raise GoneError
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.connection.h2.send_headers(self.stream_id, [(":status", str(status)), *fields])
        self.connection.flush()

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes, within the flow-control window of the client."""
        while data:
            if self.gone:
                raise GoneError
            window_left = min(self.connection.h2.local_flow_control_window(self.stream_id), 16_384)
            if window_left <= 0:
                await self._wait()
                continue
            self.connection.h2.send_data(self.stream_id, data[:window_left])
            self.connection.flush()
            data = data[window_left:]
            while self.connection.paused:
                await self._wait()

    async def send_event_frame(self, payload: bytes) -> None:
        await self.send_bytes(frames.event(payload))

    def end(self) -> None:
        self.connection.h2.end_stream(self.stream_id)
        self.connection.flush()

    def reset(self, code: int = 2) -> None:
        self.connection.h2.reset_stream(self.stream_id, code)
        self.connection.flush()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class PeerConnection(asyncio.Protocol):
    """One connection, as the service sees it."""

    def __init__(self, peer: "Peer") -> None:
        self.peer = peer
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.streams: dict[int, PeerStream] = {}
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.peer.connections.append(self)
        self.h2.initiate_connection()
        self.h2.update_settings(self.peer.settings)
        if self.peer.connection_window_bytes:
            self.h2.increment_flow_control_window(self.peer.connection_window_bytes)
        if self.peer.greets:
            self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            self._handle(event)
        if self.peer.greets:
            self.flush()

    def _handle(self, event: object) -> None:
        match event:
            case RequestReceived():
                stream = PeerStream(self, event.stream_id, event.headers)
                self.streams[event.stream_id] = stream
                self.peer.start(stream)
            case DataReceived():
                self.streams[event.stream_id].on_data(event.data)
                if self.peer.reads:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded():
                self.streams[event.stream_id].on_change(ended=True)
            case StreamReset():
                self.streams[event.stream_id].on_change(gone=True)
            case WindowUpdated():
                self.wake()
            case _:
                pass

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.peer.connections.remove(self)
        for stream in self.streams.values():
            stream.on_change(gone=True)

    def wake(self) -> None:
        for stream in self.streams.values():
            stream.on_change()

    def flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.h2.data_to_send())

    def abort(self) -> None:
        """Drop the connection with a TCP reset."""
        self.transport.abort()

    def goodbye(self, *, code: int = 0, last_stream_id: int | None = None) -> None:
        """Send GOAWAY, and stay able to finish what is open (which h2 does not foresee)."""
        state = self.h2.state_machine.state
        self.h2.close_connection(code, last_stream_id=last_stream_id)
        self.h2.state_machine.state = state
        self.flush()


@dataclass
class Peer:
    """The service: listens on a free loopback port as long as the block lasts."""

    script: Script
    certificates: "Certificates"
    settings: dict[SettingCodes | int, int] = field(default_factory=dict)
    reads: bool = True  # whether it lets the client send more than its first windows
    greets: bool = True  # whether it says anything at all after the handshake
    alpn: tuple[str, ...] = ("h2",)
    connection_window_bytes: int = 0
    connections: list[PeerConnection] = field(default_factory=list)
    streams: list[PeerStream] = field(default_factory=list)
    connection_count: int = 0

    async def __aenter__(self) -> Self:
        context = self.certificates.server_context()
        context.set_alpn_protocols(list(self.alpn))
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._running: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for connection in list(self.connections):
            connection.abort()
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def _connect(self) -> PeerConnection:
        self.connection_count += 1
        return PeerConnection(self)

    def start(self, stream: PeerStream) -> None:
        self.streams.append(stream)
        self._running.add(self._tasks.create_task(self._play(stream)))

    async def _play(self, stream: PeerStream) -> None:
        with suppress(GoneError):
            await self.script(stream)


class Certificates:
    """A private CA, and a certificate for localhost by it."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self._server = self._ca.issue_cert("localhost", "127.0.0.1")

    def write_ca(self, path: str) -> None:
        self._ca.cert_pem.write_to_path(path)

    def server_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._server.configure_cert(context)
        return context
