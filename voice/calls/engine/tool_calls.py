"""The tool calls of a call: each requested once, run once, its result given once.

A tool call belongs to the call, not to the session that requested it. If that session is gone when the
result comes, the next one gets it as text, as it does not know the tool use. If the next session requests
the same tool with the same arguments, before it got the result or for the same question, it gets the
result of the tool call there is: nothing that changes orders or appointments happens twice.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conversations.domain import ToolOutcome
from voice.calls.engine.events import ToolCalled


class ToolCallPhase(StrEnum):
    """How far a tool call is."""

    RUNNING = "running"
    FINISHED = "finished"
    """It has a result, which no session has got."""
    DELIVERED = "delivered"
    """A session has got the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """The tool use by which a session asks for the result."""

    session: int
    tool_use_id: str


@dataclass(slots=True, kw_only=True)
class ToolCall:
    """One execution of a tool."""

    key: str
    """The tool use id of its first attempt: the same idempotency token for each attempt."""
    name: str
    content: str
    signature: str
    """The same for the same tool and arguments."""
    turn: int
    is_read_only: bool
    started_at: float
    phase: ToolCallPhase = ToolCallPhase.RUNNING
    requests: list[ToolRequest] = field(default_factory=list)
    outcome: ToolOutcome | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    duration_s: float = 0.0

    @property
    def is_retry(self) -> bool:
        """Whether its key is that of an earlier attempt, which may have had its effect."""
        return self.key != self.requests[0].tool_use_id

    @property
    def is_running(self) -> bool:
        """Whether it has no result yet."""
        return self.phase is ToolCallPhase.RUNNING


class ToolCalls:
    """All tool calls of one call."""

    def __init__(self, earlier: Iterable[tuple[str, str]] = ()) -> None:
        """Create it.

        Args:
            earlier: Keys and signatures of tool calls whose server died, perhaps before their results
                were given.

        """
        self._calls: list[ToolCall] = []
        self._earlier_keys = {signature: key for key, signature in earlier}
        # Keys of tool calls that failed, and may have had their effect all the same.
        self._uncertain_keys: dict[str, str] = {}

    def __iter__(self) -> Iterator[ToolCall]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def running_since(self) -> float | None:
        """When the oldest tool call was started that still runs; None if none does."""
        return min((call.started_at for call in self._calls if call.is_running), default=None)

    def request(
        self, called: ToolCalled, *, turn: int, opened_in: int, now: float
    ) -> tuple[ToolCall, bool]:
        """Return the tool call that answers a tool use, and whether it is new and has to be run.

        Args:
            called: What a session asks for.
            turn: Number of the current turn.
            opened_in: Number of the turn in which the open question was asked.
            now: The current instant.

        """
        use = called.use
        request = ToolRequest(session=called.session, tool_use_id=use.tool_use_id)
        for call in self._calls:
            if _is_repeated(call, called, opened_in=opened_in):
                call.requests.append(request)
                return call, False
        call = ToolCall(
            key=self._take_key(called),
            name=use.name,
            content=use.content,
            signature=called.signature,
            turn=turn,
            is_read_only=called.is_read_only,
            started_at=now,
            requests=[request],
        )
        self._calls.append(call)
        return call, True

    def finish(
        self, key: str, *, outcome: ToolOutcome, result: Mapping[str, Any], now: float
    ) -> ToolCall:
        """Record the result of the tool call that runs under `key`, and return it."""
        call = next(call for call in self._calls if call.key == key and call.is_running)
        call.phase, call.outcome, call.result = ToolCallPhase.FINISHED, outcome, result
        call.duration_s = now - call.started_at
        if outcome is ToolOutcome.FAILED and not call.is_read_only:
            # It may have had its effect: trying it again must be the same tool call.
            self._uncertain_keys[call.signature] = call.key
        return call

    def forget_earlier(self) -> None:
        """Forget the tool calls of a server that died: the question they were run for is answered."""
        self._earlier_keys.clear()

    def undelivered(self) -> list[ToolCall]:
        """Return the tool calls with a result that has to be delivered to a session."""
        return [call for call in self._calls if call.phase is ToolCallPhase.FINISHED]

    def mark_undelivered_since(self, turn: int) -> None:
        """Let `undelivered` return the results again that were requested in `turn` or later.

        The session that they were delivered to is lost.
        """
        for call in self._calls:
            if call.turn >= turn and call.phase is ToolCallPhase.DELIVERED:
                call.phase = ToolCallPhase.FINISHED

    def _take_key(self, called: ToolCalled) -> str:
        """Return the key of an earlier attempt that may have had its effect, or else a new key."""
        earlier = self._earlier_keys.pop(called.signature, called.use.tool_use_id)
        return self._uncertain_keys.pop(called.signature, earlier)


def _is_repeated(call: ToolCall, called: ToolCalled, *, opened_in: int) -> bool:
    """Whether `called` repeats `call`, which only earlier sessions requested.

    A second request of the same session is a new tool call: the customer may want it twice.
    """
    is_of_earlier = all(request.session != called.session for request in call.requests)
    is_pending = call.phase is not ToolCallPhase.DELIVERED or call.turn >= opened_in
    return is_of_earlier and is_pending and call.signature == called.signature


def parse_arguments(content: str) -> Mapping[str, Any]:
    """Return a tool's arguments as the model gave them; any other JSON or text as one argument."""
    try:
        arguments = json.loads(content or "{}")
    except ValueError:
        return {"arguments": content}
    return arguments if isinstance(arguments, dict) else {"arguments": arguments}
