"""Where the assistant's options for tools are taken, run side by side, and answered.

A result goes to the session that asked for it. Where that one is gone, the current session is told it
in words; where it got it and broke before it could say it, likewise.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from conversations.domain import ToolOutcome
from voice import metrics
from voice.calls.options import CallOptions, CallSettings, RestoredState
from voice.calls.session import Session
from voice.calls.tool_calls import ToolCall, ToolCalls
from voice.sonic.events import ToolUse
from voice.tools.registry import ToolContext, ToolRegistry, ToolResult
from voice.wire import messages as m


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallbacks:
    """What the desk does its work with: all of them the call's."""

    start: Callable[[Coroutine[Any, Any, None]], None]
    """Starts a task that ends with the call."""
    put: Callable[[m.ServerMessage], None]
    """Sends a message to the client."""
    tell: Callable[[ToolCall], None]
    """Tells the current session a result in words."""
    began: Callable[[ToolCall], Awaitable[bool]]
    """Notes that a run begins; False where it must not, since the call has moved away."""
    ended: Callable[[ToolCall], None]
    """Notes that a run has its result."""


class ToolExecutor:
    """The tool runs of one call."""

    def __init__(
        self,
        options: CallOptions,
        settings: CallSettings,
        tools: ToolRegistry,
        hands: ToolCallbacks,
        *,
        restored: RestoredState,
    ) -> None:
        """Make the desk of a call that begins, or goes on from a restored."""
        self.runs = ToolCalls(restored.tool_runs)
        self._shown_before = restored.shown_tool_calls
        self._options = options
        self._settings = settings
        self._tools = tools
        self._hands = hands

    def asked(self, session: Session, use: ToolUse, *, turn: int, since: int) -> None:
        """Take a wish of `session`: run the tool, or answer from the run there is."""
        changes = not self._tools.is_read_only(use.name)
        run, is_new = self.runs.asked(
            use, session, turn=turn, since=since, changes=changes, now=_now()
        )
        if is_new:
            self._hands.start(self._run(run))
        elif not run.is_running:
            self._settle(run)

    def tell_results(self) -> None:
        """Tell the session that has just become the current one what no other has got."""
        for run in self.runs.untold():
            self._settle(run)

    def tell_again(self, *, since: int) -> None:
        """Let the results since a turn be told anew: the session that got them did not say them."""
        for run in self.runs.since(since):
            run.is_told = False

    def shown(self) -> Iterator[tuple[int, m.ToolStarted | m.ToolFinished]]:
        """Yield what the customer was shown of each run, with its turn, in order."""
        yield from self._shown_before
        for run in self.runs:
            yield run.turn, _started(run) if run.answer is None else _finished(run, run.answer)

    async def _run(self, run: ToolCall) -> None:
        self._hands.put(_started(run))
        if not await self._hands.began(run):
            return
        context = ToolContext(
            call_id=self._options.call_id,
            tool_use_id=run.key,
            now=self._settings.now(),
            time_zone=self._settings.time_zone,
        )
        run.answer = await self._tools.run(
            run.name, run.content, context, deadline_s=self._settings.tool_deadline_s
        )
        run.finished = _now()
        if run.answer.outcome is ToolOutcome.FAILED:
            self.runs.failed(run)
        tool = run.name if run.name in self._tools else "unknown"
        metrics.TOOL_SECONDS.labels(tool).observe(run.duration_s)
        metrics.TOOL_RUNS.labels(tool, run.answer.outcome.value).inc()
        self._hands.ended(run)
        self._settle(run)
        self._hands.put(_finished(run, run.answer))

    def _settle(self, run: ToolCall) -> None:
        """Give a result to every session that waits for it, and to whoever came later in words."""
        assert run.answer is not None
        for asking in run.askings:
            block = asking.session.answer_tool(asking.use.tool_use_id, run.answer.content)
            if block is not None:
                run.is_told = True
                self._pass_on(block, run)
        if not run.is_told:
            self._hands.tell(run)

    def _pass_on(self, block: str, run: ToolCall) -> None:
        """Show a result to clients of the earlier system, as an event of the service."""
        assert run.answer is not None
        result = {"promptName": self._options.call_id, "contentName": block}
        source = {"toolResult": {**result, "content": run.answer.content}}
        self._hands.put(m.ServiceEvent(source=source))


def _started(run: ToolCall) -> m.ToolStarted:
    return m.ToolStarted(tool_use_id=run.key, name=run.name)


def _finished(run: ToolCall, answer: ToolResult) -> m.ToolFinished:
    return m.ToolFinished(
        tool_use_id=run.key,
        name=run.name,
        outcome=answer.outcome,
        duration_ms=round(run.duration_s * 1000),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
