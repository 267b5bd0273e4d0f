"""What nobody says and somebody must notice: silence, deafness, slowness, and the end of time. Pure.

- *Idle*: neither side has said a word for a while. The assistant says goodbye, then the call ends.
- *Limit*: the call is as long as a call may be. The same.
- *Deaf*: the customer spoke or wrote, and the service shows no sign of it. A new session hears it again.
- *Slow tool*: a tool runs and nobody says anything. The customer is told, once a tool.
"""

from dataclasses import dataclass
from enum import StrEnum

from voice.calls.snapshot import CallSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogLimits:
    """How long is too long, in seconds."""

    idle_s: float = 300.0
    limit_s: float = 3600.0
    goodbye_s: float = 12.0
    """How long saying goodbye may take."""
    deaf_s: float = 12.0
    deafest_s: float = 300.0
    """How long at most, after noises that the service rightly took no notice of."""
    tool_patience_s: float = 2.5


class Finding(StrEnum):
    """What was noticed."""

    IDLE = "idle"
    LIMIT = "limit"
    DEAF = "deaf"
    SLOW_TOOL = "slow_tool"


class Watchdog:
    """Looks at one call again and again; of deafness and a slow tool it tells once for each cause."""

    def __init__(self, plan: WatchdogLimits) -> None:
        self._plan = plan
        self._deaf_s = plan.deaf_s
        self._deaf_told: float | None = None
        self._tool_told: float | None = None

    def sign(self) -> None:
        """Note that the service hears: the next deafness is noticed as soon as the first."""
        self._deaf_s = self._plan.deaf_s

    def look(self, situation: CallSnapshot) -> Finding | None:
        """Return what is noticed now, the gravest first."""
        if situation.now - situation.began_at >= self._plan.limit_s:
            return Finding.LIMIT
        if self._is_deaf(situation):
            return Finding.DEAF
        if self._is_slow(situation):
            return Finding.SLOW_TOOL
        if situation.is_quiet and situation.now - situation.last_word_at >= self._plan.idle_s:
            return Finding.IDLE
        return None

    def _is_deaf(self, situation: CallSnapshot) -> bool:
        since = situation.no_sign_since
        if since is None or situation.now - since < self._deaf_s or since == self._deaf_told:
            return False
        # It may have been a cough: the next time wait longer.
        self._deaf_told, self._deaf_s = since, min(2 * self._deaf_s, self._plan.deafest_s)
        return True

    def _is_slow(self, situation: CallSnapshot) -> bool:
        since = situation.tool_since
        if since is None or since == self._tool_told:
            return False
        if situation.reply_coming or situation.reply_sounds or situation.customer_speaks:
            return False
        if situation.now - since < self._plan.tool_patience_s:
            return False
        self._tool_told = since
        return True
