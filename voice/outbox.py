"""Messages on their way to the browser, in order, bounded in audio.

The service speaks faster than real time, so seconds of audio wait here. The rule when the browser
is slow: *audio* holds the producer back (`room`), and with it the service, by HTTP/2's own flow
control; *control* is never held back and never dropped. On a barge-in `flush` drops the audio
that became stale before the notice goes out, and none of it can follow.
"""

import asyncio
from collections import deque

from voice.wire.messages import Flush, ServerMessage, SpeechChunk

MAX_AUDIO_BYTES = 2 * 1024 * 1024  # 43 s at 24 kHz


class Outbox:
    """A queue with one producer (the call) and one consumer (the connection)."""

    def __init__(self, *, max_audio_bytes: int = MAX_AUDIO_BYTES) -> None:
        self._messages: deque[ServerMessage] = deque()
        self._audio_bytes = 0
        self._max_audio_bytes = max_audio_bytes
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put(self, message: ServerMessage) -> None:
        """Append a message. Audio should wait for `room` first."""
        self._messages.append(message)
        if isinstance(message, SpeechChunk):
            self._count(len(message.pcm))
        self._filled.set()

    async def room(self) -> None:
        """Wait until less audio waits here than the bound."""
        await self._has_room.wait()

    async def take(self) -> ServerMessage:
        """Wait for the next message and remove it."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        message = self._messages.popleft()
        if isinstance(message, SpeechChunk):
            self._count(-len(message.pcm))
        return message

    def flush(self, *, generation: int) -> int:
        """Drop all waiting audio, then announce `generation`; return the bytes dropped."""
        dropped = self._audio_bytes
        self._messages = deque(
            message for message in self._messages if not isinstance(message, SpeechChunk)
        )
        self._count(-dropped)
        self.put(Flush(generation=generation))
        return dropped

    def _count(self, change_bytes: int) -> None:
        self._audio_bytes += change_bytes
        if self._audio_bytes < self._max_audio_bytes:
            self._has_room.set()
        else:
            self._has_room.clear()
