"""Faults: which action happens to which session, at which point.

A fault is armed for an injection point: a TCP connection, a request, an event in either direction, or
a number of seconds into a session. At `connect` and `open` the first `nth - 1` are let through and the
next `times` are hit. Inside sessions, each session counts its own events, from the moment the fault was
armed or from its beginning: it is hit at its nth such event, once, until `times` sessions were hit.
Faults armed for the same point apply together, in the order in which they were armed. Pure: the time
is a parameter, in seconds of service time. `injection`, `service` and `http2.listener` apply the actions.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Answer the request with an HTTP error instead of a stream."""

    status: int
    code: str
    message: str = "A fault on command."


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """Send nothing more, for `seconds` or for ever, while input is still read."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """Reset the TCP connection with all its streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Send RST_STREAM with this code."""

    code: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Goaway:
    """Send GOAWAY; a hard one closes the connection, otherwise open streams may finish."""

    code: int = 0
    hard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseException:
    """End the stream with an exception, of any type."""

    type: str
    message: str = "A fault on command."


@dataclass(frozen=True, slots=True, kw_only=True)
class SendError:
    """End the stream with a message of type `error`."""

    code: str
    message: str = "A fault on command."


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """Send half of the event's frame, then end the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupt:
    """Send the event with a wrong checksum, then continue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send any JSON as one more output event, then continue."""

    event: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Wait so many seconds first."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """End the stream with END_STREAM and no completionEnd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopResponding:
    """Accept all further input and answer none of it."""


type Action = (
    Refuse
    | Hang
    | Abort
    | Reset
    | Goaway
    | RaiseException
    | SendError
    | Truncate
    | Corrupt
    | Send
    | Delay
    | End
    | StopResponding
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionPoint:
    """The injection point: `in` and `out` precede `event`; `after` is `after_s` into a session."""

    where: Literal["connect", "open", "in", "out", "after"]
    event: str = ""
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; `times` None means every session, `session` limits it to one."""

    at: InjectionPoint
    action: Action
    nth: int = 1
    times: int | None = 1
    session: str | None = None


@dataclass(slots=True, kw_only=True)
class ArmedFault:
    """An armed fault and its counters."""

    id: int
    fault: Fault
    armed_s: float
    seen: int = 0
    triggered: int = 0

    @property
    def is_exhausted(self) -> bool:
        """Return whether the fault has been triggered as often as it may be."""
        return self.fault.times is not None and self.triggered >= self.fault.times


class Faults:
    """All armed faults of the service."""

    def __init__(self) -> None:
        self.armed: list[ArmedFault] = []
        self._last_id = 0

    def arm(self, fault: Fault, *, now_s: float) -> int:
        """Arm a fault and return its id."""
        self._last_id += 1
        self.armed.append(ArmedFault(id=self._last_id, fault=fault, armed_s=now_s))
        return self._last_id

    def clear(self) -> None:
        """Disarm all faults."""
        self.armed.clear()

    def at_connect(self) -> list[Action]:
        """Count a TCP connection and return the actions for it."""
        return self._actions_at("connect")

    def at_open(self) -> list[Action]:
        """Count a request and return the actions for it."""
        return self._actions_at("open")

    def of_session(self, session_id: str, *, now_s: float) -> "SessionFaults":
        """Return the fault counters of a session that begins now."""
        return SessionFaults(self, session_id, opened_s=now_s)

    def _actions_at(self, where: str) -> list[Action]:
        actions: list[Action] = []
        for armed in self.armed:
            if armed.fault.at.where == where:
                armed.seen += 1
                if armed.seen >= armed.fault.nth and not armed.is_exhausted:
                    armed.triggered += 1
                    actions.append(armed.fault.action)
        return actions


class SessionFaults:
    """Counts the events of one session and returns the actions for them."""

    def __init__(self, faults: Faults, session_id: str, *, opened_s: float) -> None:
        self._faults = faults
        self._session_id = session_id
        self._opened_s = opened_s
        self._counts: dict[int, int] = {}
        self._triggered: set[int] = set()

    @property
    def any_armed(self) -> bool:
        """Return whether any fault is armed."""
        return bool(self._faults.armed)

    def before_input(self, payload: bytes) -> list[Action]:
        """Count an input event, given as JSON, and return the actions that precede it."""
        return self._before("in", name_of(payload))

    def before_output(self, name: str) -> list[Action]:
        """Count an output event and return the actions that precede it."""
        return self._before("out", name)

    def due(self, now_s: float) -> list[Action]:
        """Return the actions of timed faults that are due."""
        return [self._trigger(armed) for armed, due_s in self._timed() if due_s <= now_s]

    @property
    def next_at_s(self) -> float:
        """Return when the next timed fault is due; infinite if none is."""
        return min((due_s for _, due_s in self._timed()), default=float("inf"))

    def _before(self, where: str, event: str) -> list[Action]:
        actions: list[Action] = []
        for armed in self._faults.armed:
            at = armed.fault.at
            if at.where == where and at.event == event and self._applies_to_session(armed):
                count = self._counts[armed.id] = self._counts.get(armed.id, 0) + 1
                if count == armed.fault.nth and not armed.is_exhausted:
                    actions.append(self._trigger(armed))
        return actions

    def _timed(self) -> Sequence[tuple[ArmedFault, float]]:
        return [
            (armed, max(armed.armed_s, self._opened_s) + armed.fault.at.after_s)
            for armed in self._faults.armed
            if armed.fault.at.where == "after"
            and not armed.is_exhausted
            and armed.id not in self._triggered
            and self._applies_to_session(armed)
        ]

    def _trigger(self, armed: ArmedFault) -> Action:
        self._triggered.add(armed.id)
        armed.triggered += 1
        return armed.fault.action

    def _applies_to_session(self, armed: ArmedFault) -> bool:
        return armed.fault.session in (None, self._session_id)


_NAME = re.compile(rb'\s*\{\s*"event"\s*:\s*\{\s*"(\w+)"')


def name_of(payload: bytes) -> str:
    """Return the event name of an input event's JSON, or an empty string."""
    found = _NAME.match(payload)
    return found[1].decode() if found else ""
