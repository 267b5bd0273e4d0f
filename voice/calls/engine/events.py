"""The engine's input: from the client, the service, the audio path, the tools and the clock.

Instants are seconds of one monotonic clock. Positions are samples: of the outbound audio where nothing
else is said, all replies of the call together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conversations.domain import ToolOutcome
from voice.calls.engine.unconfirmed_speech import InputFacts
from voice.sonic.errors import SonicError
from voice.sonic.events import OutputEvent, ToolUse

# The client


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTyped:
    """The customer typed something, when `position` samples of outbound audio had been received."""

    text: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackAcknowledged:
    """The client reported how far it has played; `played_to` is never beyond what was sent."""

    generation: int
    played_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPlaybackStarted:
    """The first sample of the reply at `position` is being played.

    `after_ms` runs from the arrival of its frame at the client, `rtt_ms` is the newest round trip.
    """

    position: int
    after_ms: float
    rtt_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HungUp:
    """The customer hung up."""


# The audio path


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechBegan:
    """The customer began to speak, at sample `begins` of their audio."""

    begins: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded:
    """The customer paused, at sample `until` of their audio, which arrived at `ended_at`."""

    until: int
    ended_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudioBegan:
    """The first chunk of a reply was received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudioSent:
    """The first chunk of a reply, at `position`, was handed to the client's connection."""

    turn: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySent:
    """All audio of a reply was handed to the client's connection."""

    turn: int
    position: int
    is_answer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackBegan:
    """There is audio that the customer has not heard; before there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackEnded:
    """The customer has heard all audio there is, up to `played_to`."""

    played_to: int


# The service


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """The service accepted a session; see `OpenSession`."""

    session: int
    credentials_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLost:
    """A session failed to open, broke or ended. `error` is None if both sides ended it in order.

    `jitter` is a random number, evenly distributed from 0 to 1: it spreads the pause before the next session.
    """

    session: int
    error: SonicError | None
    jitter: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputReceived:
    """The service sent an event that is neither audio nor a tool use.

    `position` is the number of samples of outbound audio received before it.
    """

    session: int
    output: OutputEvent
    position: int
    input: InputFacts = field(default_factory=InputFacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled:
    """The service calls a tool.

    `signature` is the same for the same tool and arguments, and `is_read_only` says that the tool
    changes nothing.
    """

    session: int
    use: ToolUse
    signature: str
    is_read_only: bool


# The tools


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished:
    """A tool call has its result."""

    key: str
    outcome: ToolOutcome
    result: Mapping[str, Any]


# The clock, and the server


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The call starts, or is restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """Some time has passed; about ten times a second. `jitter`: see `SessionLost`."""

    jitter: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNeeded:
    """Lines are scarce, and nobody has spoken in this call for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetExhausted:
    """The minutes that the caller, or all callers, may use are used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The call stops here: it has ended, or it is suspended or handed over.

    `played_to` is how far the customer has heard, or will have: a connected client plays what it was sent.
    """

    played_to: int


type Event = (
    TextTyped
    | PlaybackAcknowledged
    | ReplyPlaybackStarted
    | HungUp
    | SpeechBegan
    | SpeechEnded
    | ReplyAudioBegan
    | ReplyAudioSent
    | ReplySent
    | PlaybackBegan
    | PlaybackEnded
    | SessionOpened
    | SessionLost
    | OutputReceived
    | ToolCalled
    | ToolFinished
    | Started
    | Ticked
    | LineNeeded
    | BudgetExhausted
    | Stopped
)
