"""What is done about every failure of a session: one table. Pure; chance and times come in.

    failure of the service or of the way to it ──► is it worth another session? ──► after how long?

A call that loses its session goes on in a new one, with the conversation so far as its history. Some
failures pass at once, some need patience, some come back however often it is tried; each row says how
often and from which pause on. The pauses double and are spread by chance, so that a thousand calls
that fail at one moment do not come back at one moment. A session that has held for a while, or has
given an answer to its end, starts the count anew.

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
"""So many failures of any kind, and no other session is tried."""
HELD_S = 10.0
"""A session that lived so long was a good one: what fails now is a new failure."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """How often a new session is tried, and how long before the first try; pauses double from then."""

    tries: int
    first_pause_s: float = 0.0


PASSES = Remedy(tries=5)
"""It passes: a new session at once; if that fails too, after half a second, one, two, four."""
BUSY = Remedy(tries=4, first_pause_s=0.5)
"""It passes with patience."""
ONCE = Remedy(tries=1)
"""It mostly stays; once is tried."""

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
"""By the failure's name: a TransportCode, or one of the three at the end.

Access denied is tried once because credentials may have been rotated; the resolver forgets the old
ones. A validation error that is none (its text says so) is `transient_validation`. The protocol
errors are what the service sent and cannot be read, and what we tried to send and must not.
"""

FIRST_PAUSES_S = 0.5
"""The second pause of a remedy whose first try is at once."""


def name_of(error: SonicError) -> str:
    """Return the failure's name in the table."""
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
    """Counts one call's failures in a row: each kind for itself, since each remedy is worth its tries."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()

    def answered(self) -> None:
        """Note that a session has given an answer to its end."""
        self._failures.clear()

    def held(self, *, lived_s: float) -> None:
        """Note how long a session lived that has failed now."""
        if lived_s >= HELD_S:
            self._failures.clear()

    def pause_s(self, error: SonicError, *, chance: float) -> float | None:
        """Return how long to wait before the next session, or None where no other is tried.

        `chance` lies evenly between 0 and 1.
        """
        name, failures = name_of(error), self._failures.total()
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
        pause_s = FIRST_PAUSES_S * 2.0 ** (failures - 1) if failures else 0.0
    return min(pause_s, LONGEST_PAUSE_S)
