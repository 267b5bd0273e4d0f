"""Notices what no event reports: silence, an unresponsive session, slow tools, the call's age.

- *Idle*: neither side has said anything for a while. The assistant says goodbye, then the call ends.
- *Limit*: the call has reached its longest duration. The same.
- *Unresponsive*: the customer spoke or typed, and the service shows no sign of it. A new session gets it.
- *Slow tool*: a tool runs and nobody says anything. The assistant asks for patience, once per tool call.
"""

from dataclasses import dataclass
from enum import StrEnum

from voice.calls.engine.snapshot import CallSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogLimits:
    """How long is too long, in seconds."""

    idle_s: float
    limit_s: float
    unresponsive_s: float
    tool_patience_s: float
    goodbye_s: float = 12.0
    """How long the goodbye may take."""
    longest_unresponsive_s: float = 300.0
    """The longest `unresponsive_s`: it doubles after each false alarm, such as a noise that no session answers."""


class Finding(StrEnum):
    """What the watchdog noticed."""

    IDLE = "idle"
    LIMIT = "limit"
    UNRESPONSIVE = "unresponsive"
    SLOW_TOOL = "slow_tool"


class Watchdog:
    """Looks at one call again and again; unresponsiveness and slow tools are found once per cause."""

    def __init__(self, limits: WatchdogLimits) -> None:
        self._limits = limits
        self._unresponsive_s = limits.unresponsive_s
        self._unresponsive_found: float | None = None
        self._slow_tool_found: float | None = None

    def session_responded(self) -> None:
        """Return to the shortest wait, which false alarms have lengthened."""
        self._unresponsive_s = self._limits.unresponsive_s

    def check(self, snapshot: CallSnapshot) -> Finding | None:
        """Return what is noticed now; of several findings, the gravest."""
        if snapshot.now - snapshot.began_at >= self._limits.limit_s:
            return Finding.LIMIT
        if self._is_unresponsive(snapshot):
            return Finding.UNRESPONSIVE
        if self._is_tool_slow(snapshot):
            return Finding.SLOW_TOOL
        if snapshot.is_quiet and snapshot.now - snapshot.last_activity_at >= self._limits.idle_s:
            return Finding.IDLE
        return None

    def _is_unresponsive(self, snapshot: CallSnapshot) -> bool:
        since = snapshot.unanswered_since
        if since is None or since == self._unresponsive_found:
            return False
        if snapshot.now - since < self._unresponsive_s:
            return False
        # It may have been a noise: wait longer the next time.
        longer_s = min(2 * self._unresponsive_s, self._limits.longest_unresponsive_s)
        self._unresponsive_found, self._unresponsive_s = since, longer_s
        return True

    def _is_tool_slow(self, snapshot: CallSnapshot) -> bool:
        since = snapshot.tool_running_since
        if since is None or since == self._slow_tool_found:
            return False
        if snapshot.is_reply_coming or snapshot.is_reply_sounding or snapshot.is_customer_speaking:
            return False
        if snapshot.now - since < self._limits.tool_patience_s:
            return False
        self._slow_tool_found = since
        return True
