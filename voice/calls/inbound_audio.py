"""The customer's audio on its way to the service: a queue, and a memory of what went. Pure.

What was taken is remembered for half a minute: a session that ends takes with it what it has not
understood, and the next one hears that again (`rewind`). While there is no session nothing is lost
either: 45 s may wait, of old and new together; past that the oldest chunk goes, and is counted.
"""

from collections import deque
from dataclasses import dataclass

from voice import pcm

MAX_WAITING_S = 45.0
REMEMBERED_S = 30.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of PCM, the index of its first sample, and the instant it arrived (seconds, monotonic)."""

    pcm: bytes
    position: int
    arrived: float

    @property
    def end(self) -> int:
        """Index of the sample behind its last one."""
        return self.position + pcm.samples(len(self.pcm))


class InboundAudio:
    """A bounded queue of chunks with a bounded memory."""

    def __init__(
        self,
        rate_hz: int,
        *,
        max_waiting_s: float = MAX_WAITING_S,
        remembered_s: float = REMEMBERED_S,
    ) -> None:
        self.position = 0
        """How many samples came in."""
        self.dropped_samples = 0
        self._waiting: deque[Chunk] = deque()
        self._taken: deque[Chunk] = deque()
        self._max_waiting = int(max_waiting_s * rate_hz)
        self._remembered = int(remembered_s * rate_hz)

    def put(self, chunk: bytes, *, arrived: float) -> Chunk:
        """Append a chunk and return it as it waits; drop the oldest ones where they exceed the bound."""
        new = Chunk(chunk, self.position, arrived)
        self.position = new.end
        self._waiting.append(new)
        while len(self._waiting) > 1 and new.end - self._waiting[0].position > self._max_waiting:
            oldest = self._waiting.popleft()
            self.dropped_samples += oldest.end - oldest.position
        return new

    def forget_dropped(self) -> int:
        """Return how many samples were dropped past the bound since this was last asked."""
        dropped, self.dropped_samples = self.dropped_samples, 0
        return dropped

    def forget(self) -> None:
        """Let go of all audio."""
        self._waiting.clear()
        self._taken.clear()

    def take(self) -> Chunk | None:
        """Remove, remember and return the oldest chunk, if there is one."""
        if not self._waiting:
            return None
        chunk = self._waiting.popleft()
        self._taken.append(chunk)
        while chunk.end - self._taken[0].end > self._remembered:
            self._taken.popleft()
        return chunk

    def rewind(self, position: int) -> None:
        """Let what was taken from `position` on be taken again, as far as it is remembered."""
        while self._taken and self._taken[-1].end > position:
            self._waiting.appendleft(self._taken.pop())
