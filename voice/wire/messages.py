"""The words a connection and a call exchange, whatever the wire.

Client messages come from the browser, server messages go to it. PCM is 16-bit little-endian mono.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conversations.domain import Speaker


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCall:
    """The customer wants to talk.

    `voice` and `language` are None where the client leaves the choice to the server; `greet` tells
    whether the assistant may speak first.
    """

    input_rate_hz: int = 16000
    ticket: str = field(default="", repr=False)
    voice: str | None = None
    language: str | None = None
    greet: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeCall:
    """A client comes back to its call over a new connection.

    `wanted` is the first frame of the server it does not have, `position` how far it has heard.
    One that `forgot` remembers nothing but the token: the page was loaded anew.
    """

    token: str = field(repr=False)
    wanted: int
    generation: int
    position: int
    forgot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAudio:
    """A chunk of the customer's microphone."""

    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerText:
    """What the customer typed."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCall:
    """The customer hangs up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How far the browser has come: the last frame it received, the samples it has played."""

    sequence: int
    generation: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHeard:
    """The first sample of a reply came to the customer's ear.

    `position` is that of the reply's first chunk, `after_ms` runs from the arrival of its frame,
    `rtt_ms` is the newest round trip, None where none was measured.
    """

    position: int
    after_ms: float
    rtt_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """The client measures the way; answered by a `Pong` with the same payload."""

    payload: bytes


type ClientMessage = (
    StartCall | ResumeCall | CustomerAudio | CustomerText | EndCall | Played | ReplyHeard | Ping
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A word of the client as it came: its number, where its wire counts, and whether it came again."""

    word: ClientMessage
    sequence: int | None = None
    resent: bool = False


class Stage(StrEnum):
    """Whether words are what the assistant is about to say, or what was said."""

    PLANNED = "planned"
    SPOKEN = "spoken"


class Outcome(StrEnum):
    """How a tool run ended: done, refused by a business rule, or failed."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"


class EndReason(StrEnum):
    """Why a call is over."""

    CLIENT = "client"
    MODEL = "model"
    ERROR = "error"
    IDLE = "idle"
    LIMIT = "limit"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReady:
    """The assistant listens. Whoever knows `resume_token` may come back to the call."""

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
    """The call goes on over a new connection.

    `wanted` is the first frame of the client that the server does not have, `position` where the
    audio goes on. A call that was `restored` was built anew from its stored conversation.
    """

    ready: CallReady
    wanted: int
    generation: int
    position: int
    restored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """One utterance as text. A spoken segment replaces the planned one of the same number."""

    speaker: Speaker
    stage: Stage
    turn: int
    segment: int
    text: str
    position: int
    """Index, in the downlink, of the sample at which the segment's audio begins."""
    interrupted: bool = False
    """Whether the customer spoke over it, so that it is less than was planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechChunk:
    """A chunk of the assistant's voice."""

    generation: int
    position: int
    """Index of its first sample in the whole downlink."""
    pcm: bytes
    first: bool = False
    last: bool = False
    turn: int = 0
    is_answer: bool = True
    """Whether the turn is answered with it, where it is the last; a word of patience answers nothing."""
    source: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    """The service's own event, where this chunk came in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """The customer interrupted: drop all audio of older generations at once."""

    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """Planned segments of this turn that were not spoken yet never will be."""

    turn: int
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """The assistant looks something up or changes something."""

    tool_use_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished:
    """It has done so."""

    tool_use_id: str
    name: str
    outcome: Outcome
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLatency:
    """What one turn took, in milliseconds, as the server saw it.

    `first_audio_ms`: from the customer's last words as the server knows them (text received, or
    the service's transcript of the speech) to the first audio handed to the socket. It is the sum
    of `model_ms` (waiting for the service), `tool_ms` (at least one tool running) and `server_ms`
    (the rest: this server's own share, both ways). `hearing_ms` lies before it: from the end of the
    speech to the service's transcript; None for typed words.
    """

    first_audio_ms: float
    model_ms: float
    tool_ms: float
    server_ms: float
    hearing_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFinished:
    """The assistant has said all it had to say in this turn."""

    turn: int
    latency: TurnLatency | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallError:
    """Something went wrong; `message` is for the customer, in Spanish."""

    code: str
    message: str
    retryable: bool
    retry_after_s: float | None = None


class Phase(StrEnum):
    """Whether the assistant can be reached."""

    AWAY = "away"
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantPhase:
    """The way to the assistant broke and is being mended, or it is mended."""

    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """This server hands the call over: come back to it, over a new connection, after a while."""

    resume_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """How far the client's frames and samples have come; it may forget what is older."""

    sequence: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """Nothing follows."""

    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The answer to a `Ping`."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent:
    """An event of Nova Sonic as it sent it, for the earlier system's clients."""

    source: Mapping[str, Any]


type ServerMessage = (
    CallReady
    | CallResumed
    | AssistantPhase
    | Moving
    | Received
    | Caption
    | SpeechChunk
    | Flush
    | Interrupted
    | ToolStarted
    | ToolFinished
    | TurnFinished
    | CallError
    | CallEnded
    | Pong
    | ServiceEvent
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A message on its way to the client: its number, where its wire counts it, and if it was sent before."""

    message: ServerMessage
    sequence: int | None = None
    resent: bool = False


MAX_TEXT_CHARACTERS = 2_000


def is_sendable(text: str) -> bool:
    """Tell whether `text` can be sent as UTF-8: JSON lets half a surrogate pair through."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def typed(text: object) -> CustomerText:
    """Return what the customer typed.

    Raises:
        WireError: it is no text, empty, or too long.

    """
    if not isinstance(text, str) or not text.strip() or not is_sendable(text):
        raise WireError("bad_event", "text is missing, empty or not Unicode")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise WireError("text_too_long", f"{len(text)} characters, {MAX_TEXT_CHARACTERS} at most")
    return CustomerText(text=text.strip())


class WireError(Exception):
    """A frame that breaks the wire's rules.

    `close_code` is the WebSocket close code it earns, or None where the frame is merely refused
    and the connection goes on.
    """

    def __init__(self, code: str, detail: str, *, close_code: int | None = None) -> None:
        """Keep the code for the client and the English detail for the log."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.close_code = close_code
