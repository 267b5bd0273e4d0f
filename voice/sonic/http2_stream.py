"""One HTTP/2 stream, without waiting: data out as far as flow control allows, data in to a consumer.

*Outwards* nothing waits but what flow control stops: `Http2Stream.send` sends at once, or keeps the
rest until the service gives more room (`is_blocked`). The sender decides whether to add more.

*Inwards* data goes to the stream's consumer as it comes. Before there is one it waits here, and the
service stops once `STREAM_WINDOW_BYTES` wait.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from voice.sonic.errors import TransportCode, TransportError

STREAM_WINDOW_BYTES = 2 * 1024 * 1024
"""How much of a stream may be received and not consumed."""

MAX_ERROR_BYTES = 64 * 1024
"""How much of an error's body is read."""

_RETURN_WINDOW_BYTES = 64 * 1024
"""The service gets its window back in pieces of this size."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """How a response begins."""

    status: int
    headers: Sequence[tuple[str, str]]


class StreamConnection(Protocol):
    """The connection, as its streams use it."""

    def window_bytes(self, stream_id: int) -> int:
        """Return how many bytes the stream may send now."""

    def send_data(self, stream_id: int, data: bytes) -> None:
        """Send within that window."""

    def end_stream(self, stream_id: int) -> None:
        """End our side of the stream."""

    def return_window(self, stream_id: int, size_bytes: int, *, is_open: bool) -> None:
        """Let the service send that much more, on the stream (if it is open) and in all."""

    def reset(self, stream_id: int) -> None:
        """Tell the service that the stream is not wanted any more."""

    def release(self, stream_id: int) -> None:
        """Forget the stream."""


class StreamConsumer(Protocol):
    """Consumes what a stream receives. Callbacks come in the order of the wire."""

    def data_received(self, data: bytes) -> None:
        """Consume a piece of the body."""

    def end_received(self) -> None:
        """Learn that the service has ended its side, in order."""

    def stream_failed(self, error: TransportError) -> None:
        """Learn that the stream is lost."""

    def stream_unblocked(self) -> None:
        """Learn that everything has been sent that flow control had stopped."""


class Http2Stream:
    """The state of one stream, between its connection and its consumer."""

    def __init__(self, connection: StreamConnection, stream_id: int, idle_timeout_s: float) -> None:
        self.head: ResponseHead | None = None
        self.is_endless = False
        """Whether a response has begun whose length is not known: a stream of events."""
        self.is_ended = False
        """Whether the service has ended its side."""
        self.error: TransportError | None = None
        self.unread = bytearray()
        """What was received before there was a consumer."""
        self._connection = connection
        self._id = stream_id
        self._consumer: StreamConsumer | None = None
        self._waiting = b""
        self._is_input_ending = self._is_input_ended = False
        self._is_released = False
        self._consumed_bytes = 0
        self._changes: set[asyncio.Future[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._idle_timeout_s = idle_timeout_s
        self._received_at = self._loop.time()
        self._blocked_at = 0.0
        self._idle_timer = self._loop.call_later(idle_timeout_s, self._check_idle)

    # Public methods for sending.

    @property
    def is_blocked(self) -> bool:
        """Whether data waits for flow control."""
        return bool(self._waiting)

    def send(self, data: bytes) -> None:
        """Send `data` after all that was sent before, as soon as flow control allows.

        What is sent on a stream that has failed or ended is dropped: its consumer knows.
        """
        if self.error is not None or self._is_input_ending:
            return
        if not self._waiting:
            if len(data) <= self._connection.window_bytes(self._id):
                self._connection.send_data(self._id, data)
                return
            self._blocked_at = self._loop.time()
        self._waiting += data
        self.send_waiting()

    def end_input(self) -> None:
        """End our side after all that was sent; idempotent."""
        if not self._is_input_ending and self.error is None:
            self._is_input_ending = True
            self.send_waiting()

    def abandon(self) -> None:
        """Stop: nothing will be read or sent any more; idempotent.

        What was not consumed is given back, or it would be missing from the connection for good.
        """
        if self.is_ended:
            self._waiting = b""
            self.end_input()
        elif self.error is None:
            self._connection.reset(self._id)
            self.fail(TransportError(TransportCode.STREAM_LOST, "closed on this side"))
        self._consumed_bytes += len(self.unread)
        self.unread.clear()
        self._return_window()

    # Public methods for receiving.

    def set_consumer(self, consumer: StreamConsumer) -> None:
        """Give everything to `consumer`: what was received so far, and what will be."""
        self._consumer = consumer
        if self.unread:
            data = bytes(self.unread)
            self.unread.clear()
            consumer.data_received(data)
            self._consume(len(data))
        if self.is_ended:
            consumer.end_received()
        elif self.error is not None:
            consumer.stream_failed(self.error)

    async def changed(self) -> None:
        """Wait until something is received, or the stream is lost. May be cancelled."""
        change = self._loop.create_future()
        self._changes.add(change)
        try:
            await change
        finally:
            self._changes.discard(change)

    async def response_head(self) -> ResponseHead:
        """Wait for the head of the response. Raises TransportError if the stream is lost."""
        while self.head is None:
            if self.error is not None:
                raise self.error
            await self.changed()
        return self.head

    # Methods for the connection.

    def head_received(self, head: ResponseHead) -> None:
        """Receive the status and headers."""
        self.head = head
        self.is_endless = all(name != "content-length" for name, _ in head.headers)
        self._received_at = self._loop.time()
        self._report_change()

    def data_received(self, data: bytes, *, is_counted: bool = True) -> None:
        """Receive a piece of the body.

        Args:
            data: Not empty.
            is_counted: Whether this side returns the window for it.

        """
        self._received_at = self._loop.time()
        if self._consumer is None:
            self.unread += data
            self._report_change()
            return
        self._consumer.data_received(data)
        if is_counted:
            self._consume(len(data))

    def end_received(self) -> None:
        """Receive the end of the service's side."""
        self.is_ended = True
        self._report_change()
        if self._consumer is not None:
            self._consumer.end_received()
        self._release_if_over()

    def fail(self, error: TransportError) -> None:
        """Lose the stream. What was received before can still be read."""
        if self.error is None and not (self.is_ended and self._is_input_ended):
            self.error = error
            self._waiting = b""
            self._release()
            self._report_change()
            if self._consumer is not None and not self.is_ended:
                self._consumer.stream_failed(error)

    def send_waiting(self) -> None:
        """Send what flow control has stopped, as far as it allows now."""
        if self.error is not None or self._is_released:
            return
        if self._waiting:
            window_bytes = self._connection.window_bytes(self._id)
            if window_bytes <= 0:
                return
            piece, self._waiting = self._waiting[:window_bytes], self._waiting[window_bytes:]
            self._connection.send_data(self._id, piece)
            self._blocked_at = self._loop.time()
            if self._waiting:
                return
            if self._consumer is not None:
                self._consumer.stream_unblocked()
        if self._is_input_ending and not self._is_input_ended:
            self._is_input_ended = True
            self._connection.end_stream(self._id)
            self._release_if_over()

    # Private methods.

    def _consume(self, size_bytes: int) -> None:
        self._consumed_bytes += size_bytes
        if self._consumed_bytes >= _RETURN_WINDOW_BYTES:
            self._return_window()

    def _return_window(self) -> None:
        if self._consumed_bytes:
            is_open = not self.is_ended and self.error is None
            self._connection.return_window(self._id, self._consumed_bytes, is_open=is_open)
            self._consumed_bytes = 0

    def _report_change(self) -> None:
        for change in self._changes:
            if not change.done():
                change.set_result(None)

    def _release_if_over(self) -> None:
        if self.is_ended and self._is_input_ended:
            self._release()

    def _release(self) -> None:
        if not self._is_released:
            self._is_released = True
            self._idle_timer.cancel()
            self._connection.release(self._id)

    def _check_idle(self) -> None:
        """Give the stream up if nothing was received, or nothing could be sent, for too long."""
        now = self._loop.time()
        silent_s = 0.0 if self.unread else now - self._received_at
        blocked_s = now - self._blocked_at if self._waiting else 0.0
        remaining_s = self._idle_timeout_s - max(silent_s, blocked_s)
        if remaining_s > 0:
            self._idle_timer = self._loop.call_later(remaining_s, self._check_idle)
            return
        what = "the service accepted nothing" if self._waiting else "nothing was received"
        self._connection.reset(self._id)
        message = f"{what} for {self._idle_timeout_s:g} s"
        self.fail(TransportError(TransportCode.IDLE_TIMEOUT, message))


async def read_error_body(stream: Http2Stream) -> bytes:
    """Return what explains an error: its whole body, or as much as is sensible."""
    while not stream.is_ended and stream.error is None and len(stream.unread) < MAX_ERROR_BYTES:
        await stream.changed()
    return bytes(stream.unread[:MAX_ERROR_BYTES])
