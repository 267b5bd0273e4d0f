"""One HTTP/2 stream as the SDK sees it: what it writes its frames to and reads them from.

Here it is hard in three places.

*Nothing is buffered outwards.* The SDK's own body keeps sixteen chunks and hands them to a
background writer that nobody awaits. :class:`RequestBody` writes straight onto the stream,
within the SDK's own ``write``: while the service is slow, the sender waits, and an error is
raised where the sending is done. A writer that is cancelled half way through a frame leaves
a stream that cannot be continued, so it is reset.

*Reading suspends between frames only.* The SDK reads a frame in four pieces. If a reader is
cancelled between them, the pieces read are lost and the stream with them. So
:class:`ResponseBody` knows one thing about event streams, that a frame begins with its
length, and gives the first piece only when the whole frame is there. Cancelling a reader
costs nothing.

*Memory is bounded.* A stream holds at most :data:`STREAM_WINDOW_BYTES` unread: room is given
back to the service when a frame is read, not when it arrives. So a slow reader holds the
service back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from smithy_core.aio.interfaces import AsyncByteStream, AsyncWriter
from smithy_core.interfaces import BytesReader

from voice.sonic.errors import TransportCode, TransportError

STREAM_WINDOW_BYTES = 2 * 1024 * 1024
"""How much one stream may hold unread."""

MAX_FRAME_BYTES = 3 * 512 * 1024
"""The largest frame taken in. A payload of 1,000,000 bytes makes one of 1.34 million."""

MAX_ERROR_BYTES = 64 * 1024
"""How much of an error's body is read."""

_ACKNOWLEDGE_BYTES = 64 * 1024
_PRELUDE_BYTES = 16  # two lengths and two checksums: the shortest frame


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """How a response begins."""

    status: int
    headers: Sequence[tuple[str, str]]


class StreamConnection(Protocol):
    """What a stream needs of the connection it runs on."""

    def room(self, stream_id: int) -> int:
        """Say how many bytes may be sent now."""

    def send_data(self, stream_id: int, chunk: bytes | memoryview, *, end: bool) -> None:
        """Send within that room, and end our side."""

    def acknowledge(self, stream_id: int, size_bytes: int) -> None:
        """Let the service send that much more."""

    def reset(self, stream_id: int) -> None:
        """Tell the service that nobody listens any more."""

    def release(self, stream_id: int) -> None:
        """Forget the stream."""


class Http2Stream:
    """The state of one stream, fed by its connection and used by the two bodies."""

    def __init__(self, carrier: StreamConnection, stream_id: int, idle_timeout_s: float) -> None:
        self.head: ResponseHead | None = None
        self.ended = False
        self.error: TransportError | None = None
        self.buffer = bytearray()
        self._carrier = carrier
        self._id = stream_id
        self._input_ended = False
        self._released = False
        self._unacknowledged_bytes = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._idle_timeout_s = idle_timeout_s
        self._last_arrival = self._loop.time()
        self._watch = self._loop.call_later(idle_timeout_s, self._look_for_life)

    # Methods for the connection.

    def on_head(self, head: ResponseHead) -> None:
        """Take in the status and headers."""
        self.head = head
        self._arrived()

    def on_data(self, data: bytes) -> None:
        """Take in a piece of the body."""
        self.buffer += data
        self._arrived()

    def on_end(self) -> None:
        """Note that the service has said all."""
        self.ended = True
        self._arrived()
        self._release_if_over()

    def fail(self, error: TransportError) -> None:
        """Note that the stream is lost. What arrived whole can still be read."""
        if self.error is None and not (self.ended and self._input_ended):
            self.error = error
            self._release()
            self.wake()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    # Methods for the bodies and the client.

    async def changed(self) -> None:
        """Wait until something happens on the stream. May be cancelled."""
        waiter = self._loop.create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    async def response_head(self) -> ResponseHead:
        """Wait for the head of the response. Raises TransportError if the stream is lost."""
        while self.head is None:
            if self.error is not None:
                raise self.error
            await self.changed()
        return self.head

    async def write(self, data: bytes) -> None:
        """Send ``data``, waiting for room. Raises TransportError; then nothing more goes."""
        rest = memoryview(data)
        while rest:
            room = await self._room()
            self._carrier.send_data(self._id, rest[:room], end=False)
            rest = rest[room:]

    def end_input(self) -> None:
        """Say that nothing more will be sent; idempotent."""
        if not self._input_ended and self.error is None:
            self._input_ended = True
            self._carrier.send_data(self._id, b"", end=True)
            self._release_if_over()

    def taken(self, size_bytes: int) -> None:
        """Note that so much of the buffer was read, and let as much come."""
        self._last_arrival = self._loop.time()
        self._unacknowledged_bytes += size_bytes
        if self._unacknowledged_bytes >= _ACKNOWLEDGE_BYTES:
            self._acknowledge()

    def abandon(self) -> None:
        """Stop: nobody will read or write any more; idempotent.

        What nobody read is given back, or it would be missing from the connection for good.
        """
        if self.ended:
            self.end_input()
        elif self.error is None:
            self._carrier.reset(self._id)
            self.fail(TransportError(TransportCode.STREAM_LOST, "closed on this side"))
        self.taken(len(self.buffer))
        self.buffer.clear()
        self._acknowledge()

    # Private methods.

    async def _room(self) -> int:
        """Wait until something may be sent; give how much."""
        if room := self._room_now():
            return room
        try:
            async with asyncio.timeout(self._idle_timeout_s):
                while not (room := self._room_now()):
                    await self.changed()
        except TimeoutError:
            self._give_up("the service took nothing")
            return self._room_now()
        return room

    def _room_now(self) -> int:
        if self.error is not None:
            raise self.error
        if self._input_ended or self.ended:
            raise TransportError(TransportCode.STREAM_LOST, "the stream has ended")
        return self._carrier.room(self._id)

    def _arrived(self) -> None:
        self._last_arrival = self._loop.time()
        self.wake()

    def _acknowledge(self) -> None:
        size_bytes, self._unacknowledged_bytes = self._unacknowledged_bytes, 0
        self._carrier.acknowledge(self._id, size_bytes)

    def _release_if_over(self) -> None:
        if self.ended and self._input_ended:
            self._release()

    def _release(self) -> None:
        if not self._released:
            self._released = True
            self._watch.cancel()
            self._carrier.release(self._id)

    def _look_for_life(self) -> None:
        """Give the stream up if nothing has come for too long, and not for want of a reader."""
        quiet_s = 0.0 if self.buffer else self._loop.time() - self._last_arrival
        rest_s = self._idle_timeout_s - quiet_s
        if rest_s > 0:
            self._watch = self._loop.call_later(rest_s, self._look_for_life)
            return
        self._give_up("nothing came from the service")

    def _give_up(self, what: str) -> None:
        self._carrier.reset(self._id)
        message = f"{what} for {self._idle_timeout_s:g} s"
        self.fail(TransportError(TransportCode.IDLE_TIMEOUT, message))


class RequestBody(AsyncWriter):
    """What the SDK writes its frames to, even before there is a stream."""

    def __init__(self) -> None:
        self._stream: Http2Stream | None = None
        self._error: TransportError | None = None
        self._settled = asyncio.Event()

    @property
    def is_settled(self) -> bool:
        """Whether it is known if there will be a stream."""
        return self._settled.is_set()

    @property
    def status(self) -> int | None:
        """The status of the response, once it has come."""
        head = self._stream.head if self._stream else None
        return head.status if head else None

    def attach(self, stream: Http2Stream) -> None:
        """Let the frames go to ``stream``."""
        self._stream = stream
        self._settled.set()

    def fail(self, error: TransportError) -> None:
        """Let everybody who writes know that there will be no stream."""
        self._error = error
        self._settled.set()

    def require_wanted(self) -> None:
        """Raise TransportError if nobody waits for a stream any more."""
        if self._error is not None:
            raise self._error

    async def opened(self) -> Http2Stream:
        """Wait until there is a stream. Raises TransportError if there will be none."""
        await self._settled.wait()
        self.require_wanted()
        assert self._stream is not None
        return self._stream

    async def write(self, data: bytes) -> None:
        """Send one whole frame. Raises TransportError."""
        await (self._stream or await self.opened()).write(data)

    async def close(self) -> None:
        """End our side of the stream; idempotent."""
        if self._stream is not None:
            self._stream.end_input()

    def abandon(self) -> None:
        """Let go of the stream, or of the wait for it; idempotent."""
        if self._stream is not None:
            self._stream.abandon()
        else:
            self.fail(TransportError(TransportCode.STREAM_LOST, "closed on this side"))


class ResponseBody(AsyncByteStream, BytesReader):
    """What the SDK reads frames from.

    It is no ``BytesReader``: its ``read`` is a coroutine. It says so because the SDK asks
    ``isinstance(body, BytesReader)`` at each read, and for a stranger Python answers by
    looking for every attribute of the interface, which costs more than the reading. The
    SDK then looks at ``read`` itself and awaits it.
    """

    def __init__(self, stream: Http2Stream) -> None:
        self._stream = stream
        self._left_in_frame = 0

    async def read(self, size: int = -1) -> bytes:  # type: ignore[override]  # see above
        """Read up to ``size`` bytes of the current frame; b"" at the clean end.

        Suspends only before the first byte of a frame. Raises TransportError.
        """
        if size < 0:
            raise TransportError(TransportCode.BAD_FRAME, "a frame of negative length")
        if not self._left_in_frame and not await self._next_frame():
            return b""
        return self._take(min(size, self._left_in_frame))

    async def close(self) -> None:
        """Stop reading; idempotent. The stream itself is ended by whoever opened it."""

    def _take(self, size: int) -> bytes:
        buffer = self._stream.buffer
        piece = bytes(buffer[:size])
        del buffer[:size]
        self._left_in_frame -= size
        self._stream.taken(size)
        return piece

    async def _next_frame(self) -> bool:
        """Wait until a whole frame is there; False at the clean end."""
        stream = self._stream
        while not (size := self._whole_frame_bytes()):
            if stream.ended:
                return self._clean_end()
            if stream.error is not None:
                raise stream.error
            await stream.changed()
        self._left_in_frame = size
        return True

    def _whole_frame_bytes(self) -> int:
        buffer = self._stream.buffer
        if len(buffer) < 4:
            return 0
        size = int.from_bytes(buffer[:4])
        if not _PRELUDE_BYTES <= size <= MAX_FRAME_BYTES:
            raise TransportError(TransportCode.BAD_FRAME, f"a frame of {size} bytes")
        return size if len(buffer) >= size else 0

    def _clean_end(self) -> bool:
        if self._stream.buffer:
            raise TransportError(
                TransportCode.STREAM_LOST, "the stream ended in the middle of a frame"
            )
        return False


async def read_error_body(stream: Http2Stream) -> bytes:
    """Read what explains an error: to its end, or as far as is sensible."""
    while not stream.ended and stream.error is None and len(stream.buffer) < MAX_ERROR_BYTES:
        await stream.changed()
    return bytes(stream.buffer[:MAX_ERROR_BYTES])
