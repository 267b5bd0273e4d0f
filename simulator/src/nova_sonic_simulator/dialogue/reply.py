"""What the conversation partner returns: sentences and tool calls."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool call; numbers in the arguments are digit strings.

    The arguments are an object, unless a script has others.
    """

    name: str
    arguments: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One turn of the assistant: sentences, then tool calls.

    The last sentence of a reply without tool calls ends with `[FINAL]`, because the system prompt asks
    for it; the voice does not speak it. Sentences of directives and scripts are literal, without it. An
    empty reply means that there is nothing to say.
    """

    sentences: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
