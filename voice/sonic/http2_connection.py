"""One HTTP/2 connection: TLS below, many streams above, h2 between.

h2 keeps the connection's state, compresses headers and handles every frame but two. DATA and
WINDOW_UPDATE make up nearly all traffic, and h2 spends more on each than everything else together;
they are packed and parsed here (`voice.sonic.http2_frames`). The windows for sending stay h2's own,
and are read and written there. The windows for receiving are kept by the streams: h2 sees neither
the DATA frames nor the WINDOW_UPDATE frames for them. Frames out of the ordinary (with flags, of an
unknown stream, of a body whose length h2 checks, an impossible increment) go to h2.

What the streams send in one turn of the event loop leaves in one write: one TLS record and one
system call where there were several.

Two habits of h2 need care. It takes any GOAWAY for the end of everything, while a service that is
about to restart sends GOAWAY and lets the open streams finish; `_Machine` keeps the connection open
for them. And INITIAL_WINDOW_SIZE must be set by `update_settings` after `initiate_connection`: if it
is set earlier, every stream stalls after 64 KiB.
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

from voice.sonic import http2_frames
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.http2_stream import STREAM_WINDOW_BYTES, Http2Stream, ResponseHead

_log = logging.getLogger(__name__)

_DEAD_PEER_MS = 20_000
"""How long the kernel waits for an acknowledgement before it gives the connection up."""

_MAX_RECEIVED_FRAME_BYTES = 16_384  # the default of SETTINGS_MAX_FRAME_SIZE, which is not changed


_FLUSH_AT_ONCE_BYTES = 64 * 1024


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
        """Keep the data: h2 calls this on GOAWAY only, and streams may still be open."""


class Http2Connection(asyncio.Protocol):
    """A connection, and the streams that run on it."""

    def __init__(
        self, *, max_streams: int, idle_timeout_s: float, on_free: Callable[[], None]
    ) -> None:
        """Create a connection that is not connected yet.

        Args:
            max_streams: How many streams may be open at once, if the service allows as many.
            idle_timeout_s: For the streams.
            on_free: Called when a stream has ended, and when the connection has.

        """
        self._h2 = _H2()
        self._max_streams = max_streams
        self._idle_timeout_s = idle_timeout_s
        self._on_free = on_free
        self._streams: dict[int, Http2Stream] = {}
        self._transport: asyncio.Transport | None = None
        # Received bytes that are no whole frame yet.
        self._rest = b""
        # Bytes to send, and whether a flush is scheduled for them.
        self._outgoing: list[bytes] = []
        self._is_flush_scheduled = False
        # Whether the socket has enough to send for now.
        self._is_paused = False
        # Whether no new stream may be opened here.
        self._is_retired = False
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
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
    def can_open_stream(self) -> bool:
        """Whether one more stream may be opened here."""
        limit = min(self._max_streams, self._h2.remote_settings.max_concurrent_streams)
        return not self._is_retired and not self._is_closing and len(self._streams) < limit

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended."""
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
        """Open a stream; the caller has checked `can_open_stream` just before."""
        stream_id = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream_id, headers)
        self._flush_h2()
        stream = Http2Stream(self, stream_id, self._idle_timeout_s)
        self._streams[stream_id] = stream
        return stream

    def retire(self) -> None:
        """Open no more streams here; close when the last has ended."""
        self._is_retired = True
        self._close_if_done()

    def abort(self, message: str) -> None:
        """Close at once."""
        self._is_retired = True
        self._flush_h2()
        self._flush()
        self._lose_streams(message)
        if self._transport is not None:
            self._transport.abort()

    async def close(self, timeout_s: float) -> None:
        """Close in order, for at most `timeout_s` seconds, then at once."""
        if self._transport is None:
            return
        if not self._is_closing:
            self._h2.close_connection()
            self._flush_h2()
        self.retire()
        self._lose_streams("closed on this side")
        await asyncio.wait({self._closed}, timeout=timeout_s)
        self.abort("closed on this side")
        await asyncio.wait({self._closed}, timeout=timeout_s)

    # Methods that asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface, the settings and the windows."""
        # uvloop's transports have the methods of asyncio's class, but are not of it.
        self._transport = cast("asyncio.Transport", transport)
        _prepare_socket(transport.get_extra_info("socket"))
        self._h2.initiate_connection()
        self._h2.update_settings(
            {SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES, SettingCodes.ENABLE_PUSH: 0}
        )
        # Large enough that no stream ever waits because another one is not read.
        window_bytes = STREAM_WINDOW_BYTES * self._max_streams
        self._h2.increment_flow_control_window(min(window_bytes, 2**30))
        self._flush_h2()

    def data_received(self, data: bytes) -> None:
        """Handle every whole frame, in order."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, size = 0, len(data)
        while size - at >= http2_frames.HEADER_BYTES:
            high, low, kind, flags, stream_id = http2_frames.HEADER.unpack_from(data, at)
            length = high << 8 | low
            begin = at + http2_frames.HEADER_BYTES
            if length > _MAX_RECEIVED_FRAME_BYTES:
                self.abort("the service sent a frame that is too long")
                return
            if begin + length > size:
                break
            stream = self._streams.get(stream_id)
            if kind == http2_frames.DATA and stream and stream.is_endless and length and not flags:
                stream.data_received(data[begin : begin + length])
            elif kind != http2_frames.WINDOW_UPDATE or not self._widen(
                stream_id, data[begin : begin + length]
            ):
                self._receive_with_h2(data[at : begin + length])
            if self._is_closing:
                return
            at = begin + length
        self._rest = data[at:]
        self._flush()
        self._close_if_done()

    def pause_writing(self) -> None:
        """Stop the streams: the socket's buffer is full."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Let the streams send again."""
        self._is_paused = False
        self._let_all_send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the streams."""
        self._is_retired = True
        self._lose_streams(
            f"the connection was lost: {exc}" if exc else "the connection was closed"
        )
        self._closed.set_result(None)
        self._on_free()

    # Methods that the streams call.

    def window_bytes(self, stream_id: int) -> int:
        """Return how many bytes the stream may send now."""
        if self._is_paused or self._is_closing:
            return 0
        h2 = self._h2
        return min(
            h2.outbound_flow_control_window, h2.streams[stream_id].outbound_flow_control_window
        )

    def send_data(self, stream_id: int, data: bytes) -> None:
        """Send within that window."""
        h2 = self._h2
        h2.outbound_flow_control_window -= len(data)
        h2.streams[stream_id].outbound_flow_control_window -= len(data)
        longest = h2.max_outbound_frame_size
        for at in range(0, len(data), longest):
            piece = data if len(data) <= longest else data[at : at + longest]
            self._outgoing.append(http2_frames.data_header(stream_id, len(piece)))
            self._outgoing.append(piece)
        if len(data) > _FLUSH_AT_ONCE_BYTES:  # or the socket could not say that it is full
            self._flush()
        else:
            self._schedule_flush()

    def end_stream(self, stream_id: int) -> None:
        """End our side of the stream."""
        if not self._is_closing:
            self._h2.end_stream(stream_id)
            self._flush_h2()

    def return_window(self, stream_id: int, size_bytes: int, *, is_open: bool) -> None:
        """Let the service send that much more, on the stream (if it is open) and in all."""
        if not self._is_closing:
            self._outgoing.append(http2_frames.window_update(0, size_bytes))
            if is_open:
                self._outgoing.append(http2_frames.window_update(stream_id, size_bytes))
            self._schedule_flush()

    def reset(self, stream_id: int) -> None:
        """Tell the service that the stream is not wanted any more."""
        if not self._is_closing:
            self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
            self._flush_h2()

    def release(self, stream_id: int) -> None:
        """Forget the stream."""
        self._streams.pop(stream_id, None)
        self._close_if_done()
        self._on_free()

    # Private methods for frames.

    def _widen(self, stream_id: int, payload: bytes) -> bool:
        """Add a WINDOW_UPDATE to the window it is for; False if h2 has to handle it."""
        increment = int.from_bytes(payload)
        target: Any = self._h2.streams.get(stream_id) if stream_id else self._h2
        if target is None or (stream_id and stream_id not in self._streams):
            return False
        window_bytes = target.outbound_flow_control_window + increment
        is_valid = len(payload) == 4 and increment > 0
        if not is_valid or window_bytes > http2_frames.MAX_WINDOW_BYTES:
            return False
        target.outbound_flow_control_window = window_bytes
        if stream_id:
            self._streams[stream_id].send_waiting()
        else:
            self._let_all_send()
        return True

    def _receive_with_h2(self, frame: bytes) -> None:
        try:
            events = self._h2.receive_data(frame)
        except ProtocolError as error:
            self.abort(f"the service broke HTTP/2: {error}")
            return
        for event in events:
            if handler := self._handlers.get(type(event)):
                handler(event)
        self._flush_h2()

    # Private methods, one per event of h2.

    def _on_response(self, event: ResponseReceived) -> None:
        headers = [(_text(name), _text(value)) for name, value in event.headers]
        status = next(int(value) for name, value in headers if name == ":status")
        head = ResponseHead(status, [pair for pair in headers if not pair[0].startswith(":")])
        if stream := self._streams.get(event.stream_id):
            stream.head_received(head)

    def _on_data(self, event: DataReceived) -> None:
        """Handle DATA out of the ordinary; h2 keeps the window for it."""
        self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        if (stream := self._streams.get(event.stream_id)) and event.data:
            stream.data_received(event.data, is_counted=False)

    def _on_stream_ended(self, event: StreamEnded) -> None:
        if stream := self._streams.get(event.stream_id):
            stream.end_received()

    def _on_stream_reset(self, event: StreamReset) -> None:
        if stream := self._streams.get(event.stream_id):
            code = _code_name(event.error_code)
            stream.fail(_lost(f"the service reset the stream: {code}"))

    def _on_window_updated(self, _event: WindowUpdated) -> None:
        self._let_all_send()

    def _on_settings(self, _event: RemoteSettingsChanged) -> None:
        if not self._ready.done():
            self._ready.set_result(None)
        self._let_all_send()

    def _on_goaway(self, event: ConnectionTerminated) -> None:
        """Lose the streams that the service will not answer; let the others finish."""
        self._is_retired = True
        code = _code_name(event.error_code)
        last_id = event.last_stream_id or 0
        _log.info("goaway received", extra={"code": code, "last_stream_id": last_id})
        is_hard = event.error_code != ErrorCodes.NO_ERROR
        for stream_id, stream in list(self._streams.items()):
            if is_hard or stream_id > last_id:
                stream.fail(_lost(f"the service closes the connection: {code}"))

    # Private methods that several of them need.

    @property
    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _flush_h2(self) -> None:
        """Send what h2 has to send, after what the streams have."""
        if data := self._h2.data_to_send():
            self._outgoing.append(data)
            self._schedule_flush()

    def _schedule_flush(self) -> None:
        if not self._is_flush_scheduled:
            self._is_flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_scheduled = False
        if self._outgoing and self._transport is not None:
            data = b"".join(self._outgoing)
            self._outgoing.clear()
            if not self._transport.is_closing():
                self._transport.write(data)

    def _let_all_send(self) -> None:
        for stream in list(self._streams.values()):
            stream.send_waiting()

    def _lose_streams(self, message: str) -> None:
        for stream in list(self._streams.values()):
            stream.fail(_lost(message))

    def _close_if_done(self) -> None:
        if self._is_retired and not self._streams and self._transport is not None:
            self._flush()
            self._transport.close()


def _prepare_socket(sock: socket.socket) -> None:
    """Send at once, and notice a dead peer: Nagle's algorithm would delay audio."""
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


def _lost(message: str) -> TransportError:
    return TransportError(TransportCode.STREAM_LOST, message)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _code_name(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else str(code)
