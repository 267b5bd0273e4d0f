"""When a call moves to its next session. Pure.

The service ends every session after eight minutes; a call lasts longer. So the next session is
opened before the old one ends, and the call moves at a moment when nobody notices: nobody speaks,
nothing is asked, nothing sounds, no tool runs.

    age  0 ──────────── look_after ──────────────── by ─────────── at_latest ── the service's end
         nothing to do  │ at a quiet moment         │ as soon as   │ now
                        │                           │ no reply is  │
                        │                           │ coming       │

A session that was prepared waits for its moment, but not so long that the service takes it for idle.
Temporary credentials shorten the scale: their end counts like the service's. A session that has just
begun is not renewed for their sake, though: the next one would be signed with the same.

Source: AWS's "session continuation" sample and Pipecat (look from 360 s), LiveKit (credentials).
"""

from dataclasses import dataclass
from enum import StrEnum

from voice.calls.snapshot import CallSnapshot

SHORTEST_SHARE = 1 / 12
"""The share of the usual age before which no credentials end a session: half a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPlan:
    """The ages of a session, in seconds, at which something becomes due."""

    look_after_s: float = 360.0
    by_s: float = 450.0
    at_latest_s: float = 465.0
    quiet_s: float = 0.7
    """How long it must have been quiet for a moment to be a good one."""
    prepared_for_s: float = 40.0
    """How long a prepared session may wait: the service ends an idle one after 55 s."""
    credentials_margin_s: float = 60.0
    """How long before the credentials' end the session must be over."""


class RotationDue(StrEnum):
    """What is to be done about the next session."""

    NOTHING = "nothing"
    PREPARE = "prepare"
    MOVE = "move"
    DISCARD = "discard"


def due(plan: RotationPlan, situation: CallSnapshot, *, prepared_at: float | None) -> RotationDue:
    """Return what is due now; `prepared_at` is when the next session was opened, if it is."""
    age_s = _age_s(plan, situation)
    if age_s < plan.look_after_s:
        return RotationDue.NOTHING
    now = _is_good(plan, situation) or _must(plan, situation, age_s)
    if prepared_at is None:
        return RotationDue.PREPARE if now else RotationDue.NOTHING
    if now:
        return RotationDue.MOVE
    is_stale = situation.now - prepared_at >= plan.prepared_for_s
    return RotationDue.DISCARD if is_stale else RotationDue.NOTHING


def _age_s(plan: RotationPlan, situation: CallSnapshot) -> float:
    """Return the session's age, or the one it would have for its credentials to end as soon."""
    is_new = situation.session_age_s < SHORTEST_SHARE * plan.look_after_s
    if is_new or situation.credentials_until is None:
        return situation.session_age_s
    left_s = situation.credentials_until - plan.credentials_margin_s - situation.now
    return max(situation.session_age_s, plan.at_latest_s - left_s)


def _is_good(plan: RotationPlan, situation: CallSnapshot) -> bool:
    is_heard = situation.no_sign_since is None
    long_quiet = situation.now - situation.last_word_at >= plan.quiet_s
    return situation.is_quiet and is_heard and long_quiet


def _must(plan: RotationPlan, situation: CallSnapshot, age_s: float) -> bool:
    if age_s >= plan.at_latest_s:
        return True
    return age_s >= plan.by_s and not situation.reply_coming
