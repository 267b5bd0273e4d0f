"""uvicorn's WebSocket protocol, with a direct way for frames.

Nearly all traffic is short, whole, masked messages one way, and short, whole messages the other way. Those
are parsed and packed here and given to a `FrameReceiver` at once. Everything else stays with uvicorn and
`websockets`: the handshake, fragments, control frames, long messages, errors, the closing handshake,
keepalive and the ASGI lifecycle. Both read the same stream of bytes: each frame goes to one of them as a
whole, so both always agree where the next one begins.

Wire: RFC 6455, section 5.2.
"""

import logging
import struct
import time
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # C where it is compiled
from websockets.http11 import Request

from voice import metrics
from voice.gateway.frame_connection import EXTENSION, Frame, FrameReceiver
from voice.gateway.rate_limits import FrameRateLimiter, Rate
from voice.wire.close_codes import CloseCode

_TEXT, _BINARY = 0x81, 0x82  # with FIN: a whole message
_MASKED, _LENGTH_BITS, _LENGTH_16, _LENGTH_64 = 0x80, 0x7F, 126, 127
_MASK_BYTES = 4
_HEAD_7, _HEAD_16, _HEAD_64 = struct.Struct(">BB"), struct.Struct(">BBH"), struct.Struct(">BBQ")

OTHER_FRAME_RATE = Rate(per_s=50, burst=100)
"""Control frames and fragments of one connection. The receiver limits whole messages."""

OTHER_BYTE_RATE = Rate(per_s=262_144, burst=2_621_440)
"""For their bytes, as CALL_BYTES_PER_S by default."""

MAX_BYTES_BEFORE_START = 65_536
"""What is stored of a client that sends before the application has started to receive."""

MAX_BYTES_AFTER_CLOSE = 1_048_576
"""What a client may still send after the server has sent its close frame."""

logger = logging.getLogger(__name__)


class WebSocketFrameProtocol(WebSocketsSansIOProtocol):
    """A `FrameConnection`. uvicorn creates one for each connection (`ws=` in its configuration)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._receiver: FrameReceiver | None = None
        # Received bytes, beginning with a frame that is not whole.
        self._rest = bytearray()
        # Whether `websockets` reads all that follows: it has found an error, or will.
        self._is_library_only = False
        # How many received bytes the frame that is not whole needs, so far as is known.
        self._needed_bytes = 0
        self._other_frames = FrameRateLimiter(
            frame_rate=OTHER_FRAME_RATE, byte_rate=OTHER_BYTE_RATE
        )
        self._bytes_after_close = 0

    # The interface of `FrameConnection`.

    @property
    def is_writable(self) -> bool:
        """Whether the socket's buffer has room."""
        return self.writable.is_set()

    def start(self, receiver: FrameReceiver) -> None:
        """Give frames to `receiver` from now on, beginning with those that were received before."""
        if self.disconnected:
            return
        self._receiver = receiver
        self.resume_receiving()
        self.data_received(b"")

    def send_frame(self, frame: Frame) -> None:
        """Send a whole message; after the end it is dropped."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        first = _BINARY
        if isinstance(frame, str):
            first, frame = _TEXT, frame.encode()
        size = len(frame)
        if size < _LENGTH_16:
            head = _HEAD_7.pack(first, size)
        elif size <= 0xFFFF:
            head = _HEAD_16.pack(first, _LENGTH_16, size)
        else:
            head = _HEAD_64.pack(first, _LENGTH_64, size)
        self.transport.write(head + frame)

    async def flush(self) -> None:
        """Return at once: nothing waits here."""

    def pause_receiving(self) -> None:
        """Read nothing more from the socket."""
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()

    def resume_receiving(self) -> None:
        """Read from the socket again."""
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    # Methods that asyncio and uvicorn call.

    def data_received(self, data: bytes) -> None:
        """Handle every whole frame, in order; none before the application has started to receive."""
        if self._is_left_to_library() or not self.handshake_initiated:
            super().data_received(data)
        elif self.close_sent:
            if self._may_send_after_close(len(data)):
                self._receive_frames(data)
        elif self._receiver is None:
            self._rest += data
            if len(self._rest) > MAX_BYTES_BEFORE_START:
                self.pause_receiving()
        else:
            self._receive_frames(data)

    def send_receive_event_to_app(self) -> None:
        """Deliver a message that `websockets` has read: a fragmented or a long one."""
        if self._receiver is None:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        if self.curr_msg_data_type == "bytes":
            self._deliver(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
        else:
            self._deliver(text)

    def handle_connect(self, event: Request) -> None:
        """Offer this object to the application."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, Any] = self.scope.setdefault("extensions", {})
            extensions[EXTENSION] = self

    def handle_parser_exception(self) -> None:
        """Leave what follows an error to `websockets`, which ignores it."""
        self._is_library_only = True
        super().handle_parser_exception()

    def resume_writing(self) -> None:
        """Let the application send again."""
        super().resume_writing()
        if self._receiver is not None:
            self._receiver.writable_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the delivery of frames."""
        self._receiver, self._is_library_only = None, True
        super().connection_lost(exc)

    # Private methods.

    def _is_left_to_library(self) -> bool:
        return self._is_library_only

    def _receive_frames(self, data: bytes) -> None:
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed_bytes:
                return
            data = bytes(self._rest)
            self._rest.clear()
        self._needed_bytes = 0
        at = 0
        while (payload := self._payload_at(data, at)) is not None:
            self._receive_frame(data[at], data[at : payload.stop], payload.start - at)
            at = payload.stop
            if self._is_left_to_library():  # it has found an error, and reads nothing more
                return
        if self._is_left_to_library():
            super().data_received(data[at:])
        else:
            self._rest += data[at:]

    def _payload_at(self, data: bytes, at: int) -> slice | None:
        """Return where the payload of the frame at `at` is; None if the frame is not whole.

        A frame that is not masked, or too long, is left to `websockets` with all that follows.
        """
        length = len(data) - at
        if length >= 2 and not data[at + 1] & _MASKED:
            self._is_library_only = True
        if length < 2 + _MASK_BYTES or self._is_library_only:
            return None
        size, begin = data[at + 1] & _LENGTH_BITS, at + 2 + _MASK_BYTES
        if size == _LENGTH_16:
            size, begin = int.from_bytes(data[at + 2 : at + 4]), begin + 2
        elif size == _LENGTH_64:
            if length < 10:
                return None
            size, begin = int.from_bytes(data[at + 2 : at + 10]), begin + 8
        if size > self.config.ws_max_size:
            self._is_library_only = True
            return None
        if begin + size > len(data):
            self._needed_bytes = begin + size - at
            return None
        return slice(begin, begin + size)

    def _receive_frame(self, first: int, frame: bytes, begin: int) -> None:
        """Deliver a whole message; leave every other frame to `websockets`."""
        is_message = first in {_TEXT, _BINARY} and not self.frames
        if not is_message:
            if self._other_frames.consume(len(frame), now_ns=time.monotonic_ns()):
                super().data_received(frame)
            else:
                self._refuse_flood()
            return
        payload = apply_mask(frame[begin:], frame[begin - _MASK_BYTES : begin])
        if first == _BINARY:
            self._deliver(payload)
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            super().data_received(frame)
        else:
            self._deliver(text)

    def _refuse_flood(self) -> None:
        """Close the connection: its control frames and fragments come too fast."""
        logger.info("frame refused", extra={"code": "too_fast", "detail": "control or fragment"})
        metrics.FRAMES_REFUSED.labels("too_fast").inc()
        if not self.close_sent:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "control frames or fragments come too fast")
            self.handle_parser_exception()
            # A client that reads nothing could keep the socket open.
            self.loop.call_later(self.close_timeout, self.transport.abort)
        else:
            self._is_library_only = True
            self.transport.abort()

    def _may_send_after_close(self, size_bytes: int) -> bool:
        """Whether a client may send this much more after the server's close frame; abort if not."""
        self._bytes_after_close += size_bytes
        if self._bytes_after_close <= MAX_BYTES_AFTER_CLOSE:
            return True
        self._is_library_only = True
        self.transport.abort()
        return False

    def _deliver(self, frame: Frame) -> None:
        """Give a frame to the receiver, unless either side has closed the connection."""
        if self._receiver and not self.close_sent and not self.transport.is_closing():
            self._receiver.frame_received(frame)
