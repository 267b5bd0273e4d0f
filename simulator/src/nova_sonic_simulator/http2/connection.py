"""Server side of HTTP/2: many duplex streams per connection, on h2 and asyncio.

One `Connection` per TCP connection. Each stream is served by a task of its own, which sees two bounded
byte pipes. Received bytes are acknowledged only when the task reads them; `send` waits for the peer's
flow-control window and for the socket. The connection window is as large as all stream windows
together, so an unread stream does not block the others. A stream that fails is reset; only a peer that
violates HTTP/2 framing loses the whole connection (RFC 9113, 5.4.1).

Injected faults (see `faults`) are real here: the peer receives the very frame or TCP reset that a
failing service or network would send.

The AWS SDK for JavaScript sends GOAWAY(NO_ERROR) right after the first response headers and continues
to stream. h2 would treat the connection as closed, so `GoawayFilter` removes that frame.
"""

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Never, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes

from nova_sonic_simulator.faults.model import Goaway
from nova_sonic_simulator.http2.goaway import GoawayFilter, goaway_frame

logger = logging.getLogger(__name__)

MAX_STREAMS_PER_CONNECTION = 100
STREAM_WINDOW_BYTES = 256 * 1024
CONNECTION_WINDOW_BYTES = MAX_STREAMS_PER_CONNECTION * STREAM_WINDOW_BYTES
FIRST_WINDOW_BYTES = 65_535
LINGER_S = 1.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""For SO_LINGER: close with RST and discard unsent data."""

type Headers = Sequence[tuple[str, str]]


class StreamLostError(Exception):
    """The peer reset the stream, or the connection is closed."""


class Stream:
    """One request and its response, both still in progress."""

    def __init__(self, connection: "Connection", stream_id: int, headers: Headers) -> None:
        self.headers = headers
        self.label = f"{connection.name}-s{stream_id}"
        self.stream_id = stream_id
        self._connection = connection
        self._inbox: deque[tuple[bytes, int]] = deque()
        self._input_ended = False
        self._lost = False
        self._changed = asyncio.Event()

    def check(self) -> None:
        """Raise StreamLostError if the stream is lost."""
        if self._lost:
            raise StreamLostError(self.label)

    async def receive(self) -> bytes:
        """Return the next bytes of the request, or none at its end; raises StreamLostError."""
        while True:
            self.check()
            if self._inbox:
                data, flow_bytes = self._inbox.popleft()
                self._connection.acknowledge(flow_bytes, self.stream_id)
                return data
            if self._input_ended:
                return b""
            await self._wait()

    def send_headers(self, headers: Headers) -> None:
        """Send the response headers; raises StreamLostError."""
        self.check()
        self._connection.send_headers(self.stream_id, headers)

    async def send(self, data: bytes) -> None:
        """Send bytes of the response as flow control permits; raises StreamLostError."""
        rest = memoryview(data)
        while rest:
            self.check()
            writable = self._connection.writable_bytes(self.stream_id)
            if writable == 0:
                await self._wait()
                continue
            self._connection.send_data(self.stream_id, bytes(rest[:writable]))
            rest = rest[writable:]

    def end(self) -> None:
        """End the response with END_STREAM; raises StreamLostError."""
        self.check()
        self._connection.end_stream(self.stream_id)

    def reset(self, code: int) -> None:
        """Reset the stream, if it still exists."""
        if not self._lost:
            self._connection.reset_stream(self.stream_id, code)
            self.mark_lost()

    def abort(self) -> None:
        """Reset the TCP connection."""
        self._connection.abort()

    def go_away(self, goaway: Goaway) -> None:
        """Send GOAWAY on the connection; a hard one ends all its streams."""
        self._connection.go_away(goaway)

    async def hang(self) -> Never:
        """Read and discard input until the stream is lost; always raises StreamLostError."""
        while True:
            if not await self.receive():
                await self._wait()

    async def linger(self) -> None:
        """Discard remaining input for `LINGER_S`, then reset the stream with NO_ERROR.

        A response that is complete before its request reaches the peer only this way: an immediate reset
        could overtake it.
        """
        try:
            async with asyncio.timeout(LINGER_S):
                while await self.receive():
                    pass
        except TimeoutError:
            self.reset(ErrorCodes.NO_ERROR)

    # Called by the connection.

    def buffer(self, data: bytes, flow_bytes: int) -> None:
        """Buffer bytes of the request; `flow_bytes` is their flow-controlled length."""
        self._inbox.append((data, flow_bytes))
        self._changed.set()

    def end_input(self) -> None:
        """Mark the request as complete."""
        self._input_ended = True
        self._changed.set()

    def mark_lost(self) -> None:
        """Mark the stream as lost."""
        self._lost = True
        self._changed.set()

    def wake(self) -> None:
        """Wake the tasks that wait on this stream."""
        self._changed.set()

    def discard_input(self) -> int:
        """Discard unread input and return its flow-controlled length."""
        flow_bytes = sum(flow for _, flow in self._inbox)
        self._inbox.clear()
        return flow_bytes

    async def _wait(self) -> None:
        # Both the reader and the writer of a stream may wait here; each checks its own condition again.
        self._changed.clear()
        await self._changed.wait()


class Connection(asyncio.Protocol):
    """One client connection; `serve` runs as a task for each of its streams."""

    def __init__(
        self,
        name: str,
        serve: Callable[[Stream], Awaitable[None]],
        tasks: asyncio.TaskGroup,
        open_connections: "set[Connection]",
        *,
        initial_goaway: Goaway | None = None,
    ) -> None:
        """Create a connection; `initial_goaway` is sent right after the handshake."""
        self.name = name
        self._serve = serve
        self._tasks = tasks
        self._open_connections = open_connections
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._filter = GoawayFilter()
        self._streams: dict[int, Stream] = {}
        self._is_writable = True
        self._initial_goaway = initial_goaway
        self._is_draining = False
        self._transport: asyncio.Transport | None = None

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start HTTP/2, if the peer negotiated it."""
        self._transport = cast("asyncio.Transport", transport)
        self._open_connections.add(self)
        tls = transport.get_extra_info("ssl_object")
        if tls.selected_alpn_protocol() != "h2":
            logger.warning("connection without HTTP/2 closed", extra={"connection": self.name})
            self._transport.close()
            return
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._h2.initiate_connection()
        self._h2.update_settings(
            {
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
                SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS_PER_CONNECTION,
            }
        )
        self._h2.increment_flow_control_window(CONNECTION_WINDOW_BYTES - FIRST_WINDOW_BYTES)
        self._flush()
        if self._initial_goaway is not None:
            self.go_away(self._initial_goaway)

    def data_received(self, data: bytes) -> None:
        """Process received bytes; a protocol violation closes the connection."""
        try:
            for event in self._h2.receive_data(self._filter.feed(data)):
                self._handle_event(event)
        except ProtocolError as error:
            logger.warning(
                "HTTP/2 protocol violation", extra={"connection": self.name, "reason": str(error)}
            )
            self.close()
            return
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Mark all streams as lost."""
        logger.debug("connection lost", extra={"connection": self.name, "reason": str(exc)})
        self._transport = None
        self._open_connections.discard(self)
        self._mark_streams_lost()

    def pause_writing(self) -> None:
        """Stop writing: the socket buffer is full."""
        self._is_writable = False

    def resume_writing(self) -> None:
        """Continue writing."""
        self._is_writable = True
        self._wake_all()

    def close(self) -> None:
        """Flush and close the connection."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def shut_down(self, code: int = ErrorCodes.NO_ERROR) -> None:
        """Send GOAWAY, mark all streams as lost, and close."""
        self._mark_streams_lost()
        if self._transport is not None and not self._transport.is_closing():
            self._h2.close_connection(code)
            self.close()

    def go_away(self, goaway: Goaway) -> None:
        """Close the connection (hard), or announce that no new streams are accepted."""
        if goaway.hard:
            self.shut_down(goaway.code)
        elif self._transport is not None and not self._transport.is_closing():
            # Written by hand: h2 would treat the connection as closed.
            self._is_draining = True
            self._flush()
            last_stream_id = self._h2.highest_inbound_stream_id
            self._transport.write(goaway_frame(last_stream_id, goaway.code))

    def abort(self) -> None:
        """Reset the TCP connection."""
        self._mark_streams_lost()
        if self._transport is not None:
            bound = self._transport.get_extra_info("socket")
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._transport.abort()

    # Called by streams.

    def acknowledge(self, flow_bytes: int, stream_id: int) -> None:
        """Return flow-control credit to the peer."""
        if flow_bytes:
            self._h2.acknowledge_received_data(flow_bytes, stream_id)
            self._flush()

    def send_headers(self, stream_id: int, headers: Headers) -> None:
        """Send response headers."""
        self._h2.send_headers(stream_id, list(headers))
        self._flush()

    def writable_bytes(self, stream_id: int) -> int:
        """Return how many bytes may be sent now."""
        if not self._is_writable:
            return 0
        window = self._h2.local_flow_control_window(stream_id)
        return max(0, min(window, self._h2.max_outbound_frame_size))

    def send_data(self, stream_id: int, data: bytes) -> None:
        """Send bytes; there must be credit for them."""
        self._h2.send_data(stream_id, data)
        self._flush()

    def end_stream(self, stream_id: int) -> None:
        """End a response."""
        self._h2.end_stream(stream_id)
        self._flush()

    def reset_stream(self, stream_id: int, code: int) -> None:
        """Reset a stream, if it is not closed."""
        with suppress(StreamClosedError):
            self._h2.reset_stream(stream_id, code)
        self._flush()

    def _handle_event(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._open_stream(event.stream_id, cast("list[tuple[str, str]]", event.headers))
            case DataReceived():
                self._handle_data(event)
            case WindowUpdated():
                self._wake_all()
            case StreamEnded():
                if stream := self._streams.get(event.stream_id):
                    stream.end_input()
            case StreamReset():
                if stream := self._streams.get(event.stream_id):
                    stream.mark_lost()
            case _:
                pass

    def _open_stream(self, stream_id: int, headers: Headers) -> None:
        if self._is_draining:
            self.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        stream = Stream(self, stream_id, headers)
        self._streams[stream_id] = stream
        self._tasks.create_task(self._run(stream), name=stream.label)

    def _handle_data(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        flow_bytes = event.flow_controlled_length or 0
        if stream is None:
            self.acknowledge(flow_bytes, event.stream_id)
        else:
            stream.buffer(event.data or b"", flow_bytes)

    async def _run(self, stream: Stream) -> None:
        """Serve one stream; no exception leaves it."""
        try:
            await self._serve(stream)
            await stream.linger()
        except StreamLostError:
            logger.info("stream lost", extra={"stream": stream.label})
        except Exception:
            # The last handler: one stream's failure must not affect the others.
            logger.exception("unhandled error serving stream", extra={"stream": stream.label})
            stream.reset(ErrorCodes.INTERNAL_ERROR)
        finally:
            del self._streams[stream.stream_id]
            self.acknowledge(stream.discard_input(), stream.stream_id)
            if (self._filter.peer_is_draining or self._is_draining) and not self._streams:
                self.close()

    def _mark_streams_lost(self) -> None:
        for stream in self._streams.values():
            stream.mark_lost()

    def _wake_all(self) -> None:
        for stream in self._streams.values():
            stream.wake()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
