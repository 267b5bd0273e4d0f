"""`PayloadStream` over a channel: the waiting interface in payloads, for tests of the transport."""

import asyncio
from collections import deque

from voice.sonic.channel import Channel
from voice.sonic.errors import TransportCode, TransportError


class ChannelPayloadStream:
    """A `PayloadStream` on a channel; everything goes through the SDK."""

    def __init__(self, channel: Channel, *, credentials_until: float | None) -> None:
        self.credentials_until = credentials_until
        self._channel = channel
        self._received: deque[bytes] = deque()
        self._is_over = False
        self._is_input_ended = False
        self._error: TransportError | None = None
        self._changed = asyncio.Event()
        self._is_started = False

    async def accepted(self) -> None:
        """Wait until the service has accepted the stream. Raises TransportError if it refuses."""
        await self._channel.accepted()

    async def send(self, payload: bytes) -> None:
        """Send one payload, and wait until flow control lets it pass. Raises TransportError."""
        if self._is_over or self._is_input_ended:
            raise self._error or TransportError(TransportCode.STREAM_LOST, "the stream has ended")
        self._channel.send_payload(payload)
        if self._channel.is_blocked:
            self._start()
        while self._channel.is_blocked and not self._is_over:
            await self._wait()
        if self._error is not None:
            raise self._error

    async def receive(self) -> bytes | None:
        """Return the next payload; None after a clean end. Raises TransportError."""
        self._start()
        while not self._received and not self._is_over:
            await self._wait()
        if self._received:
            return self._received.popleft()
        if self._error is not None:
            raise self._error
        return None

    async def end_input(self) -> None:
        """End our side; idempotent."""
        self._is_input_ended = True
        self._channel.end_input()

    async def close(self) -> None:
        """End the stream and free everything."""
        if not self._is_over:
            self._is_over = True
            self._error = TransportError(TransportCode.STREAM_LOST, "closed on this side")
            self._changed.set()
        await self._channel.close()

    # Methods that the channel calls.

    def audio_received(self, payload: bytes) -> bool:  # noqa: ARG002 -- the channel's interface
        """Leave everything to the SDK."""
        return False

    def payload_received(self, payload: bytes) -> None:
        """Keep a payload for `receive`."""
        self._received.append(payload)
        self._changed.set()

    def writable_again(self) -> None:
        """Let `send` return."""
        self._changed.set()

    def channel_lost(self, error: TransportError | None) -> None:
        """Let `receive` and `send` end."""
        self._is_over, self._error = True, error
        self._changed.set()

    def _start(self) -> None:
        """Receive from now on: until then, flow control holds the service back."""
        if not self._is_started:
            self._is_started = True
            self._channel.start(self)

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
