"""What is done about each failure of a session: one table.

A call that loses its session continues in a new one. Some failures pass at once, some need patience, some
occur again however often it is tried. The table says for each how often another session is tried, and
after which pause. The pauses double and are spread at random, so that a thousand calls that fail at one
moment do not return at one moment. A session that has lasted for a while, or has given an answer to its
end, resets the count.

`docs/calls.md` shows this table; a test compares the two.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from voice.sonic.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    SonicError,
    TransportCode,
    TransportError,
)

LONGEST_PAUSE_S = 4.0
SPREAD = 0.25
"""A pause is up to this share longer or shorter."""
MOST_IN_A_ROW = 8
"""After so many failures of any kind no other session is tried."""
GOOD_SESSION_S = 10.0
"""A session that lasted so long was a good one: its failure is a new one."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """How often another session is tried, and the pause before the first try; later ones double."""

    tries: int
    first_pause_s: float = 0.0


PASSES = Remedy(tries=5)
"""It passes: another session at once; if that fails too, after half a second, one, two, four."""
BUSY = Remedy(tries=4, first_pause_s=0.5)
"""It passes with patience."""
ONCE = Remedy(tries=1)
"""It mostly remains."""

REMEDIES: Mapping[str, Remedy] = {
    TransportCode.THROTTLED: BUSY,
    TransportCode.MODEL_NOT_READY: BUSY,
    TransportCode.SERVICE_UNAVAILABLE: BUSY,
    TransportCode.CONNECT_FAILED: BUSY,
    TransportCode.CONNECT_TIMEOUT: Remedy(tries=2),
    TransportCode.HEADER_TIMEOUT: Remedy(tries=2),
    TransportCode.INTERNAL: PASSES,
    TransportCode.MODEL_STREAM: PASSES,
    TransportCode.MODEL_TIMEOUT: PASSES,
    TransportCode.STREAM_LOST: PASSES,
    TransportCode.IDLE_TIMEOUT: PASSES,
    TransportCode.BAD_FRAME: PASSES,
    TransportCode.ACCESS_DENIED: ONCE,
    TransportCode.CREDENTIALS_MISSING: Remedy(tries=1, first_pause_s=1.0),
    TransportCode.VALIDATION: ONCE,
    TransportCode.UNMODELLED: ONCE,
    "transient_validation": PASSES,
    "remote_protocol": PASSES,
    "local_protocol": ONCE,
}
"""By the failure's name: a TransportCode, or one of the last three.

Access denied is tried once more because credentials may have been rotated; the resolver looks them up
again. A validation error whose text says that it passes is `transient_validation`. The protocol errors
are what the service sent and cannot be parsed, and what this program tried to send and must not.
"""

SECOND_PAUSE_S = 0.5
"""The second pause of a remedy whose first try is at once."""


def failure_name(error: SonicError) -> str:
    """Return the name of a failure in the table."""
    match error:
        case TransportError(code=TransportCode.VALIDATION, retryable=True):
            return "transient_validation"
        case TransportError():
            return error.code.value
        case RemoteProtocolError():
            return "remote_protocol"
        case LocalProtocolError():
            return "local_protocol"
        case _:
            return TransportCode.UNMODELLED.value


class SessionRecovery:
    """Counts a call's failures in a row, each kind by itself."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()

    def session_answered(self) -> None:
        """Reset the count: a session has given an answer to its end."""
        self._failures.clear()

    def session_lasted(self, lasted_s: float) -> None:
        """Reset the count if the session that failed had lasted long."""
        if lasted_s >= GOOD_SESSION_S:
            self._failures.clear()

    def pause_s(self, error: SonicError, *, chance: float) -> float | None:
        """Count a failure; return the pause before the next session, or None if no other is tried.

        `chance` is evenly distributed from 0 to 1.
        """
        name, failures = failure_name(error), self._failures.total()
        remedy = REMEDIES[name]
        if self._failures[name] >= remedy.tries or failures >= MOST_IN_A_ROW:
            return None
        pause_s = _pause_s(remedy, failures)
        self._failures[name] += 1
        return pause_s * (1 + SPREAD * (2 * chance - 1))


def _pause_s(remedy: Remedy, failures: int) -> float:
    if remedy.first_pause_s:
        pause_s = remedy.first_pause_s * 2.0**failures
    else:
        pause_s = SECOND_PAUSE_S * 2.0 ** (failures - 1) if failures else 0.0
    return min(pause_s, LONGEST_PAUSE_S)
