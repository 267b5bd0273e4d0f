"""What the customer hears of the assistant, as far as it matters to the engine.

Outbound audio belongs to a *generation*; each interruption begins a new one, and from then on no audio of
an older one leaves the server. How much of an interrupted reply was heard is known when the client
acknowledges the new generation, or from its last acknowledgement if it does not for a while.
"""

from dataclasses import dataclass
from enum import StrEnum

REPORT_TIMEOUT_S = 0.5
"""How long a client may take to report how far it played an interrupted reply."""
LISTENS_S = 30.0
"""A customer who has heard nothing for so long, although audio waits for them, does not listen."""


class PlaybackPhase(StrEnum):
    """Whether the customer hears the assistant."""

    SILENT = "silent"
    """They have heard all there is."""
    PLAYING = "playing"
    """There is audio that they have not heard."""


@dataclass(slots=True, kw_only=True)
class PlaybackState:
    """The playback at one client."""

    is_reported: bool
    """Whether the client acknowledges playback. If not, the end of playback is estimated."""
    phase: PlaybackPhase = PlaybackPhase.SILENT
    generation: int = 0
    played_to: int = 0
    """Index behind the last sample that the customer has heard, as far as is known."""
    progressed_at: float = 0.0
    """When they last heard something, as far as is known."""
    report_due_at: float | None = None
    """Until when the client may report how far it played an interrupted reply; None if none was."""
    is_reply_sent: bool = True
    """Whether all audio of the newest reply has been handed to the client's connection."""
    interruptions: int = 0

    def begin(self, *, now: float) -> None:
        """Record that there is audio to play."""
        self.phase, self.progressed_at = PlaybackPhase.PLAYING, now

    def end(self, *, played_to: int) -> None:
        """Record that the customer has heard all there is."""
        self.phase, self.played_to = PlaybackPhase.SILENT, max(self.played_to, played_to)

    def acknowledge(self, *, generation: int, played_to: int, now: float) -> bool:
        """Record an acknowledgement; return whether it says how far an interrupted reply was heard."""
        if played_to > self.played_to:
            self.played_to, self.progressed_at = played_to, now
        return self.report_due_at is not None and generation == self.generation % 2**16

    def cut(self, *, now: float) -> None:
        """Begin a new generation: what was not played is dropped."""
        self.generation += 1
        self.phase, self.is_reply_sent = PlaybackPhase.SILENT, True
        if self.is_reported:
            self.report_due_at = now + REPORT_TIMEOUT_S

    def is_sounding(self, *, now: float) -> bool:
        """Return whether the customer still has something to hear, and listens."""
        return self.phase is PlaybackPhase.PLAYING and now < self.progressed_at + LISTENS_S
