"""The customer's audio on its way to the service: a queue, and a memory of what was sent.

A session that ends takes with it what it has not transcribed; the next one gets that again (`rewind`). So
what was sent is remembered until it is transcribed (`forget`), for half a minute at most. While there is no session nothing is lost either: 45 s may
wait, old and new together; then the oldest chunk is dropped, and counted.
"""

from collections import deque
from collections.abc import Callable

from voice import pcm

MAX_WAITING_S = 45.0
REMEMBERED_S = 30.0

type Chunk = tuple[bytes, int, float]
"""PCM, the index behind its last sample, and the instant when it arrived."""


class InboundAudio:
    """A bounded queue of chunks with a bounded memory. Positions are samples of the whole call."""

    def __init__(
        self,
        rate_hz: int,
        *,
        max_waiting_s: float = MAX_WAITING_S,
        remembered_s: float = REMEMBERED_S,
    ) -> None:
        self.position = 0
        """Index behind the last sample that came in."""
        self.waited_s = 0.0
        """How long the newest chunk that was sent had waited."""
        self._waiting: deque[Chunk] = deque()
        self._sent: deque[Chunk] = deque()
        self._waiting_samples = self._sent_samples = 0
        self._dropped_samples = 0
        self._max_waiting = int(max_waiting_s * rate_hz)
        self._remembered = int(remembered_s * rate_hz)

    @property
    def waiting_samples(self) -> int:
        """How many samples wait."""
        return self._waiting_samples

    @property
    def remembered_samples(self) -> int:
        """How many samples that were sent are remembered."""
        return self._sent_samples

    def append(self, chunk: bytes, *, arrived: float) -> None:
        """Append a chunk; drop the oldest ones if too much waits."""
        samples = len(chunk) // pcm.SAMPLE_WIDTH_BYTES
        self.position += samples
        self._waiting.append((chunk, self.position, arrived))
        self._waiting_samples += samples
        while self._waiting_samples > self._max_waiting and len(self._waiting) > 1:
            dropped = pcm.samples(len(self._waiting.popleft()[0]))
            self._waiting_samples -= dropped
            self._dropped_samples += dropped

    def send(self, send_audio: Callable[[bytes], bool], *, now: float) -> None:
        """Send what waits, oldest first, until `send_audio` returns False; remember what was sent."""
        waiting, sent = self._waiting, self._sent
        while waiting and send_audio(waiting[0][0]):
            chunk = waiting.popleft()
            samples = len(chunk[0]) // pcm.SAMPLE_WIDTH_BYTES
            sent.append(chunk)
            self.waited_s = now - chunk[2]
            self._waiting_samples -= samples
            self._sent_samples += samples
            while self._sent_samples - pcm.samples(len(sent[0][0])) > self._remembered:
                self._sent_samples -= pcm.samples(len(sent.popleft()[0]))

    def rewind(self, position: int) -> None:
        """Let everything from `position` on wait again, as far as it is remembered."""
        while self._sent and self._sent[-1][1] > position:
            chunk = self._sent.pop()
            samples = pcm.samples(len(chunk[0]))
            self._waiting.appendleft(chunk)
            self._sent_samples -= samples
            self._waiting_samples += samples

    def forget(self, position: int) -> None:
        """Remember nothing of what was sent before `position`: it will not be needed again."""
        while self._sent and self._sent[0][1] <= position:
            self._sent_samples -= pcm.samples(len(self._sent.popleft()[0]))

    def take_dropped(self) -> int:
        """Return how many samples were dropped since the last call."""
        dropped, self._dropped_samples = self._dropped_samples, 0
        return dropped

    def clear(self) -> None:
        """Drop all audio: the call is over."""
        self._waiting.clear()
        self._sent.clear()
        self._waiting_samples = self._sent_samples = 0
