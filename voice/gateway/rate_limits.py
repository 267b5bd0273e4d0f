"""Token buckets limit how much may pass per second. Pure; times are monotonic seconds."""

from collections import OrderedDict
from dataclasses import dataclass

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A sustained rate per second, and the amount that may pass at once."""

    per_s: float
    burst: float


class TokenBucket:
    """Limit an amount to a rate."""

    __slots__ = ("_rate", "_tokens", "_updated_at")

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
    """Limit the frames and the bytes of one call or address.

    It runs for every frame, so it is integer arithmetic: for each limit it stores when the bucket is
    full again (the "generic cell rate algorithm", ITU-T I.371). Times are integer nanoseconds.
    """

    __slots__ = (
        "_byte_ns",
        "_bytes_full_ns",
        "_frame_ns",
        "_frames_full_ns",
        "_max_bytes_ns",
        "_max_frames_ns",
    )

    def __init__(self, *, frame_rate: Rate, byte_rate: Rate) -> None:
        self._frame_ns, self._max_frames_ns = _cost_and_burst_ns(frame_rate)
        self._byte_ns, self._max_bytes_ns = _cost_and_burst_ns(byte_rate)
        self._frames_full_ns = self._bytes_full_ns = 0

    def consume(self, size_bytes: int, *, now_ns: int) -> bool:
        """Count a frame of so many bytes; return False if it comes too fast."""
        frames_full_ns = max(self._frames_full_ns, now_ns) + self._frame_ns
        if frames_full_ns - now_ns > self._max_frames_ns:
            return False
        self._frames_full_ns = frames_full_ns
        bytes_full_ns = max(self._bytes_full_ns, now_ns) + size_bytes * self._byte_ns
        if bytes_full_ns - now_ns > self._max_bytes_ns:
            return False
        self._bytes_full_ns = bytes_full_ns
        return True


def _cost_and_burst_ns(rate: Rate) -> tuple[int, int]:
    """Return how long one unit takes at a rate, and how long a whole burst takes."""
    cost_ns = max(1, int(_NS_PER_S / rate.per_s))
    return cost_ns, int(rate.burst * cost_ns)


class AddressFrameLimiters:
    """A limiter for each address, for the addresses that connected last."""

    def __init__(self, *, frame_rate: Rate, byte_rate: Rate, max_addresses: int = 10_000) -> None:
        self._frame_rate = frame_rate
        self._byte_rate = byte_rate
        self._max_addresses = max_addresses
        self._limiters: OrderedDict[str, FrameRateLimiter] = OrderedDict()

    def limiter(self, address: str) -> FrameRateLimiter:
        """Return the address's limiter, which its connections share."""
        limiter = self._limiters.pop(address, None) or FrameRateLimiter(
            frame_rate=self._frame_rate, byte_rate=self._byte_rate
        )
        self._limiters[address] = limiter
        if len(self._limiters) > self._max_addresses:
            self._limiters.popitem(last=False)
        return limiter


class AddressRateLimiter:
    """Limit each address to a rate, in bounded memory.

    An address has the bucket that its hash selects, so the number of buckets is bounded, and no number of
    addresses makes the limiter forget another one. Python's hash of a text differs in each process: nobody can
    choose whose bucket to share.
    """

    def __init__(self, rate: Rate, *, max_buckets: int = 65_536) -> None:
        self._rate = rate
        self._max_buckets = max_buckets
        self._buckets: dict[int, TokenBucket] = {}

    def consume(self, address: str, amount: float = 1, *, now: float) -> bool:
        """Take `amount` from the address's bucket; return False and take nothing if it has less."""
        index = hash(address) % self._max_buckets
        bucket = self._buckets.get(index)
        if bucket is None:
            bucket = self._buckets[index] = TokenBucket(self._rate, now=now)
        return bucket.consume(amount, now=now)

    def delay_s(self, address: str, amount: float = 1) -> float:
        """Return how long after the last `consume` the address's bucket has `amount`."""
        bucket = self._buckets.get(hash(address) % self._max_buckets)
        return 0.0 if bucket is None else bucket.delay_s(amount)
