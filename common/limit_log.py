"""Log that limits were reached, without a record for each refusal: a flood would fill the log."""

import logging
from collections import Counter

LOG_INTERVAL_S = 10.0


class LimitLog:
    """Log refusals by the limit that caused them: the first at once, then their number each 10 s."""

    def __init__(self, logger: logging.Logger, event: str) -> None:
        self._logger = logger
        self._event = event
        self._logged_at: dict[str, float] = {}
        self._unlogged: Counter[str] = Counter()

    def report(self, limit: str, *, now: float) -> None:
        """Count a refusal, and log the count unless the limit was logged just before.

        Args:
            limit: Which limit: one of a few names.
            now: Seconds on a monotonic clock.

        """
        self._unlogged[limit] += 1
        logged_at = self._logged_at.get(limit)
        if logged_at is None or now - logged_at >= LOG_INTERVAL_S:
            self._logged_at[limit] = now
            # Another thread may have logged the count in between.
            if refused := self._unlogged.pop(limit, 0):
                fields = {"limit": limit, "refused": refused}
                self._logger.warning(self._event, extra=fields)
