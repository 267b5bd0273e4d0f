"""Token buckets limit how much may pass per second. Pure; times are monotonic seconds."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A sustained rate per second, and the amount that may pass at once."""

    per_s: float
    burst: float


class TokenBucket:
    """Limit an amount to a rate."""

    def __init__(self, rate: Rate, *, now: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._updated_at = now

    def consume(self, amount: float, *, now: float) -> bool:
        """Take `amount` from the bucket; return False and take nothing if it has less."""
        refill = (now - self._updated_at) * self._rate.per_s
        self._tokens = min(self._rate.burst, self._tokens + refill)
        self._updated_at = now
        if amount > self._tokens:
            return False
        self._tokens -= amount
        return True

    def delay_s(self, amount: float) -> float:
        """Return how long after the last `consume` the bucket has `amount`."""
        return max(0.0, (amount - self._tokens) / self._rate.per_s)


class FrameRateLimiter:
    """Limit the frames and the bytes of one call."""

    def __init__(self, *, frame_rate: Rate, byte_rate: Rate, now: float) -> None:
        self._frames = TokenBucket(frame_rate, now=now)
        self._bytes = TokenBucket(byte_rate, now=now)

    def consume(self, size_bytes: int, *, now: float) -> bool:
        """Count a frame of so many bytes; return False if it comes too fast."""
        return self._frames.consume(1, now=now) and self._bytes.consume(size_bytes, now=now)


class AddressRateLimiter:
    """Limit each address to a rate, for the addresses that were active last."""

    def __init__(self, rate: Rate, *, max_addresses: int = 10_000) -> None:
        self._rate = rate
        self._max_addresses = max_addresses
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def consume(self, address: str, amount: float = 1, *, now: float) -> bool:
        """Take `amount` from the address's bucket; return False and take nothing if it has less."""
        bucket = self._buckets.pop(address, None) or TokenBucket(self._rate, now=now)
        self._buckets[address] = bucket
        if len(self._buckets) > self._max_addresses:
            self._buckets.popitem(last=False)
        return bucket.consume(amount, now=now)

    def delay_s(self, address: str, amount: float = 1) -> float:
        """Return how long after the last `consume` the address's bucket has `amount`."""
        bucket = self._buckets.get(address)
        return 0.0 if bucket is None else bucket.delay_s(amount)
