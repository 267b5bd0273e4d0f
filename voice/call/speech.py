"""Where the customer speaks in their audio, and what of it the service has confirmed. Pure.

The service alone decides what was said. But a session may end before it has: then the audio that it
had not confirmed must be said again to the next one, whole words and none of them twice. So the
audio is cut here into stretches of speech by its loudness alone. A transcript of the service confirms
all stretches before the newest pause that could have ended a turn; what began behind it is open.

Loudness is judged chunk by chunk: a chunk is loud where its peak lies well above the background,
which is learnt from the quiet ones. It costs some 10 µs a chunk. That is good enough for its three
uses, each of which errs on the safe side: what to repeat (a little more), when to renew (a little
later), whether the service is deaf (only after clear speech).

Positions count samples of the uplink as the call sends it on; instants are seconds, monotonic.
"""

import array
from collections import deque
from dataclasses import dataclass, replace

LOUD_PEAK = 500
"""Below this (-36 dBFS) nothing counts as speech."""
ABOVE_BACKGROUND = 3.0
BACKGROUND_SHARE = 0.05
BEGINS_AFTER_MS = 60.0
"""So much loudness in a row is speech and no click."""
SHORTEST_PAUSE_MS = 400.0
"""The shortest pause after which the service was seen to end a turn."""
PRE_ROLL_MS = 300.0
"""Soft beginnings of words lie before the loudness."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Speech without a long pause. `until` is None while it goes on; `ended_at` is when its end came in."""

    begins: int
    until: int | None = None
    ended_at: float = 0.0


class SpeechTracker:
    """Follows one customer's audio at one rate."""

    def __init__(self, rate_hz: int, *, shortest_pause_ms: float = SHORTEST_PAUSE_MS) -> None:
        self._rate_hz = rate_hz
        self._pause_ms = shortest_pause_ms
        self._background = 0.0
        self._open: deque[Stretch] = deque()
        self._loud_since: int | None = None
        self._loud_until = 0
        self._loud_at = 0.0
        self._current: Stretch | None = None
        self.last_ended_at: float | None = None
        """When the end of the newest stretch came in; None before the first."""

    @property
    def is_speaking(self) -> bool:
        """Whether the customer speaks, or made no more than a short pause."""
        return self._current is not None

    @property
    def unconfirmed_since(self) -> int | None:
        """Where the speech begins that the service has not confirmed; None if it has confirmed all."""
        if self._open:
            return self._before(self._open[0].begins)
        return self._before(self._current.begins) if self._current else None

    @property
    def waits_since(self) -> float | None:
        """When the oldest unconfirmed speech came to its end; None while there is none."""
        return self._open[0].ended_at if self._open else None

    def hear(self, pcm: bytes, *, position: int, arrived: float) -> None:
        """Take the next chunk, whose first sample is at `position`."""
        peak, end = _peak(pcm), position + len(pcm) // 2
        if self._is_loud(peak):
            self._note_loud(position, end, arrived)
        else:
            self._note_quiet(peak, position)

    def confirmed(self, *, at: float) -> None:
        """Note that the service has told what was said: all it can have heard a pause after."""
        newest = at - 1.5 * self._pause_ms / 1000
        while self._open and self._open[0].ended_at <= newest:
            self._open.popleft()

    def forget(self) -> None:
        """Note that all so far is settled otherwise."""
        self._open.clear()
        self._current = self._loud_since = None

    # Private methods.

    def _is_loud(self, peak: int) -> bool:
        return peak >= max(LOUD_PEAK, ABOVE_BACKGROUND * self._background)

    def _note_loud(self, position: int, end: int, arrived: float) -> None:
        if self._loud_since is None:
            self._loud_since = position
        self._loud_until, self._loud_at = end, arrived
        if self._current is None and self._ms(end - self._loud_since) >= BEGINS_AFTER_MS:
            self._current = Stretch(begins=self._loud_since)

    def _note_quiet(self, peak: int, position: int) -> None:
        if self._current is None:
            self._loud_since = None
            self._background += BACKGROUND_SHARE * (peak - self._background)
        elif self._ms(position - self._loud_until) >= self._pause_ms:
            self._open.append(
                replace(self._current, until=self._loud_until, ended_at=self._loud_at)
            )
            self.last_ended_at = self._loud_at
            self._current = self._loud_since = None

    def _before(self, position: int) -> int:
        return max(0, position - int(PRE_ROLL_MS * self._rate_hz / 1000))

    def _ms(self, samples: int) -> float:
        return samples * 1000 / self._rate_hz


def _peak(pcm: bytes) -> int:
    samples = array.array("h", pcm)
    if not samples:
        return 0
    highest, lowest = max(samples), min(samples)
    return max(highest, -lowest)
