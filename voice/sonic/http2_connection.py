"""One HTTP/2 connection: TLS below, many streams above, h2 in between.

Two habits of h2 need care. It takes any GOAWAY for the end of everything, while a service
that is about to restart says GOAWAY and lets the open streams finish; :class:`_Machine`
keeps the connection open for them. And INITIAL_WINDOW_SIZE must be set by
``update_settings`` after ``initiate_connection``: given any earlier, every stream stalls
after 64 KiB.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, H2Connection, H2ConnectionStateMachine
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.http2_stream import STREAM_WINDOW_BYTES, Http2Stream, ResponseHead

_log = logging.getLogger(__name__)

_DEAD_PEER_MS = 20_000
"""How long the kernel waits for the other side to confirm anything before it gives up."""


class _Machine(H2ConnectionStateMachine):
    def process_input(self, input_: ConnectionInputs) -> list[Event]:
        if input_ is ConnectionInputs.RECV_GOAWAY:
            return []
        return super().process_input(input_)


class _H2(H2Connection):
    def __init__(self) -> None:
        super().__init__(H2Configuration(client_side=True, header_encoding=None))
        self.state_machine = _Machine()

    def clear_outbound_data_buffer(self) -> None:
        """Keep what is to be sent: called on GOAWAY only, and streams may still be open."""


class Http2Connection(asyncio.Protocol):
    """A connection, and the streams that run on it."""

    def __init__(
        self, *, max_streams: int, idle_timeout_s: float, on_free: Callable[[], None]
    ) -> None:
        self._h2 = _H2()
        self._max_streams = max_streams
        self._idle_timeout_s = idle_timeout_s
        # Called when a stream has gone, and when the connection has.
        self._on_free = on_free
        self._streams: dict[int, Http2Stream] = {}
        self._transport: asyncio.Transport | None = None
        # Whether the kernel has enough to send for now.
        self._paused = False
        # Whether no new stream may be opened here.
        self._retired = False
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[None] = loop.create_future()
        self._handlers: Mapping[type[Event], Callable[[Any], None]] = {
            ResponseReceived: self._on_response,
            DataReceived: self._on_data,
            StreamEnded: self._on_stream_ended,
            StreamReset: self._on_stream_reset,
            WindowUpdated: self._on_window_updated,
            RemoteSettingsChanged: self._on_settings,
            ConnectionTerminated: self._on_goaway,
        }

    # Public methods.

    @property
    def has_room(self) -> bool:
        """Whether one more stream may be opened here."""
        limit = min(self._max_streams, self._h2.remote_settings.max_concurrent_streams)
        return not self._retired and not self._is_closing and len(self._streams) < limit

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left of it."""
        return self._closed.done()

    @property
    def is_empty(self) -> bool:
        """Whether no stream is open here."""
        return not self._streams

    async def ready(self) -> None:
        """Wait for the service's settings. Raises TransportError if they do not come."""
        await asyncio.wait({self._ready, self._closed}, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            raise TransportError(TransportCode.CONNECT_FAILED, "closed before it was ready")

    def open_stream(self, headers: Sequence[tuple[str, str]]) -> Http2Stream:
        """Open a stream. The caller has asked :attr:`has_room` just before."""
        stream_id = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream_id, headers)
        self._flush()
        stream = Http2Stream(self, stream_id, self._idle_timeout_s)
        self._streams[stream_id] = stream
        return stream

    def retire(self) -> None:
        """Open no more streams here; close once the last has gone."""
        self._retired = True
        self._close_if_done()

    def abort(self, message: str) -> None:
        """Close at once."""
        self._retired = True
        self._flush()
        self._lose(message)
        if self._transport is not None:
            self._transport.abort()

    async def close(self, timeout_s: float) -> None:
        """Close, politely for at most ``timeout_s`` seconds. Leaves no socket."""
        if self._transport is None:
            return
        if not self._is_closing:
            self._h2.close_connection()
            self._flush()
        self.retire()
        self._lose("closed on this side")
        await asyncio.wait({self._closed}, timeout=timeout_s)
        self.abort("closed on this side")
        await asyncio.wait({self._closed}, timeout=timeout_s)

    # Methods that asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the service."""
        # uvloop's transports have the methods, but not asyncio's class.
        self._transport = cast("asyncio.Transport", transport)
        _prepare_socket(transport.get_extra_info("socket"))
        self._h2.initiate_connection()
        self._h2.update_settings(
            {SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES, SettingCodes.ENABLE_PUSH: 0}
        )
        # So much that no stream ever waits because another one is not read.
        room = STREAM_WINDOW_BYTES * self._max_streams
        self._h2.increment_flow_control_window(min(room, 2**30))
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Hand what came to the streams it is for."""
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            self.abort(f"the service broke HTTP/2: {error}")
            return
        for event in events:
            if handler := self._handlers.get(type(event)):
                handler(event)
        self._flush()
        self._close_if_done()

    def pause_writing(self) -> None:
        """Let the writers wait."""
        self._paused = True

    def resume_writing(self) -> None:
        """Let the writers go on."""
        self._paused = False
        self._wake_all()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the streams."""
        self._retired = True
        self._lose(f"the connection was lost: {exc}" if exc else "the connection was closed")
        self._closed.set_result(None)
        self._on_free()

    # Methods that the streams call.

    def room(self, stream_id: int) -> int:
        """Say how many bytes may be sent now."""
        if self._paused:
            return 0
        window = self._h2.local_flow_control_window(stream_id)
        return max(0, min(window, self._h2.max_outbound_frame_size))

    def send_data(self, stream_id: int, chunk: bytes | memoryview, *, end: bool) -> None:
        """Send within that room, and end our side."""
        self._h2.send_data(stream_id, chunk, end_stream=end)
        self._flush()

    def acknowledge(self, stream_id: int, size_bytes: int) -> None:
        """Let the service send that much more."""
        if not self._is_closing:
            self._h2.acknowledge_received_data(size_bytes, stream_id)
            self._flush()

    def reset(self, stream_id: int) -> None:
        """Tell the service that nobody listens any more."""
        if not self._is_closing:
            self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
            self._flush()

    def release(self, stream_id: int) -> None:
        """Forget the stream."""
        self._streams.pop(stream_id, None)
        self._close_if_done()
        self._on_free()

    # Private methods, one per event of h2.

    def _on_response(self, event: ResponseReceived) -> None:
        headers = [(_text(name), _text(value)) for name, value in event.headers]
        status = next(int(value) for name, value in headers if name == ":status")
        head = ResponseHead(status, [pair for pair in headers if not pair[0].startswith(":")])
        if stream := self._streams.get(event.stream_id):
            stream.on_head(head)

    def _on_data(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        padding = event.flow_controlled_length - (len(event.data) if stream else 0)
        if stream:
            stream.on_data(event.data)
        if padding:
            self._h2.acknowledge_received_data(padding, event.stream_id)

    def _on_stream_ended(self, event: StreamEnded) -> None:
        if stream := self._streams.get(event.stream_id):
            stream.on_end()

    def _on_stream_reset(self, event: StreamReset) -> None:
        if stream := self._streams.get(event.stream_id):
            code = _code_name(event.error_code)
            message = f"the service reset the stream: {code}"
            stream.fail(TransportError(TransportCode.STREAM_LOST, message))

    def _on_window_updated(self, event: WindowUpdated) -> None:
        if not event.stream_id:
            self._wake_all()
        elif stream := self._streams.get(event.stream_id):
            stream.wake()

    def _on_settings(self, _event: RemoteSettingsChanged) -> None:
        if not self._ready.done():
            self._ready.set_result(None)
        self._wake_all()

    def _on_goaway(self, event: ConnectionTerminated) -> None:
        """Lose the streams the service will not answer; let the others finish."""
        self._retired = True
        code = _code_name(event.error_code)
        _log.info("goaway code=<%s> last_stream_id=<%s>", code, event.last_stream_id)
        last_id = event.last_stream_id or 0
        hard = event.error_code != ErrorCodes.NO_ERROR
        for stream_id, stream in list(self._streams.items()):
            if hard or stream_id > last_id:
                message = f"the service said goodbye: {code}"
                stream.fail(TransportError(TransportCode.STREAM_LOST, message))

    # Private methods for what several of them need.

    @property
    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _wake_all(self) -> None:
        for stream in list(self._streams.values()):
            stream.wake()

    def _lose(self, message: str) -> None:
        for stream in list(self._streams.values()):
            stream.fail(TransportError(TransportCode.STREAM_LOST, message))

    def _close_if_done(self) -> None:
        if self._retired and not self._streams and self._transport is not None:
            self._transport.close()


def _prepare_socket(sock: socket.socket) -> None:
    """Send at once, and notice a dead peer: audio that waits for Nagle is late audio."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", 20),
        ("TCP_KEEPINTVL", 5),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", _DEAD_PEER_MS),
    ):
        if option := getattr(socket, name, None):  # not every system has them all
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _code_name(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else str(code)
