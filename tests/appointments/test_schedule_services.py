"""What supervisors store of professionals and days, and what it changes for bookings."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

import appointments.services
from appointments.domain import AppointmentKind
from appointments.errors import (
    ClosedDayError,
    DoctorNotFoundError,
    LastProfessionalError,
    NewPatientsNotAcceptedError,
    ProfessionalAwayError,
    ProfessionalExistsError,
    ProfessionalNotFoundError,
)
from appointments.opening_hours import OpeningHours
from appointments.schedules import repository, services
from appointments.schedules.cache import Stored
from appointments.schedules.domain import Leave, Professional, SpecialDay
from appointments.schedules.validation import MAX_ALIASES, MAX_LEAVE, MAX_REASON_LENGTH
from common.dynamodb.cached_read import MAX_AGE_S, CachedRead
from common.errors import BusyError, InvalidFieldError, StaleVersionError
from common.identity.verification import Customer, Staff
from tests.appointments.factories import ANA, LATER, MONDAY, NOW, TUESDAY, at, book

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

GOMEZ = Professional(name="Dra. Gómez", specialty="Cardiología", aliases=("la Negra",))
CHRISTMAS = date(2099, 12, 25)


@pytest.fixture(autouse=True)
def clinic(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez", "Dr. Sosa"]


def add(professional: Professional = GOMEZ, now: datetime = NOW) -> Professional:
    return services.add_professional(professional=professional, now=now)


def change(name: str, **changes: Any) -> Professional:
    before = services.get_professional(professional_id=name)
    return services.update_professional(professional=replace(before, **changes), now=LATER)


def names() -> list[str]:
    return [each.name for each in services.current_schedule().professionals]


def close(day: date, reason: str = "mudanza") -> SpecialDay:
    return services.set_special_day(day=day, is_open=False, reason=reason, now=NOW)


# --- Storing


def test_professionals_of_settings_are_valid_until_one_is_changed() -> None:
    assert names() == ["Dr. Rodríguez", "Dr. Sosa"]

    add()

    assert names() == ["Dra. Gómez", "Dr. Rodríguez", "Dr. Sosa"]


def test_change_of_initial_professional_stores_all_of_them(settings: Settings) -> None:
    changed = change("sosa", specialty="Clínica médica")
    settings.CLINIC_DOCTORS = []

    assert names() == ["Dr. Rodríguez", "Dr. Sosa"]
    assert services.get_professional(professional_id="sosa") == changed
    assert changed.updated_at is not None


def test_stored_professional_is_read_as_it_was_given() -> None:
    professional = replace(
        GOMEZ,
        hours=OpeningHours.parse("Mon 08:00-12:00, Mon 16:00-20:00"),
        leave=(Leave(first=MONDAY, last=TUESDAY, reason="congreso"),),
        durations={AppointmentKind.ROUTINE: 45},
        accepts_new_patients=False,
    )
    stored = add(professional)

    assert services.get_professional(professional_id="gomez") == stored
    assert replace(stored, created_at=None, updated_at=None) == professional


def test_deleted_initial_professional_stays_away() -> None:
    services.delete_professional(professional_id="sosa", now=NOW)

    assert names() == ["Dr. Rodríguez"]
    with pytest.raises(ProfessionalNotFoundError):
        services.delete_professional(professional_id="sosa", now=NOW)


def test_last_professional_is_not_deleted(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Sosa"]

    with pytest.raises(LastProfessionalError):
        services.delete_professional(professional_id="sosa", now=NOW)


def test_last_two_professionals_are_not_deleted_at_once(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = []
    gomez, paz = add(), add(Professional(name="Dr. Paz"))
    settings.CLINIC_DOCTORS = ["Dr. Sosa"]
    repository.delete(gomez, remaining=paz)

    with pytest.raises(StaleVersionError):
        repository.delete(paz, remaining=gomez)  # decided before the other deletion
    assert names() == ["Dr. Paz"]


def test_simultaneous_deletions_leave_a_professional(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = []
    stored = [add(), add(Professional(name="Dr. Paz"))]
    settings.CLINIC_DOCTORS = ["Dr. Sosa"]

    def delete(professional: Professional) -> bool:
        try:
            services.delete_professional(professional_id=professional.id, now=LATER)
        except (LastProfessionalError, StaleVersionError, BusyError):
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        deleted = [*threads.map(delete, stored)]
    assert deleted.count(True) <= 1
    assert "Dr. Sosa" not in names()


def test_stored_professional_is_deleted() -> None:
    stored = add()

    services.delete_professional(
        professional_id="gomez", unchanged_since=stored.updated_at, now=LATER
    )

    assert names() == ["Dr. Rodríguez", "Dr. Sosa"]


def test_same_name_in_another_spelling_is_refused() -> None:
    with pytest.raises(ProfessionalExistsError):
        add(Professional(name="doctora SOSA"))


def test_name_that_is_an_alias_of_another_is_refused() -> None:
    add()

    with pytest.raises(InvalidFieldError) as refused:
        add(Professional(name="Dra. La Negra"))
    assert refused.value.data["field"] == "name"


def test_change_of_older_version_is_refused() -> None:
    stored = add()
    changed = services.update_professional(
        professional=replace(stored, specialty="Clínica"),
        unchanged_since=stored.updated_at,
        now=LATER,
    )

    assert changed.updated_at is not None
    with pytest.raises(StaleVersionError):
        services.update_professional(
            professional=stored, unchanged_since=stored.updated_at, now=LATER
        )
    assert services.update_professional(professional=changed, now=LATER) == changed


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "Dra."}),
        ("name", {"name": ""}),
        ("specialty", {"specialty": "x" * (MAX_REASON_LENGTH + 1)}),
        ("aliases", {"aliases": ("Sosa",)}),
        ("aliases", {"aliases": ("doctora",)}),
        ("aliases", {"aliases": tuple(f"Ana {n}" for n in range(MAX_ALIASES + 1))}),
        ("leave", {"leave": (Leave(first=TUESDAY, last=MONDAY),)}),
        ("leave", {"leave": (Leave(first=MONDAY, last=MONDAY),) * (MAX_LEAVE + 1)}),
        ("durations", {"durations": {AppointmentKind.ROUTINE: 4}}),
        ("durations", {"durations": {AppointmentKind.ROUTINE: 481}}),
    ],
)
def test_invalid_field_of_professional_is_refused(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        add(replace(GOMEZ, **changes))
    assert refused.value.data["field"] == field


def test_fields_at_their_limits_are_stored() -> None:
    professional = replace(
        GOMEZ,
        specialty="x" * MAX_REASON_LENGTH,
        aliases=tuple(f"Ana {n}" for n in range(MAX_ALIASES)),
        leave=(Leave(first=MONDAY, last=MONDAY),) * MAX_LEAVE,
        durations={AppointmentKind.ROUTINE: 5, AppointmentKind.CONSULTATION: 480},
    )

    assert services.get_professional(professional_id=add(professional).id).aliases[-1] == "Ana 19"


# --- Names


@pytest.mark.parametrize("said", ["Dra. Gómez", "la doctora gomez", "La negra"])
def test_booking_finds_professional_by_name_or_alias(said: str) -> None:
    add()

    assert book(doctor_name=said).doctor_name == "Dra. Gómez"


def test_unknown_professional_is_refused_with_those_of_the_specialty() -> None:
    add()

    with pytest.raises(DoctorNotFoundError) as refused:
        book(doctor_name="un cardiólogo")
    assert refused.value.data == {"doctors": ["Dra. Gómez"]}
    with pytest.raises(DoctorNotFoundError) as refused:
        book(doctor_name="Dr. House")
    assert refused.value.data == {"doctors": ["Dra. Gómez", "Dr. Rodríguez", "Dr. Sosa"]}


# --- Hours


def test_booking_outside_own_hours_is_refused_with_alternatives() -> None:
    add(replace(GOMEZ, hours=OpeningHours.parse("Mon 09:00-10:00, Tue 16:00-18:00")))

    with pytest.raises(ProfessionalAwayError) as refused:
        book("11:00", doctor_name="Gómez")
    assert refused.value.data["alternatives"] == [at("09:00"), at("09:30")]
    assert book("16:00", TUESDAY, doctor_name="Gómez").starts_at == at("16:00", TUESDAY)


def test_booking_during_leave_is_refused() -> None:
    add(replace(GOMEZ, leave=(Leave(first=MONDAY, last=MONDAY),)))

    with pytest.raises(ProfessionalAwayError) as refused:
        book(doctor_name="Gómez")
    assert refused.value.data["alternatives"][0].date() == TUESDAY  # type: ignore[index]  # a list
    book("10:00", TUESDAY, doctor_name="Gómez")


def test_booking_and_move_to_closed_day_are_refused() -> None:
    booked = book("10:00", TUESDAY)
    close(MONDAY)

    with pytest.raises(ClosedDayError) as refused:
        book()
    assert refused.value.data["reason"] == "mudanza"
    assert "(mudanza)" in refused.value.message
    with pytest.raises(ClosedDayError):
        appointments.services.reschedule_appointment(
            appointment_id=booked.id, caller=Staff(), starts_at=at("10:00"), now=LATER
        )


def test_holiday_is_closed_until_staff_open_it(settings: Settings) -> None:
    settings.CLINIC_HOLIDAYS = "AR"
    with pytest.raises(ClosedDayError) as refused:
        book("10:00", CHRISTMAS)
    assert refused.value.data["reason"] == "Navidad"

    opened = services.set_special_day(day=CHRISTMAS, is_open=True, reason="", now=NOW)
    book("10:00", CHRISTMAS)
    services.remove_special_day(day=CHRISTMAS, unchanged_since=opened.updated_at)

    with pytest.raises(ClosedDayError):
        book("11:00", CHRISTMAS)


def test_holidays_and_special_days_are_listed_together(settings: Settings) -> None:
    settings.CLINIC_HOLIDAYS = "AR"
    close(date(2099, 12, 24), "asueto")
    services.set_special_day(day=CHRISTMAS, is_open=True, reason="", now=NOW)

    found = services.list_calendar_entries(first=date(2099, 12, 9), last=date(2099, 12, 31))

    assert [(each.day.day, each.reason, each.is_open) for each in found] == [
        (24, "asueto", False),
        (25, "Navidad", True),
    ]
    assert services.get_calendar_entry(day=date(2099, 12, 23)) is None


def test_special_day_of_older_version_is_not_changed() -> None:
    first = close(MONDAY)
    assert close(MONDAY) == first
    second = services.set_special_day(day=MONDAY, is_open=True, reason="", now=LATER)

    assert second.updated_at is not None
    with pytest.raises(StaleVersionError):
        services.set_special_day(
            day=MONDAY, is_open=False, reason="", unchanged_since=first.updated_at, now=LATER
        )
    with pytest.raises(StaleVersionError):
        services.remove_special_day(day=MONDAY, unchanged_since=first.updated_at)
    with pytest.raises(InvalidFieldError):
        close(MONDAY, "x" * (MAX_REASON_LENGTH + 1))
    with pytest.raises(InvalidFieldError):
        close(date(1899, 12, 31))


# --- New patients, lengths


def test_new_patient_is_refused_by_voice_where_none_are_taken() -> None:
    add(replace(GOMEZ, accepts_new_patients=False))

    with pytest.raises(NewPatientsNotAcceptedError):
        book(doctor_name="Gómez", caller=ANA)
    earlier = book(doctor_name="Gómez", caller=None)
    book("11:00", doctor_name="Gómez", caller=ANA)
    appointments.services.cancel_appointment(appointment_id=earlier.id, caller=Staff(), now=LATER)
    book("12:00", doctor_name="Gómez", caller=ANA)


def test_cancelled_appointment_does_not_make_a_known_patient() -> None:
    add(replace(GOMEZ, accepts_new_patients=False))
    booked = book(doctor_name="Gómez")
    appointments.services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=LATER)

    with pytest.raises(NewPatientsNotAcceptedError):
        book("11:00", doctor_name="Gómez", caller=ANA)


@pytest.mark.parametrize(("caller", "minutes"), [(ANA, 45), (None, 30)])
def test_length_of_type_is_that_of_professional_by_voice(
    caller: Customer | None, minutes: int
) -> None:
    add(replace(GOMEZ, durations={AppointmentKind.ROUTINE: 45}))

    booked = book(doctor_name="Gómez", kind=AppointmentKind.ROUTINE, caller=caller)

    assert booked.duration_min == minutes


# --- Existing appointments


def test_appointments_outside_changed_schedule_are_listed() -> None:
    monday = book()
    tuesday = book("10:00", TUESDAY)
    appointments.services.cancel_appointment(
        appointment_id=book("12:00").id, caller=Staff(), now=LATER
    )
    change("rodriguez", hours=OpeningHours.parse("Tue 08:00-12:00"))

    found = appointments.services.list_outside_schedule(doctor_name="Dr. Rodríguez", now=LATER)

    assert found == [monday]
    close(TUESDAY)
    assert appointments.services.list_outside_schedule(day=TUESDAY, now=LATER) == [tuesday]
    later = at("10:00", TUESDAY) + timedelta(minutes=1)
    assert appointments.services.list_outside_schedule(day=TUESDAY, now=later) == []


# --- The cache


class Clock:
    """A monotonic clock that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_cache_reads_again_after_its_life_and_after_a_change() -> None:
    reads: list[int] = []
    clock = Clock()

    def read_all() -> Stored:
        reads.append(1)
        return [], []

    cache = CachedRead(read_all, monotonic=clock)
    assert cache.peek() is None
    cache.get()
    clock.now += MAX_AGE_S - 0.1
    assert cache.peek() == cache.get()
    assert len(reads) == 1
    clock.now += 0.1
    cache.get()
    assert len(reads) == 2
    cache.clear()
    cache.get()
    assert len(reads) == 3


def test_cache_forgets_what_was_read_before_a_change() -> None:
    def read_during_change() -> Stored:
        cache.clear()
        return [], []

    cache = CachedRead(read_during_change)
    cache.get()

    assert cache.peek() is None
