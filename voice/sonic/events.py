"""The events of a Nova Sonic session. Constructors validate, so an invalid event cannot exist.

Input events carry *names* that this program chooses (`prompt_name`, `content_name`); output events
carry *ids* that the service chooses (`content_id`, `completion_id`, `tool_use_id`). The two are
separate name spaces.

There is one class for each input event of the service. Output events are more specific than the
service's: the meaning of a `textOutput` depends on the block it belongs to, so `UserText`,
`PlannedText` and `SpokenText` are three types, and a planned text cannot be stored as a spoken one.
Audio is PCM, 16 bits, little-endian, mono everywhere; base64 stays in `voice.sonic.codec`.

Source: Amazon Nova 2 user guide, "Speech-to-speech: input events" and "output events".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from voice import pcm
from voice.sonic.errors import LocalProtocolError


class Role(StrEnum):
    """The speaker or author of a content."""

    SYSTEM = "SYSTEM"
    USER = "USER"
    ASSISTANT = "ASSISTANT"
    TOOL = "TOOL"


class ContentKind(StrEnum):
    """The type of data in a content."""

    AUDIO = "AUDIO"
    TEXT = "TEXT"
    TOOL = "TOOL"


class GenerationStage(StrEnum):
    """Whether a text of the assistant is planned (SPECULATIVE) or was spoken (FINAL)."""

    SPECULATIVE = "SPECULATIVE"
    FINAL = "FINAL"


class StopReason(StrEnum):
    """Why a content or a completion ended. The service may send other values too."""

    PARTIAL_TURN = "PARTIAL_TURN"
    END_TURN = "END_TURN"
    INTERRUPTED = "INTERRUPTED"
    TOOL_USE = "TOOL_USE"


class EndpointingSensitivity(StrEnum):
    """How long a silence ends the customer's turn: HIGH about 1.5 s, LOW about 2 s."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


# Input events: to the service.


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart:
    """Open the session. `endpointing_sensitivity` must be None for the first model."""

    max_tokens: int
    top_p: float
    temperature: float
    endpointing_sensitivity: EndpointingSensitivity | None = None

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise LocalProtocolError(f"max_tokens is {self.max_tokens}, less than 1")
        for name, value in (("top_p", self.top_p), ("temperature", self.temperature)):
            if not 0.0 <= value <= 1.0:
                raise LocalProtocolError(f"{name} is {value}, outside 0..1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool the model may call. `input_schema` is the JSON text of a JSON Schema."""

    name: str
    description: str
    input_schema: str

    def __post_init__(self) -> None:
        _require_text("name", self.name)
        _require_json_object("input_schema", self.input_schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStart:
    """Open the session's only prompt: the voice of the replies, and the tools."""

    prompt_name: str
    voice_id: str
    output_rate_hz: int
    tools: tuple[ToolSpec, ...] = ()

    def __post_init__(self) -> None:
        _require_text("prompt_name", self.prompt_name)
        _require_text("voice_id", self.voice_id)
        _require_rate(self.output_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ContentEvent:
    """Base of events that belong to one content of one prompt."""

    prompt_name: str
    content_name: str

    def __post_init__(self) -> None:
        _require_text("prompt_name", self.prompt_name)
        _require_text("content_name", self.content_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioContentStart(_ContentEvent):
    """Open the audio content: one for the whole session."""

    input_rate_hz: int

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        _require_rate(self.input_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextContentStart(_ContentEvent):
    """Open a text block: the system prompt, history, or text in mid-call (interactive)."""

    role: Role
    interactive: bool

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        if self.role is Role.TOOL:
            raise LocalProtocolError("a text content cannot have the role TOOL")
        if self.interactive and self.role is not Role.USER:
            raise LocalProtocolError(f"interactive text must have the role USER, not {self.role}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContentStart(_ContentEvent):
    """Open the block with the result of one tool use."""

    tool_use_id: str

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        _require_text("tool_use_id", self.tool_use_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInput(_ContentEvent):
    """A piece of the customer's audio; about 32 ms each, in real time."""

    pcm: bytes

    def __post_init__(self) -> None:
        # The parent's check is skipped on this hot path: the ordering accepts the names of the
        # open content only.
        if not self.pcm or len(self.pcm) % 2:
            raise LocalProtocolError(f"{len(self.pcm)} bytes are not whole 16-bit samples")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextInput(_ContentEvent):
    """A piece of the text of a text block."""

    content: str

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        _require_text("content", self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult(_ContentEvent):
    """The result of a tool: the JSON text of an object. The service refuses anything else."""

    content: str

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        _require_json_object("content", self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEnd(_ContentEvent):
    """Close a content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEnd:
    """Close the prompt."""

    prompt_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnd:
    """Close the session."""


type InputEvent = (
    SessionStart
    | PromptStart
    | AudioContentStart
    | TextContentStart
    | ToolContentStart
    | AudioInput
    | TextInput
    | ToolResult
    | ContentEnd
    | PromptEnd
    | SessionEnd
)


# Output events: from the service.


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutputEvent:
    """Base of output events.

    `source` is the JSON object under `"event"` exactly as the service sent it; the legacy wire
    passes it on unchanged. Comparison ignores it.
    """

    source: Mapping[str, Any] = field(compare=False, repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionStart(_OutputEvent):
    """The model has started on the prompt. Comes once per session, not once per turn."""

    completion_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentStarted(_OutputEvent):
    """An output content opens; `stage` is known for text only."""

    content_id: str
    kind: ContentKind
    role: Role
    stage: GenerationStage | None
    completion_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSpeechEnd(_OutputEvent):
    """The customer has stopped speaking. Nova 2.5 sends it before the transcript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserText(_OutputEvent):
    """A transcript of what the customer said."""

    content_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedText(_OutputEvent):
    """Text that the assistant is about to say (SPECULATIVE). It may never be spoken."""

    content_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenText(_OutputEvent):
    """Text that the assistant has said (FINAL). Only this belongs in a transcript."""

    content_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioOutput(_OutputEvent):
    """A piece of the reply's audio; it comes faster than real time."""

    content_id: str
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse(_OutputEvent):
    """The model calls a tool. `content` is the JSON text of the arguments.

    An object that was encoded twice is unwrapped once; otherwise the text is as received. The
    tool registry validates the arguments.
    """

    content_id: str
    tool_use_id: str
    name: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEnded(_OutputEvent):
    """An output content closes. The assistant's turn ends with AUDIO and END_TURN.

    `stop_reason` is a `StopReason` if it is known, else the service's own value. `role` and
    `stage` are those of the content's start; None if it was never announced.
    """

    content_id: str
    kind: ContentKind
    role: Role | None
    stage: GenerationStage | None
    stop_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeIn(_OutputEvent):
    """The customer interrupted the assistant: all audio not yet played is stale."""

    content_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport(_OutputEvent):
    """Tokens used since the session began, as the service counts them."""

    input_speech_tokens: int
    input_text_tokens: int
    output_speech_tokens: int
    output_text_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionEnd(_OutputEvent):
    """The model has finished the prompt; comes after promptEnd."""

    stop_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(_OutputEvent):
    """An event that this program does not know or cannot place. Never fatal: AWS adds events."""

    name: str


type OutputEvent = (
    CompletionStart
    | ContentStarted
    | UserSpeechEnd
    | UserText
    | PlannedText
    | SpokenText
    | AudioOutput
    | ToolUse
    | ContentEnded
    | BargeIn
    | UsageReport
    | CompletionEnd
    | Unknown
)


def _require_text(field_name: str, value: str) -> None:
    if not value:
        raise LocalProtocolError(f"{field_name} is empty")


def _require_rate(rate_hz: int) -> None:
    if rate_hz not in pcm.SAMPLE_RATES_HZ:
        raise LocalProtocolError(f"{rate_hz} Hz is none of {pcm.SAMPLE_RATES_HZ}")


def _require_json_object(field_name: str, text: str) -> None:
    """Require a JSON object; for anything else the service ends the session with a vague error."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise LocalProtocolError(f"{field_name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise LocalProtocolError(f"{field_name} is JSON, but not an object")
