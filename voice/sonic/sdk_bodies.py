"""What the SDK writes its frames to and reads them from: an HTTP/2 stream, without waiting.

The SDK's own request body buffers sixteen chunks for a background writer that nothing awaits;
`RequestBody` writes to the stream within the SDK's own `write`. The SDK reads a frame in four pieces
and must not be cancelled between them; `FrameBody` gets one whole frame at a time before the SDK
reads, so that reading never waits.
"""

import asyncio

from smithy_core.aio.interfaces import AsyncWriter
from smithy_core.interfaces import BytesReader

from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.http2_stream import Http2Stream, StreamConsumer


class FrameBody(BytesReader):
    """The body of a response, one frame at a time."""

    def __init__(self) -> None:
        self._frame = b""
        self._at = 0

    def load(self, frame: bytes) -> None:
        """Give the SDK `frame` to read."""
        self._frame, self._at = frame, 0

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes of the frame, fewer at its end.

        Raises:
            TransportError: The frame claims a negative length.

        """
        if size < 0:
            raise TransportError(TransportCode.BAD_FRAME, "a frame of negative length")
        piece = self._frame[self._at : self._at + size]
        self._at += size
        return piece


class RequestBody(AsyncWriter):
    """The body of a request, even before there is a stream for it."""

    def __init__(self) -> None:
        self.frames = FrameBody()
        """The body of the response."""
        self._stream: Http2Stream | None = None
        self._error: TransportError | None = None
        self._resolved = asyncio.Event()

    @property
    def status(self) -> int | None:
        """The status of the response, once it was received."""
        head = self._stream.head if self._stream else None
        return head.status if head else None

    def attach(self, stream: Http2Stream) -> None:
        """Send everything on `stream`."""
        self._stream = stream
        self._resolved.set()

    def fail(self, error: TransportError) -> None:
        """Report that there will be no stream."""
        self._error = error
        self._resolved.set()

    def require_wanted(self) -> None:
        """Raise TransportError if the stream is not wanted any more."""
        if self._error is not None:
            raise self._error

    async def opened(self) -> Http2Stream:
        """Wait until there is a stream. Raises TransportError if there will be none."""
        await self._resolved.wait()
        self.require_wanted()
        assert self._stream is not None
        return self._stream

    @property
    def is_blocked(self) -> bool:
        """Whether data waits for flow control."""
        return self._stream is not None and self._stream.is_blocked

    def set_consumer(self, consumer: StreamConsumer) -> None:
        """Give everything that the stream receives to `consumer`."""
        assert self._stream is not None
        self._stream.set_consumer(consumer)

    def send(self, data: bytes) -> None:
        """Send one whole frame on the open stream."""
        assert self._stream is not None
        self._stream.send(data)

    async def write(self, data: bytes) -> None:
        """Send one whole frame; does not wait once the stream is open. Raises TransportError."""
        (self._stream or await self.opened()).send(data)

    async def close(self) -> None:
        """End our side of the stream; idempotent."""
        if self._stream is not None:
            self._stream.end_input()

    def abandon(self) -> None:
        """Give the stream up, or the wait for it; idempotent."""
        if self._stream is not None:
            self._stream.abandon()
        else:
            self.fail(TransportError(TransportCode.STREAM_LOST, "closed on this side"))
