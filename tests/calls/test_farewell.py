"""A goodbye ends a call once it has been said; a customer who speaks up stays, if time allows."""

from dataclasses import replace

import pytest

from voice.calls.sign_off import SignOff
from voice.calls.snapshot import CallSnapshot
from voice.wire.messages import EndReason

pytestmark = pytest.mark.pure

SAYING = CallSnapshot(now=100.0, began_at=0.0, session_since=0.0, reply_sounds=True)


def begun(reason: EndReason) -> SignOff:
    farewell = SignOff(takes_s=10.0)
    farewell.begin(reason, now=100.0)
    return farewell


def test_where_nobody_says_goodbye_nothing_is_over() -> None:
    assert not SignOff(takes_s=10.0).is_over(replace(SAYING, reply_sounds=False))


def test_it_is_over_once_it_was_said() -> None:
    farewell = begun(EndReason.IDLE)
    assert not farewell.is_over(SAYING)
    assert farewell.is_over(replace(SAYING, reply_sounds=False))


@pytest.mark.parametrize(("now", "is_over"), [(109.9, False), (110.0, True)])
def test_it_takes_no_longer_than_it_may(now: float, is_over: bool) -> None:
    assert begun(EndReason.LIMIT).is_over(replace(SAYING, now=now)) is is_over


@pytest.mark.parametrize(("reason", "stays"), [(EndReason.IDLE, True), (EndReason.LIMIT, False)])
def test_who_speaks_up_stays_where_time_allows(reason: EndReason, stays: bool) -> None:
    farewell = begun(reason)
    farewell.is_over(replace(SAYING, customer_speaks=True))
    assert farewell.is_over(replace(SAYING, now=110.0)) is not stays
