"""Time of the service: the date for signatures, and elapsed seconds that can run faster."""

import datetime as dt
import time
from typing import Protocol


class Clock(Protocol):
    """Return the time of the service."""

    def now(self) -> dt.datetime:
        """Return the current moment in UTC."""
        ...

    def elapsed_s(self) -> float:
        """Return monotonic seconds of service time."""
        ...

    def wait_s(self, until_s: float) -> float:
        """Return how many real seconds remain until `elapsed_s()` reaches `until_s`."""
        ...


class SystemClock:
    """The time of this machine, with elapsed seconds multiplied by `scale`.

    Scaled: session limits, the pace of outgoing audio and its playback. Not scaled: the date, because
    clients sign with their own clock, and the pauses in the customer's speech, which are counted in
    samples.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def now(self) -> dt.datetime:
        """Return the current moment in UTC."""
        return dt.datetime.now(dt.UTC)

    def elapsed_s(self) -> float:
        """Return monotonic seconds of service time."""
        return time.monotonic() * self._scale

    def wait_s(self, until_s: float) -> float:
        """Return how many real seconds remain until `elapsed_s()` reaches `until_s`."""
        return max(0.0, until_s - self.elapsed_s()) / self._scale
