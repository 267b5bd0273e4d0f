"""The messages that a client and a call exchange, whatever the wire.

Client messages come from the client, server messages go to it. Audio is 16-bit little-endian mono
PCM; positions count samples of outbound audio from the start of the call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conversations.domain import ToolOutcome, Utterance
from voice import pcm
from voice.wire.close_codes import CloseCode

MAX_TEXT_CHARACTERS = 2_000


# --- From the client


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCall:
    """Start a call.

    `voice` and `language` are None if the server shall choose; `greet` tells whether the assistant
    speaks first.
    """

    input_rate_hz: int = pcm.INPUT_RATE_HZ
    ticket: str = field(default="", repr=False)
    voice: str | None = None
    language: str | None = None
    greet: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeCall:
    """Resume a call on a new connection.

    Attributes:
        token: The call's resume token.
        next_sequence: The first frame of the server that the client does not have.
        generation: The newest generation of audio that the client knows.
        position: The playback position.
        has_lost_state: Whether the client knows nothing but the token, as after a page reload.

    """

    token: str = field(repr=False)
    next_sequence: int
    generation: int
    position: int
    has_lost_state: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAudio:
    """A chunk of microphone audio."""

    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerText:
    """A text that the customer typed."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCall:
    """Hang up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAcknowledgement:
    """The last frame that the client received, and its playback position in `generation`."""

    sequence: int
    generation: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackStarted:
    """The first sample of a reply was played.

    Attributes:
        position: Position of the reply's first audio frame.
        after_ms: Time from the arrival of that frame to its playback.
        rtt_ms: The newest round-trip time; None if none was measured.

    """

    position: int
    after_ms: float
    rtt_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Measure the round-trip time; the server answers with a `Pong` of the same payload."""

    payload: bytes


type ClientMessage = (
    StartCall
    | ResumeCall
    | CustomerAudio
    | CustomerText
    | EndCall
    | ClientAcknowledgement
    | PlaybackStarted
    | Ping
)


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A client message, with its number if the wire has numbers, and whether it was sent before."""

    message: ClientMessage
    sequence: int | None = None
    is_resent: bool = False


# --- To the client


class EndReason(StrEnum):
    """Why a call ended."""

    CLIENT = "client"
    MODEL = "model"
    ERROR = "error"
    IDLE = "idle"
    LIMIT = "limit"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReady:
    """The call has started. A client with its `resume_token` may resume it for `resume_for_s`."""

    call_id: str
    input_rate_hz: int
    output_rate_hz: int
    voice: str
    language: str
    resume_token: str = field(repr=False)
    resume_for_s: float
    window_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResumed:
    """The call continues on this connection.

    Attributes:
        ready: The facts of the call.
        next_sequence: The first frame of the client that the server does not have.
        generation: The current generation of audio.
        position: Position of the next audio frame.
        is_restored: Whether this server restored the call from the store.

    """

    ready: CallReady
    next_sequence: int
    generation: int
    position: int
    is_restored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """An utterance to show. It replaces a caption with the same turn and segment."""

    utterance: Utterance


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechChunk:
    """A chunk of a reply's audio."""

    generation: int
    position: int
    """Position of its first sample."""
    pcm: bytes
    is_first: bool = False
    is_last: bool = False
    turn: int = 0
    is_answer: bool = True
    """Whether the reply answers the turn; an announcement, such as "one moment", does not."""
    source: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    """The names in the Nova Sonic event with this audio, for `LegacyWire`; None for other wires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """The customer interrupted: discard all audio of older generations at once."""

    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyInterrupted:
    """The planned captions of this turn that have not been spoken will not be."""

    turn: int
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """A tool call has started."""

    tool_use_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished:
    """A tool call has finished."""

    tool_use_id: str
    name: str
    outcome: ToolOutcome
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLatency:
    """Where the time of one turn went, in milliseconds, measured by the server.

    Attributes: first_audio_ms: From the customer's last words to the first audio handed to the
        socket, the sum of the next three. The last words are a received text, or the service's
        transcript of speech (Nova 2.5: its `userSpeechEnd`). model_ms: Waiting for the service.
        tool_ms: At least one tool running. server_ms: The rest: this server's own share.
        hearing_ms: Before these: from the end of speech to that event; None for typed text.

    """

    first_audio_ms: float
    model_ms: float
    tool_ms: float
    server_ms: float
    hearing_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFinished:
    """The reply of a turn is complete; `latency` is None if nothing was measured."""

    turn: int
    latency: TurnLatency | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallError:
    """Something failed; `message` is for the customer, in Spanish."""

    code: str
    message: str
    retryable: bool
    retry_after_s: float | None = None


class AssistantPhase(StrEnum):
    """Whether the call has a session with the model."""

    AWAY = "away"
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantAvailability:
    """The session was lost and is being recovered, or it has recovered."""

    phase: AssistantPhase


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverStarted:
    """Another server takes the call over: resume it on a new connection after `resume_after_ms`."""

    resume_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWaiting:
    """No line is free for a stored call: resume it on a new connection after `resume_after_ms`.

    It comes instead of `CallResumed` and has no number; `message` is for the customer, in Spanish.
    """

    message: str
    resume_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAcknowledgement:
    """The client need not send again the frames up to `sequence`, nor that many samples."""

    sequence: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """The call is over; no message follows."""

    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The answer to a `Ping`."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent:
    """An event as Nova Sonic sent it, for `LegacyWire`."""

    source: Mapping[str, Any]


type ServerMessage = (
    CallReady
    | CallResumed
    | AssistantAvailability
    | HandoverStarted
    | CallWaiting
    | ServerAcknowledgement
    | Caption
    | SpeechChunk
    | Flush
    | ReplyInterrupted
    | ToolStarted
    | ToolFinished
    | TurnFinished
    | CallError
    | CallEnded
    | Pong
    | ServiceEvent
)


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A server message, with its number if the wire has numbers, and whether it was sent before."""

    message: ServerMessage
    sequence: int | None = None
    is_resent: bool = False


# --- Rules for both wires


class WireError(Exception):
    """A frame broke the rules of the wire.

    Attributes:
        code: The error code that the client receives.
        detail: An English explanation for the log.
        close_code: The close code of the connection; None if it stays open.

    """

    def __init__(self, code: str, detail: str, *, close_code: CloseCode | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.close_code = close_code


def is_encodable(text: str) -> bool:
    """Whether `text` can be encoded as UTF-8: JSON may contain half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def parse_customer_text(text: object) -> CustomerText:
    """Return the message for a typed text.

    Raises:
        WireError: it is not a string, or it is empty or too long.

    """
    if not isinstance(text, str) or not text.strip() or not is_encodable(text):
        raise WireError("bad_event", "text is missing, empty or not Unicode")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise WireError("text_too_long", f"{len(text)} characters, {MAX_TEXT_CHARACTERS} at most")
    return CustomerText(text=text.strip())
