"""The slow things a session asks for: hearing, thinking, speaking.

The session hands them out and takes their results back; whoever runs them may use threads. Jobs of
one lane have to be run one after the other, in their order: a conversation has a memory.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nova_sonic_simulator.dialogue import Reply
from nova_sonic_simulator.session.playout import Sentence


class Dialogue(Protocol):
    """Holds one conversation."""

    def restore(self, turns: Sequence[tuple[str, str]], *, now: dt.datetime) -> None:
        """Be where a conversation was after these turns, each a role and a text."""
        ...

    def respond(self, text: str, *, now: dt.datetime) -> Reply:
        """Answer what the customer said."""
        ...

    def respond_to_numbers(self, words: Sequence[str], *, now: dt.datetime) -> Reply:
        """Answer words that were coded in the audio."""
        ...

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: dt.datetime
    ) -> Reply:
        """Answer from a tool's result."""
        ...

    def handle_interruption(self) -> None:
        """Learn that the customer spoke over the reply."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribe:
    """Write down what was said: 16 kHz PCM to text."""

    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreHistory:
    """Hand an earlier conversation over to the dialogue."""

    dialogue: Dialogue
    turns: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond:
    """Let the dialogue answer the customer's words; `coded` ones are numbers with blanks between."""

    dialogue: Dialogue
    text: str
    coded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleToolResult:
    """Let the dialogue answer from a tool's result."""

    dialogue: Dialogue
    tool_use_id: str
    name: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleInterruption:
    """Tell the dialogue that it was cut off."""

    dialogue: Dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesize:
    """Give a sentence a voice."""

    sentence: Sentence
    rate_hz: int


type DialogueJob = RestoreHistory | Transcribe | Respond | HandleToolResult | HandleInterruption
type Job = DialogueJob | Synthesize
