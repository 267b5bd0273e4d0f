"""Input events as values, one class per event, with AWS's names.

From the page "Input events" of the Nova 2 user guide. `parsing` reads their JSON; `rules` checks their
order and what each model accepts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

type Role = Literal["SYSTEM", "USER", "ASSISTANT", "SYSTEM_SPEECH"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart:
    """Starts the session; `sensitivity` is None if the client did not choose one."""

    sensitivity: Literal["HIGH", "MEDIUM", "LOW"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDeclaration:
    """A declared tool; `schema` is the JSON schema of its arguments, parsed from its string."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStart:
    """Starts the prompt: voice, sample rate and tools."""

    prompt_name: str
    voice_id: str
    rate_hz: int
    tools: tuple[ToolDeclaration, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStart:
    """Starts a text block."""

    prompt_name: str
    content_name: str
    role: Role
    interactive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStart:
    """Starts the audio block."""

    prompt_name: str
    content_name: str
    rate_hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStart:
    """Starts the block of one tool result."""

    prompt_name: str
    content_name: str
    tool_use_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextInput:
    """Text inside a text block."""

    prompt_name: str
    content_name: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInput:
    """PCM16 mono little-endian, whole samples, at the rate of its block."""

    prompt_name: str
    content_name: str
    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of a tool: a JSON object, parsed from its string."""

    prompt_name: str
    content_name: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEnd:
    """Ends a block of any kind."""

    prompt_name: str
    content_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEnd:
    """Ends the prompt."""

    prompt_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnd:
    """Ends the session; some clients send `connectionEnd` instead."""


type InputEvent = (
    SessionStart
    | PromptStart
    | TextStart
    | AudioStart
    | ToolStart
    | TextInput
    | AudioInput
    | ToolResult
    | ContentEnd
    | PromptEnd
    | SessionEnd
)
