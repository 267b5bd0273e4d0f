"""Trying again after a lost race: read, decide, write on conditions, and begin anew if they failed."""

import random
import time
from collections.abc import Callable
from datetime import datetime

from common.errors import BusyError, StaleVersionError
from common.timestamps import UNVERSIONED, to_ms

ATTEMPTS = 16
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.25


def refuse_if_stale(current: datetime | None, unchanged_since: datetime | None) -> None:
    """Refuse a change that was decided on another version than the current one.

    Both are `updated_at`s; a record that has none is of version `UNVERSIONED`, and a caller who
    names none (None) takes whatever is there.

    Raises:
        StaleVersionError: it was changed since; `data["current_version"]` is the version now.

    """
    version = current or UNVERSIONED
    if unchanged_since is not None and to_ms(unchanged_since) != version:
        raise StaleVersionError(current_version=version)


def retry_on_conflict[T](
    attempt: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep
) -> T:
    """Return what `attempt` returns, trying again while it loses races.

    `attempt` reads, decides and writes on conditions. When somebody else wrote in between, it
    raises `BusyError` or `StaleVersionError` and is called again, so that it decides on what is
    there now. After 16 lost races, some 2 s, the last error is the caller's. So is, at once, a
    `StaleVersionError` that tells the current version: the caller decided on another one.
    """
    pause_s = FIRST_PAUSE_S
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except (BusyError, StaleVersionError) as error:
            if "current_version" in error.data:
                raise
            sleep(random.uniform(0, pause_s))  # noqa: S311 -- jitter, not a secret
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return attempt()
