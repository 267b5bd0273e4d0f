"""The events a client may send, as values: AWS's words, one class per event.

From AWS's page "Input events" of the Nova 2 user guide. Their JSON is read in `reading`; what may
come when, and what only some models take, is in `rules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

type Role = Literal["SYSTEM", "USER", "ASSISTANT", "SYSTEM_SPEECH"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart:
    """Opens the session; `sensitivity` is None where the client didn't choose."""

    sensitivity: Literal["HIGH", "MEDIUM", "LOW"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStart:
    """Says how to answer: which voice, which rate, with which tools."""

    prompt_name: str
    voice_id: str
    rate_hz: int
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStart:
    """Opens a block of text."""

    prompt_name: str
    content_name: str
    role: Role
    interactive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStart:
    """Opens the microphone."""

    prompt_name: str
    content_name: str
    rate_hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStart:
    """Opens the block of one tool's result."""

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
    """PCM16 mono little-endian of whole samples, at the rate of its block."""

    prompt_name: str
    content_name: str
    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What the tool answered: a JSON object, already read out of its string."""

    prompt_name: str
    content_name: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEnd:
    """Closes a block of any kind."""

    prompt_name: str
    content_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEnd:
    """Closes the prompt."""

    prompt_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnd:
    """Closes the session; one client in the field sends `connectionEnd` in its place."""


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
