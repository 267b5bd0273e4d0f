"""What one turn took, and whose time it was. Pure: instants (seconds, monotonic) come in.

    end of speech ──► transcript ──► [tools] ──► first audio received ──► handed over ──► heard
        └── hearing ──┘ └────── model, less the tools ─────┘ └── server ──┘ └─ network, client ─┘

For typed words the turn counts from the frame's arrival, and there is no hearing. For speech the
service alone knows where the words ended; this server knows it only by loudness, to a few tens of
milliseconds (`voice.calls.voice_activity`). The server's share up is what the newest chunk of the microphone
waited. The last part is the client's to tell: from its arrival to the ear, and the way to and fro.
"""

from collections import OrderedDict
from dataclasses import dataclass

from voice.wire.messages import PlaybackStarted, TurnLatency

MAX_UNHEARD = 16
"""Replies whose first sample the client has not told of yet."""


@dataclass(frozen=True, slots=True)
class HeardReply:
    """How long a customer waited from their last word to the first sample at their ear."""

    turn: int
    heard_ms: float


class TurnTimer:
    """Times one turn after another."""

    def __init__(self) -> None:
        self._begin: float | None = None
        self._turn = 0
        self._hearing_s: float | None = None
        self._uplink_s = 0.0
        self._first_audio: float | None = None
        self._tools_running = 0
        self._tools_since = 0.0
        self._tools_s = 0.0
        self._unheard: OrderedDict[int, tuple[int, TurnLatency]] = OrderedDict()
        self.latest: TurnLatency | None = None

    def chunk_sent(self, *, waited_s: float) -> None:
        """Note how long the newest chunk of the microphone waited in this server."""
        if self._begin is None:
            self._uplink_s = waited_s

    def words_sent(self, *, turn: int, arrived: float, sent: float) -> None:
        """Note typed words: when they arrived and when they went to the service."""
        self._start(turn, begin=sent, uplink_s=sent - arrived, hearing_s=None)

    def words_recognised(self, *, turn: int, at: float, ended_at: float | None = None) -> None:
        """Note the service's transcript of speech, and when the speech ended as far as is known."""
        hearing_s = None if ended_at is None else max(0.0, at - ended_at)
        self._start(turn, begin=at, uplink_s=self._uplink_s, hearing_s=hearing_s)

    def tool_started(self, *, at: float) -> None:
        """Note that a tool runs."""
        if self._tools_running == 0:
            self._tools_since = at
        self._tools_running += 1

    def tool_finished(self, *, at: float) -> None:
        """Note that a tool has answered; overlapping tools count once."""
        self._tools_running -= 1
        if self._tools_running == 0:
            self._count_tools(at)

    def audio_received(self, *, turn: int, at: float) -> None:
        """Note a chunk of an answer; only a turn's first one counts, and none of another turn."""
        if self._begin is None or self._first_audio is not None or turn != self._turn:
            return
        if self._tools_running:
            self._count_tools(at)
        self._first_audio = at

    def audio_delivered(self, *, at: float, turn: int, position: int) -> TurnLatency | None:
        """Note that a chunk was handed to the socket; return what the turn took, at its first one."""
        if self._begin is None or self._first_audio is None or self.latest is not None:
            return None
        server_s = self._uplink_s + at - self._first_audio
        model_s = self._first_audio - self._begin - self._tools_s
        self.latest = TurnLatency(
            first_audio_ms=(server_s + model_s + self._tools_s) * 1000,
            model_ms=model_s * 1000,
            tool_ms=self._tools_s * 1000,
            server_ms=server_s * 1000,
            hearing_ms=None if self._hearing_s is None else self._hearing_s * 1000,
        )
        self._unheard[position] = turn, self.latest
        if len(self._unheard) > MAX_UNHEARD:
            self._unheard.popitem(last=False)
        return self.latest

    def of(self, turn: int) -> TurnLatency | None:
        """Return what a turn took, if it is the newest one and was measured."""
        return self.latest if turn == self._turn else None

    def heard(self, word: PlaybackStarted) -> HeardReply | None:
        """Return how long the customer waited for the reply they hear now, if it was measured."""
        turn, latency = self._unheard.pop(word.position, (0, None))
        if latency is None:
            return None
        waited_ms = (latency.hearing_ms or 0.0) + latency.first_audio_ms
        return HeardReply(turn, waited_ms + (word.rtt_ms or 0.0) + word.after_ms)

    def _count_tools(self, until: float) -> None:
        """Count the time tools ran in this turn, up to its first audio."""
        if self._begin is not None and self._first_audio is None:
            self._tools_s += until - max(self._tools_since, self._begin)

    def _start(self, turn: int, *, begin: float, uplink_s: float, hearing_s: float | None) -> None:
        self._begin, self._turn = begin, turn
        self._hearing_s = hearing_s
        self._uplink_s = uplink_s
        self._first_audio = None
        self._tools_s = 0.0
        self.latest = None
