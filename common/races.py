"""Trying again after a lost race: read, decide, write on conditions, and begin anew if they failed."""

import random
import time
from collections.abc import Callable

from common.errors import BusyError, StaleVersionError

ATTEMPTS = 16
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.25


def settle[T](attempt: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Return what `attempt` returns, trying again while it loses races.

    `attempt` reads, decides and writes on conditions. When somebody else wrote in between, it
    raises `BusyError` or `StaleVersionError` and is called again, so that it decides on what is
    there now. After 16 lost races, some 2 s, the last error is the caller's.
    """
    pause_s = FIRST_PAUSE_S
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except (BusyError, StaleVersionError):
            sleep(random.uniform(0, pause_s))  # noqa: S311 -- jitter, not a secret
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return attempt()
