"""When a call moves to its next session.

The service ends each session after eight minutes, and a call lasts longer. So the next session is opened
before the old one ends, and the call moves at a moment when nobody notices: nobody speaks, nothing is
asked, nothing is played, no tool runs.

    age  0 ──────────── quiet_moment_after ──────── between_replies_after ── at_latest ── the service's end
         nothing to do  │ at a quiet moment         │ as soon as            │ now
                        │                           │ no reply is coming    │

A prepared session waits for that moment, but not until the service would end it as idle.
Temporary credentials shorten the scale: their end counts like the service's. But a session that has just
begun is not replaced because of them, as the next one would be signed with the same.

Source: AWS's "session continuation" sample and Pipecat (look from 360 s), LiveKit (credentials).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from voice.calls.engine.snapshot import CallSnapshot

SHORTEST_SHARE = 1 / 12
"""The share of the usual age before which credentials do not end a session: half a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPlan:
    """The ages of a session, in seconds, at which something becomes due."""

    quiet_moment_after_s: float
    between_replies_after_s: float
    at_latest_s: float
    quiet_s: float
    """How long it must have been quiet for a moment to be a good one."""
    prepared_for_s: float
    """How long a prepared session may wait: the service ends an idle one after 55 s."""
    credentials_margin_s: float
    """How long before the end of the credentials the session must be over."""

    @classmethod
    def for_sessions(cls, longest_s: float) -> Self:
        """Return the plan for sessions that last `longest_s` at most."""
        return cls(
            quiet_moment_after_s=0.75 * longest_s,
            between_replies_after_s=0.93 * longest_s,
            at_latest_s=0.97 * longest_s,
            quiet_s=min(0.7, longest_s / 20),
            prepared_for_s=longest_s / 12,
            credentials_margin_s=longest_s / 8,
        )


class RotationDue(StrEnum):
    """What is to be done about the next session."""

    NOTHING = "nothing"
    PREPARE = "prepare"
    MOVE = "move"
    DISCARD = "discard"


def rotation_due(
    plan: RotationPlan, snapshot: CallSnapshot, *, prepared_at: float | None
) -> RotationDue:
    """Return what is due now; `prepared_at` is when the next session was opened, None if it was not."""
    age_s = _effective_age_s(plan, snapshot)
    if age_s < plan.quiet_moment_after_s:
        return RotationDue.NOTHING
    is_time = _is_good_moment(plan, snapshot) or _is_last_moment(plan, snapshot, age_s)
    if prepared_at is None:
        return RotationDue.PREPARE if is_time else RotationDue.NOTHING
    if is_time:
        return RotationDue.MOVE
    is_stale = snapshot.now - prepared_at >= plan.prepared_for_s
    return RotationDue.DISCARD if is_stale else RotationDue.NOTHING


def _effective_age_s(plan: RotationPlan, snapshot: CallSnapshot) -> float:
    """Return the session's age, or the age at which it would have to end as soon as its credentials."""
    is_new = snapshot.session_age_s < SHORTEST_SHARE * plan.quiet_moment_after_s
    if is_new or snapshot.credentials_until is None:
        return snapshot.session_age_s
    left_s = snapshot.credentials_until - plan.credentials_margin_s - snapshot.now
    return max(snapshot.session_age_s, plan.at_latest_s - left_s)


def _is_good_moment(plan: RotationPlan, snapshot: CallSnapshot) -> bool:
    is_long_quiet = snapshot.now - snapshot.last_activity_at >= plan.quiet_s
    return snapshot.is_quiet and snapshot.unanswered_since is None and is_long_quiet


def _is_last_moment(plan: RotationPlan, snapshot: CallSnapshot, age_s: float) -> bool:
    if age_s >= plan.at_latest_s:
        return True
    return age_s >= plan.between_replies_after_s and not snapshot.is_reply_coming
