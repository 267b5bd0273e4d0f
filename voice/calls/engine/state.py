"""The phases of a call, and which trigger leads from one to the next.

Three state machines run side by side, each with one enum and one table:

- `CallPhase`: the life of the call, from its start to its end.
- `SessionPhase`: how the call is connected with Nova Sonic, session after session.
- `TurnPhase`: who speaks next, and why.

Everything that changes a phase goes through `next_phase`. A trigger without a row in the table changes
nothing: the service and the client may send anything at any time. `docs/calls.md` shows the diagrams that
`scripts/state-diagrams.py` draws from these tables.
"""

from collections.abc import Mapping
from enum import StrEnum


class CallPhase(StrEnum):
    """The life of a call."""

    ACTIVE = "active"
    """Both sides may talk."""
    SIGNING_OFF = "signing_off"
    """The assistant says goodbye, and the call ends after it."""
    HANGING_UP = "hanging_up"
    """The session is being ended in order."""
    ENDED = "ended"


class CallTrigger(StrEnum):
    """What changes a `CallPhase`."""

    SIGN_OFF = "sign off"
    """Nobody has spoken for long, or the call has reached its longest duration."""
    CUSTOMER_STAYS = "customer stays"
    """The customer speaks or types during a goodbye that was said because nobody spoke."""
    HANG_UP = "hang up"
    """The customer hangs up, or the goodbye is over."""
    END = "end"
    """The session is over, took too long to end, or cannot be replaced."""


CALL_TRANSITIONS: Mapping[CallPhase, Mapping[CallTrigger, CallPhase]] = {
    CallPhase.ACTIVE: {
        CallTrigger.SIGN_OFF: CallPhase.SIGNING_OFF,
        CallTrigger.HANG_UP: CallPhase.HANGING_UP,
        CallTrigger.END: CallPhase.ENDED,
    },
    CallPhase.SIGNING_OFF: {
        CallTrigger.CUSTOMER_STAYS: CallPhase.ACTIVE,
        CallTrigger.HANG_UP: CallPhase.HANGING_UP,
        CallTrigger.END: CallPhase.ENDED,
    },
    CallPhase.HANGING_UP: {CallTrigger.END: CallPhase.ENDED},
    CallPhase.ENDED: {},
}


class SessionPhase(StrEnum):
    """How a call is connected with Nova Sonic."""

    CONNECTING = "connecting"
    """The first session is being opened."""
    CONNECTED = "connected"
    """One session carries the call."""
    PREPARING = "preparing"
    """One session carries the call; the next one is being opened beside it."""
    PREPARED = "prepared"
    """One session carries the call; the next one waits for a quiet moment."""
    RECOVERING = "recovering"
    """The session was lost; another one is being opened."""
    AWAY = "away"
    """The same, for so long that the client was sent `assistant away`."""
    CLOSING = "closing"
    """The last session is being ended in order."""
    CLOSED = "closed"
    """No session follows."""


class SessionTrigger(StrEnum):
    """What changes a `SessionPhase`."""

    OPENED = "opened"
    """The session that was being opened is accepted by the service."""
    PREPARE = "prepare"
    """The current session is old enough to be replaced."""
    MOVE = "move"
    """The prepared session takes over: the moment is quiet, or the current session was lost."""
    NEXT_GONE = "next gone"
    """The next session failed to open, broke, or waited too long."""
    LOST = "lost"
    """The current session broke, or the service ended it."""
    ABSENCE_NOTICED = "absence noticed"
    """There has been no session for a while."""
    CLOSE = "close"
    """The call hangs up."""
    GIVE_UP = "give up"
    """A session failed, and no other one is worth trying."""
    ENDED = "ended"
    """The session that was being ended is over."""


SESSION_TRANSITIONS: Mapping[SessionPhase, Mapping[SessionTrigger, SessionPhase]] = {
    SessionPhase.CONNECTING: {
        SessionTrigger.OPENED: SessionPhase.CONNECTED,
        SessionTrigger.CLOSE: SessionPhase.CLOSED,
        SessionTrigger.GIVE_UP: SessionPhase.CLOSED,
    },
    SessionPhase.CONNECTED: {
        SessionTrigger.PREPARE: SessionPhase.PREPARING,
        SessionTrigger.LOST: SessionPhase.RECOVERING,
        SessionTrigger.CLOSE: SessionPhase.CLOSING,
        SessionTrigger.GIVE_UP: SessionPhase.CLOSED,
    },
    SessionPhase.PREPARING: {
        SessionTrigger.OPENED: SessionPhase.PREPARED,
        SessionTrigger.NEXT_GONE: SessionPhase.CONNECTED,
        SessionTrigger.LOST: SessionPhase.RECOVERING,
        SessionTrigger.CLOSE: SessionPhase.CLOSING,
    },
    SessionPhase.PREPARED: {
        SessionTrigger.MOVE: SessionPhase.CONNECTED,
        SessionTrigger.NEXT_GONE: SessionPhase.CONNECTED,
        SessionTrigger.CLOSE: SessionPhase.CLOSING,
    },
    SessionPhase.RECOVERING: {
        SessionTrigger.OPENED: SessionPhase.CONNECTED,
        SessionTrigger.ABSENCE_NOTICED: SessionPhase.AWAY,
        SessionTrigger.CLOSE: SessionPhase.CLOSED,
        SessionTrigger.GIVE_UP: SessionPhase.CLOSED,
    },
    SessionPhase.AWAY: {
        SessionTrigger.OPENED: SessionPhase.CONNECTED,
        SessionTrigger.CLOSE: SessionPhase.CLOSED,
        SessionTrigger.GIVE_UP: SessionPhase.CLOSED,
    },
    SessionPhase.CLOSING: {SessionTrigger.ENDED: SessionPhase.CLOSED},
    SessionPhase.CLOSED: {},
}


class TurnPhase(StrEnum):
    """Who speaks next, and why."""

    IDLE = "idle"
    """Nothing is asked, or all of it is answered."""
    THINKING = "thinking"
    """Something is asked, and the service shows no sign of it yet."""
    SPEAKING = "speaking"
    """The reply is coming."""
    QUEUED = "queued"
    """A reply is coming, and an answer to something newer is due after it."""
    TOOL_RUNNING = "tool_running"
    """The service has called a tool and waits for its result."""
    SPEAKING_OVER_TOOL = "speaking_over_tool"
    """The assistant speaks while a tool runs, for example to ask for patience."""


class TurnTrigger(StrEnum):
    """What changes a `TurnPhase`."""

    ASKED = "asked"
    """The customer spoke or typed, or the server gave the assistant something to say."""
    REPLY_BEGAN = "reply began"
    """The service sent planned text or audio."""
    TOOL_CALLED = "tool called"
    RESULTS_GIVEN = "results given"
    """No tool call is left without a result."""
    REPLY_ENDED = "reply ended"
    """All audio of the reply has come."""
    INTERRUPTED = "interrupted"
    """The customer spoke over the assistant."""
    SESSION_LOST = "session lost"
    """The session is gone, and with it the reply or the tool call under way."""
    DROPPED = "dropped"
    """The next session is not asked again: its model accepts no text, or the reply was to nothing."""


TURN_TRANSITIONS: Mapping[TurnPhase, Mapping[TurnTrigger, TurnPhase]] = {
    TurnPhase.IDLE: {
        TurnTrigger.ASKED: TurnPhase.THINKING,
        TurnTrigger.REPLY_BEGAN: TurnPhase.SPEAKING,
        TurnTrigger.TOOL_CALLED: TurnPhase.TOOL_RUNNING,
    },
    TurnPhase.THINKING: {
        TurnTrigger.REPLY_BEGAN: TurnPhase.SPEAKING,
        TurnTrigger.TOOL_CALLED: TurnPhase.TOOL_RUNNING,
        TurnTrigger.DROPPED: TurnPhase.IDLE,
    },
    TurnPhase.SPEAKING: {
        TurnTrigger.ASKED: TurnPhase.QUEUED,
        TurnTrigger.TOOL_CALLED: TurnPhase.TOOL_RUNNING,
        TurnTrigger.REPLY_ENDED: TurnPhase.IDLE,
        TurnTrigger.INTERRUPTED: TurnPhase.IDLE,
        TurnTrigger.SESSION_LOST: TurnPhase.THINKING,
    },
    TurnPhase.QUEUED: {
        TurnTrigger.TOOL_CALLED: TurnPhase.TOOL_RUNNING,
        TurnTrigger.REPLY_ENDED: TurnPhase.THINKING,
        TurnTrigger.INTERRUPTED: TurnPhase.THINKING,
        TurnTrigger.SESSION_LOST: TurnPhase.THINKING,
    },
    TurnPhase.TOOL_RUNNING: {
        TurnTrigger.REPLY_BEGAN: TurnPhase.SPEAKING_OVER_TOOL,
        TurnTrigger.RESULTS_GIVEN: TurnPhase.THINKING,
        TurnTrigger.DROPPED: TurnPhase.IDLE,
    },
    TurnPhase.SPEAKING_OVER_TOOL: {
        TurnTrigger.TOOL_CALLED: TurnPhase.TOOL_RUNNING,
        TurnTrigger.RESULTS_GIVEN: TurnPhase.QUEUED,
        TurnTrigger.REPLY_ENDED: TurnPhase.TOOL_RUNNING,
        TurnTrigger.INTERRUPTED: TurnPhase.TOOL_RUNNING,
        TurnTrigger.SESSION_LOST: TurnPhase.TOOL_RUNNING,
    },
}


def next_phase[P, T](transitions: Mapping[P, Mapping[T, P]], phase: P, trigger: T) -> P:
    """Return the phase that follows `phase`; the same one if the table has no row for `trigger`."""
    return transitions[phase].get(trigger, phase)
