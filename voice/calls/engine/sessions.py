"""The sessions of a call: opened, rotated and replaced, so that there is always one.

    opening ──► current ──ended by rotation, or when the call hangs up──► over
       ▲          │
       └──────────┘ recovery: it broke, or the service ended it, so the next one is opened

Rotation opens the next session, *prepared*, beside the current one and makes it current at a good moment
(`voice.calls.engine.rotation`). `voice.calls.engine.recovery` decides after which pause a lost session is
replaced. Sessions have numbers. This module decides which one is opened, ended and current; what is sent to
the current one is decided in `voice.calls.engine.service`. The phases are in `voice.calls.engine.state`.
"""

from dataclasses import dataclass
from enum import StrEnum

from voice.calls.engine import commands as c
from voice.calls.engine.recovery import SessionRecovery, failure_name
from voice.calls.engine.rotation import RotationDue, RotationPlan, rotation_due
from voice.calls.engine.snapshot import CallSnapshot
from voice.calls.engine.state import (
    SESSION_TRANSITIONS,
    SessionPhase,
    SessionTrigger,
    next_phase,
)
from voice.sonic.errors import RemoteProtocolError, SonicError

MOST_FAILURES = 20
"""How many names of failures are remembered."""
PREPARE_AGAIN_S = 5.0
"""The pause after a session could not be prepared, until another one is."""
NO_SESSION = {
    SessionPhase.CONNECTING,
    SessionPhase.RECOVERING,
    SessionPhase.AWAY,
    SessionPhase.CLOSED,
}
"""The phases without a current session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """A session that the service has accepted."""

    number: int
    opened_at: float
    credentials_until: float | None


class SessionChange(StrEnum):
    """What an event means for the call."""

    NOTHING = "nothing"
    MOVED = "moved"
    """A session is current that was not before: the one just opened, or the prepared one."""
    LOST = "lost"
    """No session is current; another one is being opened."""
    REPLACED = "replaced"
    """The current session was lost, and the prepared one is current."""
    FAILED = "failed"
    """No session is current, and no other one is tried."""
    OVER = "over"
    """The last session has ended."""


@dataclass(slots=True)
class SessionsState:
    """Which sessions there are. Numbers count the sessions of a call."""

    phase: SessionPhase = SessionPhase.CONNECTING
    current: OpenedSession | None = None
    prepared: OpenedSession | None = None
    opening: int | None = None
    absent_since: float = 0.0
    """Since when there is no session; meaningful while there is none."""
    prepare_not_before: float = 0.0
    """Before this instant no session is prepared."""
    opened: int = 0
    rotations: int = 0
    failures: tuple[str, ...] = ()
    """The names of the newest failures."""
    error: SonicError | None = None
    """The failure after which no other session was tried."""


class Sessions:
    """Keeps one session current. Methods append the commands that follow from a change."""

    def __init__(self, plan: RotationPlan, commands: list[c.Command]) -> None:
        self.state = SessionsState()
        self._plan = plan
        self._recovery = SessionRecovery()
        self._commands = commands

    @property
    def current(self) -> int | None:
        """The number of the current session; None if there is none."""
        return None if self.state.current is None else self.state.current.number

    def start(self, *, now: float) -> None:
        """Open the first session."""
        self.state.absent_since = now
        self._open(delay_s=0.0)

    def opened(self, number: int, *, credentials_until: float | None, now: float) -> SessionChange:
        """Record that a session was accepted."""
        state = self.state
        session = OpenedSession(number=number, opened_at=now, credentials_until=credentials_until)
        if state.phase in {SessionPhase.CLOSING, SessionPhase.CLOSED}:
            self._commands.append(c.EndSession(session=number))
            return SessionChange.NOTHING
        state.opening = None
        if state.phase is SessionPhase.PREPARING:
            state.prepared = session
            self._advance(SessionTrigger.OPENED)
            return SessionChange.NOTHING
        state.current = session
        self._advance(SessionTrigger.OPENED)
        return SessionChange.MOVED

    def lost(
        self, number: int, error: SonicError | None, *, jitter: float, now: float
    ) -> SessionChange:
        """Record that a session failed to open, broke or ended."""
        state = self.state
        error = error or RemoteProtocolError("the service ended the session")
        if number == state.opening:
            state.opening = None
            if state.phase is SessionPhase.PREPARING:
                return self._next_gone(error, now=now)
            return self._replace(error, lasted_s=0.0, jitter=jitter, now=now)
        if state.prepared is not None and number == state.prepared.number:
            state.prepared = None
            return self._next_gone(error, now=now)
        if state.current is not None and number == state.current.number:
            lasted_s, state.current = now - state.current.opened_at, None
            return self._replace(error, lasted_s=lasted_s, jitter=jitter, now=now)
        return SessionChange.NOTHING

    def abandon(self, error: SonicError, *, jitter: float, now: float) -> SessionChange:
        """End the current session, which is unresponsive, and replace it."""
        assert self.state.current is not None
        lasted_s, number = now - self.state.current.opened_at, self.state.current.number
        self.state.current = None
        self._commands.append(c.EndSession(session=number))
        return self._replace(error, lasted_s=lasted_s, jitter=jitter, now=now)

    def answered(self) -> None:
        """Record that the current session has sent a complete answer."""
        self._recovery.session_answered()

    def rotate_if_due(self, snapshot: CallSnapshot) -> SessionChange:
        """Prepare the next session, move to it, or end one that has waited too long."""
        state = self.state
        prepared_at = None if state.prepared is None else state.prepared.opened_at
        match rotation_due(self._plan, snapshot, prepared_at=prepared_at), state.phase:
            case RotationDue.PREPARE, SessionPhase.CONNECTED if (
                snapshot.now >= state.prepare_not_before
            ):
                self._advance(SessionTrigger.PREPARE)
                self._open(delay_s=0.0)
            case RotationDue.MOVE, SessionPhase.PREPARED:
                assert state.current is not None
                self._commands.append(c.EndSession(session=state.current.number))
                self._move()
                state.rotations += 1
                self._commands.append(c.ReportRotation())
                return SessionChange.MOVED
            case RotationDue.DISCARD, SessionPhase.PREPARED:
                assert state.prepared is not None
                self._commands.append(c.EndSession(session=state.prepared.number))
                state.prepared = None
                self._advance(SessionTrigger.NEXT_GONE)
            case _:
                pass
        return SessionChange.NOTHING

    def notice_absence(self, *, after_s: float, now: float) -> bool:
        """Return whether there has been no session for so long that the client shows it; once per absence."""
        is_long = now - self.state.absent_since >= after_s
        if self.state.phase is not SessionPhase.RECOVERING or not is_long:
            return False
        self._advance(SessionTrigger.ABSENCE_NOTICED)
        return True

    def close(self) -> SessionChange:
        """End all sessions; no other follows."""
        state = self.state
        for session in (state.prepared, state.current):
            if session is not None:
                self._commands.append(c.EndSession(session=session.number))
        state.prepared = None
        self._advance(SessionTrigger.CLOSE)
        return SessionChange.OVER if state.phase is SessionPhase.CLOSED else SessionChange.NOTHING

    # Private methods

    def _open(self, *, delay_s: float) -> None:
        self.state.opened += 1
        self.state.opening = self.state.opened
        self._commands.append(c.OpenSession(session=self.state.opened, delay_s=delay_s))

    def _move(self) -> None:
        state = self.state
        state.current, state.prepared = state.prepared, None
        self._advance(SessionTrigger.MOVE)

    def _next_gone(self, error: SonicError, *, now: float) -> SessionChange:
        self.state.prepare_not_before = now + PREPARE_AGAIN_S
        self._commands.append(c.ReportNextSessionLost(failure=failure_name(error)))
        self._advance(SessionTrigger.NEXT_GONE)
        return SessionChange.NOTHING

    def _replace(
        self, error: SonicError, *, lasted_s: float, jitter: float, now: float
    ) -> SessionChange:
        """Replace a session that is lost, if another one is worth trying.

        By phase: a prepared session takes over; one that is being prepared is waited for; otherwise
        another one is opened after the pause that recovery says, or none if it says None.
        """
        state = self.state
        if state.phase in {SessionPhase.CLOSING, SessionPhase.CLOSED}:
            self._advance(SessionTrigger.ENDED)
            return SessionChange.OVER
        self._recovery.session_lasted(lasted_s)
        pause_s = self._recovery.count_failure(error, jitter=jitter)
        name = failure_name(error)
        state.failures = (*state.failures, name)[-MOST_FAILURES:]
        self._commands.append(c.ReportSessionLost(failure=name, error=str(error), pause_s=pause_s))
        if state.phase is SessionPhase.PREPARED:
            self._move()
            return SessionChange.REPLACED
        if state.phase not in NO_SESSION:
            state.absent_since = now
        if state.phase is SessionPhase.PREPARING:
            self._advance(SessionTrigger.LOST)
            return SessionChange.LOST
        if pause_s is None:
            state.error = error
            self._advance(SessionTrigger.GIVE_UP)
            return SessionChange.FAILED
        self._advance(SessionTrigger.LOST)
        self._open(delay_s=pause_s)
        return SessionChange.LOST

    def _advance(self, trigger: SessionTrigger) -> None:
        self.state.phase = next_phase(SESSION_TRANSITIONS, self.state.phase, trigger)
