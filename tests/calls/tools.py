"""A tool that takes its time, and what it was asked."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from voice.calls.runtime import signature
from voice.tools.registry import ToolContext, ToolRegistry


@dataclass(slots=True)
class Runs:
    """The keys of the runs there were."""

    keys: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)


def slow_tool(answer: dict[str, Any], *, takes_s: float = 0.0) -> tuple[ToolRegistry, Runs]:
    runs = Runs()

    async def look(context: ToolContext, *, what: str = "") -> dict[str, Any]:
        """Look something up."""
        runs.keys.append(context.tool_use_id)
        await asyncio.sleep(takes_s)
        return answer

    return ToolRegistry([look]), runs


__all__ = ["Runs", "signature", "slow_tool"]
