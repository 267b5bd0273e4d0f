"""Time limits of a session: eight minutes in all, 55 seconds without input.

The first is in AWS's API reference, the second in the service's own text of error 532. Pure: the time
is a parameter, in seconds of a monotonic clock.
"""

from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import IDLE, TOO_LONG

SESSION_S = 8 * 60.0
IDLE_S = 55.0


class SessionLimits:
    """The limits of one session that began at `now_s`."""

    def __init__(self, now_s: float) -> None:
        self._session_ends_s = now_s + SESSION_S
        self._idle_ends_s = now_s + IDLE_S

    def extend_idle(self, now_s: float) -> None:
        """Restart the idle limit: audio or interactive content has arrived."""
        self._idle_ends_s = now_s + IDLE_S

    @property
    def next_at_s(self) -> float:
        """Return the earliest moment at which a limit expires."""
        return min(self._session_ends_s, self._idle_ends_s)

    def failure_at(self, now_s: float) -> Failure | None:
        """Return the failure that ends the session at `now_s`, if any."""
        if now_s >= self._session_ends_s:
            return TOO_LONG
        if now_s >= self._idle_ends_s:
            return IDLE
        return None
