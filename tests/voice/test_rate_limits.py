"""Token buckets: how much may pass per second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.gateway.rate_limits import (
    AddressFrameLimiters,
    AddressRateLimiter,
    FrameRateLimiter,
    Rate,
    TokenBucket,
)

pytestmark = pytest.mark.pure

RATE = Rate(per_s=2, burst=3)
SECOND_NS = 1_000_000_000


class TestTokenBucket:
    def test_burst_passes_at_once_and_no_more(self) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        assert [bucket.consume(1, now=0.0) for _ in range(4)] == [True, True, True, False]

    @pytest.mark.parametrize(("after_s", "passes"), [(0.499, False), (0.5, True)])
    def test_bucket_refills_at_its_rate(self, after_s: float, passes: bool) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        bucket.consume(3, now=0.0)
        assert bucket.consume(1, now=after_s) is passes

    def test_bucket_never_has_more_than_a_burst(self) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        assert not bucket.consume(3.001, now=1_000.0)
        assert bucket.consume(3, now=1_000.0)

    def test_refused_amount_takes_nothing(self) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        assert not bucket.consume(4, now=0.0)
        assert bucket.consume(3, now=0.0)

    def test_delay_is_the_time_to_refill(self) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        assert bucket.delay_s(3) == 0.0
        bucket.consume(3, now=0.0)
        assert bucket.delay_s(1) == 0.5

    @given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 4)), max_size=50))
    def test_total_never_exceeds_burst_and_rate(self, requests: list[tuple[float, float]]) -> None:
        bucket, now, total = TokenBucket(RATE, now=0.0), 0.0, 0.0
        for pause_s, amount in requests:
            now += pause_s
            total += amount * bucket.consume(amount, now=now)
            assert total <= RATE.burst + RATE.per_s * now + 1e-6


def frame_limiter(*, per_s: float = 10, burst: float = 20) -> FrameRateLimiter:
    return FrameRateLimiter(frame_rate=RATE, byte_rate=Rate(per_s=per_s, burst=burst))


class TestFrameRateLimiter:
    def test_frames_and_bytes_are_limited_separately(self) -> None:
        limiter = frame_limiter()
        assert [limiter.consume(10, now_ns=0) for _ in range(3)] == [True, True, False]
        assert limiter.consume(10, now_ns=SECOND_NS)
        assert [limiter.consume(0, now_ns=SECOND_NS) for _ in range(3)] == [True, False, False]

    def test_burst_of_frames_passes_at_once_and_no_more(self) -> None:
        limiter = frame_limiter()
        passed = [limiter.consume(0, now_ns=1_000 * SECOND_NS) for _ in range(4)]
        assert passed == [True, True, True, False]

    @pytest.mark.parametrize(("after_ns", "passes"), [(499_999_999, False), (500_000_000, True)])
    def test_limiter_refills_at_its_rate(self, after_ns: int, passes: bool) -> None:
        limiter = frame_limiter()
        for _ in range(3):
            limiter.consume(0, now_ns=0)
        assert limiter.consume(0, now_ns=after_ns) is passes

    @given(st.lists(st.tuples(st.integers(0, 5 * 10**9), st.integers(0, 12)), max_size=50))
    def test_bytes_never_exceed_burst_and_rate(self, requests: list[tuple[int, int]]) -> None:
        limiter, now_ns, total = frame_limiter(), 0, 0
        for pause_ns, size in requests:
            now_ns += pause_ns
            total += size * limiter.consume(size, now_ns=now_ns)
            assert total <= 20 + 10 * now_ns / SECOND_NS + 1e-6


class TestAddressFrameLimiters:
    def test_connections_of_an_address_share_a_limiter(self) -> None:
        limiters = AddressFrameLimiters(frame_rate=RATE, byte_rate=RATE)
        assert limiters.limiter("a") is limiters.limiter("a")
        assert limiters.limiter("a") is not limiters.limiter("b")

    def test_least_recent_addresses_are_forgotten(self) -> None:
        limiters = AddressFrameLimiters(frame_rate=RATE, byte_rate=RATE, max_addresses=2)
        first, second = limiters.limiter("a"), limiters.limiter("b")
        limiters.limiter("a")
        limiters.limiter("c")
        assert limiters.limiter("a") is first
        assert limiters.limiter("b") is not second


class TestAddressRateLimiter:
    def test_each_address_has_its_own_bucket(self) -> None:
        limiter = AddressRateLimiter(Rate(per_s=1, burst=1))
        assert limiter.consume("a", now=0.0)
        assert limiter.consume("b", now=0.0)
        assert not limiter.consume("a", now=0.25)
        assert limiter.delay_s("a") == 0.75
        assert limiter.delay_s("c") == 0.0

    def test_other_addresses_do_not_reset_the_count_of_one(self) -> None:
        limiter = AddressRateLimiter(Rate(per_s=0.001, burst=1), max_buckets=16)
        assert limiter.consume("a", now=0.0)
        for number in range(1000):
            limiter.consume(f"other {number}", now=0.0)
        assert not limiter.consume("a", now=0.0)

    def test_number_of_buckets_bounds_what_many_addresses_may_use(self) -> None:
        limiter = AddressRateLimiter(Rate(per_s=0.001, burst=1), max_buckets=16)
        accepted = sum(limiter.consume(f"address {number}", now=0.0) for number in range(1000))
        assert accepted == 16
