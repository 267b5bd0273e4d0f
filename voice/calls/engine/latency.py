"""What one turn took, and whose time it was. Instants are seconds of one monotonic clock.

    end of speech ──► transcript ──► [tools] ──► first audio received ──► sent ──► heard
        └── hearing ──┘ └────── model, less the tools ─────┘ └─ server ──┘ └─ network, client ─┘

With Nova 2.5 `userSpeechEnd` takes the transcript's place: it comes first, and the model works from then on.
For typed text the turn begins when the text arrives, and there is no hearing. For speech the service alone
knows where it ended; this server knows it by loudness, to a few tens of milliseconds. The server's share on
the way up is how long the newest chunk of audio waited. The last part is reported by the client: from the
arrival of the audio to the ear, and the round trip.
"""

from collections import OrderedDict
from dataclasses import dataclass

from voice.wire.messages import TurnLatency

MAX_UNPLAYED = 16
"""How many replies are remembered whose playback has not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackLatency:
    """How long a customer waited from the end of their speech or text until they heard the reply."""

    turn: int
    waited_ms: float


class TurnTimer:
    """Times one turn after another."""

    def __init__(self) -> None:
        self.latest: TurnLatency | None = None
        """The latency of the current turn, once its first audio was sent."""
        self._turn = 0
        self._began_at: float | None = None
        self._speech_end_at: float | None = None
        self._hearing_s: float | None = None
        self._uplink_s = 0.0
        self._first_audio_at: float | None = None
        self._running_tools = 0
        self._tools_since = 0.0
        self._tools_s = 0.0
        self._unplayed: OrderedDict[int, tuple[int, TurnLatency]] = OrderedDict()

    def speech_end_received(self, *, now: float) -> None:
        """Record `userSpeechEnd`: the next turn of speech begins here and not at its transcript."""
        self._speech_end_at = now

    def begin(self, turn: int, *, now: float) -> None:
        """Begin the turn of a typed text that was received at `now`."""
        self._begin(turn, began_at=now, hearing_s=None, waited_s=0.0)

    def begin_speech(
        self, turn: int, *, now: float, ended_at: float | None = None, waited_s: float = 0.0
    ) -> None:
        """Begin the turn of a transcript.

        Args:
            turn: The turn's number.
            now: When the transcript was received.
            ended_at: When the speech ended, if that is known.
            waited_s: How long the newest chunk of audio waited in this server.

        """
        reported_at, self._speech_end_at = self._speech_end_at, None
        began_at = now
        if reported_at is not None and (ended_at is None or reported_at > ended_at):
            began_at = reported_at
        hearing_s = None if ended_at is None else max(0.0, began_at - ended_at)
        self._begin(turn, began_at=began_at, hearing_s=hearing_s, waited_s=waited_s)

    def _begin(
        self, turn: int, *, began_at: float, hearing_s: float | None, waited_s: float
    ) -> None:
        self._turn, self._began_at, self._hearing_s = turn, began_at, hearing_s
        self._uplink_s = waited_s
        self._first_audio_at, self._tools_s, self.latest = None, 0.0, None

    def tool_started(self, *, now: float) -> None:
        """Record that a tool runs."""
        if self._running_tools == 0:
            self._tools_since = now
        self._running_tools += 1

    def tool_finished(self, *, now: float) -> None:
        """Record that a tool has finished; the time of overlapping tools counts once."""
        self._running_tools -= 1
        if self._running_tools == 0:
            self._add_tool_time(now)

    def audio_received(self, turn: int, *, now: float) -> None:
        """Record audio of a reply; only the first one of the current turn counts."""
        if self._began_at is None or self._first_audio_at is not None or turn != self._turn:
            return
        if self._running_tools:
            self._add_tool_time(now)
        self._first_audio_at = now

    def audio_sent(self, turn: int, *, position: int, now: float) -> TurnLatency | None:
        """Record that audio was handed to the connection; return the turn's latency, the first time."""
        if self._began_at is None or self._first_audio_at is None:
            return None
        if self.latest is not None or turn != self._turn:
            return None
        server_s = self._uplink_s + now - self._first_audio_at
        model_s = self._first_audio_at - self._began_at - self._tools_s
        self.latest = TurnLatency(
            first_audio_ms=(server_s + model_s + self._tools_s) * 1000,
            model_ms=model_s * 1000,
            tool_ms=self._tools_s * 1000,
            server_ms=server_s * 1000,
            hearing_ms=None if self._hearing_s is None else self._hearing_s * 1000,
        )
        self._unplayed[position] = turn, self.latest
        if len(self._unplayed) > MAX_UNPLAYED:
            self._unplayed.popitem(last=False)
        return self.latest

    def of(self, turn: int) -> TurnLatency | None:
        """Return the latency of a turn, if it is the current one and was measured."""
        return self.latest if turn == self._turn else None

    def playback_began(
        self, *, position: int, after_ms: float, rtt_ms: float | None
    ) -> PlaybackLatency | None:
        """Return how long the customer waited for the reply at `position`, if it was measured."""
        turn, latency = self._unplayed.pop(position, (0, None))
        if latency is None:
            return None
        server_ms = (latency.hearing_ms or 0.0) + latency.first_audio_ms
        return PlaybackLatency(turn=turn, waited_ms=server_ms + (rtt_ms or 0.0) + after_ms)

    def _add_tool_time(self, until: float) -> None:
        """Count the time that tools ran in this turn, up to its first audio."""
        if self._began_at is not None and self._first_audio_at is None:
            self._tools_s += until - max(self._tools_since, self._began_at)
