"""How much may come in how short a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.gateway.rate_limits import Rate, RateLimitByAddress, TokenBucket

pytestmark = pytest.mark.pure

RATE = Rate(per_s=2, burst=3)


class TestTokenBucket:
    def test_a_burst_passes_at_once_and_no_more(self) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        assert [bucket.take(1, now=0.0) for _ in range(4)] == [True, True, True, False]

    @pytest.mark.parametrize(("after_s", "passes"), [(0.499, False), (0.5, True)])
    def test_it_fills_at_its_rate(self, after_s: float, passes: bool) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        bucket.take(3, now=0.0)
        assert bucket.take(1, now=after_s) is passes

    def test_it_holds_no_more_than_a_burst(self) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        assert not bucket.take(3.001, now=1_000.0)
        assert bucket.take(3, now=1_000.0)

    def test_what_may_not_pass_costs_nothing(self) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        assert not bucket.take(4, now=0.0)
        assert bucket.take(3, now=0.0)

    def test_it_says_how_long_to_wait(self) -> None:
        bucket = TokenBucket(RATE, now=0.0)
        assert bucket.wait_s(3) == 0.0
        bucket.take(3, now=0.0)
        assert bucket.wait_s(1) == 0.5

    @given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 4)), max_size=50))
    def test_over_any_time_no_more_passes_than_burst_and_rate_allow(
        self, takes: list[tuple[float, float]]
    ) -> None:
        bucket, now, passed = TokenBucket(RATE, now=0.0), 0.0, 0.0
        for pause_s, amount in takes:
            now += pause_s
            passed += amount * bucket.take(amount, now=now)
            assert passed <= RATE.burst + RATE.per_s * now + 1e-6


class TestRateByAddress:
    def test_each_address_has_its_own(self) -> None:
        rates = RateLimitByAddress(Rate(per_s=1, burst=1))
        assert rates.take("a", now=0.0) is None
        assert rates.take("b", now=0.0) is None
        assert rates.take("a", now=0.25) == 0.75

    def test_the_addresses_that_came_longest_ago_are_forgotten(self) -> None:
        rates = RateLimitByAddress(Rate(per_s=0.001, burst=1), most=2)
        for address in ("a", "b", "a", "c"):
            rates.take(address, now=0.0)
        assert rates.take("a", now=0.0) is not None
        assert rates.take("b", now=0.0) is None
