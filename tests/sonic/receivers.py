"""A `StreamReceiver` that records what it receives."""

import asyncio
from typing import Any

from voice.sonic.errors import RemoteProtocolError, TransportError
from voice.sonic.events import OutputEvent


class RecordingReceiver:
    """Records every callback, in order, and lets a test wait for them."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        """Output events, and audio as (content id, PCM)."""
        self.writable_count = 0
        self.is_lost = False
        self.error: TransportError | RemoteProtocolError | None = None
        self._changed = asyncio.Event()

    def audio_received(self, content_id: str, pcm: bytes) -> None:
        assert not self.is_lost
        self.received.append((content_id, pcm))
        self._changed.set()

    def event_received(self, event: OutputEvent) -> None:
        assert not self.is_lost
        self.received.append(event)
        self._changed.set()

    def writable_again(self) -> None:
        assert not self.is_lost
        self.writable_count += 1
        self._changed.set()

    def stream_lost(self, error: TransportError | RemoteProtocolError | None) -> None:
        assert not self.is_lost
        self.is_lost, self.error = True, error
        self._changed.set()

    async def wait_for(self, count: int) -> list[Any]:
        """Wait until `count` events were received; return them."""
        async with asyncio.timeout(60):
            while len(self.received) < count:
                await self._wait()
        return self.received

    async def wait_until_writable(self) -> None:
        async with asyncio.timeout(60):
            while not self.writable_count:
                await self._wait()

    async def wait_for_loss(self) -> TransportError | RemoteProtocolError | None:
        """Wait until the stream is over; return the error."""
        async with asyncio.timeout(60):
            while not self.is_lost:
                await self._wait()
        return self.error

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
