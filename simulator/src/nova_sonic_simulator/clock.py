"""The service's time: the moment for signatures, and seconds that may be made to pass faster."""

import datetime as dt
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time of the service."""

    def now(self) -> dt.datetime:
        """Return the moment, UTC."""
        ...

    def elapsed_s(self) -> float:
        """Return seconds of the service's time, only ever growing."""
        ...

    def wait_s(self, until_s: float) -> float:
        """Return how many real seconds it takes until `elapsed_s` is `until_s`."""
        ...


class SystemClock:
    """The machine's time; each of its seconds counts as `scale` of the service's.

    What is scaled: the limits of a session and the pace of speech and of its playback. What isn't:
    the date, since signatures are made on the other side's clock, and the length of the pauses in
    the customer's speech, which is counted in samples (but those between coded words, see `recognizer`).
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def now(self) -> dt.datetime:
        """Return the moment, UTC."""
        return dt.datetime.now(dt.UTC)

    def elapsed_s(self) -> float:
        """Return seconds of the service's time, only ever growing."""
        return time.monotonic() * self._scale

    def wait_s(self, until_s: float) -> float:
        """Return how many real seconds it takes until `elapsed_s` is `until_s`."""
        return max(0.0, until_s - self.elapsed_s()) / self._scale
