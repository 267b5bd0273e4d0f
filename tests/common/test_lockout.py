"""Limits after failed identity checks, on the DynamoDB stand-in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from pytest_django.fixtures import Settings

import appointments.demo
import appointments.services
import orders.demo
import orders.services
from appointments.errors import AppointmentNotFoundError
from common.errors import DomainError, NotFoundError
from common.identity import lockout
from common.identity.errors import (
    AttemptsExceededError,
    AttemptTooSoonError,
    SecondFactorNeededError,
)
from common.identity.verification import Caller, Customer, Staff
from orders.domain import Order
from orders.errors import OrderNotFoundError

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
LIMIT = 5
LOCKED_FOR = timedelta(minutes=15)
JUAN = Customer(name="Juan Pérez")
JUAN_WITH_DNI = Customer(name="Juan Pérez", dni="12345678")
MARIA = Customer(name="María García")
STRANGER = Customer(name="Ana Nadie")
MAX_DELAY = timedelta(seconds=30)


@pytest.fixture(autouse=True)
def demo_records(empty_tables: str) -> None:
    orders.demo.seed(now=NOW)
    appointments.demo.seed(now=NOW)


def look_up(order_id: str = "1", caller: Caller = JUAN, now: datetime = NOW) -> Order:
    return orders.services.look_up_order(order_id=order_id, caller=caller, now=now)


def fail(times: int, order_id: str = "1", caller: Caller = STRANGER, now: datetime = NOW) -> None:
    for _ in range(times):
        with pytest.raises(OrderNotFoundError):
            look_up(order_id, caller, now)


def test_owner_is_verified_below_the_limit() -> None:
    fail(LIMIT - 1)

    assert look_up().id == "1"


def test_limited_record_asks_its_owner_for_a_second_factor() -> None:
    fail(LIMIT)

    with pytest.raises(SecondFactorNeededError) as limited:
        look_up()
    assert limited.value.data == {"accepts": ["dni", "email", "code"]}
    assert look_up(caller=JUAN_WITH_DNI, now=NOW + MAX_DELAY).id == "1"


def test_limited_record_gives_the_answer_of_a_missing_one() -> None:
    fail(LIMIT)
    fail(LIMIT, "999")

    def error_of(order_id: str, caller: Caller, now: datetime) -> tuple[object, ...]:
        with pytest.raises(DomainError) as raised:
            look_up(order_id, caller, now)
        return type(raised.value), raised.value.message, raised.value.data | {"order_id": "…"}

    wrong = Customer(name="Juan Pérez", dni="99999999")
    for caller, now in [(JUAN, NOW), (wrong, NOW), (wrong, NOW + MAX_DELAY)]:
        assert error_of("1", caller, now) == error_of("999", caller, now)


def test_each_failure_over_the_limit_doubles_the_pause_up_to_half_a_minute() -> None:
    fail(LIMIT)
    now, pauses = NOW, []
    wrong = Customer(name="Juan Pérez", dni="99999999")
    for _ in range(8):
        with pytest.raises(AttemptTooSoonError) as too_soon:
            look_up(caller=wrong, now=now)
        seconds = too_soon.value.data["seconds"]
        assert isinstance(seconds, int)
        pauses.append(seconds)
        now += timedelta(seconds=seconds)
        fail(1, caller=wrong, now=now)

    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert look_up(caller=JUAN_WITH_DNI, now=now + MAX_DELAY).id == "1"


def test_limited_record_is_changed_by_its_owner_with_a_second_factor_only() -> None:
    fail(LIMIT, "2")

    with pytest.raises(SecondFactorNeededError):
        orders.services.cancel_order(order_id="2", caller=JUAN, now=NOW + MAX_DELAY)
    cancelled = orders.services.cancel_order(
        order_id="2", caller=JUAN_WITH_DNI, now=NOW + MAX_DELAY
    )
    assert cancelled.status == "cancelled"


def test_limit_affects_one_record_only() -> None:
    fail(LIMIT)

    assert look_up("3", MARIA).id == "3"


def test_limit_expires() -> None:
    fail(LIMIT)

    with pytest.raises(SecondFactorNeededError):
        look_up(now=NOW + LOCKED_FOR - timedelta(seconds=1))
    assert look_up(now=NOW + LOCKED_FOR).id == "1"


def test_expired_failures_do_not_count() -> None:
    fail(LIMIT - 1)
    fail(1, now=NOW + LOCKED_FOR)

    assert look_up(now=NOW + LOCKED_FOR).id == "1"


def test_successful_verification_does_not_reset_the_count() -> None:
    fail(LIMIT - 1)
    look_up()
    fail(1)

    with pytest.raises(SecondFactorNeededError):
        look_up()


def test_near_name_asks_for_more_and_is_not_counted() -> None:
    for _ in range(2 * LIMIT):
        with pytest.raises(OrderNotFoundError) as unproven:
            look_up(caller=Customer(name="Juan Peraz", call_id="call-1"))
        assert unproven.value.data["ask_for"] == ["dni", "email"]

    assert lockout.identity_locks(now=NOW) == []


def test_call_that_tries_many_records_is_locked() -> None:
    caller = Customer(name="Juan Pérez", call_id="call-1")
    for order_id in ["3", "4", "5", "998", "999"]:
        fail(1, order_id, caller)

    with pytest.raises(AttemptsExceededError) as locked:
        look_up("1", caller)
    assert locked.value.data == {"minutes": 15}
    with pytest.raises(AttemptsExceededError):
        appointments.services.look_up_appointment(appointment_id="1", caller=caller, now=NOW)
    assert look_up("1", Customer(name="Juan Pérez", call_id="call-2")).id == "1"


def test_name_tried_on_many_records_needs_a_second_factor_in_every_call() -> None:
    for number in range(settings.IDENTITY_NAME_MAX_ATTEMPTS):
        fail(1, str(900 + number), Customer(name="Juan Pérez", call_id=f"call-{number}"))

    with pytest.raises(SecondFactorNeededError):
        look_up("1", Customer(name="juan perez", call_id="call-x"))
    assert look_up("3", MARIA).id == "3"
    assert look_up(caller=JUAN_WITH_DNI).id == "1"
    minutes = timedelta(minutes=settings.IDENTITY_CALLER_LOCK_MINUTES)
    assert look_up(now=NOW + minutes).id == "1"


def test_address_that_fails_often_can_verify_nobody() -> None:
    for number in range(settings.IDENTITY_ADDRESS_MAX_ATTEMPTS):
        fail(1, str(900 + number), Customer(dni=str(number), address="2001:db8::1"))

    with pytest.raises(AttemptsExceededError):
        look_up("1", Customer(name="Juan Pérez", dni="12345678", address="2001:db8::ffff"))
    assert look_up("1", Customer(name="Juan Pérez", address="2001:db8:1::1")).id == "1"
    with pytest.raises(AttemptsExceededError):
        appointments.services.look_up_appointment(
            appointment_id="1",
            caller=Customer(name="Juan Pérez", address="2001:db8::2"),
            now=NOW,
        )


@pytest.mark.parametrize(
    ("a", "b", "is_same"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("unix", "unix", True),
    ],
)
def test_address_counts_as_the_network_of_one_customer(a: str, b: str, is_same: bool) -> None:
    assert (lockout.hash_address(a) == lockout.hash_address(b)) is is_same


@pytest.mark.parametrize("record_id", ["999", "1"])
def test_failures_on_a_missing_record_are_counted(record_id: str) -> None:
    fail(LIMIT, record_id)

    (lock,) = lockout.identity_locks(now=NOW)
    assert (lock.kind, lock.subject, lock.failures) == ("order", record_id, LIMIT)


def test_impossible_id_counts_for_the_call_only() -> None:
    fail(LIMIT, "x" * 3000, Customer(name="Juan Pérez", call_id="call-1"))

    assert [lock.kind for lock in lockout.identity_locks(now=NOW)] == ["call"]


def test_staff_are_neither_counted_nor_locked_out() -> None:
    fail(2 * LIMIT, "999", Staff())
    fail(LIMIT)

    assert [lock.subject for lock in lockout.identity_locks(now=NOW)] == ["1"]
    assert look_up(caller=Staff()).id == "1"


def test_concurrent_failures_are_all_counted() -> None:
    with ThreadPoolExecutor(LIMIT) as threads:
        list(threads.map(lambda _: fail(1), range(LIMIT)))

    with pytest.raises(SecondFactorNeededError):
        look_up()


def test_lock_is_listed_and_can_be_lifted() -> None:
    fail(LIMIT)
    (lock,) = lockout.identity_locks(now=NOW)
    assert lock.until == NOW + LOCKED_FOR

    lockout.lift_identity_lock(lock_id=lock.id)

    assert look_up().id == "1"
    assert lockout.identity_locks(now=NOW) == []
    with pytest.raises(NotFoundError):
        lockout.lift_identity_lock(lock_id=lock.id)


def test_expired_lock_is_not_listed() -> None:
    fail(LIMIT)

    assert lockout.identity_locks(now=NOW + LOCKED_FOR) == []


def test_locks_are_in_no_list_of_orders() -> None:
    before = orders.services.list_orders().items
    fail(LIMIT)

    assert orders.services.list_orders().items == before


@pytest.mark.parametrize(("limit", "minutes"), [(1, 1), (2, 60)])
def test_limit_and_lock_time_come_from_settings(
    settings: Settings, limit: int, minutes: int
) -> None:
    settings.IDENTITY_MAX_ATTEMPTS = limit
    settings.IDENTITY_LOCK_MINUTES = minutes
    fail(limit)

    with pytest.raises(SecondFactorNeededError):
        look_up(now=NOW + timedelta(minutes=minutes, seconds=-1))
    assert look_up(now=NOW + timedelta(minutes=minutes)).id == "1"


@pytest.mark.parametrize(
    "operation",
    [
        lambda caller: appointments.services.cancel_appointment(
            appointment_id="1", caller=caller, now=NOW
        ),
        lambda caller: appointments.services.reschedule_appointment(
            appointment_id="1", caller=caller, starts_at=NOW + timedelta(days=1), now=NOW
        ),
    ],
    ids=["cancel", "reschedule"],
)
def test_each_operation_counts_failures(operation: Callable[[Caller], object]) -> None:
    caller = Customer(name="Ana Nadie", dni="1", call_id="call-1")
    for _ in range(LIMIT):
        with pytest.raises(AppointmentNotFoundError):
            operation(caller)

    with pytest.raises(AttemptsExceededError):
        operation(Customer(name="Juan Pérez", dni="12345678", call_id="call-1"))
