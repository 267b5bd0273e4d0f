"""Where the customer speaks in their audio, and what of it the service has confirmed. Pure.

The service alone decides what was said. But a session may end before it has: then the audio that it
had not confirmed must be said again to the next one, whole words and none of them twice. So the
audio is cut here into stretches of speech by its loudness alone. A transcript of the service confirms
all stretches before the newest pause that could have ended a turn; what began behind it is open.

Loudness is judged frame by frame: a frame is loud where its peak lies well above the background, which
is the quietest frame of the last second or two, since even fast speech has closed lips in it. So a
noise that goes on is no speech for long. It costs some 10 µs a chunk. That is good enough for its three
uses, each of which errs on the safe side: what to repeat (a little more), when to renew (a little
later), whether the service is deaf (only after clear speech).
"""

import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

LOUD_PEAK = 500
"""Below this (-36 dBFS) nothing counts as speech."""
ABOVE_BACKGROUND = 3.0
FRAME_MS = 16.0
BACKGROUND_MS = 1_000.0
BEGINS_AFTER_MS = 60.0
"""So much loudness in a row is speech and no click."""
SHORTEST_PAUSE_MS = 400.0
"""The shortest pause after which the service was seen to end a turn."""
PRE_ROLL_MS = 300.0
"""Soft beginnings of words lie before the loudness."""
ARRIVALS_S = 4.0
"""How long it is remembered when which audio arrived."""
TURN_ENDS_MS = 1_600.0
"""A pause that ends a turn for sure, where the service is told to wait no longer than it must (1.5 s)."""
TOLD_WITHIN_S = 4.0
"""So long after its end at most the service tells what was said."""
MOST_PASSES = 2
"""What so many sessions took no notice of was no speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSegment:
    """Speech without a long pause, from its first sample until behind its last one.

    `ended_at` is when its end came in, `heard_at` when the current session got it; for `passes` see
    `passed_over`.
    """

    begins: int
    until: int = 0
    ended_at: float = 0.0
    heard_at: float = 0.0
    passes: int = 0


class _Background:
    """The peak of the quietest frame of late."""

    def __init__(self, block_samples: int) -> None:
        self.peak = 0
        self._block_samples = block_samples
        self._samples = self._before = 0
        self._lowest: int | None = None

    def note(self, peak: int, samples: int) -> None:
        self._lowest = peak if self._lowest is None else min(self._lowest, peak)
        self._samples += samples
        self.peak = min(self._before, self._lowest)
        if self._samples >= self._block_samples:
            self._before, self._lowest, self._samples = self._lowest, None, 0


class VoiceActivityTracker:
    """Follows one customer's audio at one rate."""

    def __init__(self, rate_hz: int, *, shortest_pause_ms: float = SHORTEST_PAUSE_MS) -> None:
        self._rate_hz = rate_hz
        self._frame_samples = int(FRAME_MS * rate_hz / 1000)
        self._pause_ms = shortest_pause_ms
        # A service that is quicker with the one is with the other, too.
        self._turn_ends_ms = TURN_ENDS_MS * shortest_pause_ms / SHORTEST_PAUSE_MS
        self._background = _Background(int(BACKGROUND_MS * rate_hz / 1000))
        self._open: deque[SpeechSegment] = deque()
        self._loud_since: int | None = None
        self._loud_until = 0
        self._loud_at = self._moved_at = 0.0
        self._heard_to = 0
        self._current: SpeechSegment | None = None
        # When which audio had arrived, up to which sample.
        self._arrivals: deque[tuple[float, int]] = deque()

    @property
    def is_speaking(self) -> bool:
        """Whether the customer speaks, or made no more than a short pause."""
        return self._current is not None

    @property
    def is_broken_off(self) -> bool:
        """Whether what came so far stops in the middle of speech, or of what may become some."""
        return self._loud_since is not None

    @property
    def unconfirmed_since(self) -> int | None:
        """Where the speech begins that the service has not confirmed; None if it has confirmed all."""
        first = self._open[0] if self._open else self._current
        begins = first.begins if first else self._loud_since
        # Not so far that the end of the speech before is said again.
        pre_roll_ms = min(PRE_ROLL_MS, 0.75 * self._pause_ms)
        return None if begins is None else max(0, begins - self._samples(pre_roll_ms))

    @property
    def waits_since(self) -> float | None:
        """When the oldest unconfirmed speech came to its end; None while there is none."""
        return self._open[0].ended_at if self._open else None

    def hear(self, pcm: bytes, *, position: int, arrived: float) -> None:
        """Take the next chunk, whose first sample is at `position`."""
        for begin, frame in self._frames(pcm, position):
            self._note(frame, begin, arrived)
        self._heard_to = position + len(pcm) // 2
        self._arrivals.append((arrived, self._heard_to))
        while len(self._arrivals) > 1 and self._arrivals[1][0] <= arrived - ARRIVALS_S:
            self._arrivals.popleft()

    def confirmed(self, *, at: float) -> float | None:
        """Note that the service has told what was said: all it can have heard a pause after.

        What came to it in a burst it may have heard in no time: then it told of the rest of a turn, or of
        the first one. Where nothing came to its end lately, it heard a pause that noise has hidden here.
        Return when the newest speech in it came to its end; None where none is known.
        """
        newest = at - 1.5 * self._pause_ms / 1000
        had_time = sum(1 for stretch in self._open if stretch.heard_at <= newest)
        confirmed = [self._open.popleft() for _ in range(self._to_end_of_turn(had_time))]
        lately = any(at - stretch.heard_at <= TOLD_WITHIN_S for stretch in confirmed)
        if self._current is not None and not lately and newest >= self._moved_at:
            begins = max(self._current.begins, self._arrived_by(newest))
            self._current = replace(self._current, begins=begins)
        return confirmed[-1].ended_at if confirmed else None

    def moved(self, *, at: float) -> None:
        """Note that another session hears all that is not confirmed, in a burst."""
        self._moved_at = at
        self._open = deque(replace(stretch, heard_at=at) for stretch in self._open)

    def passed_over(self) -> None:
        """Note that a session has taken no notice of what is open, in all the time it had."""
        passed = (replace(each, passes=each.passes + 1) for each in self._open)
        self._open = deque(each for each in passed if each.passes < MOST_PASSES)

    # Private methods.

    def _frames(self, pcm: bytes, position: int) -> Iterator[tuple[int, array.array[int]]]:
        """Cut a chunk where frames end, which depends on no chunk's length."""
        samples, at = array.array("h", pcm), 0
        while at < len(samples):
            end = at + self._frame_samples - (position + at) % self._frame_samples
            yield position + at, samples[at:end]
            at = end

    def _note(self, frame: array.array[int], position: int, arrived: float) -> None:
        highest, lowest, end = max(frame), min(frame), position + len(frame)
        peak = max(highest, -lowest)
        if peak >= max(LOUD_PEAK, ABOVE_BACKGROUND * self._background.peak):
            self._note_loud(position, end, arrived)
        else:
            self._note_quiet(end)
        self._background.note(peak, len(frame))

    def _note_loud(self, position: int, end: int, arrived: float) -> None:
        if self._loud_since is None:
            self._loud_since = position
        self._loud_until, self._loud_at = end, arrived
        if self._current is None and end - self._loud_since >= self._samples(BEGINS_AFTER_MS):
            self._current = SpeechSegment(begins=self._loud_since)

    def _note_quiet(self, end: int) -> None:
        if self._current is None:
            self._loud_since = None
        elif end - self._loud_until >= self._samples(self._pause_ms):
            ended_at = self._loud_at
            stretch = replace(
                self._current, until=self._loud_until, ended_at=ended_at, heard_at=ended_at
            )
            self._open.append(stretch)
            self._current = self._loud_since = None

    def _to_end_of_turn(self, count: int) -> int:
        """Return how many open stretches there are up to the end of the turn of the first `count`.

        A turn that has not come to its end surely is left as it is; but of none there is a transcript of.
        """
        begins = [stretch.begins for stretch in self._open][1:]
        begins.append(self._heard_to if self._loud_since is None else self._loud_since)
        pauses = (
            following - stretch.until
            for stretch, following in zip(self._open, begins, strict=False)
        )
        for number, pause in enumerate(pauses, start=1):
            if number >= count and pause >= self._samples(self._turn_ends_ms):
                return number
        return count or len(self._open)

    def _arrived_by(self, instant: float) -> int:
        """Return up to which sample the audio had arrived by then, as far as is remembered."""
        return max((end for arrived, end in self._arrivals if arrived <= instant), default=0)

    def _samples(self, duration_ms: float) -> int:
        return int(duration_ms * self._rate_hz / 1000)
