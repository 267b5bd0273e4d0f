"""What breaks on command: which fault injector which session, at which point.

Theory. A fault is armed for a point: a connection, a request, an event on its way in or out, or so
many seconds into a session. At `connect` and `open` it lets `nth - 1` pass and injector the next
`times`. Inside sessions each session counts for itself, from when the fault was armed or from its own
beginning: a session is triggered at its nth such event, once, until `times` sessions were. All faults
armed for the same point strike there together, in the order they were armed. Pure: moments are
passed in, in seconds of the service's time; what a strike does is done by `injector`, `server` and
`doorstep`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Answer the request with an HTTP error in place of a stream."""

    status: int
    code: str
    message: str = "A fault on command."


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """Say nothing more, for so many seconds or for good, while input goes on being read."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """Reset the TCP connection, and so all its streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Send RST_STREAM with this code."""

    code: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Goaway:
    """Send GOAWAY; a hard one closes the connection, another lets its streams finish."""

    code: int = 0
    hard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseException:
    """End the stream with an exception, whether the service model names it or not."""

    type: str
    message: str = "A fault on command."


@dataclass(frozen=True, slots=True, kw_only=True)
class SendError:
    """End the stream with a message of type `error`."""

    code: str
    message: str = "A fault on command."


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """Send half of the event's frame, and then end the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupt:
    """Send the event with a checksum that is wrong, and go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send any JSON as one more output event, and go on."""

    event: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Let so many seconds pass first."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """End the stream cleanly, though nobody asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopResponding:
    """Take whatever comes from now on, and answer none of it."""


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
    """Where a fault injector: before the `event` of "in" and "out", or `after_s` into a session."""

    where: Literal["connect", "open", "in", "out", "after"]
    event: str = ""
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is to break; `times` is None for every session, `session` narrows it to one."""

    at: InjectionPoint
    action: Action
    nth: int = 1
    times: int | None = 1
    session: str | None = None


@dataclass(slots=True, kw_only=True)
class ArmedFault:
    """A fault that waits for its moment, and how often it came."""

    id: int
    fault: Fault
    armed_s: float
    seen: int = 0
    triggered: int = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether it has triggered as often as it was to."""
        return self.fault.times is not None and self.triggered >= self.fault.times


class Faults:
    """All that is armed, for all sessions of the service."""

    def __init__(self) -> None:
        self.armed: list[ArmedFault] = []
        self._last_id = 0

    def arm(self, fault: Fault, *, now_s: float) -> int:
        """Let the fault strike from now on; return its id."""
        self._last_id += 1
        self.armed.append(ArmedFault(id=self._last_id, fault=fault, armed_s=now_s))
        return self._last_id

    def clear(self) -> None:
        """Disarm everything."""
        self.armed.clear()

    def at_connect(self) -> list[Action]:
        """Note a connection; return what injector it."""
        return self._actions_at("connect")

    def at_open(self) -> list[Action]:
        """Note a request; return what injector it."""
        return self._actions_at("open")

    def of_session(self, session_id: str, *, now_s: float) -> "SessionFaults":
        """Return what counts for a session that begins now."""
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
    """What one session counts, and what injector it."""

    def __init__(self, faults: Faults, session_id: str, *, opened_s: float) -> None:
        self._faults = faults
        self._session_id = session_id
        self._opened_s = opened_s
        self._counts: dict[int, int] = {}
        self._triggered: set[int] = set()

    @property
    def any_armed(self) -> bool:
        """Whether it's worth asking."""
        return bool(self._faults.armed)

    def before_input(self, payload: bytes) -> list[Action]:
        """Note an event of the client, by its JSON; return what injector before it is taken."""
        return self._before("in", name_of(payload))

    def before_output(self, name: str) -> list[Action]:
        """Note an event of the service; return what injector before it is sent."""
        return self._before("out", name)

    def due(self, now_s: float) -> list[Action]:
        """Return what injector because so much time has passed."""
        return [self._trigger(armed) for armed, due_s in self._timed() if due_s <= now_s]

    @property
    def next_at_s(self) -> float:
        """When `due` has something next; infinite if never."""
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
    """Return the name of a client's event out of its JSON, or nothing where it has none."""
    found = _NAME.match(payload)
    return found[1].decode() if found else ""
