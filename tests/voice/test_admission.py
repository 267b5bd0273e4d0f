"""Admission control: how many calls, connections and frames, from which address, how fast."""

from collections.abc import Callable
from typing import Any

import pytest

from voice.gateway.admission import (
    BUSY_RETRY_S,
    DRAINING_RETRY_S,
    RESTORE_RETRY_S,
    AdmissionControl,
    AdmissionLimits,
    CallRefusedError,
)
from voice.gateway.rate_limits import Rate

pytestmark = pytest.mark.pure

HOME, OFFICE = "192.0.2.1", "192.0.2.2"
FAST = Rate(per_s=1_000, burst=1_000)


def admission_control(**limits: object) -> AdmissionControl:
    values: dict[str, Any] = {
        "calls": 3,
        "sessions": 100,
        "calls_per_address": 3,
        "calls_per_network": 100,
        "connections_per_address": 40,
        "starts_per_address": FAST,
        "frames_per_address": Rate(per_s=2_000, burst=20_000),
        "bytes_per_address": Rate(per_s=2**21, burst=10 * 2**21),
    }
    return AdmissionControl(AdmissionLimits(**{**values, **limits}))


def refusal_of(action: Callable[[], object]) -> tuple[str, float | None]:
    """Return the error code of a refusal and when to try again."""
    with pytest.raises(CallRefusedError) as refused:
        action()
    return refused.value.code, refused.value.retry_after_s


def admit(admission: AdmissionControl, *addresses: str) -> None:
    for address in addresses:
        admission.admit_new_call(address, now=0.0)


class TestCalls:
    def test_number_of_calls_is_limited(self) -> None:
        admission = admission_control()
        admit(admission, HOME, HOME, OFFICE)
        assert admission.calls == 3
        assert refusal_of(lambda: admit(admission, OFFICE)) == ("busy", BUSY_RETRY_S)
        assert admission.calls == 3

    def test_removed_call_allows_another(self) -> None:
        admission = admission_control()
        admit(admission, HOME, HOME, HOME)
        admission.remove_call(HOME)
        admit(admission, OFFICE)
        assert admission.calls == 3

    def test_some_sessions_are_reserved_for_active_calls(self) -> None:
        admission = admission_control(sessions=4, reserved_sessions=2)
        admit(admission, HOME, OFFICE)
        assert refusal_of(lambda: admit(admission, OFFICE)) == ("busy", BUSY_RETRY_S)

    def test_calls_of_one_address_are_limited(self) -> None:
        admission = admission_control(calls=10, calls_per_address=2)
        admit(admission, HOME, HOME, OFFICE)
        assert refusal_of(lambda: admit(admission, HOME)) == ("too_many", BUSY_RETRY_S)
        admission.remove_call(HOME)
        admit(admission, HOME)

    def test_rate_of_new_calls_of_one_address_is_limited(self) -> None:
        admission = admission_control(starts_per_address=Rate(per_s=0.5, burst=2))
        admit(admission, HOME, HOME)
        assert refusal_of(lambda: admit(admission, HOME)) == ("too_many", 2.0)
        assert admission.calls == 2
        admit(admission, OFFICE)

    def test_capacity_check_counts_nothing(self) -> None:
        admission = admission_control(calls=1, starts_per_address=Rate(per_s=0.001, burst=1))
        for _ in range(5):
            admission.check_capacity(HOME)
        admit(admission, HOME)
        assert refusal_of(lambda: admission.check_capacity(OFFICE)) == ("busy", BUSY_RETRY_S)

    def test_call_removed_twice_is_counted_once(self) -> None:
        admission = admission_control()
        admit(admission, HOME)
        admission.remove_call(HOME)
        admission.remove_call(HOME)
        assert admission.calls == 0


class TestRestoredCalls:
    def test_restored_call_is_counted_like_a_new_one(self) -> None:
        admission = admission_control(calls=2, calls_per_address=2)
        admit(admission, HOME)
        admission.admit_restored_call(OFFICE, now=0.0)
        assert admission.calls == 2
        refusal = refusal_of(lambda: admission.admit_restored_call(OFFICE, now=0.0))
        assert refusal == ("busy", RESTORE_RETRY_S)
        assert refusal_of(lambda: admit(admission, OFFICE)) == ("busy", BUSY_RETRY_S)
        admission.remove_call(HOME)
        admission.admit_restored_call(OFFICE, now=0.0)

    def test_restored_calls_of_one_address_are_limited(self) -> None:
        admission = admission_control(calls=10, calls_per_address=2)
        admit(admission, HOME)
        admission.admit_restored_call(HOME, now=0.0)
        refusal = refusal_of(lambda: admission.admit_restored_call(HOME, now=0.0))
        assert refusal == ("too_many", RESTORE_RETRY_S)

    def test_restored_calls_leave_the_sessions_of_rotation_free(self) -> None:
        admission = admission_control(calls=10, sessions=4, reserved_sessions=2)
        for _ in range(2):
            admission.admit_restored_call(HOME, now=0.0)
        refusal = refusal_of(lambda: admission.admit_restored_call(OFFICE, now=0.0))
        assert refusal == ("busy", RESTORE_RETRY_S)

    def test_rate_of_restored_calls_of_one_address_is_limited(self) -> None:
        admission = admission_control(
            calls=10, calls_per_address=10, starts_per_address=Rate(per_s=0.5, burst=2)
        )
        admit(admission, HOME, HOME)  # new calls are limited separately
        for _ in range(2):
            admission.admit_restored_call(HOME, now=0.0)
        refusal = refusal_of(lambda: admission.admit_restored_call(HOME, now=0.0))
        assert refusal == ("too_many", 2.0)
        admission.admit_restored_call(OFFICE, now=0.0)

    def test_draining_server_refuses_every_call(self) -> None:
        admission = admission_control()
        admission.start_draining()
        assert admission.is_draining
        for action in (
            lambda: admission.check_capacity(HOME),
            lambda: admission.admit_new_call(HOME, now=0.0),
            lambda: admission.admit_restored_call(HOME, now=0.0),
        ):
            assert refusal_of(action) == ("draining", DRAINING_RETRY_S)


class TestNetworks:
    def test_calls_of_one_network_are_limited(self) -> None:
        admission = admission_control(calls=10, calls_per_network=2)
        admit(admission, HOME, OFFICE)
        assert admission.network(HOME) == admission.network(OFFICE) == "192.0.2.0/24"
        assert refusal_of(lambda: admit(admission, "192.0.2.77")) == ("too_many", BUSY_RETRY_S)
        admit(admission, "192.0.3.1")
        admission.remove_call(OFFICE)
        admit(admission, "192.0.2.77")

    def test_addresses_of_one_ipv6_customer_count_as_one(self) -> None:
        admission = admission_control(calls=10, calls_per_address=2)
        admit(admission, "2001:db8::1", "2001:db8::2")
        assert refusal_of(lambda: admit(admission, "2001:db8::3")) == ("too_many", BUSY_RETRY_S)
        admit(admission, "2001:db8:0:1::1")

    def test_prefixes_of_networks_can_be_set(self) -> None:
        admission = admission_control(calls=10, calls_per_network=1, ipv4_bits=32, ipv6_bits=48)
        admit(admission, HOME, OFFICE, "2001:db8::1")
        refusal = refusal_of(lambda: admit(admission, "2001:db8:0:ff::1"))
        assert refusal == ("too_many", BUSY_RETRY_S)

    def test_rate_of_new_calls_counts_an_ipv6_customer_once(self) -> None:
        admission = admission_control(starts_per_address=Rate(per_s=0.5, burst=1))
        admit(admission, "2001:db8::1")
        assert refusal_of(lambda: admit(admission, "2001:db8::2")) == ("too_many", 2.0)


class TestScarceLines:
    def test_reserve_is_for_known_callers(self) -> None:
        admission = admission_control(calls=10, calls_per_address=10, reserved_calls=1)
        admit(admission, *[HOME] * 8)
        in_use = [admission.is_reserve_in_use]
        admit(admission, HOME)
        in_use.append(admission.is_reserve_in_use)
        assert refusal_of(lambda: admit(admission, OFFICE)) == ("busy", BUSY_RETRY_S)
        admission.check_capacity(OFFICE, is_known=True)
        admission.admit_restored_call(OFFICE, now=0.0, is_known=True)
        in_use.append(admission.is_reserve_in_use)
        assert in_use == [False, True, False]
        refusal = refusal_of(lambda: admission.admit_new_call(OFFICE, now=0.0, is_known=True))
        assert refusal == ("busy", BUSY_RETRY_S)

    def test_at_most_a_fifth_of_the_lines_is_reserved(self) -> None:
        admission = admission_control(calls=4, calls_per_address=10, reserved_calls=3)
        admit(admission, *[HOME] * 4)
        admission = admission_control(calls=5, calls_per_address=10, reserved_calls=3)
        admit(admission, *[HOME] * 4)
        assert refusal_of(lambda: admit(admission, HOME)) == ("busy", BUSY_RETRY_S)

    def test_calls_beyond_the_busy_share_are_in_excess(self) -> None:
        admission = admission_control(calls=10, calls_per_address=10, busy_share=0.8)
        admit(admission, *[HOME] * 7)
        assert admission.excess_calls == 0
        admit(admission, HOME, HOME)
        assert admission.excess_calls == 2


class TestFrames:
    def test_frames_of_one_address_are_limited(self) -> None:
        admission = admission_control(frames_per_address=Rate(per_s=1, burst=2))
        admitted = [admission.frame_limiter(HOME).consume(10, now_ns=0) for _ in range(3)]
        assert admitted == [True, True, False]
        assert admission.frame_limiter(OFFICE).consume(10, now_ns=0)
        assert admission.frame_limiter(HOME).consume(10, now_ns=1_000_000_000)

    def test_bytes_of_one_address_are_limited(self) -> None:
        admission = admission_control(bytes_per_address=Rate(per_s=10, burst=20))
        admitted = [admission.frame_limiter(HOME).consume(10, now_ns=0) for _ in range(3)]
        assert admitted == [True, True, False]
        assert admission.frame_limiter(HOME).consume(10, now_ns=1_000_000_000)


class TestConnections:
    def test_connections_of_one_address_are_limited(self) -> None:
        admission = admission_control(connections_per_address=2)
        assert [admission.admit_connection(HOME) for _ in range(3)] == [True, True, False]
        assert admission.admit_connection(OFFICE)
        admission.remove_connection(HOME)
        assert admission.admit_connection(HOME)

    def test_connection_is_not_counted_as_a_call(self) -> None:
        admission = admission_control()
        admission.admit_connection(HOME)
        assert admission.calls == 0
