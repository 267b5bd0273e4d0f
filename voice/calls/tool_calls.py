"""The tool runs of a call: each asked once, run once, settled once, whatever becomes of its session.

A run belongs to the call, not to the session that asked for it. Where that session is gone when the
result comes, the next one is told it in words, since it knows nothing of the question's id. And where
the next one asks for the very same thing again, before it was told or for the same question, it gets the
result of the run there is: nothing that changes orders or appointments happens twice.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conversations.encryption import arguments_hash
from voice.calls.session import Session
from voice.sonic.events import ToolUse
from voice.tools.registry import ToolResult


@dataclass(slots=True, eq=False, kw_only=True)
class ToolRequest:
    """A session's wish for a run's result, under an id of its own."""

    use: ToolUse
    session: Session


@dataclass(slots=True, eq=False, kw_only=True)
class ToolCall:
    """One execution of a tool. `key` makes its effect happen once, however often it is tried."""

    key: str
    name: str
    content: str
    turn: int
    started: float
    changes: bool = True
    """Whether it may change an order or an appointment."""
    askings: list[ToolRequest] = field(default_factory=list)
    answer: ToolResult | None = None
    finished: float | None = None
    is_told: bool = False
    """Whether some session has got the result."""

    @property
    def is_running(self) -> bool:
        """Whether it has no result yet."""
        return self.answer is None

    @property
    def duration_s(self) -> float:
        """How long it took; 0 while it runs."""
        return 0.0 if self.finished is None else self.finished - self.started


class ToolCalls:
    """All runs of one call, by what they are asked to do."""

    def __init__(self, earlier: Iterable[tuple[str, str]] = ()) -> None:
        """`earlier`: keys and signatures of runs whose server died, perhaps before they were told."""
        self.count = 0
        self._runs: list[ToolCall] = []
        self._lost = {signature: key for key, signature in earlier}
        # Keys of runs that may have had their effect, though they failed.
        self._unsure: dict[str, str] = {}

    def __iter__(self) -> Iterator[ToolCall]:
        return iter(self._runs)

    @property
    def running_since(self) -> float | None:
        """When the oldest run was started that still runs; None while none does."""
        return min((run.started for run in self._runs if run.is_running), default=None)

    def asked(
        self,
        use: ToolUse,
        session: Session,
        *,
        turn: int,
        since: int,
        changes: bool,
        now: float,
    ) -> tuple[ToolCall, bool]:
        """Return the run that answers `use`, and whether it is new and has to be started.

        `since` is the turn in which the open question began.
        """
        asking = ToolRequest(use=use, session=session)
        for run in self._runs:
            if _is_the_same(run, use, session, since=since):
                run.askings.append(asking)
                return run, False
        self.count += 1
        key = self._key_of(signature(use.name, use.content), use)
        run = ToolCall(
            key=key,
            name=use.name,
            content=use.content,
            turn=turn,
            started=now,
            changes=changes,
            askings=[asking],
        )
        self._runs.append(run)
        return run, True

    def _key_of(self, asked: str, use: ToolUse) -> str:
        """Return the key of a run of the same that may have had its effect, or a new one."""
        lost = self._lost.pop(asked, use.tool_use_id)
        return self._unsure.pop(asked, lost)

    def failed(self, run: ToolCall) -> None:
        """Note that a run failed, which nobody knows the effect of: to try again is to try the same."""
        if run.changes:
            self._unsure[signature(run.name, run.content)] = run.key

    def forget_earlier(self) -> None:
        """Note that the question is answered that a server that died had run tools for."""
        self._lost.clear()

    def untold(self) -> list[ToolCall]:
        """Return the runs whose result no session has got."""
        return [run for run in self._runs if not run.is_running and not run.is_told]

    def since(self, turn: int) -> list[ToolCall]:
        """Return the runs that were asked for in a turn or later."""
        return [run for run in self._runs if run.turn >= turn]


def _is_the_same(run: ToolCall, use: ToolUse, session: Session, *, since: int) -> bool:
    """Whether `use` asks again for what an earlier session asked for, and not for a second time."""
    from_earlier = all(asking.session is not session for asking in run.askings)
    is_open = run.is_running or not run.is_told or run.turn >= since
    same = signature(run.name, run.content) == signature(use.name, use.content)
    return from_earlier and is_open and same


def arguments_of(content: str) -> Mapping[str, Any]:
    """Return the arguments as the model gave them; where they are no object, as the text they are."""
    try:
        arguments = json.loads(content or "{}")
    except ValueError:
        return {"arguments": content}
    return arguments if isinstance(arguments, dict) else {"arguments": arguments}


def signature(name: str, content: str) -> str:
    """Return what is the same for the same tool and arguments, however they are written."""
    return arguments_hash(name=name, arguments=arguments_of(content))
