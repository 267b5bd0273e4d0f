"""Locks after failed identity checks, on the DynamoDB stand-in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

import appointments.demo
import appointments.services
import orders.demo
import orders.services
from appointments.errors import AppointmentNotFoundError
from common.errors import NotFoundError
from common.identity import lockout
from common.identity.verification import Caller, Customer, Staff
from orders.domain import Order
from orders.errors import OrderNotFoundError

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
LIMIT = 5
LOCKED_FOR = timedelta(minutes=15)
JUAN = Customer(name="Juan Pérez")
STRANGER = Customer(name="Ana Nadie")


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


def test_locked_record_is_not_found_even_for_its_owner() -> None:
    fail(LIMIT)

    with pytest.raises(OrderNotFoundError) as locked:
        look_up()
    with pytest.raises(OrderNotFoundError) as missing:
        look_up("999")
    assert locked.value.message == missing.value.message
    assert locked.value.data.keys() == missing.value.data.keys()


def test_locked_record_refuses_changes() -> None:
    fail(LIMIT, "2")

    with pytest.raises(OrderNotFoundError):
        orders.services.cancel_order(order_id="2", caller=JUAN, now=NOW)
    assert orders.services.get_order(order_id="2").status == "processing"


def test_lock_affects_one_record_only() -> None:
    fail(LIMIT)

    assert look_up("2").id == "2"


def test_lock_expires() -> None:
    fail(LIMIT)

    fail(1, caller=JUAN, now=NOW + LOCKED_FOR - timedelta(seconds=1))
    assert look_up(now=NOW + LOCKED_FOR).id == "1"


def test_attempts_on_a_locked_record_do_not_prolong_the_lock() -> None:
    fail(LIMIT)
    fail(3, now=NOW + timedelta(minutes=14))

    assert look_up(now=NOW + LOCKED_FOR).id == "1"


def test_expired_failures_do_not_count() -> None:
    fail(LIMIT - 1)
    fail(1, now=NOW + LOCKED_FOR)

    assert look_up(now=NOW + LOCKED_FOR).id == "1"


def test_successful_verification_does_not_reset_the_count() -> None:
    fail(LIMIT - 1)
    look_up()
    fail(1)

    fail(1, caller=JUAN)


def test_call_that_tries_many_records_is_locked() -> None:
    caller = Customer(name="Juan Pérez", call_id="call-1")
    for order_id in ["3", "4", "5", "998", "999"]:
        fail(1, order_id, caller)

    fail(1, "1", caller)
    with pytest.raises(AppointmentNotFoundError):
        appointments.services.look_up_appointment(appointment_id="1", caller=caller, now=NOW)
    assert look_up("1", Customer(name="Juan Pérez", call_id="call-2")).id == "1"


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

    fail(1, caller=JUAN)


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

    fail(1, caller=JUAN, now=NOW + timedelta(minutes=minutes, seconds=-1))
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
    for _ in range(LIMIT):
        with pytest.raises(AppointmentNotFoundError):
            operation(STRANGER)

    with pytest.raises(AppointmentNotFoundError):
        operation(JUAN)
