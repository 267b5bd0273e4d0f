"""The customer's audio on its way to the service: a short queue that drops its oldest chunk.

When the service is slow to take audio, old speech is worth less than new: past the bound the
oldest chunk goes, and is counted. Nothing else ever passes through here.
"""

from collections import deque
from dataclasses import dataclass

MAX_WAITING_BYTES = 64 * 1024  # 2 s at 16 kHz


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of PCM and the instant it arrived (seconds, monotonic)."""

    pcm: bytes
    arrived: float


class Microphone:
    """A bounded queue of chunks."""

    def __init__(self, *, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._chunks: deque[Chunk] = deque()
        self._waiting_bytes = 0
        self._max_waiting_bytes = max_waiting_bytes
        self.dropped_bytes = 0

    def put(self, pcm: bytes, *, arrived: float) -> None:
        """Append a chunk; drop the oldest ones where they exceed the bound."""
        self._chunks.append(Chunk(pcm, arrived))
        self._waiting_bytes += len(pcm)
        while self._waiting_bytes > self._max_waiting_bytes and len(self._chunks) > 1:
            oldest = self._chunks.popleft()
            self._waiting_bytes -= len(oldest.pcm)
            self.dropped_bytes += len(oldest.pcm)

    def take(self) -> Chunk | None:
        """Remove and return the oldest chunk, if there is one."""
        if not self._chunks:
            return None
        chunk = self._chunks.popleft()
        self._waiting_bytes -= len(chunk.pcm)
        return chunk
