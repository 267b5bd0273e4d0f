"""Slow jobs of a session: recognition, dialogue, synthesis.

The session returns jobs and receives their results; the caller may run them in threads. Jobs of one
queue run one after the other, in order, because a dialogue has state.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nova_sonic_simulator.dialogue import Reply
from nova_sonic_simulator.session.playout import Sentence


class Dialogue(Protocol):
    """A dialogue with one customer."""

    def restore(self, turns: Sequence[tuple[str, str]], *, now: dt.datetime) -> None:
        """Restore the state after these turns, each a role and a text."""
        ...

    def respond(self, text: str, *, now: dt.datetime) -> Reply:
        """Respond to what the customer said."""
        ...

    def respond_to_numbers(self, words: Sequence[str], *, now: dt.datetime) -> Reply:
        """Respond to numbers that were coded in the audio."""
        ...

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: dt.datetime
    ) -> Reply:
        """Respond to a tool's result."""
        ...

    def handle_interruption(self) -> None:
        """Handle that the customer interrupted the reply."""
        ...


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
