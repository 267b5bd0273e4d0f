"""Where the customer speaks, by loudness alone.

The service decides what was said, and when a turn ends. This detector only finds stretches of loudness,
for purposes that tolerate an error: which audio to repeat to the next session (a little too much), when
to rotate sessions (a little late), whether the service responds (only after clear speech).

Audio is judged in frames of 16 ms. A frame is loud if its peak is well above the background, which is the
quietest frame of the last one or two seconds: even fast speech has closed lips in it, so steady noise is
not speech for long. Peaks are taken from every few samples only, which costs a few microseconds a chunk
and misses nothing below 1 kHz.
"""

import array
from collections import deque

from voice.calls.engine.events import SpeechBegan, SpeechEnded

LOUD_PEAK = 500
"""Below this (-36 dBFS) nothing is speech."""
ABOVE_BACKGROUND = 3.0
FRAME_MS = 16.0
PEAK_RATE_HZ = 2_000
"""How many samples per second are looked at."""
BACKGROUND_MS = 1_000.0
BEGINS_AFTER_MS = 60.0
"""So much loudness in a row is speech; less is a click."""
ARRIVALS_S = 4.0
"""For how long the arrival times of audio are remembered."""
ARRIVAL_INTERVAL_S = 0.02


type SpeechEdge = SpeechBegan | SpeechEnded


class SpeechDetector:
    """Finds the beginnings and ends of speech in one customer's audio."""

    def __init__(self, rate_hz: int, *, shortest_pause_ms: float) -> None:
        self.received_to = 0
        """Index behind the last sample."""
        self.loud_since: int | None = None
        """Where the current speech begins, or sound that may become speech; None while it is quiet."""
        self.is_speaking = False
        """Whether the customer speaks, or has not paused for long."""
        self._frame_samples = int(FRAME_MS * rate_hz / 1000)
        self._stride = max(1, rate_hz // PEAK_RATE_HZ)
        self._begins_after = int(BEGINS_AFTER_MS * rate_hz / 1000)
        self._pause_samples = int(shortest_pause_ms * rate_hz / 1000)
        self._loud_until, self._loud_at = 0, 0.0
        # The quietest peak of this block of the background and of the one before.
        self._background = 0
        self._block_samples = int(BACKGROUND_MS * rate_hz / 1000)
        self._samples_in_block = self._quietest_before = 0
        self._quietest: int | None = None
        self._arrivals: deque[tuple[float, int]] = deque()

    def process(self, pcm: bytes, *, position: int, arrived: float) -> list[SpeechEdge]:
        """Process the next chunk, whose first sample is `position`; return the edges in it."""
        samples, edges, stride = array.array("h", pcm), [], self._stride
        at, length = 0, len(samples)
        while at < length:
            end = min(length, at + self._frame_samples - (position + at) % self._frame_samples)
            looked_at = samples[at:end:stride]
            highest, lowest = max(looked_at), min(looked_at)
            peak = max(highest, -lowest)
            edge = self._process_frame(peak, position + at, position + end, arrived)
            if edge is not None:
                edges.append(edge)
            at = end
        self.received_to = position + length
        self._remember_arrival(arrived)
        return edges

    def received_by(self, instant: float) -> int:
        """Return the index behind the last sample that had arrived at `instant`, as far as known."""
        return max((end for arrived, end in self._arrivals if arrived <= instant), default=0)

    # Private methods

    def _process_frame(self, peak: int, begin: int, end: int, arrived: float) -> SpeechEdge | None:
        is_loud = peak >= LOUD_PEAK and peak >= ABOVE_BACKGROUND * self._background
        self._update_background(peak, end - begin)
        if is_loud:
            self._loud_until, self._loud_at = end, arrived
            if self.loud_since is None:
                self.loud_since = begin
            if not self.is_speaking and end - self.loud_since >= self._begins_after:
                self.is_speaking = True
                return SpeechBegan(begins=self.loud_since)
        elif not self.is_speaking:
            self.loud_since = None
        elif end - self._loud_until >= self._pause_samples:
            self.loud_since, self.is_speaking = None, False
            return SpeechEnded(until=self._loud_until, ended_at=self._loud_at)
        return None

    def _update_background(self, peak: int, samples: int) -> None:
        quietest = peak if self._quietest is None else min(self._quietest, peak)
        self._background = min(self._quietest_before, quietest)
        self._samples_in_block += samples
        if self._samples_in_block >= self._block_samples:
            self._quietest_before, self._quietest, self._samples_in_block = quietest, None, 0
        else:
            self._quietest = quietest

    def _remember_arrival(self, arrived: float) -> None:
        arrivals = self._arrivals
        if arrivals and arrived - arrivals[-1][0] < ARRIVAL_INTERVAL_S:
            arrivals[-1] = (arrived, self.received_to)
            return
        arrivals.append((arrived, self.received_to))
        while len(arrivals) > 1 and arrivals[1][0] <= arrived - ARRIVALS_S:
            arrivals.popleft()
