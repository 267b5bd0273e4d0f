"""Something small that is read often and changes seldom, as this process read it a short time ago.

Its own changes are visible at once: they call `clear`. Those of another process are visible after the
cache's life.
"""

import threading
import time
from collections.abc import Callable

from django.conf import settings

MAX_AGE_S = 15.0


class CachedRead[T]:
    """What `read` returned, for `max_age_s`; safe for use by several threads."""

    def __init__(
        self,
        read: Callable[[], T],
        *,
        max_age_s: float = MAX_AGE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._max_age_s = max_age_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._generation = 0
        self._cached: tuple[str, float, T] | None = None

    def get(self) -> T:
        """Return what is stored, as it was at most `max_age_s` ago."""
        with self._lock:
            cached, generation = self._cached, self._generation
        now, source = self._monotonic(), _source()
        if cached is not None and cached[0] == source and now - cached[1] < self._max_age_s:
            return cached[2]
        stored = self._read()
        with self._lock:
            # What was read before a change must not be remembered after it.
            if generation == self._generation:
                self._cached = source, now, stored
        return stored

    def peek(self) -> T | None:
        """Return what was read last, however long ago, or None. It reads nothing."""
        with self._lock:
            return None if self._cached is None else self._cached[2]

    def clear(self) -> None:
        """Forget what was read, because something has changed."""
        with self._lock:
            self._generation += 1
            self._cached = None


def _source() -> str:
    """Return which DynamoDB is read: the tests of a process use several."""
    return f"{settings.DYNAMODB_ENDPOINT_URL}|{settings.APPOINTMENTS_TABLE}"
