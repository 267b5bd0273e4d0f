"""What is done about each failure of a session: one table.

A call that loses its session continues in a new one. Some failures are over at once, some
after a while, some never. The table says for each how often another session is tried, and after which pause.
Pauses double, with random jitter, so that a thousand calls that fail at one moment do not return at one
moment. A session that has lasted for a while, or has sent a complete answer, resets the count.

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
JITTER_SHARE = 0.25
"""A pause is up to this share longer or shorter."""
MAX_FAILURES_IN_A_ROW = 8
"""After so many failures of any kind no other session is tried."""
GOOD_SESSION_S = 10.0
"""A session that lasted so long resets the count: its failure is unrelated to the ones before."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """How often another session is tried, and the pause before the first try; later ones double."""

    tries: int
    first_pause_s: float = 0.0


TRANSIENT = Remedy(tries=5)
"""Over at once: another session is tried immediately, then after half a second, one, two, four."""
BUSY = Remedy(tries=4, first_pause_s=0.5)
"""Over after a while: the first try already waits."""
ONCE = Remedy(tries=1)
"""Probably permanent."""

REMEDIES: Mapping[str, Remedy] = {
    TransportCode.THROTTLED: BUSY,
    TransportCode.MODEL_NOT_READY: BUSY,
    TransportCode.SERVICE_UNAVAILABLE: BUSY,
    TransportCode.CONNECT_FAILED: BUSY,
    TransportCode.CONNECT_TIMEOUT: Remedy(tries=2),
    TransportCode.HEADER_TIMEOUT: Remedy(tries=2),
    TransportCode.INTERNAL: TRANSIENT,
    TransportCode.MODEL_STREAM: TRANSIENT,
    TransportCode.MODEL_TIMEOUT: TRANSIENT,
    TransportCode.STREAM_LOST: TRANSIENT,
    TransportCode.IDLE_TIMEOUT: TRANSIENT,
    TransportCode.BAD_FRAME: TRANSIENT,
    TransportCode.ACCESS_DENIED: ONCE,
    TransportCode.CREDENTIALS_MISSING: Remedy(tries=1, first_pause_s=1.0),
    TransportCode.VALIDATION: ONCE,
    TransportCode.UNMODELLED: ONCE,
    "transient_validation": TRANSIENT,
    "remote_protocol": TRANSIENT,
    "local_protocol": ONCE,
}
"""By the failure's name: a TransportCode, or one of the last three.

Access denied is tried once more because credentials may have been rotated; the resolver looks them up
again. A validation error whose text says that it is transient is `transient_validation`. The protocol errors
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
        """Reset the count: a session has sent a complete answer."""
        self._failures.clear()

    def session_lasted(self, lasted_s: float) -> None:
        """Reset the count if the session that failed had lasted long."""
        if lasted_s >= GOOD_SESSION_S:
            self._failures.clear()

    def count_failure(self, error: SonicError, *, jitter: float) -> float | None:
        """Count a failure; return the pause before the next session, or None if no other is tried.

        `jitter` is a random number, evenly distributed from 0 to 1.
        """
        name, failures = failure_name(error), self._failures.total()
        remedy = REMEDIES[name]
        if self._failures[name] >= remedy.tries or failures >= MAX_FAILURES_IN_A_ROW:
            return None
        pause_s = _pause_s(remedy, failures)
        self._failures[name] += 1
        return pause_s * (1 + JITTER_SHARE * (2 * jitter - 1))


def _pause_s(remedy: Remedy, failures: int) -> float:
    if remedy.first_pause_s:
        pause_s = remedy.first_pause_s * 2.0**failures
    else:
        pause_s = SECOND_PAUSE_S * 2.0 ** (failures - 1) if failures else 0.0
    return min(pause_s, LONGEST_PAUSE_S)
