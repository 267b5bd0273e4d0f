"""What a call tells whoever keeps it: that there is news, and what it comes to; see `voice.calls.recorder`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from voice.calls.tool_calls import ToolCall


class CallObserver(Protocol):
    """Keeps what happens in a call."""

    def utterances_changed(self) -> None:
        """Store the changed utterances at once."""

    def state_changed(self) -> None:
        """Store the changed state soon."""

    async def tool_started(self, run: ToolCall) -> bool:
        """Note a tool run; return whether it may run."""

    def tool_finished(self, run: ToolCall) -> None:
        """Note a tool's result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStatistics:
    """What a call comes to, so far. `failures` are the names of what broke its sessions."""

    turns: int
    tool_runs: int
    interruptions: int
    renewals: int
    failures: Sequence[str]
