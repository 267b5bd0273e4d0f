"""How much of something may come in how short a time. Pure: instants (seconds, monotonic) come in."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many a second for as long as one likes, and so many at once."""

    per_s: float
    burst: float


class TokenBucket:
    """Lets through what keeps to a rate."""

    def __init__(self, rate: Rate, *, now: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._at = now

    def take(self, amount: float, *, now: float) -> bool:
        """Return whether `amount` may pass now; what may not costs nothing."""
        self._tokens = min(self._rate.burst, self._tokens + (now - self._at) * self._rate.per_s)
        self._at = now
        if amount > self._tokens:
            return False
        self._tokens -= amount
        return True

    def wait_s(self, amount: float) -> float:
        """Return how long it takes until `amount` may pass."""
        return max(0.0, (amount - self._tokens) / self._rate.per_s)


class RateLimitByAddress:
    """A bucket for each address, of the addresses that came lately."""

    def __init__(self, rate: Rate, *, most: int = 10_000) -> None:
        self._rate = rate
        self._most = most
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, address: str, amount: float = 1, *, now: float) -> float | None:
        """Return None where `amount` more may pass for `address`, else how long to wait for it."""
        bucket = self._buckets.pop(address, None) or TokenBucket(self._rate, now=now)
        self._buckets[address] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return None if bucket.take(amount, now=now) else bucket.wait_s(amount)
