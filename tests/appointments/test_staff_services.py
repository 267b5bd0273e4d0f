"""The services of appointments for staff, on the local DynamoDB."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from appointments import repository, services
from appointments.domain import Appointment, AppointmentChanges, AppointmentStatus, Calendar
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentNotFoundError,
    AppointmentStatusError,
    OutsideOpeningHoursError,
    SlotTakenError,
)
from common.errors import StaleVersionError
from common.identity.verification import Staff
from common.timestamps import truncate_to_ms
from tests.appointments.factories import ANA, LATER, MONDAY, NOW, TUESDAY, at, book, booked_ids

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def update(
    appointment: Appointment,
    *,
    unchanged_since: datetime | None = None,
    now: datetime = LATER,
    **changes: Any,
) -> Appointment:
    return services.update_appointment(
        appointment_id=appointment.id,
        changes=AppointmentChanges(**changes),
        unchanged_since=unchanged_since,
        now=now,
    )


def test_update_of_doctor_moves_booking_to_new_doctor() -> None:
    booked = book()

    moved = update(booked, doctor_name="Dra. Gómez")

    assert services.get_appointment(appointment_id=booked.id) == moved
    assert (booked_ids(doctor="rodriguez"), booked_ids(doctor="gomez")) == (set(), {booked.id})


def test_update_to_doctor_with_taken_slot_is_refused() -> None:
    booked, other = book(), book(doctor_name="Dra. Gómez", patient_name="Luis Paz")

    with pytest.raises(SlotTakenError):
        update(booked, doctor_name="Dra. Gómez")
    assert services.get_appointment(appointment_id=booked.id) == booked
    assert (booked_ids(doctor="rodriguez"), booked_ids(doctor="gomez")) == ({booked.id}, {other.id})


def test_update_to_overlapping_duration_is_refused() -> None:
    booked = book("10:00")
    book("11:00", patient_name="Luis Paz")

    assert update(booked, duration_min=60).duration_min == 60
    with pytest.raises(SlotTakenError):
        update(booked, duration_min=61)


def test_past_appointment_can_change_except_its_time() -> None:
    booked = book()
    after = NOW + timedelta(days=3)

    done = update(booked, status=AppointmentStatus.COMPLETED, notes="Vino", now=after)

    assert (done.status, done.notes) == (AppointmentStatus.COMPLETED, "Vino")
    with pytest.raises(AppointmentClosedError):
        update(booked, starts_at=at("12:00", TUESDAY), now=after)
    with pytest.raises(AppointmentStatusError):
        update(booked, status=AppointmentStatus.SCHEDULED, now=after)


# --- Updates without a difference


WITHOUT_DIFFERENCE: dict[str, Callable[[Appointment], dict[str, Any]]] = {
    "empty": lambda _: {},
    "status": lambda appointment: {"status": appointment.status},
    "time": lambda appointment: {"starts_at": appointment.starts_at},
    "other spelling": lambda _: {"patient_name": " Ana  Martínez", "doctor_name": "rodriguez"},
    "whole": lambda appointment: {
        "patient_name": appointment.patient_name,
        "patient_email": appointment.patient_email,
        "doctor_name": appointment.doctor_name,
        "starts_at": appointment.starts_at,
        "duration_min": appointment.duration_min,
        "kind": appointment.kind,
        "status": appointment.status,
        "notes": appointment.notes,
    },
}


@pytest.mark.parametrize("changes", WITHOUT_DIFFERENCE.values(), ids=WITHOUT_DIFFERENCE)
def test_update_without_difference_writes_nothing(
    settings: Settings, changes: Callable[[Appointment], dict[str, Any]]
) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez"]
    booked = book()
    doctor_days = repository.list_calendar_days([(Calendar.of_doctor("rodriguez"), MONDAY)])

    assert update(booked, **changes(booked)) == booked
    assert services.get_appointment(appointment_id=booked.id) == booked
    assert repository.list_calendar_days([(Calendar.of_doctor("rodriguez"), MONDAY)]) == doctor_days


def test_update_with_difference_stores_new_version() -> None:
    booked = book()

    after = update(booked, notes="a")
    assert after == replace(booked, notes="a", updated_at=truncate_to_ms(LATER))
    assert services.get_appointment(appointment_id=booked.id) == after


# --- Cancelling and rescheduling, by their services and by update_appointment


def cancel(appointment: Appointment, **options: Any) -> Appointment:
    options = {"now": LATER, **options}
    return services.cancel_appointment(appointment_id=appointment.id, caller=Staff(), **options)


def cancel_by_update(appointment: Appointment, **options: Any) -> Appointment:
    return update(appointment, status=AppointmentStatus.CANCELLED, **options)


def reschedule(appointment: Appointment, starts_at: datetime, **options: Any) -> Appointment:
    options = {"now": LATER, "starts_at": starts_at, **options}
    return services.reschedule_appointment(appointment_id=appointment.id, caller=Staff(), **options)


def reschedule_by_update(
    appointment: Appointment, starts_at: datetime, **options: Any
) -> Appointment:
    return update(appointment, starts_at=starts_at, **options)


type Operation = Callable[..., Appointment]
each_way_to_cancel = pytest.mark.parametrize("cancel", [cancel, cancel_by_update])
each_way_to_reschedule = pytest.mark.parametrize("reschedule", [reschedule, reschedule_by_update])


@each_way_to_cancel
def test_cancel_succeeds_once_and_frees_slot(cancel: Operation) -> None:
    booked = book()

    cancelled = cancel(booked)
    assert cancelled == replace(
        booked, status=AppointmentStatus.CANCELLED, updated_at=truncate_to_ms(LATER)
    )
    with pytest.raises(AppointmentAlreadyCancelledError):
        cancel(booked)
    assert services.get_appointment(appointment_id=booked.id) == cancelled
    assert booked_ids() == set()


@each_way_to_cancel
def test_started_appointment_is_cancelled_by_staff_only(cancel: Operation) -> None:
    booked, starts_at = book(), at("10:00")

    with pytest.raises(AppointmentClosedError):
        services.cancel_appointment(appointment_id=booked.id, caller=ANA, now=starts_at)
    assert services.get_appointment(appointment_id=booked.id) == booked
    assert cancel(booked, now=starts_at).status is AppointmentStatus.CANCELLED
    assert booked_ids() == set()


def test_customer_can_cancel_until_start() -> None:
    booked = book()
    just_before = at("10:00") - timedelta(milliseconds=1)

    cancelled = services.cancel_appointment(appointment_id=booked.id, caller=ANA, now=just_before)
    assert cancelled.status is AppointmentStatus.CANCELLED


@each_way_to_cancel
def test_cancel_of_completed_appointment_is_refused(cancel: Operation) -> None:
    booked = book()
    done = update(booked, status=AppointmentStatus.COMPLETED)

    with pytest.raises(AppointmentClosedError):
        cancel(booked)
    with pytest.raises(AppointmentClosedError):
        update(booked, status=AppointmentStatus.CANCELLED, notes="a")
    assert services.get_appointment(appointment_id=booked.id) == done


@each_way_to_reschedule
def test_reschedule_to_own_time_writes_nothing(reschedule: Operation) -> None:
    booked = book()

    moved = reschedule(booked, at("11:00"))
    assert moved == replace(booked, starts_at=moved.starts_at, updated_at=truncate_to_ms(LATER))
    assert moved.starts_at == at("11:00")
    assert reschedule(booked, at("11:00"), now=LATER + timedelta(minutes=1)) == moved
    assert services.get_appointment(appointment_id=booked.id) == moved


@each_way_to_reschedule
def test_reschedule_of_closed_appointment_is_refused(reschedule: Operation) -> None:
    booked = book()

    with pytest.raises(AppointmentClosedError):
        reschedule(booked, booked.starts_at, now=booked.starts_at)
    cancelled = cancel(booked)
    with pytest.raises(AppointmentClosedError):
        reschedule(booked, booked.starts_at)
    assert services.get_appointment(appointment_id=booked.id) == cancelled


@pytest.mark.parametrize(
    "operation",
    [
        cancel,
        cancel_by_update,
        partial(reschedule, starts_at=at("11:00")),
        partial(reschedule_by_update, starts_at=at("11:00")),
    ],
)
def test_cancel_or_reschedule_of_another_version_is_refused(operation: Operation) -> None:
    booked = book()
    changed = update(booked, notes="a")

    with pytest.raises(StaleVersionError) as caught:
        operation(booked, unchanged_since=booked.updated_at)
    assert caught.value.data == {"current_version": changed.updated_at}
    assert services.get_appointment(appointment_id=booked.id) == changed
    assert operation(booked, unchanged_since=changed.updated_at) != changed


# --- Times


def test_update_to_past_time_is_refused() -> None:
    with pytest.raises(AppointmentInThePastError):
        update(book(), starts_at=NOW - timedelta(hours=1))


def test_delete_frees_slot() -> None:
    booked = book()
    services.delete_appointment(
        appointment_id=booked.id, unchanged_since=booked.updated_at, now=LATER
    )

    assert booked_ids() == set()
    assert services.list_appointments().items == []
    with pytest.raises(AppointmentNotFoundError):
        services.delete_appointment(appointment_id=booked.id, now=LATER)
    assert book(token="another").starts_at == at("10:00")


def test_stale_delete_is_refused_with_current_version() -> None:
    booked = book()
    first = update(booked, notes="a")

    with pytest.raises(StaleVersionError) as caught:
        services.delete_appointment(
            appointment_id=booked.id, unchanged_since=booked.updated_at, now=LATER
        )
    assert caught.value.data == {"current_version": first.updated_at}
    assert booked_ids() == {booked.id}


# --- Opening hours


@pytest.mark.parametrize(
    ("clock", "is_open"), [("07:59", False), ("08:00", True), ("19:30", True), ("19:31", False)]
)
def test_book_outside_opening_hours_is_refused(clock: str, is_open: bool) -> None:
    if is_open:
        assert book(clock).starts_at == at(clock)
        return
    with pytest.raises(OutsideOpeningHoursError) as caught:
        book(clock)
    alternatives: Any = caught.value.data["alternatives"]
    assert len(alternatives) == 3
    assert all(at("08:00") <= free <= at("19:30") for free in alternatives)


def test_update_outside_opening_hours_is_refused() -> None:
    booked = book()

    with pytest.raises(OutsideOpeningHoursError):
        update(booked, starts_at=at("21:00"))
    with pytest.raises(OutsideOpeningHoursError):
        update(booked, duration_min=480, starts_at=at("12:01"))
    assert booked_ids() == {booked.id}


def test_alternatives_on_closed_day_are_on_next_open_day(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Fri 09:00-10:00"
    saturday = date(2099, 11, 28)

    with pytest.raises(OutsideOpeningHoursError) as caught:
        book("09:00", saturday)
    monday = MONDAY + timedelta(days=7)
    assert caught.value.data["alternatives"] == [at("09:00", monday), at("09:30", monday)]


def test_clinic_that_never_opens_offers_no_alternatives(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon 09:00-09:10"

    with pytest.raises(OutsideOpeningHoursError) as caught:
        book("10:00")
    assert caught.value.data["alternatives"] == []
