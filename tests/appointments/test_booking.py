"""Booking an appointment, on the local DynamoDB."""

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
from tests.appointments.factories import (
    LATER,
    MONDAY,
    NOW,
    TUESDAY,
    at,
    book,
    booked_ids,
)
from tests.fixtures.dynamodb import raw_item

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def test_booked_appointment_is_stored_as_returned() -> None:
    booked = book(notes=" Traer estudios ")

    assert services.get_appointment(appointment_id=booked.id) == booked
    assert booked.status is AppointmentStatus.SCHEDULED
    assert booked.notes == "Traer estudios"
    assert booked.starts_at == datetime(2099, 11, 23, 13, tzinfo=UTC)
    assert booked_ids() == {booked.id}


def test_start_is_stored_as_date_and_as_appointment_date() -> None:
    booked = book()

    raw = raw_item(models.Appointment, booked.id)
    assert raw["date"] == raw["appointmentDate"] == {"S": "2099-11-23T13:00:00.000Z"}
    assert raw["PK"] == raw["SK"] == {"S": f"APPOINTMENT#{booked.id}"}
    assert "notes" not in raw


@pytest.mark.parametrize("clock", ["09:31", "10:00", "10:29", "09:45"])
def test_book_of_taken_slot_is_refused_with_alternatives(clock: str, settings: Settings) -> None:
    settings.CLINIC_SLOT_MINUTES = 1
    book("10:00")

    with pytest.raises(SlotTakenError) as caught:
        book(clock, patient_name="Luis Fernández")

    alternatives: Any = caught.value.data["alternatives"]
    assert len(alternatives) == 3
    assert at("10:00") not in alternatives
    assert all(abs(free - at(clock)) <= timedelta(hours=2) for free in alternatives)
    assert all(free.utcoffset() == timedelta(hours=-3) for free in alternatives)


@pytest.mark.parametrize("clock", ["09:30", "10:30"])
def test_book_next_to_another_appointment_succeeds(clock: str) -> None:
    book("10:00")

    assert book(clock).starts_at == at(clock)


def test_book_same_time_with_another_doctor_succeeds() -> None:
    book()

    other = book(doctor_name="Dra. Gómez", patient_name="Luis Fernández")
    assert other.starts_at == at("10:00")


@pytest.mark.parametrize("name", ["rodriguez", "doctor Rodríguez", "DR. RODRIGUEZ"])
def test_spellings_of_one_doctor_share_one_calendar(name: str) -> None:
    book()

    with pytest.raises(SlotTakenError):
        book(doctor_name=name)


def test_doctor_is_stored_under_configured_name(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez", "Dra. Gómez"]

    assert book(doctor_name="rodriguez").doctor_name == "Dr. Rodríguez"


def test_unknown_doctor_is_refused_with_list_of_doctors(
    settings: Settings,
) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez", "Dra. Gómez"]

    with pytest.raises(DoctorNotFoundError) as caught:
        book(doctor_name="Dr. House")
    assert caught.value.data == {"doctors": ["Dr. Rodríguez", "Dra. Gómez"]}


def test_ambiguous_doctor_is_refused_with_candidates(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dra. Ana Gómez", "Dr. Luis Gómez", "Dr. Sosa"]

    with pytest.raises(DoctorNotFoundError) as caught:
        book(doctor_name="Dr. Gómez")
    assert caught.value.data == {"doctors": ["Dra. Ana Gómez", "Dr. Luis Gómez"]}


def test_title_without_name_is_refused() -> None:
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
def test_book_with_invalid_field_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        book(**changes)
    assert caught.value.data == {"field": field}


@pytest.mark.parametrize("duration_min", [5, 480])
def test_book_with_limit_durations_succeeds(duration_min: int) -> None:
    assert book(duration_min=duration_min).duration_min == duration_min


@pytest.mark.parametrize("starts_at", [NOW, NOW - timedelta(days=1)])
def test_book_in_the_past_is_refused(starts_at: datetime) -> None:
    with pytest.raises(AppointmentInThePastError):
        book(starts_at=starts_at)


def test_book_over_midnight_blocks_both_days(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 00:00-24:00"
    settings.CLINIC_SLOT_MINUTES = 15
    booked = book("23:45", duration_min=60)

    assert booked_ids(MONDAY) == booked_ids(TUESDAY) == {booked.id}
    with pytest.raises(SlotTakenError):
        book("00:30", TUESDAY)
    assert book("00:45", TUESDAY).starts_at == at("00:45", TUESDAY)


def test_book_with_same_token_books_once() -> None:
    first = book(token="t")

    assert book(token="t", now=LATER) == first
    assert services.list_appointments().items == [first]


def test_repeated_book_after_start_returns_appointment() -> None:
    first = book(token="t")

    assert book(token="t", now=NOW + timedelta(days=2)) == first


def test_book_with_token_of_another_appointment_is_refused() -> None:
    book(token="t")

    with pytest.raises(IdempotencyConflictError):
        book("11:00", token="t")


def test_repeated_book_of_deleted_appointment_creates_nothing() -> None:
    booked = book(token="t")
    models.Appointment(*models.Appointment.key(booked.id)).delete()

    with pytest.raises(AppointmentNotFoundError):
        book(token="t")
