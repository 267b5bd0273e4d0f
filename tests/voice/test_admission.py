"""Who may call: how many, from whom, how fast; and what a refusal says."""

from collections.abc import Callable

import pytest

from voice.gateway.admission import (
    BUSY_AGAIN_S,
    DRAINING_AGAIN_S,
    Admission,
    AdmissionLimits,
    RefusedError,
)
from voice.gateway.rate_limits import Rate

pytestmark = pytest.mark.pure

HOME, OFFICE = "192.0.2.1", "192.0.2.2"
FAST = Rate(per_s=1_000, burst=1_000)


def admission(**limits: object) -> Admission:
    values = {"calls": 3, "sessions": 100, "calls_per_address": 3, "starts_per_address": FAST}
    return Admission(AdmissionLimits(**{**values, **limits}))  # type: ignore[arg-type]


def refusal(act: Callable[[], object]) -> tuple[str, float]:
    with pytest.raises(RefusedError) as refused:
        act()
    return refused.value.code, refused.value.retry_after_s


def enter(door: Admission, *addresses: str) -> None:
    for address in addresses:
        door.enter(address, now=0.0)


class TestCalls:
    def test_so_many_and_no_more(self) -> None:
        door = admission()
        enter(door, HOME, HOME, OFFICE)
        assert door.calls == 3
        assert refusal(lambda: enter(door, OFFICE)) == ("busy", BUSY_AGAIN_S)
        assert door.calls == 3

    def test_a_call_that_is_over_makes_room(self) -> None:
        door = admission()
        enter(door, HOME, HOME, HOME)
        door.leave(HOME)
        enter(door, OFFICE)
        assert door.calls == 3

    def test_some_sessions_are_kept_for_calls_under_way(self) -> None:
        door = admission(sessions=4, sessions_for_renewal=2)
        enter(door, HOME, OFFICE)
        assert refusal(lambda: enter(door, OFFICE)) == ("busy", BUSY_AGAIN_S)

    def test_so_many_from_one_address_and_no_more(self) -> None:
        door = admission(calls=10, calls_per_address=2)
        enter(door, HOME, HOME, OFFICE)
        assert refusal(lambda: enter(door, HOME)) == ("too_many", BUSY_AGAIN_S)
        door.leave(HOME)
        enter(door, HOME)

    def test_so_fast_from_one_address_and_no_faster(self) -> None:
        door = admission(starts_per_address=Rate(per_s=0.5, burst=2))
        enter(door, HOME, HOME)
        assert refusal(lambda: enter(door, HOME)) == ("too_many", 2.0)
        assert door.calls == 2
        enter(door, OFFICE)

    def test_a_question_counts_nothing(self) -> None:
        door = admission(calls=1, starts_per_address=Rate(per_s=0.001, burst=1))
        for _ in range(5):
            door.check(HOME)
        enter(door, HOME)
        assert refusal(lambda: door.check(OFFICE)) == ("busy", BUSY_AGAIN_S)

    def test_who_leaves_twice_owes_nothing(self) -> None:
        door = admission()
        enter(door, HOME)
        door.leave(HOME)
        door.leave(HOME)
        assert door.calls == 0


class TestDraining:
    def test_nobody_comes_in_any_more(self) -> None:
        door = admission()
        door.drain()
        assert door.is_draining
        for act in (
            lambda: door.check(HOME),
            lambda: door.enter(HOME, now=0.0),
            lambda: door.enter_again(HOME, now=0.0),
        ):
            assert refusal(act) == ("draining", DRAINING_AGAIN_S)

    def test_until_then_a_call_from_another_server_comes_in_past_all_limits(self) -> None:
        door = admission(calls=1, calls_per_address=1)
        enter(door, HOME)
        door.enter_again(HOME, now=0.0)
        assert door.calls == 2

    def test_calls_come_back_from_one_address_so_fast_and_no_faster(self) -> None:
        door = admission(starts_per_address=Rate(per_s=0.5, burst=2))
        enter(door, HOME, HOME)  # new ones are counted for themselves
        for _ in range(2):
            door.enter_again(HOME, now=0.0)
        assert refusal(lambda: door.enter_again(HOME, now=0.0)) == ("too_many", 2.0)
        door.enter_again(OFFICE, now=0.0)


class TestFrames:
    def test_so_many_from_one_address_and_no_more(self) -> None:
        door = admission(frames_per_address=Rate(per_s=1, burst=2))
        assert [door.takes_frame(HOME, 10, now=0.0) for _ in range(3)] == [True, True, False]
        assert door.takes_frame(OFFICE, 10, now=0.0)
        assert door.takes_frame(HOME, 10, now=1.0)

    def test_so_many_bytes_and_no_more(self) -> None:
        door = admission(octets_per_address=Rate(per_s=10, burst=20))
        assert [door.takes_frame(HOME, 10, now=0.0) for _ in range(3)] == [True, True, False]
        assert door.takes_frame(HOME, 10, now=1.0)


class TestConnections:
    def test_so_many_from_one_address_and_no_more(self) -> None:
        door = admission(connections_per_address=2)
        assert [door.connect(HOME) for _ in range(3)] == [True, True, False]
        assert door.connect(OFFICE)
        door.disconnect(HOME)
        assert door.connect(HOME)

    def test_they_are_no_calls(self) -> None:
        door = admission()
        door.connect(HOME)
        assert door.calls == 0
