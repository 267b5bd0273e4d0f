"""Unconfirmed speech: the customer's speech that the service has not transcribed.

A session may end before it has transcribed what the customer said. The next one must get that audio
again: whole words, and none of them twice. A transcript *confirms* all speech before the newest pause that
could have ended a turn. The pauses are known from the edges (`SpeechBegan`, `SpeechEnded`) that
`voice.calls.audio.speech_detector` reports; positions are samples of the inbound audio of the call.
"""

from collections import deque
from dataclasses import dataclass, replace

PRE_ROLL_MS = 300.0
"""Soft beginnings of words lie before the loudness."""
TURN_ENDS_MS = 1_600.0
"""A pause that certainly ends a turn: the service waits for 1.5 s at most. Scales with `shortest_pause_ms`."""
SHORTEST_PAUSE_MS = 400.0
"""The shortest pause after which the service was seen to end a turn."""
TRANSCRIBED_WITHIN_S = 4.0
"""The service transcribes speech at most so long after its end."""
NOISE_AFTER_S = 8.0
"""Sound that a session has not transcribed for so long is noise: the client may drop it."""
MOST_SESSIONS = 2
"""Sound that so many sessions have not transcribed is noise: no further one gets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFacts:
    """What the audio path knows of the customer's audio at the moment of an event; positions in samples."""

    received_to: int = 0
    loud_since: int | None = None
    """Where the current loudness begins; None while it is quiet."""
    covered_to: int = 0
    """Up to where the audio arrived at least `transcription_margin_s` ago."""
    waited_s: float = 0.0
    """How long the newest chunk waited until it was sent to the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSegment:
    """Speech without a long pause, from its first sample to behind its last one."""

    begins: int
    until: int
    ended_at: float
    """When its end arrived."""
    received_at: float | None
    """When the current session got its end; None while there is no session."""
    ignored_by: int = 0
    """How many sessions did not respond to it."""


class UnconfirmedSpeech:
    """The speech of one customer that no transcript covers."""

    def __init__(self, rate_hz: int, *, shortest_pause_ms: float) -> None:
        self.transcription_margin_s = 1.5 * shortest_pause_ms / 1000
        """Speech that ended later than this before a transcript may not be in it."""
        self._pre_roll = int(min(PRE_ROLL_MS, 0.75 * shortest_pause_ms) * rate_hz / 1000)
        # A service whose shortest pause is shorter ends a turn sooner in proportion.
        self._turn_ends = int(TURN_ENDS_MS * shortest_pause_ms / SHORTEST_PAUSE_MS * rate_hz / 1000)
        self._ended: deque[SpeechSegment] = deque()
        self._begins: int | None = None
        self._session_since: float | None = None
        self._has_transcribed_burst = False
        """Whether the session has transcribed a part of what it got in a burst."""

    @property
    def is_speaking(self) -> bool:
        """Whether the customer speaks, or has not paused for long."""
        return self._begins is not None

    @property
    def segments(self) -> tuple[SpeechSegment, ...]:
        """The unconfirmed speech that has ended, oldest first."""
        return tuple(self._ended)

    @property
    def waits_since(self) -> float | None:
        """When the oldest unconfirmed speech ended; None if there is none."""
        return self._ended[0].ended_at if self._ended else None

    def since(self, loud_since: int | None) -> int | None:
        """Return where the unconfirmed speech begins; None if all is confirmed."""
        return self._with_pre_roll(
            self._ended[0].begins if self._ended else self._begins, loud_since
        )

    def unacknowledged_since(self, loud_since: int | None, *, now: float) -> int | None:
        """Return where the audio begins that the client must keep; None if it need not keep any.

        Unlike `since`, this leaves out what a session has not transcribed for long: a client that kept
        every cough until two sessions have ignored it could not drop anything behind it.
        """
        begins = self._begins
        for segment in self._ended:
            if segment.received_at is None or now - segment.received_at < NOISE_AFTER_S:
                begins = segment.begins
                break
        return self._with_pre_roll(begins, loud_since)

    # The audio path

    def speech_began(self, begins: int) -> None:
        """Record that the customer began to speak."""
        self._begins = begins

    def speech_ended(self, *, until: int, ended_at: float) -> None:
        """Record that the customer paused."""
        if self._begins is not None:
            received_at = None if self._session_since is None else ended_at
            self._ended.append(
                SpeechSegment(
                    begins=self._begins, until=until, ended_at=ended_at, received_at=received_at
                )
            )
            self._begins = None

    # The sessions

    def confirm(self, facts: InputFacts, *, now: float) -> float | None:
        """Remove what a transcript covers; return when the newest speech in it ended, if known.

        A session transcribes what it got in a burst turn by turn, which takes it a while: each transcript
        covers the first turn that is left of it. If no speech ended lately, the service found a pause that
        noise hides here.
        """
        newest = now - self.transcription_margin_s
        old_enough = sum(
            1 for s in self._ended if s.received_at is not None and s.received_at <= newest
        )
        if self._is_burst_pending and not self._is_burst_over(now):
            self._has_transcribed_burst, old_enough = True, 0
        confirmed = [self._ended.popleft() for _ in range(self._up_to_turn_end(old_enough, facts))]
        has_recent = any(
            s.received_at is not None and now - s.received_at <= TRANSCRIBED_WITHIN_S
            for s in confirmed
        )
        is_session_old_enough = self._session_since is not None and newest >= self._session_since
        if self._begins is not None and not has_recent and is_session_old_enough:
            self._begins = max(self._begins, facts.covered_to)
        return confirmed[-1].ended_at if confirmed else None

    def change_session(self, *, now: float) -> None:
        """Record that another session gets all that is not confirmed, in a burst."""
        self._session_since, self._has_transcribed_burst = now, False
        self._ended = deque(replace(segment, received_at=now) for segment in self._ended)

    def forget_ignored_burst(self, *, now: float) -> None:
        """Remove the rest of a burst that the session has transcribed in part: the rest was noise."""
        if self._has_transcribed_burst and self._is_burst_over(now):
            self._ended = deque(s for s in self._ended if s.received_at != self._session_since)
            self._has_transcribed_burst = False

    def lose_session(self) -> None:
        """Record that no session receives the customer's audio."""
        self._session_since, self._has_transcribed_burst = None, False
        self._ended = deque(replace(segment, received_at=None) for segment in self._ended)

    def session_ignored(self) -> None:
        """Record that a session did not respond to the speech that ended, although it had enough time."""
        counted = (replace(s, ignored_by=s.ignored_by + 1) for s in self._ended)
        self._ended = deque(s for s in counted if s.ignored_by < MOST_SESSIONS)

    # Private methods

    @property
    def _is_burst_pending(self) -> bool:
        """Whether the oldest unconfirmed speech came to the session in a burst."""
        return (
            self._session_since is not None
            and bool(self._ended)
            and self._ended[0].received_at == self._session_since
        )

    def _is_burst_over(self, now: float) -> bool:
        since = self._session_since
        return since is not None and now - since > TRANSCRIBED_WITHIN_S

    def _with_pre_roll(self, begins: int | None, loud_since: int | None) -> int | None:
        begins = loud_since if begins is None else begins
        return None if begins is None else max(0, begins - self._pre_roll)

    def _up_to_turn_end(self, count: int, facts: InputFacts) -> int:
        """Return how many segments there are up to the pause that ends the turn of segment `count`.

        Without such a pause it is `count`, or all segments if `count` is 0: a transcript covers something.
        """
        if not self._ended:
            return 0
        following = [segment.begins for segment in self._ended][1:]
        following.append(facts.received_to if facts.loud_since is None else facts.loud_since)
        for number, (segment, next_begins) in enumerate(
            zip(self._ended, following, strict=True), start=1
        ):
            if number >= count and next_begins - segment.until >= self._turn_ends:
                return number
        return count or len(self._ended)
