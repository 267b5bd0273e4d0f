"""Slow jobs of a session: recognition, dialogue, synthesis.

The session returns jobs and receives their results; the caller may run them in threads. Jobs of one
queue run one after the other, in order, because a dialogue has state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nova_sonic_simulator.dialogue import Dialogue
from nova_sonic_simulator.session.playout import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribe:
    """Transcribe an utterance: 16 kHz PCM to text."""

    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreHistory:
    """Restore a dialogue from the chat history."""

    dialogue: Dialogue
    turns: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond:
    """Respond to the customer; `coded` text is numbers separated by blanks."""

    dialogue: Dialogue
    text: str
    coded: bool = False
    typed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleToolResult:
    """Respond to a tool's result."""

    dialogue: Dialogue
    tool_use_id: str
    name: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleInterruption:
    """Handle an interruption."""

    dialogue: Dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesize:
    """Synthesize a sentence."""

    sentence: Sentence
    rate_hz: int


type DialogueJob = RestoreHistory | Transcribe | Respond | HandleToolResult | HandleInterruption
type Job = DialogueJob | Synthesize
