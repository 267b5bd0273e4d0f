"""What staff do with appointments, on the stand-in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from appointments import repository, services
from appointments.domain import Appointment, AppointmentChanges, AppointmentStatus
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
from tests.appointments.calendar import ANA, LATER, MONDAY, NOW, TUESDAY, at, book, taken

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def update(
    there: Appointment,
    *,
    unchanged_since: datetime | None = None,
    now: datetime = LATER,
    **changes: Any,
) -> Appointment:
    return services.update_appointment(
        appointment_id=there.id,
        changes=AppointmentChanges(**changes),
        unchanged_since=unchanged_since,
        now=now,
    )


def test_another_doctor_takes_the_appointment_and_the_first_is_free() -> None:
    booked = book()

    moved = update(booked, doctor_name="Dra. Gómez")

    assert services.get_appointment(appointment_id=booked.id) == moved
    assert (taken(doctor="rodriguez"), taken(doctor="gomez")) == (set(), {booked.id})


def test_another_doctors_time_may_be_taken() -> None:
    booked, other = book(), book(doctor_name="Dra. Gómez", patient_name="Luis Paz")

    with pytest.raises(SlotTakenError):
        update(booked, doctor_name="Dra. Gómez")
    assert services.get_appointment(appointment_id=booked.id) == booked
    assert (taken(doctor="rodriguez"), taken(doctor="gomez")) == ({booked.id}, {other.id})


def test_a_longer_appointment_needs_the_time_behind_it() -> None:
    booked = book("10:00")
    book("11:00", patient_name="Luis Paz")

    assert update(booked, duration_min=60).duration_min == 60
    with pytest.raises(SlotTakenError):
        update(booked, duration_min=61)


def test_what_leaves_the_time_alone_may_change_when_it_is_over() -> None:
    booked = book()
    after = NOW + timedelta(days=3)

    done = update(booked, status=AppointmentStatus.COMPLETED, notes="Vino", now=after)

    assert (done.status, done.notes) == (AppointmentStatus.COMPLETED, "Vino")
    with pytest.raises(AppointmentClosedError):
        update(booked, starts_at=at("12:00", TUESDAY), now=after)
    with pytest.raises(AppointmentStatusError):
        update(booked, status=AppointmentStatus.SCHEDULED, now=after)


# --- What changes nothing


NOTHING: dict[str, Callable[[Appointment], dict[str, Any]]] = {
    "nothing": lambda _: {},
    "status": lambda there: {"status": there.status},
    "time": lambda there: {"starts_at": there.starts_at},
    "other words": lambda there: {"patient_name": " Ana  Martínez", "doctor_name": "rodriguez"},
    "whole": lambda there: {
        "patient_name": there.patient_name,
        "patient_email": there.patient_email,
        "doctor_name": there.doctor_name,
        "starts_at": there.starts_at,
        "duration_min": there.duration_min,
        "kind": there.kind,
        "status": there.status,
        "notes": there.notes,
    },
}


@pytest.mark.parametrize("changes", NOTHING.values(), ids=NOTHING)
def test_what_changes_nothing_writes_nothing(
    settings: Settings, changes: Callable[[Appointment], dict[str, Any]]
) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez"]
    booked = book()
    guard = repository.doctor_days("rodriguez", [MONDAY])

    assert update(booked, **changes(booked)) == booked
    assert services.get_appointment(appointment_id=booked.id) == booked
    assert repository.doctor_days("rodriguez", [MONDAY]) == guard


def test_what_changes_something_is_a_new_version() -> None:
    booked = book()

    after = update(booked, notes="a")
    assert after == replace(booked, notes="a", updated_at=truncate_to_ms(LATER))
    assert services.get_appointment(appointment_id=booked.id) == after


# --- Cancelling and moving are one verb each


def cancel(there: Appointment, **options: Any) -> Appointment:
    options = {"now": LATER, **options}
    return services.cancel_appointment(appointment_id=there.id, caller=Staff(), **options)


def cancel_by_update(there: Appointment, **options: Any) -> Appointment:
    return update(there, status=AppointmentStatus.CANCELLED, **options)


def move(there: Appointment, starts_at: datetime, **options: Any) -> Appointment:
    options = {"now": LATER, "starts_at": starts_at, **options}
    return services.move_appointment(appointment_id=there.id, caller=Staff(), **options)


def move_by_update(there: Appointment, starts_at: datetime, **options: Any) -> Appointment:
    return update(there, starts_at=starts_at, **options)


type Verb = Callable[..., Appointment]
each_way_to_cancel = pytest.mark.parametrize("cancel", [cancel, cancel_by_update])
each_way_to_move = pytest.mark.parametrize("move", [move, move_by_update])


@each_way_to_cancel
def test_an_appointment_is_cancelled_once(cancel: Verb) -> None:
    booked = book()

    cancelled = cancel(booked)
    assert cancelled == replace(
        booked, status=AppointmentStatus.CANCELLED, updated_at=truncate_to_ms(LATER)
    )
    with pytest.raises(AppointmentAlreadyCancelledError):
        cancel(booked)
    assert services.get_appointment(appointment_id=booked.id) == cancelled
    assert taken() == set()


@each_way_to_cancel
def test_who_did_not_come_is_cancelled_by_staff_but_not_by_themselves(cancel: Verb) -> None:
    booked, starts_at = book(), at("10:00")

    with pytest.raises(AppointmentClosedError):
        services.cancel_appointment(appointment_id=booked.id, caller=ANA, now=starts_at)
    assert services.get_appointment(appointment_id=booked.id) == booked
    assert cancel(booked, now=starts_at).status is AppointmentStatus.CANCELLED
    assert taken() == set()


def test_a_customer_cancels_up_to_the_last_moment() -> None:
    booked = book()
    just_before = at("10:00") - timedelta(milliseconds=1)

    cancelled = services.cancel_appointment(appointment_id=booked.id, caller=ANA, now=just_before)
    assert cancelled.status is AppointmentStatus.CANCELLED


@each_way_to_cancel
def test_what_is_done_is_not_cancelled(cancel: Verb) -> None:
    booked = book()
    done = update(booked, status=AppointmentStatus.COMPLETED)

    with pytest.raises(AppointmentClosedError):
        cancel(booked)
    with pytest.raises(AppointmentClosedError):
        update(booked, status=AppointmentStatus.CANCELLED, notes="a")
    assert services.get_appointment(appointment_id=booked.id) == done


@each_way_to_move
def test_an_appointment_is_moved_and_to_its_own_time_it_is_not(move: Verb) -> None:
    booked = book()

    moved = move(booked, at("11:00"))
    assert moved == replace(booked, starts_at=moved.starts_at, updated_at=truncate_to_ms(LATER))
    assert moved.starts_at == at("11:00")
    assert move(booked, at("11:00"), now=LATER + timedelta(minutes=1)) == moved
    assert services.get_appointment(appointment_id=booked.id) == moved


@each_way_to_move
def test_what_is_closed_is_not_even_moved_to_its_own_time(move: Verb) -> None:
    booked = book()

    with pytest.raises(AppointmentClosedError):
        move(booked, booked.starts_at, now=booked.starts_at)
    cancelled = cancel(booked)
    with pytest.raises(AppointmentClosedError):
        move(booked, booked.starts_at)
    assert services.get_appointment(appointment_id=booked.id) == cancelled


@pytest.mark.parametrize("verb", [cancel, cancel_by_update, partial(move, starts_at=at("11:00")), partial(move_by_update, starts_at=at("11:00"))])  # fmt: skip
def test_another_version_is_neither_cancelled_nor_moved(verb: Verb) -> None:
    booked = book()
    changed = update(booked, notes="a")

    with pytest.raises(StaleVersionError) as caught:
        verb(booked, unchanged_since=booked.updated_at)
    assert caught.value.data == {"current_version": changed.updated_at}
    assert services.get_appointment(appointment_id=booked.id) == changed
    assert verb(booked, unchanged_since=changed.updated_at) != changed


# --- Times


def test_a_time_that_has_passed_is_refused() -> None:
    with pytest.raises(AppointmentInThePastError):
        update(book(), starts_at=NOW - timedelta(hours=1))


def test_a_deleted_appointment_gives_its_time_back() -> None:
    booked = book()
    services.delete_appointment(appointment_id=booked.id, unchanged_since=booked.updated_at)

    assert taken() == set()
    assert services.list_appointments() == []
    with pytest.raises(AppointmentNotFoundError):
        services.delete_appointment(appointment_id=booked.id)
    assert book(token="another").starts_at == at("10:00")


def test_the_second_of_two_who_read_the_same_is_told_the_version_now() -> None:
    booked = book()
    first = update(booked, notes="a")

    with pytest.raises(StaleVersionError) as caught:
        services.delete_appointment(appointment_id=booked.id, unchanged_since=booked.updated_at)
    assert caught.value.data == {"current_version": first.updated_at}
    assert taken() == {booked.id}


# --- Opening hours


@pytest.mark.parametrize(
    ("clock", "fine"), [("07:59", False), ("08:00", True), ("19:30", True), ("19:31", False)]
)
def test_appointments_are_within_opening_hours(clock: str, fine: bool) -> None:
    if fine:
        assert book(clock).starts_at == at(clock)
        return
    with pytest.raises(OutsideOpeningHoursError) as caught:
        book(clock)
    alternatives: Any = caught.value.data["alternatives"]
    assert len(alternatives) == 3
    assert all(at("08:00") <= free <= at("19:30") for free in alternatives)


def test_a_move_is_held_to_the_hours_too() -> None:
    booked = book()

    with pytest.raises(OutsideOpeningHoursError):
        update(booked, starts_at=at("21:00"))
    with pytest.raises(OutsideOpeningHoursError):
        update(booked, duration_min=480, starts_at=at("12:01"))
    assert taken() == {booked.id}


def test_on_a_closed_day_the_next_open_one_is_offered(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Fri 09:00-10:00"
    saturday = date(2099, 11, 28)

    with pytest.raises(OutsideOpeningHoursError) as caught:
        book("09:00", saturday)
    monday = MONDAY + timedelta(days=7)
    assert caught.value.data["alternatives"] == [at("09:00", monday), at("09:30", monday)]


def test_a_clinic_that_is_never_open_offers_nothing(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon 09:00-09:10"

    with pytest.raises(OutsideOpeningHoursError) as caught:
        book("10:00")
    assert caught.value.data["alternatives"] == []
