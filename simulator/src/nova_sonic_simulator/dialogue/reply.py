"""What the simulated assistant gives back: sentences to say and tools to call."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool the assistant wants run; numbers in the arguments are digit strings.

    The arguments are an object, unless a script has others for them.
    """

    name: str
    arguments: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One turn of the assistant: spoken sentence by sentence, then its tools are called.

    The last sentence of a reply without tool calls ends with `[FINAL]`, as the system
    prompt demands; the voice doesn't say it. What a directive or a script wants said is said to the
    letter, without it. An empty reply means: nothing to answer.
    """

    sentences: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
