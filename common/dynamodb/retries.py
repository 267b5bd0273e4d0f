"""Optimistic concurrency: read, decide, write on conditions, and start again if a condition failed."""

import random
import time
from collections.abc import Callable
from datetime import datetime

from common.errors import BusyError, StaleVersionError
from common.timestamps import UNVERSIONED, truncate_to_ms

MAX_ATTEMPTS = 16
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.25


def refuse_if_stale(current: datetime | None, unchanged_since: datetime | None) -> None:
    """Refuse a change that was decided on another version than the current one.

    Args:
        current: The record's `updated_at`; None if it has none, which is the version `UNVERSIONED`.
        unchanged_since: The `updated_at` that the caller saw; None accepts any version.

    Raises:
        StaleVersionError: the record was changed since; `data["current_version"]` is its version.

    """
    version = current or UNVERSIONED
    if unchanged_since is not None and truncate_to_ms(unchanged_since) != version:
        raise StaleVersionError(current_version=version)


def retry_on_conflict[T](
    attempt: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep
) -> T:
    """Call `attempt` until it writes without a conflict, and return its result.

    `attempt` reads, decides and writes on conditions. If another writer changed something between
    the read and the write, it raises `BusyError` or `StaleVersionError` and is called again, to
    decide on what is stored now. After 16 attempts (about 2 s) the last error is raised. A
    `StaleVersionError` with `current_version` is raised at once: the caller itself saw an older
    version, so another attempt can't succeed.
    """
    pause_s = FIRST_PAUSE_S
    for _ in range(MAX_ATTEMPTS - 1):
        try:
            return attempt()
        except (BusyError, StaleVersionError) as error:
            if "current_version" in error.data:
                raise
            sleep(random.uniform(0, pause_s))  # noqa: S311 -- jitter, not a secret
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return attempt()
