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


class Mind(Protocol):
    """Holds one conversation."""

    def remember(self, turns: Sequence[tuple[str, str]], *, now: dt.datetime) -> None:
        """Be where a conversation was after these turns, each a role and a text."""
        ...

    def hear(self, text: str, *, now: dt.datetime) -> Reply:
        """Answer what the customer said."""
        ...

    def hear_words(self, words: Sequence[str], *, now: dt.datetime) -> Reply:
        """Answer words that were coded in the audio."""
        ...

    def tool_answered(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: dt.datetime
    ) -> Reply:
        """Answer from a tool's result."""
        ...

    def interrupted(self) -> None:
        """Learn that the customer spoke over the reply."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribe:
    """Write down what was said: 16 kHz PCM to text."""

    pcm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Remember:
    """Hand an earlier conversation over to the mind."""

    mind: Mind
    turns: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hear:
    """Let the mind answer the customer's words; `coded` ones are numbers with blanks between."""

    mind: Mind
    text: str
    coded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswered:
    """Let the mind answer from a tool's result."""

    mind: Mind
    tool_use_id: str
    name: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """Tell the mind that it was cut off."""

    mind: Mind


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """Give a sentence a voice."""

    sentence: Sentence
    rate_hz: int


type MindJob = Remember | Transcribe | Hear | ToolAnswered | Interrupted
type Job = MindJob | Speak
