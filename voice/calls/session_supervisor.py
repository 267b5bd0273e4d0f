"""The sessions of a call, one after the other, so that there is always one: opened, renewed, replaced.

    nothing ──open──► current ──renewal: prepared beside it──► moved ──► the old one leaves
       ▲                 │
       └── recovery ◄────┘ it broke, or the service ended it

Who the sessions serve decides nothing here: it is told when the call has moved to a session, when it
has lost one, and when no other is worth trying. What it says to a session it says to `current`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from voice import metrics
from voice.calls.recovery import SessionRecovery, name_of
from voice.calls.rotation import RotationDue, RotationPlan, due
from voice.calls.session import Instructions, Session
from voice.calls.snapshot import CallSnapshot
from voice.customer_errors import first_error
from voice.sonic.errors import RemoteProtocolError, SonicError
from voice.sonic.events import OutputEvent
from voice.sonic.transport import SonicTransport

logger = logging.getLogger(__name__)

MOST_FAILURES = 20
PREPARE_AGAIN_S = 5.0
"""How long after a session that could not be prepared the next one is tried."""


class SessionListener(Protocol):
    """Whom the sessions serve."""

    def moved(self, session: Session) -> None:
        """Learn that `session` is the current one now, and tell it what it must know."""

    def note(self, session: Session, event: OutputEvent, received: float) -> None:
        """Take what a session says; old ones may still tell what they used."""

    def lost(self) -> None:
        """Learn that there is no session for now; another one is tried."""

    def gave_up(self, error: SonicError) -> None:
        """Learn that there will be no session any more."""

    def left(self) -> None:
        """Learn that the last session has ended after `end`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFactory:
    """What sessions are made with."""

    transport: SonicTransport
    instructions: Callable[[], Instructions]
    plan: RotationPlan
    chance: Callable[[], float]
    start: Callable[[Coroutine[Any, Any, None]], None]
    """Starts a task that belongs to the call."""


class SessionSupervisor:
    """Keeps one session current from `begin` to `end`."""

    def __init__(self, served: SessionListener, means: SessionFactory) -> None:
        self.current: Session | None = None
        self.renewals = 0
        self.failures: list[str] = []
        """The names of what broke sessions, the newest of many."""
        self.away_since: float | None = None
        """Since when there is no session; None while there is one."""
        self._served = served
        self._means = means
        self._recovery = SessionRecovery()
        self._prepared: Session | None = None
        self._is_opening = False
        self._not_before = 0.0
        self._ending = False

    def begin(self) -> None:
        """Open the first session."""
        self.away_since = _now()
        self._open(after_s=0.0)

    def end(self) -> None:
        """End the current session; no other follows."""
        self._ending = True
        if self._prepared is not None:
            self._prepared.end()
        if self.current is not None:
            self.current.end()
        else:
            self._served.left()

    def abandon_current(self, error: SonicError) -> None:
        """Take the current session for lost, since it does not do what it should."""
        if self.current is not None:
            session, self.current = self.current, None
            session.end()
            self._replace(error, lived_s=_now() - session.opened_at)

    def answered(self) -> None:
        """Note that the current session has given an answer to its end: it does what it should."""
        self._recovery.answered()

    def renew_if_due(self, situation: CallSnapshot) -> None:
        """Prepare, or move to, the next session where its time has come."""
        prepared_at = self._prepared.opened_at if self._prepared else None
        match due(self._means.plan, situation, prepared_at=prepared_at):
            case RotationDue.PREPARE if situation.now >= self._not_before:
                self._open(after_s=0.0)
            case RotationDue.MOVE if self._prepared:
                self._move(self._prepared)
            case RotationDue.DISCARD if self._prepared:
                self._prepared.end()
                self._prepared = None
            case _:
                pass

    # Private methods

    def _open(self, *, after_s: float) -> None:
        if not self._is_opening:
            self._is_opening = True
            self._means.start(self._opening(after_s))

    async def _opening(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        try:
            session = await Session.opened(self._means.transport, self._means.instructions())
        except SonicError as error:
            self._is_opening = False
            self._could_not_open(error)
            return
        metrics.SESSIONS_OPENED.inc()
        self._is_opening = False
        self._prepared = session
        if self._ending:
            session.end()
        elif self.current is None:
            self._move(session)
        await self._serve(session)  # in this task: one that never began would not close the stream

    def _could_not_open(self, error: SonicError) -> None:
        if self.current is None:
            self._replace(error, lived_s=0.0)
        else:
            logger.warning("next session not opened", extra={"failure": name_of(error)})
            self._not_before = _now() + PREPARE_AGAIN_S

    def _move(self, session: Session) -> None:
        """Make a session the current one; the old one leaves at its own pace."""
        old, self.current, self._prepared = self.current, session, None
        self.away_since = None
        if old is not None:
            self.renewals += 1
            metrics.SESSIONS_RENEWED.inc()
            old.end()
        self._served.moved(session)

    async def _serve(self, session: Session) -> None:
        error: SonicError | None = None
        try:
            await session.run(partial(self._served.note, session))
        except* SonicError as group:
            error = first_error(group)
        self._over(session, error)

    def _over(self, session: Session, error: SonicError | None) -> None:
        if session is self._prepared:
            self._prepared = None
            self._not_before = _now() + PREPARE_AGAIN_S
        elif session is self.current:
            self.current = None
            if self._ending:
                self._served.left()
            else:
                error = error or RemoteProtocolError("the service ended the session")
                self._replace(error, lived_s=_now() - session.opened_at)

    def _replace(self, error: SonicError, *, lived_s: float) -> None:
        """Have another session in place of one that is lost, if it is worth trying."""
        if self._ending:
            self._served.left()
            return
        self.away_since = self.away_since or _now()
        self._recovery.held(lived_s=lived_s)
        pause_s = self._recovery.pause_s(error, chance=self._means.chance())
        extra = {"failure": name_of(error), "error": str(error), "pause_s": pause_s}
        logger.warning("session lost", extra=extra)
        metrics.SESSIONS_LOST.labels(name_of(error)).inc()
        self.failures = [*self.failures, name_of(error)][-MOST_FAILURES:]
        if self._prepared is not None:
            self._served.lost()
            self._move(self._prepared)
        elif pause_s is not None:
            self._served.lost()
            self._open(after_s=pause_s)
        else:
            self._served.gave_up(error)


def _now() -> float:
    return asyncio.get_running_loop().time()
