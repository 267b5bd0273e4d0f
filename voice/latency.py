"""What one turn took, and whose time it was. Pure: instants (seconds, monotonic) come in.

    customer's words ──► sent to the service ──► [tools] ──► first audio received ──► handed over
         └── server ──┘ └─────── model, less the tools ─────┘ └──────── server ────────┘

For typed words the first step is measured from the frame's arrival. For speech the service alone
knows where the words ended, so the turn counts from its transcript; the server's share up is
then what the newest chunk of the microphone waited.
"""

from voice.wire.messages import TurnLatency


class TurnTimer:
    """Times one turn after another."""

    def __init__(self) -> None:
        self._begin: float | None = None
        self._uplink_s = 0.0
        self._first_audio: float | None = None
        self._tools_running = 0
        self._tools_since = 0.0
        self._tools_s = 0.0
        self.latest: TurnLatency | None = None

    def chunk_sent(self, *, waited_s: float) -> None:
        """Note how long the newest chunk of the microphone waited in this server."""
        if self._begin is None:
            self._uplink_s = waited_s

    def words_sent(self, *, arrived: float, sent: float) -> None:
        """Note typed words: when they arrived and when they went to the service."""
        self._start(begin=sent, uplink_s=sent - arrived)

    def words_recognised(self, *, at: float) -> None:
        """Note the service's transcript of speech; typed words have begun the turn already."""
        if self._begin is None or self.latest is not None:
            self._start(begin=at, uplink_s=self._uplink_s)

    def tool_started(self, *, at: float) -> None:
        """Note that a tool runs."""
        if self._tools_running == 0:
            self._tools_since = at
        self._tools_running += 1

    def tool_finished(self, *, at: float) -> None:
        """Note that a tool has answered; overlapping tools count once."""
        self._tools_running -= 1
        if self._tools_running == 0 and self._first_audio is None:
            self._tools_s += at - self._tools_since

    def audio_received(self, *, at: float) -> None:
        """Note a chunk of the answer; only a turn's first one counts."""
        if self._begin is not None and self._first_audio is None:
            self._first_audio = at

    def audio_delivered(self, *, at: float) -> None:
        """Note that a chunk was handed to the socket; completes the turn's measurement."""
        if self._begin is None or self._first_audio is None or self.latest is not None:
            return
        server_s = self._uplink_s + at - self._first_audio
        model_s = self._first_audio - self._begin - self._tools_s
        self.latest = TurnLatency(
            first_audio_ms=(server_s + model_s + self._tools_s) * 1000,
            model_ms=model_s * 1000,
            tool_ms=self._tools_s * 1000,
            server_ms=server_s * 1000,
        )

    def _start(self, *, begin: float, uplink_s: float) -> None:
        self._begin = begin
        self._uplink_s = uplink_s
        self._first_audio = None
        self._tools_s = 0.0
        self.latest = None
