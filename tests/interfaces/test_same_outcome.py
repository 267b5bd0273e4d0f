"""One service, three interfaces: an operation has the same outcome, error and record through each.

The tests compare whole stored records. An operation that succeeds changes only what it is for; one that
is refused changes nothing, not even `updatedAt`.
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
from tests.interfaces.clients import (
    CLINIC,
    AdminInterface,
    BookingRequest,
    Interface,
    OrderRequest,
    RecordView,
    Response,
    VoiceInterface,
)

pytestmark = [pytest.mark.wire, pytest.mark.usefixtures("demo_data")]

UNKNOWN_ID = "999999"


def all_records() -> tuple[list[Order], list[Appointment]]:
    return orders.services.list_orders().items, appointments.services.list_appointments().items


def order(order_id: str) -> Order:
    return orders.services.get_order(order_id=order_id)


def appointment(appointment_id: str) -> Appointment:
    return appointments.services.get_appointment(appointment_id=appointment_id)


def assert_refused(response: Response, error: type[DomainError]) -> None:
    """Check that the response has the error's text for people and, if it has a code, the error's."""
    with translation.override("es"):
        sentence = str(error.text)
    assert not response.is_done
    assert sentence in response.text
    assert response.code in {error.code, None}


def assert_not_found(interface: Interface, response: Response, error: type[DomainError]) -> None:
    """Like `assert_refused`; the admin says instead that the list doesn't have the record any more."""
    if isinstance(interface, AdminInterface):
        assert (response.is_done, "Ya no está en esta lista." in response.text) == (False, True)
    else:
        assert_refused(response, error)


# --- Orders


@pytest.mark.parametrize(
    ("order_id", "owner", "status"),
    [("1", "Juan Pérez", OrderStatus.PENDING), ("5", "Ana Martínez", OrderStatus.CANCELLED)],
)
async def test_look_up_order_shows_status_and_writes_nothing(
    interface: Interface, order_id: str, owner: str, status: OrderStatus
) -> None:
    before = all_records()

    assert await interface.look_up_order(order_id, owner) == RecordView(status=status)
    assert all_records() == before


async def test_look_up_missing_order_shows_nothing(interface: Interface) -> None:
    assert await interface.look_up_order(UNKNOWN_ID, "Juan Pérez") is None


@pytest.mark.parametrize("order_id", ["1", "2"])
async def test_cancel_order_before_shipping_succeeds_once(
    interface: Interface, order_id: str
) -> None:
    before = order(order_id)

    assert (await interface.cancel_order(order_id, "Juan Pérez")).is_done
    cancelled = order(order_id)
    assert cancelled.updated_at > before.updated_at
    assert cancelled == replace(
        before, status=OrderStatus.CANCELLED, updated_at=cancelled.updated_at
    )

    assert_refused(await interface.cancel_order(order_id, "Juan Pérez"), OrderAlreadyCancelledError)
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
    interface: Interface, order_id: str, owner: str, error: type[DomainError]
) -> None:
    before = all_records()

    assert_refused(await interface.cancel_order(order_id, owner), error)
    assert all_records() == before


async def test_cancel_missing_order_is_refused(interface: Interface) -> None:
    before = all_records()

    response = await interface.cancel_order(UNKNOWN_ID, "Juan Pérez")
    assert_not_found(interface, response, OrderNotFoundError)
    assert all_records() == before


async def test_place_order_stores_same_record(interface: Interface) -> None:
    items = (
        OrderItem(name="Teclado", quantity=2, price=Decimal("25.99")),
        OrderItem(name="Monitor", quantity=1, price=Decimal("15.50")),
    )
    ids_before = {each.id for each in orders.services.list_orders().items}

    request = OrderRequest(customer="Eva Luna", email="eva.luna@email.com", items=items)
    assert (await interface.place_order(request)).is_done
    (placed,) = (each for each in orders.services.list_orders().items if each.id not in ids_before)
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


# --- Existing appointments


@pytest.mark.parametrize(
    ("appointment_id", "owner"), [("1", "Juan Pérez"), ("2", "Luis Fernández")]
)
async def test_look_up_appointment_shows_it_and_writes_nothing(
    interface: Interface, appointment_id: str, owner: str
) -> None:
    stored, before = appointment(appointment_id), all_records()

    assert await interface.look_up_appointment(appointment_id, owner) == RecordView(
        status=stored.status, starts_at=f"{stored.starts_at.astimezone(CLINIC):%d/%m %H:%M}"
    )
    assert all_records() == before


async def test_look_up_missing_appointment_shows_nothing(interface: Interface) -> None:
    assert await interface.look_up_appointment(UNKNOWN_ID, "Juan Pérez") is None


@pytest.mark.parametrize(
    ("appointment_id", "owner"),
    [("1", "Juan Pérez"), ("2", "Luis Fernández")],
    ids=["booked", "confirmed"],
)
async def test_cancel_appointment_succeeds_once_and_frees_slot(
    interface: Interface, appointment_id: str, owner: str
) -> None:
    before = appointment(appointment_id)

    assert (await interface.cancel_appointment(appointment_id, owner)).is_done
    cancelled = appointment(appointment_id)
    assert cancelled == replace(
        before, status=AppointmentStatus.CANCELLED, updated_at=cancelled.updated_at
    )
    assert cancelled.updated_at != before.updated_at
    assert before.starts_at in free_starts(before)

    again = await interface.cancel_appointment(appointment_id, owner)
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
    interface: Interface, appointment_id: str, owner: str, error: type[DomainError]
) -> None:
    before = all_records()

    assert_refused(await interface.cancel_appointment(appointment_id, owner), error)
    assert all_records() == before


@CLOSED
async def test_reschedule_closed_appointment_is_refused(
    interface: Interface,
    demo_data: datetime,
    appointment_id: str,
    owner: str,
    error: type[DomainError],
) -> None:
    before = all_records()

    response = await interface.reschedule_appointment(
        appointment_id, owner, at(demo_data, days=4, hour=11)
    )
    assert_refused(response, AppointmentClosedError)
    assert all_records() == before


async def test_cancel_or_reschedule_missing_appointment_is_refused(
    interface: Interface, demo_data: datetime
) -> None:
    before = all_records()

    cancelling = await interface.cancel_appointment(UNKNOWN_ID, "Juan Pérez")
    moving = await interface.reschedule_appointment(
        UNKNOWN_ID, "Juan Pérez", at(demo_data, days=4, hour=11)
    )
    for response in (cancelling, moving):
        assert_not_found(interface, response, AppointmentNotFoundError)
    assert all_records() == before


async def test_cancel_started_appointment_is_allowed_for_staff_only(
    interface: Interface, demo_data: datetime
) -> None:
    """The interfaces differ here because their callers do: staff may cancel it, the customer may not."""
    missed = book(at(demo_data, days=-2, hour=10), now=demo_data - timedelta(days=9))

    response = await interface.cancel_appointment(missed.id, "Ana Sosa")
    after = appointment(missed.id)
    if isinstance(interface, VoiceInterface):
        assert_refused(response, AppointmentClosedError)
        assert after == missed
    else:
        assert response.is_done
        assert after == replace(
            missed, status=AppointmentStatus.CANCELLED, updated_at=after.updated_at
        )


async def test_reschedule_changes_start_only_and_repeats_without_write(
    interface: Interface, demo_data: datetime
) -> None:
    before, starts_at = appointment("1"), at(demo_data, days=4, hour=11)

    assert (await interface.reschedule_appointment("1", "Juan Pérez", starts_at)).is_done
    moved = appointment("1")
    assert moved == replace(before, starts_at=starts_at, updated_at=moved.updated_at)
    assert moved.updated_at != before.updated_at
    assert before.starts_at in free_starts(before)
    assert starts_at not in free_starts(moved)

    assert (await interface.reschedule_appointment("1", "Juan Pérez", starts_at)).is_done
    assert appointment("1") == moved  # it has that start already: nothing is written


async def test_reschedule_to_impossible_time_is_refused(
    interface: Interface, demo_data: datetime, subtests: pytest.Subtests
) -> None:
    taken = at(demo_data, days=4, hour=11)
    book(taken, doctor="Dra. Gómez")
    before = all_records()

    for starts_at, error in impossible_times(demo_data, taken):
        with subtests.test(error=error.code):
            response = await interface.reschedule_appointment("1", "Juan Pérez", starts_at)
            assert_refused(response, error)
            assert response.offers_times is (error is not AppointmentInThePastError)
            assert all_records() == before


# --- New appointments


async def test_book_appointment_stores_same_record(
    interface: Interface, demo_data: datetime
) -> None:
    ids_before = {each.id for each in appointments.services.list_appointments().items}
    starts_at = at(demo_data, days=3, hour=11)

    assert (await interface.book_appointment(booking_request(starts_at))).is_done
    (booked,) = (
        each
        for each in appointments.services.list_appointments().items
        if each.id not in ids_before
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
    assert starts_at not in free_starts(booked)


async def test_book_impossible_time_is_refused(
    interface: Interface, demo_data: datetime, subtests: pytest.Subtests
) -> None:
    taken = at(demo_data, days=4, hour=11)
    book(taken)
    before = all_records()

    for starts_at, error in impossible_times(demo_data, taken):
        with subtests.test(error=error.code):
            response = await interface.book_appointment(booking_request(starts_at))
            assert_refused(response, error)
            assert response.offers_times is (error is not AppointmentInThePastError)
            assert all_records() == before


def at(demo_data: datetime, *, days: int, hour: int) -> datetime:
    day = demo_data.astimezone(CLINIC) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def impossible_times(
    demo_data: datetime, taken: datetime
) -> list[tuple[datetime, type[DomainError]]]:
    return [
        (taken, SlotTakenError),
        (at(demo_data, days=5, hour=22), OutsideOpeningHoursError),
        (at(demo_data, days=-1, hour=11), AppointmentInThePastError),
    ]


def booking_request(starts_at: datetime) -> BookingRequest:
    return BookingRequest(
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
        dni="56789012",
        doctor_name=doctor,
        starts_at=starts_at,
        duration_min=30,
        kind=AppointmentKind.ROUTINE,
        token=f"{starts_at} {doctor}",
        now=now or starts_at - timedelta(days=4),
    )


def free_starts(booked: Appointment) -> list[datetime]:
    return appointments.services.list_free_starts(
        doctor_name=booked.doctor_name,
        day=booked.starts_at.astimezone(CLINIC).date(),
        duration_min=booked.duration_min,
        now=booked.starts_at - timedelta(days=1),
    )
