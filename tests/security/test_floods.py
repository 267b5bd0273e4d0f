"""Callers can't fill the shop or a calendar (issue 14, row 17)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pytest_django.fixtures import Settings

import appointments.services
import orders.services
from appointments.errors import TooManyMovesError
from appointments.rules import MAX_MOVES
from common.creations.errors import TooManyCreationsError
from common.identity.verification import Caller, Customer, Staff
from common.record_changes import LINK, REST, ChangeOrigin
from orders.domain import Order, OrderItem
from tests.appointments import factories

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
CALLER = Customer(name="Eva Luna", call_id="call-1", address="192.0.2.1")


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.VOICE_CREATIONS_PER_CALL = 3
    settings.VOICE_CREATIONS_PER_CONTACT = 4
    settings.VOICE_CREATIONS_PER_ADDRESS = 5
    settings.VOICE_CREATIONS_PER_DAY = 6


def place(
    token: str,
    caller: Caller | None = CALLER,
    email: str = "eva@mail.com",
    now: datetime = NOW,
    *,
    is_dry_run: bool = False,
) -> Order:
    return orders.services.place_order(
        customer_name="Eva Luna",
        customer_email=email,
        items=[OrderItem(name="A", quantity=1, price=Decimal(1))],
        total=None,
        token=token,
        caller=caller,
        is_dry_run=is_dry_run,
        now=now,
    )


def test_call_creates_up_to_its_limit_orders_and_appointments_together() -> None:
    place("1")
    place("2")
    factories.book("10:00", caller=CALLER)

    for create in (
        lambda: place("4"),
        lambda: place("4", is_dry_run=True),
        lambda: factories.book("11:00", caller=CALLER),
    ):
        with pytest.raises(TooManyCreationsError) as refused:
            create()
        assert refused.value.data == {"limited": "call"}
    assert place("4", caller=Customer(call_id="call-2")).id


@pytest.mark.parametrize(
    ("limited", "limit", "caller_of", "email_of"),
    [
        ("contact", 4, lambda n: Customer(call_id=f"call-{n}"), lambda _: "Eva@mail.com"),
        (
            "address",
            5,
            lambda n: Customer(call_id=f"call-{n}", address=f"2001:db8::{n}"),
            lambda n: f"eva{n}@mail.com",
        ),
        ("all", 6, lambda n: Customer(call_id=f"call-{n}"), lambda n: f"eva{n}@mail.com"),
    ],
)
def test_contact_address_and_day_have_limits_across_calls(
    limited: str, limit: int, caller_of: Callable[[int], Customer], email_of: Callable[[int], str]
) -> None:
    for number in range(limit):
        place(str(number), caller_of(number), email_of(number))

    with pytest.raises(TooManyCreationsError) as refused:
        place("more", caller_of(limit), email_of(limit))
    assert refused.value.data == {"limited": limited}
    tomorrow = NOW + timedelta(days=1)
    assert place("more", caller_of(limit), email_of(limit), now=tomorrow).id


def test_repeated_request_is_counted_once() -> None:
    first = place("1")

    assert [place("1").id for _ in range(5)] == [first.id] * 5


def test_dry_run_counts_nothing() -> None:
    for _ in range(10):
        place("1", is_dry_run=True)

    assert place("1").id


@pytest.mark.parametrize("caller", [None, Staff()])
def test_staff_and_programs_are_not_limited(caller: Caller | None) -> None:
    assert len({place(str(number), caller).id for number in range(8)}) == 8


def test_flood_of_concurrent_orders_stays_within_the_limit() -> None:
    def attempt(number: int) -> bool:
        try:
            place(str(number))
        except TooManyCreationsError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(12))) <= 3


@pytest.mark.parametrize("origin", [None, LINK], ids=["voice", "link"])
def test_patients_move_an_appointment_up_to_its_limit(origin: ChangeOrigin | None) -> None:
    """Each move writes to an address that whoever booked may have made up."""
    booked = factories.book()

    def move(number: int, now: datetime, origin: ChangeOrigin | None = origin) -> None:
        starts_at = factories.at("14:00" if number % 2 else "15:00", factories.TUESDAY)
        appointments.services.reschedule_appointment(
            appointment_id=booked.id,
            caller=replace(factories.ANA, call_id="call-1") if origin is None else Staff(),
            starts_at=starts_at,
            origin=origin,
            now=now,
        )

    for number in range(MAX_MOVES):
        move(number, factories.LATER + timedelta(minutes=number))
    soon = factories.LATER + timedelta(minutes=MAX_MOVES)
    with pytest.raises(TooManyMovesError):
        move(MAX_MOVES, soon)
    move(MAX_MOVES, soon, origin=REST)
    move(MAX_MOVES + 1, soon - timedelta(minutes=MAX_MOVES - 1) + timedelta(days=1))
