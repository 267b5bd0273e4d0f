"""One verb, three doors: the same wish has the same outcome, for the same reason, in the same record.

What is compared is the whole record as it is stored. A wish that is granted leaves what its verb
says and nothing else; one that is refused leaves everything as it was, `updatedAt` included.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

import appointments.services
import orders.services
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentNotFoundError,
    OutsideOpeningHoursError,
    SlotTakenError,
)
from common.errors import DomainError
from orders.domain import DELIVERY_TIME, Order, OrderItem, OrderStatus
from orders.errors import (
    OrderAlreadyCancelledError,
    OrderNotCancellableError,
    OrderNotFoundError,
)
from tests.interfaces.interfaces import (
    CLINIC,
    AdminDoor,
    Answer,
    BookingWish,
    Door,
    OrderWish,
    Seen,
    VoiceDoor,
)

pytestmark = [pytest.mark.wire, pytest.mark.timeout(120), pytest.mark.usefixtures("demo_data")]

NOBODYS = "999999"


def everything() -> tuple[list[Order], list[Appointment]]:
    return orders.services.list_orders().items, appointments.services.list_appointments().items


def order(order_id: str) -> Order:
    return orders.services.get_order(order_id=order_id)


def appointment(appointment_id: str) -> Appointment:
    return appointments.services.get_appointment(appointment_id=appointment_id)


def assert_refused(answer: Answer, error: type[DomainError]) -> None:
    """People hear or read the error's sentence; programs get its code."""
    with translation.override("es"):
        sentence = str(error.text)
    assert not answer.done
    assert sentence in answer.said
    assert answer.code in {error.code, None}


def assert_not_found(door: Door, answer: Answer, error: type[DomainError]) -> None:
    """In the admin one can't even choose what isn't there."""
    if isinstance(door, AdminDoor):
        assert (answer.done, "Ya no está en esta lista." in answer.said) == (False, True)
    else:
        assert_refused(answer, error)


# --- Orders


@pytest.mark.parametrize(
    ("order_id", "owner", "status"),
    [("1", "Juan Pérez", OrderStatus.PENDING), ("5", "Ana Martínez", OrderStatus.CANCELLED)],
)
async def test_look_up_order_shows_status_and_writes_nothing(
    door: Door, order_id: str, owner: str, status: OrderStatus
) -> None:
    before = everything()

    assert await door.look_up_order(order_id, owner) == Seen(status=status)
    assert everything() == before


async def test_look_up_missing_order_shows_nothing(door: Door) -> None:
    assert await door.look_up_order(NOBODYS, "Juan Pérez") is None


@pytest.mark.parametrize("order_id", ["1", "2"])
async def test_cancel_order_before_shipping_succeeds_once(door: Door, order_id: str) -> None:
    before = order(order_id)

    assert (await door.cancel_order(order_id, "Juan Pérez")).done
    cancelled = order(order_id)
    assert cancelled.updated_at > before.updated_at
    assert cancelled == replace(
        before, status=OrderStatus.CANCELLED, updated_at=cancelled.updated_at
    )

    assert_refused(await door.cancel_order(order_id, "Juan Pérez"), OrderAlreadyCancelledError)
    assert order(order_id) == cancelled


@pytest.mark.parametrize(
    ("order_id", "owner", "error"),
    [
        ("3", "María García", OrderNotCancellableError),
        ("4", "Luis Fernández", OrderNotCancellableError),
        ("5", "Ana Martínez", OrderAlreadyCancelledError),
    ],
    ids=["shipped", "delivered", "cancelled"],
)
async def test_cancel_order_in_final_status_is_refused_with_same_error(
    door: Door, order_id: str, owner: str, error: type[DomainError]
) -> None:
    before = everything()

    assert_refused(await door.cancel_order(order_id, owner), error)
    assert everything() == before


async def test_cancel_missing_order_is_refused(door: Door) -> None:
    before = everything()

    answer = await door.cancel_order(NOBODYS, "Juan Pérez")
    assert_not_found(door, answer, OrderNotFoundError)
    assert everything() == before


async def test_place_order_stores_same_record(door: Door) -> None:
    items = (
        OrderItem(name="Teclado", quantity=2, price=Decimal("25.99")),
        OrderItem(name="Monitor", quantity=1, price=Decimal("15.50")),
    )
    there = {each.id for each in orders.services.list_orders().items}

    wish = OrderWish(customer="Eva Luna", email="eva.luna@email.com", items=items)
    assert (await door.place_order(wish)).done
    (placed,) = (each for each in orders.services.list_orders().items if each.id not in there)
    assert len(placed.id) == 6
    assert placed == Order(
        id=placed.id,
        customer_name="Eva Luna",
        customer_email="eva.luna@email.com",
        items=(replace(items[0], id="1"), replace(items[1], id="2")),
        total=Decimal("67.48"),
        status=OrderStatus.PENDING,
        created_at=placed.created_at,
        updated_at=placed.created_at,
        estimated_delivery=placed.created_at + DELIVERY_TIME,
    )


# --- Appointments that are there


@pytest.mark.parametrize(
    ("appointment_id", "owner"), [("1", "Juan Pérez"), ("2", "Luis Fernández")]
)
async def test_look_up_appointment_shows_it_and_writes_nothing(
    door: Door, appointment_id: str, owner: str
) -> None:
    there, before = appointment(appointment_id), everything()

    assert await door.look_up_appointment(appointment_id, owner) == Seen(
        status=there.status, starts_at=f"{there.starts_at.astimezone(CLINIC):%d/%m %H:%M}"
    )
    assert everything() == before


async def test_look_up_missing_appointment_shows_nothing(door: Door) -> None:
    assert await door.look_up_appointment(NOBODYS, "Juan Pérez") is None


@pytest.mark.parametrize(
    ("appointment_id", "owner"),
    [("1", "Juan Pérez"), ("2", "Luis Fernández")],
    ids=["booked", "confirmed"],
)
async def test_cancel_appointment_succeeds_once_and_frees_slot(
    door: Door, appointment_id: str, owner: str
) -> None:
    before = appointment(appointment_id)

    assert (await door.cancel_appointment(appointment_id, owner)).done
    cancelled = appointment(appointment_id)
    assert cancelled == replace(
        before, status=AppointmentStatus.CANCELLED, updated_at=cancelled.updated_at
    )
    assert cancelled.updated_at != before.updated_at
    assert before.starts_at in free_times(before)

    again = await door.cancel_appointment(appointment_id, owner)
    assert_refused(again, AppointmentAlreadyCancelledError)
    assert appointment(appointment_id) == cancelled


CLOSED = pytest.mark.parametrize(
    ("appointment_id", "owner", "error"),
    [
        ("4", "María García", AppointmentClosedError),
        ("5", "Juan Pérez", AppointmentAlreadyCancelledError),
    ],
    ids=["completed", "cancelled"],
)


@CLOSED
async def test_cancel_closed_appointment_is_refused_with_same_error(
    door: Door, appointment_id: str, owner: str, error: type[DomainError]
) -> None:
    before = everything()

    assert_refused(await door.cancel_appointment(appointment_id, owner), error)
    assert everything() == before


@CLOSED
async def test_reschedule_closed_appointment_is_refused(
    door: Door, demo_data: datetime, appointment_id: str, owner: str, error: type[DomainError]
) -> None:
    before = everything()

    answer = await door.reschedule_appointment(
        appointment_id, owner, at(demo_data, days=4, hour=11)
    )
    assert_refused(answer, AppointmentClosedError)
    assert everything() == before


async def test_cancel_or_reschedule_missing_appointment_is_refused(
    door: Door, demo_data: datetime
) -> None:
    before = everything()

    cancelling = await door.cancel_appointment(NOBODYS, "Juan Pérez")
    moving = await door.reschedule_appointment(
        NOBODYS, "Juan Pérez", at(demo_data, days=4, hour=11)
    )
    for answer in (cancelling, moving):
        assert_not_found(door, answer, AppointmentNotFoundError)
    assert everything() == before


async def test_cancel_started_appointment_is_allowed_for_staff_only(
    door: Door, demo_data: datetime
) -> None:
    """Here the doors differ, and rightly: it's the caller that the verb asks for."""
    missed = book(at(demo_data, days=-2, hour=10), now=demo_data - timedelta(days=9))

    answer = await door.cancel_appointment(missed.id, "Ana Sosa")
    after = appointment(missed.id)
    if isinstance(door, VoiceDoor):
        assert_refused(answer, AppointmentClosedError)
        assert after == missed
    else:
        assert answer.done
        assert after == replace(
            missed, status=AppointmentStatus.CANCELLED, updated_at=after.updated_at
        )


async def test_reschedule_changes_start_only_and_repeats_without_write(
    door: Door, demo_data: datetime
) -> None:
    before, starts_at = appointment("1"), at(demo_data, days=4, hour=11)

    assert (await door.reschedule_appointment("1", "Juan Pérez", starts_at)).done
    moved = appointment("1")
    assert moved == replace(before, starts_at=starts_at, updated_at=moved.updated_at)
    assert moved.updated_at != before.updated_at
    assert before.starts_at in free_times(before)
    assert starts_at not in free_times(moved)

    assert (await door.reschedule_appointment("1", "Juan Pérez", starts_at)).done
    assert appointment("1") == moved  # it is there already: nothing is written


async def test_reschedule_to_impossible_time_is_refused(
    door: Door, demo_data: datetime, subtests: pytest.Subtests
) -> None:
    taken = at(demo_data, days=4, hour=11)
    book(taken, doctor="Dra. Gómez")
    before = everything()

    for starts_at, error in impossible(demo_data, taken):
        with subtests.test(error=error.code):
            answer = await door.reschedule_appointment("1", "Juan Pérez", starts_at)
            assert_refused(answer, error)
            assert answer.offers_times is (error is not AppointmentInThePastError)
            assert everything() == before


# --- New appointments


async def test_book_appointment_stores_same_record(door: Door, demo_data: datetime) -> None:
    there = {each.id for each in appointments.services.list_appointments().items}
    starts_at = at(demo_data, days=3, hour=11)

    assert (await door.book_appointment(wish_for(starts_at))).done
    (booked,) = (
        each for each in appointments.services.list_appointments().items if each.id not in there
    )
    assert len(booked.id) == 6
    assert booked.created_at is not None
    assert booked == Appointment(
        id=booked.id,
        patient_name="Pedro Gómez",
        patient_email="pedro.gomez@email.com",
        doctor_name="Dr. Rodríguez",
        starts_at=starts_at,
        duration_min=30,
        kind=AppointmentKind.CONSULTATION,
        status=AppointmentStatus.SCHEDULED,
        created_at=booked.created_at,
        updated_at=booked.created_at,
    )
    assert starts_at not in free_times(booked)


async def test_book_impossible_time_is_refused(
    door: Door, demo_data: datetime, subtests: pytest.Subtests
) -> None:
    taken = at(demo_data, days=4, hour=11)
    book(taken)
    before = everything()

    for starts_at, error in impossible(demo_data, taken):
        with subtests.test(error=error.code):
            answer = await door.book_appointment(wish_for(starts_at))
            assert_refused(answer, error)
            assert answer.offers_times is (error is not AppointmentInThePastError)
            assert everything() == before


def at(demo_data: datetime, *, days: int, hour: int) -> datetime:
    day = demo_data.astimezone(CLINIC) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def impossible(demo_data: datetime, taken: datetime) -> list[tuple[datetime, type[DomainError]]]:
    return [
        (taken, SlotTakenError),
        (at(demo_data, days=5, hour=22), OutsideOpeningHoursError),
        (at(demo_data, days=-1, hour=11), AppointmentInThePastError),
    ]


def wish_for(starts_at: datetime) -> BookingWish:
    return BookingWish(
        patient="Pedro Gómez",
        email="pedro.gomez@email.com",
        doctor="Dr. Rodríguez",
        starts_at=starts_at,
    )


def book(
    starts_at: datetime, *, doctor: str = "Dr. Rodríguez", now: datetime | None = None
) -> Appointment:
    return appointments.services.book_appointment(
        patient_name="Ana Sosa",
        patient_email="ana@email.com",
        doctor_name=doctor,
        starts_at=starts_at,
        duration_min=30,
        kind=AppointmentKind.ROUTINE,
        token=f"{starts_at} {doctor}",
        now=now or starts_at - timedelta(days=4),
    )


def free_times(there: Appointment) -> list[datetime]:
    return appointments.services.list_free_starts(
        doctor_name=there.doctor_name,
        day=there.starts_at.astimezone(CLINIC).date(),
        duration_min=there.duration_min,
        now=there.starts_at - timedelta(days=1),
    )
