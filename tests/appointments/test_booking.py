"""Booking an appointment, on the stand-in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from appointments import models, services
from appointments.domain import AppointmentStatus
from appointments.errors import (
    AppointmentInThePastError,
    AppointmentNotFoundError,
    DoctorNotFoundError,
    SlotTakenError,
)
from common.errors import (
    IdempotencyConflictError,
    InvalidFieldError,
)
from tests.appointments.calendar import LATER, MONDAY, NOW, TUESDAY, at, book, taken

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def test_a_booked_appointment_is_there_as_it_was_returned() -> None:
    booked = book(notes=" Traer estudios ")

    assert services.get_appointment(appointment_id=booked.id) == booked
    assert booked.status is AppointmentStatus.SCHEDULED
    assert booked.notes == "Traer estudios"
    assert booked.starts_at == datetime(2099, 11, 23, 13, tzinfo=UTC)
    assert taken() == {booked.id}


def test_the_date_is_written_twice_for_the_earlier_system_and_the_indexes() -> None:
    booked = book()

    raw = models.Appointment._get_connection().get_item(*models.Appointment.key(booked.id))["Item"]
    assert raw["date"] == raw["appointmentDate"] == {"S": "2099-11-23T13:00:00.000Z"}
    assert raw["PK"] == raw["SK"] == {"S": f"APPOINTMENT#{booked.id}"}
    assert "notes" not in raw


@pytest.mark.parametrize("clock", ["09:31", "10:00", "10:29", "09:45"])
def test_a_taken_time_is_refused_with_times_near_it(clock: str) -> None:
    book("10:00")

    with pytest.raises(SlotTakenError) as caught:
        book(clock, patient_name="Luis Fernández")

    alternatives: Any = caught.value.data["alternatives"]
    assert len(alternatives) == 3
    assert at("10:00") not in alternatives
    assert all(abs(free - at(clock)) <= timedelta(hours=2) for free in alternatives)
    assert all(free.utcoffset() == timedelta(hours=-3) for free in alternatives)


@pytest.mark.parametrize("clock", ["09:30", "10:30"])
def test_times_may_touch(clock: str) -> None:
    book("10:00")

    assert book(clock).starts_at == at(clock)


def test_another_doctor_is_another_calendar() -> None:
    book()

    assert book(doctor_name="Dra. Gómez").starts_at == at("10:00")


@pytest.mark.parametrize("said", ["rodriguez", "doctor Rodríguez", "DR. RODRIGUEZ"])
def test_one_doctor_however_they_are_called(said: str) -> None:
    book()

    with pytest.raises(SlotTakenError):
        book(doctor_name=said)


def test_a_doctor_of_the_clinic_is_stored_under_one_name(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez", "Dra. Gómez"]

    assert book(doctor_name="rodriguez").doctor_name == "Dr. Rodríguez"


def test_a_doctor_whom_the_clinic_does_not_know_is_refused_with_those_it_does(
    settings: Settings,
) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez", "Dra. Gómez"]

    with pytest.raises(DoctorNotFoundError) as caught:
        book(doctor_name="Dr. House")
    assert caught.value.data == {"doctors": ["Dr. Rodríguez", "Dra. Gómez"]}


def test_a_name_that_two_doctors_have_is_refused_with_the_two(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dra. Ana Gómez", "Dr. Luis Gómez", "Dr. Sosa"]

    with pytest.raises(DoctorNotFoundError) as caught:
        book(doctor_name="Dr. Gómez")
    assert caught.value.data == {"doctors": ["Dra. Ana Gómez", "Dr. Luis Gómez"]}


def test_a_title_alone_is_no_doctor() -> None:
    with pytest.raises(DoctorNotFoundError):
        book(doctor_name="Doctor")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"patient_name": "7"}, "patient_name"),
        ({"patient_email": "ana"}, "patient_email"),
        ({"doctor_name": ""}, "doctor_name"),
        ({"duration_min": 4}, "duration"),
        ({"duration_min": 481}, "duration"),
    ],
)
def test_what_can_be_no_appointment_is_refused_by_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        book(**changes)
    assert caught.value.data == {"field": field}


@pytest.mark.parametrize("duration_min", [5, 480])
def test_the_shortest_and_the_longest_are_booked(duration_min: int) -> None:
    assert book(duration_min=duration_min).duration_min == duration_min


@pytest.mark.parametrize("starts_at", [NOW, NOW - timedelta(days=1)])
def test_the_past_cannot_be_booked(starts_at: datetime) -> None:
    with pytest.raises(AppointmentInThePastError):
        book(starts_at=starts_at)


def test_an_appointment_over_midnight_is_held_by_both_days(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 00:00-24:00"
    booked = book("23:45", duration_min=60)

    assert taken(MONDAY) == taken(TUESDAY) == {booked.id}
    with pytest.raises(SlotTakenError):
        book("00:30", TUESDAY)
    assert book("00:45", TUESDAY).starts_at == at("00:45", TUESDAY)


def test_the_same_token_books_one_appointment() -> None:
    first = book(token="t")

    assert book(token="t", now=LATER) == first
    assert services.list_appointments() == [first]


def test_a_replay_after_its_time_has_come_still_gets_it() -> None:
    first = book(token="t")

    assert book(token="t", now=NOW + timedelta(days=2)) == first


def test_a_token_used_for_another_appointment_is_refused() -> None:
    book(token="t")

    with pytest.raises(IdempotencyConflictError):
        book("11:00", token="t")


def test_a_replay_after_the_appointment_was_deleted_makes_no_second_one() -> None:
    booked = book(token="t")
    models.Appointment(*models.Appointment.key(booked.id)).delete()

    with pytest.raises(AppointmentNotFoundError):
        book(token="t")
