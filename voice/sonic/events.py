"""Every event of a Nova Sonic session, as a value that cannot be invalid.

Input events carry *names* that we choose (``prompt_name``, ``content_name``); output events
carry *ids* that the service chooses (``content_id``, ``completion_id``, ``tool_use_id``).
The two are different name spaces and are never mixed.

An input event has one class per event of the service. Output events mean more than the
service's own: which words a ``textOutput`` holds depends on the block it lies in, so
:class:`UserText`, :class:`PlannedText` and :class:`SpokenText` are three types, and nobody
can store what was planned as what was said. Audio is PCM, 16 bits, little-endian, mono,
everywhere; base64 stays in :mod:`voice.sonic.codec`.

Source: Amazon Nova 2 user guide, "Speech-to-speech: input events" and "output events".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from voice.sonic.errors import LocalProtocolError


class Role(StrEnum):
    """Who a content belongs to."""

    SYSTEM = "SYSTEM"
    USER = "USER"
    ASSISTANT = "ASSISTANT"
    TOOL = "TOOL"


class ContentKind(StrEnum):
    """What a content carries."""

    AUDIO = "AUDIO"
    TEXT = "TEXT"
    TOOL = "TOOL"


class GenerationStage(StrEnum):
    """Whether a text says what will be spoken or what was."""

    SPECULATIVE = "SPECULATIVE"
    FINAL = "FINAL"


class StopReason(StrEnum):
    """Why a content or a completion ended. The service may send others; they are kept."""

    PARTIAL_TURN = "PARTIAL_TURN"
    END_TURN = "END_TURN"
    INTERRUPTED = "INTERRUPTED"
    TOOL_USE = "TOOL_USE"


class EndpointingSensitivity(StrEnum):
    """How short a silence ends the customer's turn: HIGH about 1.5 s, LOW about 2 s."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


SAMPLE_RATES_HZ = frozenset({8_000, 16_000, 24_000})
"""The rates the service accepts and produces."""


# Input events: from us to the service.


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart:
    """Open the session. ``endpointing_sensitivity`` must stay None for the first model."""

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
    """A tool the model may call. ``input_schema`` is JSON Schema *as a string* of JSON."""

    name: str
    description: str
    input_schema: str

    def __post_init__(self) -> None:
        _require_text("name", self.name)
        _require_json_object("input_schema", self.input_schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStart:
    """Open the one prompt of the session: the voice that answers, and what it may call."""

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
    """What names one content of one prompt."""

    prompt_name: str
    content_name: str

    def __post_init__(self) -> None:
        _require_text("prompt_name", self.prompt_name)
        _require_text("content_name", self.content_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioContentStart(_ContentEvent):
    """Open the microphone: one content for the whole conversation."""

    input_rate_hz: int

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        _require_rate(self.input_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextContentStart(_ContentEvent):
    """Open a text block: the system prompt and history, or (interactive) live text."""

    role: Role
    interactive: bool

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        if self.role is Role.TOOL:
            raise LocalProtocolError("a text content cannot have the role TOOL")
        if self.interactive and self.role is not Role.USER:
            raise LocalProtocolError(f"only the customer's text is live, not {self.role}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContentStart(_ContentEvent):
    """Open the block that answers one tool use."""

    tool_use_id: str

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        _require_text("tool_use_id", self.tool_use_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInput(_ContentEvent):
    """A piece of what the customer says; about 32 ms each, at the pace of speech."""

    pcm: bytes

    def __post_init__(self) -> None:
        # No call of the parent's check: this is the hot path, and a content that is not
        # open has no valid name either.
        if not self.pcm or len(self.pcm) % 2:
            raise LocalProtocolError(f"{len(self.pcm)} bytes are not whole 16-bit samples")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextInput(_ContentEvent):
    """A piece of text, within a text block."""

    content: str

    def __post_init__(self) -> None:
        _ContentEvent.__post_init__(self)
        _require_text("content", self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult(_ContentEvent):
    """What a tool answered: a JSON object, as a string. The service refuses anything else."""

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


# Output events: from the service to us.


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutputEvent:
    """What every output event carries.

    ``source`` is the JSON object under ``"event"`` exactly as the service sent it; the
    JSON wire of the earlier system passes it on as it is. It is not part of the value.
    """

    source: Mapping[str, Any] = field(compare=False, repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionStart(_OutputEvent):
    """The model takes up the prompt. Comes once, not once per turn."""

    completion_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentStarted(_OutputEvent):
    """A block of output opens; ``stage`` is known for text only."""

    content_id: str
    kind: ContentKind
    role: Role
    stage: GenerationStage | None
    completion_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserText(_OutputEvent):
    """What the customer said, as the service heard it."""

    content_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedText(_OutputEvent):
    """What the assistant is about to say (SPECULATIVE). It may never be spoken."""

    content_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenText(_OutputEvent):
    """What the assistant said (FINAL). Only this belongs in a transcript."""

    content_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioOutput(_OutputEvent):
    """A piece of the assistant's voice; made faster than it is spoken."""

    content_id: str
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse(_OutputEvent):
    """The model asks for a tool. ``content`` is the JSON text of its arguments.

    It is passed on unvalidated (except that a doubly encoded object is unwrapped once):
    whether the arguments fit is the tool registry's to say.
    """

    content_id: str
    tool_use_id: str
    name: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEnded(_OutputEvent):
    """A block of output closes. The assistant's turn ends with AUDIO and END_TURN.

    ``stop_reason`` is a :class:`StopReason` where we know it, else the service's own word.
    ``role`` and ``stage`` are those of the block's start, None if it was never announced.
    """

    content_id: str
    kind: ContentKind
    role: Role | None
    stage: GenerationStage | None
    stop_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeIn(_OutputEvent):
    """The customer began to speak over the assistant: drop all audio not yet played."""

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
    """The model is done with the prompt; comes after our promptEnd."""

    stop_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(_OutputEvent):
    """An event this program does not know, or cannot place. Never fatal: AWS adds events."""

    name: str


type OutputEvent = (
    CompletionStart
    | ContentStarted
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
    if rate_hz not in SAMPLE_RATES_HZ:
        raise LocalProtocolError(f"{rate_hz} Hz is none of {sorted(SAMPLE_RATES_HZ)}")


def _require_json_object(field_name: str, text: str) -> None:
    """Refuse what the service answers with an unspecific error that ends the session."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise LocalProtocolError(f"{field_name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise LocalProtocolError(f"{field_name} is JSON, but not an object")
