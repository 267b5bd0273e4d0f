"""The engine's output. The runtime executes commands at once and in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conversations.domain import Utterance
from voice.calls.engine.tool_calls import ToolCall
from voice.sonic.errors import SonicError
from voice.wire.messages import EndReason, ServerMessage, TurnLatency

# The client


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """Send a message to the client."""

    message: ServerMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReplyAudio:
    """Send the audio of a content to the client, as part of the reply of `turn`.

    `source` is the service's own event, from which legacy clients get the audio's.
    """

    content_id: str
    turn: int
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndReplyAudio:
    """Mark the end of a reply's audio. `is_answer`: the turn is answered with it."""

    is_answer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushReplyAudio:
    """Drop all audio that was not played, and send no more of the content that is open."""

    generation: int


# The sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """Open a session after `delay_s`; `SessionOpened` or `SessionLost` follows."""

    session: int
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginConversation:
    """Give a session the conversation so far, the customer's unconfirmed speech, and what follows."""

    session: int
    history: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendText:
    """Send text to the model in the user role."""

    session: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendToolResult:
    """Give the result of a tool use to the session that asked for it."""

    session: int
    tool_use_id: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession:
    """End a session in order; `SessionLost` follows."""

    session: int


# Tools and records


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTool:
    """Run a tool; `ToolFinished` with its key follows."""

    tool_call: ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordUtterances:
    """Store utterances that were said or changed, at once."""

    utterances: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState:
    """Store the state from which another server would restore the call, soon."""


# Figures and logs


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLatency:
    """Measure the latency of a turn."""

    latency: TurnLatency


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPlaybackLatency:
    """Measure how long the customer waited until they heard the reply."""

    waited_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInterruption:
    """Count an interruption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTokens:
    """Count tokens, by kind."""

    used: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSessionLost:
    """Log and count that a session was lost.

    `pause_s` is what recovery says: the pause before another one is opened, None if it would open none. A
    prepared session, or one that is being prepared, takes over without it.
    """

    failure: str
    error: str
    pause_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNextSessionLost:
    """Log that the session that was being prepared is gone."""

    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRotation:
    """Count that the call moved to its next session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUnknownEvent:
    """Count an event that this program does not know."""

    session: int
    name: str


# The end


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFailure:
    """Tell the client why the call fails."""

    error: SonicError


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseText:
    """Tell the client that too many texts wait for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCall:
    """End the call; nothing but `Stopped` follows."""

    reason: EndReason


type Command = (
    SendMessage
    | OpenReplyAudio
    | EndReplyAudio
    | FlushReplyAudio
    | OpenSession
    | BeginConversation
    | SendText
    | SendToolResult
    | EndSession
    | RunTool
    | RecordUtterances
    | RecordState
    | ReportLatency
    | ReportPlaybackLatency
    | ReportInterruption
    | ReportTokens
    | ReportSessionLost
    | ReportNextSessionLost
    | ReportRotation
    | ReportUnknownEvent
    | SendFailure
    | RefuseText
    | EndCall
)

SESSION_COMMANDS = (BeginConversation, SendText, SendToolResult, EndSession)
"""Commands that send something on the stream of a session."""
