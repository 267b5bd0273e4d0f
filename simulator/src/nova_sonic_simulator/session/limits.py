"""The two limits of a session's life: eight minutes in all, 55 seconds without input.

From AWS's API reference (the stream's length) and from the service's own text for error 532.
Pure: moments are passed in, in seconds on any clock that only goes forward.
"""

from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import IDLE, TOO_LONG

SESSION_S = 8 * 60.0
IDLE_S = 55.0


class SessionLimits:
    """The limits of one session, begun at `now_s`."""

    def __init__(self, now_s: float) -> None:
        self._session_ends_s = now_s + SESSION_S
        self._idle_ends_s = now_s + IDLE_S

    def extend_idle(self, now_s: float) -> None:
        """Note audio bytes or interactive content."""
        self._idle_ends_s = now_s + IDLE_S

    @property
    def next_at_s(self) -> float:
        """The moment at which the first of them will have passed."""
        return min(self._session_ends_s, self._idle_ends_s)

    def failure_at(self, now_s: float) -> Failure | None:
        """Return the failure that ends the session by now, if one does."""
        if now_s >= self._session_ends_s:
            return TOO_LONG
        if now_s >= self._idle_ends_s:
            return IDLE
        return None
