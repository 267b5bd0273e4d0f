"""Which times can be booked: the horizon, clock changes, the slot grid, and one patient's overlaps."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_django.fixtures import Settings

from appointments import services
from appointments.domain import Appointment, AppointmentChanges, exists_on_clock
from appointments.errors import (
    AppointmentTooFarError,
    DoctorNotFoundError,
    NonexistentTimeError,
    NotASlotError,
    PatientBusyError,
    SlotTakenError,
)
from common.errors import ConflictError
from common.identity.verification import Staff
from tests.appointments.factories import LATER, MONDAY, NOW, TUESDAY, at, book

store = pytest.mark.store
on_store = pytest.mark.usefixtures("empty_tables")

SANTIAGO = ZoneInfo("America/Santiago")
BUENOS_AIRES = ZoneInfo("America/Argentina/Buenos_Aires")


def move(appointment_id: str, starts_at: datetime, now: datetime = LATER) -> Appointment:
    return services.reschedule_appointment(
        appointment_id=appointment_id, caller=Staff(), starts_at=starts_at, now=now
    )


# --- The horizon


@store
@on_store
@pytest.mark.parametrize(("limit", "days"), [(180, 180), (1, 1), (30, 30)])
def test_booking_within_horizon_succeeds_and_beyond_is_refused(
    settings: Settings, limit: int, days: int
) -> None:
    settings.BOOKING_HORIZON_DAYS = limit
    today = date(2099, 11, 22)

    book("19:30", today + timedelta(days=days))
    with pytest.raises(AppointmentTooFarError) as refused:
        book("08:00", today + timedelta(days=days + 1))
    assert refused.value.data == {"last_day": today + timedelta(days=days)}


@store
@on_store
def test_reschedule_beyond_horizon_is_refused() -> None:
    booked = book()

    with pytest.raises(AppointmentTooFarError):
        move(booked.id, datetime(2200, 1, 1, 13, tzinfo=UTC))


@store
@on_store
def test_booking_beyond_horizon_can_be_cancelled(settings: Settings) -> None:
    booked = book()
    settings.BOOKING_HORIZON_DAYS = 1

    services.cancel_appointment(
        appointment_id=booked.id, caller=Staff(), now=NOW - timedelta(days=30)
    )


# --- Clock changes


@pytest.mark.pure
@pytest.mark.parametrize(
    ("local", "zone", "exists"),
    [
        ("2027-09-05T00:30", SANTIAGO, False),
        ("2027-09-04T23:59", SANTIAGO, True),
        ("2027-09-05T01:00", SANTIAGO, True),
        ("2027-04-03T23:30", SANTIAGO, True),  # twice
        ("2027-09-05T00:30", BUENOS_AIRES, True),
        ("2027-09-05T00:30", UTC, True),
        ("2027-03-28T02:30", ZoneInfo("Europe/Madrid"), False),
    ],
)
def test_skipped_local_time_does_not_exist(local: str, zone: Any, exists: bool) -> None:
    assert exists_on_clock(datetime.fromisoformat(local).replace(tzinfo=zone)) is exists


@pytest.fixture
def santiago(settings: Settings) -> None:
    settings.CLINIC_TIME_ZONE = "America/Santiago"
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 00:00-24:00"


@store
@on_store
@pytest.mark.usefixtures("santiago")
def test_booking_in_clock_change_gap_is_refused_with_alternatives() -> None:
    skipped = datetime(2027, 9, 5, 0, 30, tzinfo=SANTIAGO)

    with pytest.raises(NonexistentTimeError) as refused:
        book(starts_at=skipped, now=skipped - timedelta(days=3))
    alternatives: Any = refused.value.data["alternatives"]
    assert [f"{each:%d %H:%M}" for each in alternatives] == ["05 01:00", "05 01:30", "05 02:00"]


@store
@on_store
@pytest.mark.usefixtures("santiago")
def test_reschedule_into_clock_change_gap_changes_nothing() -> None:
    now = datetime(2027, 9, 1, 12, tzinfo=UTC)
    booked = book(starts_at=datetime(2027, 9, 3, 10, tzinfo=SANTIAGO), now=now)

    with pytest.raises(NonexistentTimeError):
        move(booked.id, datetime(2027, 9, 5, 0, 30, tzinfo=SANTIAGO), now)
    assert services.get_appointment(appointment_id=booked.id) == booked


# --- The slot grid


@store
@on_store
@pytest.mark.parametrize("clock", ["10:07:33.123", "10:15", "10:00:00.001", "10:29:59.999"])
def test_start_between_slots_is_refused_with_nearest_slots(clock: str) -> None:
    with pytest.raises(NotASlotError) as refused:
        book(clock)
    assert refused.value.data["step_minutes"] == 30
    assert at("10:00") in refused.value.data["alternatives"]  # type: ignore[operator]  # a list


@store
@on_store
def test_slots_count_from_each_opening_time(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 08:15-12:00, Mon-Sun 16:00-20:00"
    settings.CLINIC_SLOT_MINUTES = 45

    assert book("09:00").starts_at == at("09:00")
    assert book("16:45").starts_at == at("16:45")
    with pytest.raises(NotASlotError):
        book("16:15")


@store
@on_store
def test_existing_start_between_slots_keeps_it_with_another_doctor(settings: Settings) -> None:
    settings.CLINIC_SLOT_MINUTES = 15
    booked = book("10:15")
    settings.CLINIC_SLOT_MINUTES = 30

    changed = services.update_appointment(
        appointment_id=booked.id, changes=AppointmentChanges(doctor_name="Dr. Sosa"), now=LATER
    )
    assert (changed.doctor_name, changed.starts_at) == ("Dr. Sosa", at("10:15"))
    with pytest.raises(NotASlotError):
        move(booked.id, at("10:45"))


# --- One patient with two doctors


@store
@on_store
def test_patient_with_two_doctors_at_one_time_is_refused() -> None:
    book("10:00", duration_min=60)

    with pytest.raises(PatientBusyError) as refused:
        book("10:30", doctor_name="Dra. Gómez", patient_name="ana martinez")
    alternatives: Any = refused.value.data["alternatives"]
    assert alternatives == [at("09:30"), at("11:00"), at("11:30")]


@store
@on_store
def test_family_with_one_email_may_see_two_doctors_at_one_time() -> None:
    book()

    assert book(doctor_name="Dra. Gómez", patient_name="Tomás Martínez").starts_at == at("10:00")


@store
@on_store
def test_setting_allows_patient_overlap(settings: Settings) -> None:
    settings.PATIENT_OVERLAP = "allow"
    book()

    assert book(doctor_name="Dra. Gómez").starts_at == at("10:00")


@store
@on_store
def test_move_onto_own_appointment_with_other_doctor_is_refused() -> None:
    book("10:00")
    other = book("11:00", doctor_name="Dra. Gómez")

    with pytest.raises(PatientBusyError):
        move(other.id, at("10:00"))
    assert move(other.id, at("10:00", TUESDAY)).starts_at == at("10:00", TUESDAY)


@store
@on_store
def test_cancelled_or_renamed_appointment_frees_the_patient() -> None:
    first, second = book("10:00"), book("11:00")
    services.cancel_appointment(appointment_id=first.id, caller=Staff(), now=LATER)
    services.update_appointment(
        appointment_id=second.id, changes=AppointmentChanges(patient_name="Eva Luna"), now=LATER
    )

    for clock in ("10:00", "11:00"):
        assert book(clock, doctor_name="Dra. Gómez").starts_at == at(clock)
    with pytest.raises(PatientBusyError):
        book("11:00", doctor_name="Dr. Sosa", patient_name="Eva Luna")


@store
@on_store
def test_concurrent_bookings_of_one_patient_with_many_doctors_book_one() -> None:
    def attempt(number: int) -> Appointment | None:
        try:
            return book(doctor_name=f"Dr. Número {'abcdefghij'[number]}", token=str(number))
        except ConflictError:
            return None

    with ThreadPoolExecutor(10) as threads:
        booked = [each for each in threads.map(attempt, range(10)) if each]
    assert len(booked) == 1
    assert services.list_appointments_on(day=MONDAY) == booked


@store
@on_store
def test_taken_slot_is_reported_before_busy_patient() -> None:
    book("10:00")

    with pytest.raises(SlotTakenError):
        book("10:00", token="another")


# --- The doctor


@pytest.mark.parametrize(
    ("said", "candidates"),
    [
        ("Dr. House", ["Dra. Ana Gómez", "Dr. Luis Gómez", "Dr. Sosa"]),
        ("Gómez", ["Dra. Ana Gómez", "Dr. Luis Gómez"]),
        ("doctor", ["Dra. Ana Gómez", "Dr. Luis Gómez", "Dr. Sosa"]),
    ],
)
@store
@on_store
def test_unknown_doctor_is_answered_with_those_there_are(
    settings: Settings, said: str, candidates: list[str]
) -> None:
    settings.CLINIC_DOCTORS = ["Dra. Ana Gómez", "Dr. Luis Gómez", "Dr. Sosa"]

    with pytest.raises(DoctorNotFoundError) as refused:
        book(doctor_name=said)
    assert refused.value.data["doctors"] == candidates
    assert ", ".join(candidates) in refused.value.message
