"""What staff do with appointments, on the stand-in."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from appointments import services
from appointments.domain import Appointment, AppointmentChanges, AppointmentStatus
from appointments.errors import (
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentNotFoundError,
    AppointmentStatusError,
    OutsideOpeningHoursError,
    SlotTakenError,
)
from common.errors import StaleVersionError
from tests.appointments.calendar import LATER, MONDAY, NOW, TUESDAY, at, book, taken

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def update(there: Appointment, *, now: datetime = LATER, **changes: Any) -> Appointment:
    return services.update_appointment(
        appointment_id=there.id, changes=AppointmentChanges(**changes), now=now
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
    saturday = date(2026, 11, 28)

    with pytest.raises(OutsideOpeningHoursError) as caught:
        book("09:00", saturday)
    monday = MONDAY + timedelta(days=7)
    assert caught.value.data["alternatives"] == [at("09:00", monday), at("09:30", monday)]


def test_a_clinic_that_is_never_open_offers_nothing(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon 09:00-09:10"

    with pytest.raises(OutsideOpeningHoursError) as caught:
        book("10:00")
    assert caught.value.data["alternatives"] == []
