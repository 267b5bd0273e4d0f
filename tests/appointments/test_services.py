"""The verbs of appointments, on the stand-in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_django.fixtures import Settings

from appointments import demo, models, repository, services
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentNotFoundError,
    DoctorNotFoundError,
    SlotTakenError,
)
from common.errors import (
    IdempotencyConflictError,
    IdentityMissingError,
    InvalidFieldError,
    StaleVersionError,
)
from common.identity import Caller, Customer, Staff

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
NOW = datetime(2026, 11, 22, 15, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
MONDAY = date(2026, 11, 23)
TUESDAY = date(2026, 11, 24)
ANA = Customer(name="Ana Martínez")


def at(clock: str, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=CLINIC)


def book(clock: str = "10:00", day: date = MONDAY, **changes: Any) -> Appointment:
    wanted: dict[str, Any] = {
        "patient_name": "Ana Martínez",
        "patient_email": "ana@email.com",
        "doctor_name": "Dr. Rodríguez",
        "starts_at": at(clock, day),
        "duration_min": 30,
        "kind": AppointmentKind.CONSULTATION,
        "token": f"{day} {clock} {sorted(changes.items(), key=str)}",
        "now": NOW,
    }
    return services.book_appointment(**(wanted | changes))


def taken(day: date = MONDAY, doctor: str = "rodriguez") -> set[str]:
    (guard,) = repository.doctor_days(doctor, [day])
    return set(guard.taken)


# --- Booking


def test_a_booked_appointment_is_there_as_it_was_returned() -> None:
    booked = book(notes=" Traer estudios ")

    assert services.get_appointment(appointment_id=booked.id) == booked
    assert booked.status is AppointmentStatus.SCHEDULED
    assert booked.notes == "Traer estudios"
    assert booked.starts_at == datetime(2026, 11, 23, 13, tzinfo=UTC)
    assert taken() == {booked.id}


def test_the_date_is_written_twice_for_the_earlier_system_and_the_indexes() -> None:
    booked = book()

    raw = models.Appointment._get_connection().get_item(*models.Appointment.key(booked.id))["Item"]
    assert raw["date"] == raw["appointmentDate"] == {"S": "2026-11-23T13:00:00.000Z"}
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


def test_an_appointment_over_midnight_is_held_by_both_days() -> None:
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


# --- Looking up


def test_a_patient_finds_their_appointment_by_name() -> None:
    booked = book()

    found = services.look_up_appointment(
        appointment_id=booked.id, caller=Customer(name="ana martinez")
    )
    assert found == booked


def test_not_found_and_not_theirs_are_answered_alike() -> None:
    booked = book()

    def answer(appointment_id: str, caller: Caller) -> tuple[object, ...]:
        with pytest.raises(AppointmentNotFoundError) as caught:
            services.look_up_appointment(appointment_id=appointment_id, caller=caller)
        error = caught.value
        return type(error), error.code, error.message, error.data | {"appointment_id": "…"}

    stranger = Customer(name="Juan Pérez")
    assert answer(booked.id, stranger) == answer("1", stranger) == answer("1", ANA)


def test_who_says_nothing_of_themselves_learns_nothing() -> None:
    for appointment_id in [book().id, "1"]:
        with pytest.raises(IdentityMissingError):
            services.look_up_appointment(appointment_id=appointment_id, caller=Customer())


@pytest.mark.parametrize("appointment_id", ["", "1#1", "x" * 3000, "1 "])
def test_an_impossible_id_is_not_found(appointment_id: str) -> None:
    with pytest.raises(AppointmentNotFoundError):
        services.get_appointment(appointment_id=appointment_id)


# --- Moving and cancelling


def move(
    appointment_id: str, clock: str, day: date = MONDAY, caller: Caller = ANA, now: datetime = LATER
) -> Appointment:
    return services.move_appointment(
        appointment_id=appointment_id, caller=caller, starts_at=at(clock, day), now=now
    )


def cancel(appointment_id: str, caller: Caller = ANA, now: datetime = LATER) -> Appointment:
    return services.cancel_appointment(appointment_id=appointment_id, caller=caller, now=now)


def test_a_moved_appointment_gives_its_old_time_back() -> None:
    booked = book()

    moved = move(booked.id, "11:00", TUESDAY)

    assert services.get_appointment(appointment_id=booked.id) == moved
    assert moved.starts_at == at("11:00", TUESDAY)
    assert (taken(MONDAY), taken(TUESDAY)) == (set(), {booked.id})


def test_an_appointment_may_move_into_its_own_time() -> None:
    booked = book()

    assert move(booked.id, "10:15").starts_at == at("10:15")
    assert taken() == {booked.id}


def test_a_move_into_a_taken_time_changes_nothing() -> None:
    booked, other = book(), book("11:00")

    with pytest.raises(SlotTakenError):
        move(booked.id, "11:15")

    assert services.get_appointment(appointment_id=booked.id) == booked
    assert taken() == {booked.id, other.id}


def test_a_taken_time_of_a_doctor_who_left_is_still_taken(settings: Settings) -> None:
    booked = book()
    book("11:00")
    settings.CLINIC_DOCTORS = ["Dra. Gómez"]

    with pytest.raises(SlotTakenError):
        move(booked.id, "11:00")


def test_a_move_into_the_past_is_refused() -> None:
    booked = book()

    with pytest.raises(AppointmentInThePastError):
        move(booked.id, "10:00", MONDAY - timedelta(days=2))


def test_a_cancelled_appointment_gives_its_time_back() -> None:
    booked = book()

    cancelled = cancel(booked.id)

    assert services.get_appointment(appointment_id=booked.id) == cancelled
    assert cancelled.status is AppointmentStatus.CANCELLED
    assert taken() == set()
    assert book(patient_name="Luis Fernández").starts_at == at("10:00")


def test_what_is_cancelled_is_neither_cancelled_nor_moved_again() -> None:
    booked = book()
    cancel(booked.id)
    other = book(patient_name="Luis Fernández")

    with pytest.raises(AppointmentAlreadyCancelledError):
        cancel(booked.id)
    with pytest.raises(AppointmentClosedError):
        move(booked.id, "12:00")
    assert taken() == {other.id}


def test_what_is_over_is_neither_cancelled_nor_moved() -> None:
    booked = book()
    after = NOW + timedelta(days=2)

    with pytest.raises(AppointmentClosedError):
        cancel(booked.id, now=after)
    with pytest.raises(AppointmentClosedError):
        move(booked.id, "12:00", date(2026, 11, 30), now=after)


@pytest.mark.parametrize("verb", [lambda i, c: move(i, "12:00", caller=c), cancel])
def test_a_stranger_changes_nothing(verb: Callable[..., Appointment]) -> None:
    booked = book()

    with pytest.raises(AppointmentNotFoundError):
        verb(booked.id, Customer(name="Juan Pérez"))
    assert services.get_appointment(appointment_id=booked.id) == booked


def test_staff_may_change_all() -> None:
    booked = book()

    assert move(booked.id, "12:00", caller=Staff()).starts_at == at("12:00")
    assert cancel(booked.id, caller=Staff()).status is AppointmentStatus.CANCELLED


def test_a_change_of_what_somebody_changed_meanwhile_is_refused() -> None:
    read = book()
    cancel(read.id, now=NOW)

    stale = replace(read, notes="…")
    with pytest.raises(StaleVersionError):
        repository.change_appointment(stale, [], unchanged_since=read.updated_at)


def test_an_appointment_of_the_earlier_system_can_be_changed() -> None:
    """It has no updatedAt, and its time is in no guard item."""
    key = models.Appointment.key("7")
    models.Appointment(
        *key,
        id="7",
        patient_name="Ana Martínez",
        patient_email="ana@email.com",
        doctor_name="Dr. Rodríguez",
        date=at("10:00"),
        appointment_date=at("10:00"),
        duration=30,
        type="routine",
        status="scheduled",
    ).save()

    moved = move("7", "15:00")

    assert services.get_appointment(appointment_id="7") == moved
    assert moved.updated_at == LATER.replace(microsecond=123000)
    assert taken() == {"7"}


def test_a_change_of_what_was_deleted_does_not_bring_it_back() -> None:
    booked = book()
    models.Appointment(*models.Appointment.key(booked.id)).delete()

    for version in (booked.updated_at, None):
        with pytest.raises(StaleVersionError):
            repository.change_appointment(booked, [], unchanged_since=version)


# --- Lists and free times


def test_a_day_is_the_clinics_day() -> None:
    first = book("00:00")
    last = book("23:59", duration_min=5)
    book("23:00", date(2026, 11, 22))
    book("00:30", TUESDAY)

    assert services.appointments_on(day=MONDAY) == [first, last]


def test_a_day_shows_all_statuses_in_order_of_time() -> None:
    late, early = book("11:00"), book("10:00")
    cancelled = cancel(late.id)

    assert services.appointments_on(day=MONDAY) == [early, cancelled]


def test_all_appointments_are_listed_the_latest_first() -> None:
    demo.seed(now=NOW)

    assert [a.id for a in services.list_appointments()] == ["3", "5", "2", "1", "4"]
    assert [a.id for a in services.list_appointments(limit=2)] == ["3", "5"]


def test_free_times_are_what_is_left() -> None:
    book("10:00", duration_min=60)

    free = services.free_slots(
        doctor_name="Dr. Rodríguez", day=MONDAY, duration_min=60, now=at("08:45")
    )

    assert free[:2] == [at("09:00"), at("11:00")]
    assert free[-1] == at("19:00")


# --- Demo data


def test_seeding_again_changes_nothing() -> None:
    assert demo.seed(now=NOW) == 5
    before = services.list_appointments()

    assert demo.seed(now=LATER) == 0
    assert services.list_appointments() == before
    assert demo.seed(now=NOW, fresh=True) == 5
    assert services.list_appointments() == before


@pytest.mark.parametrize("days", range(7))
def test_every_example_sentence_works_whatever_the_day_it_is_seeded(days: int) -> None:
    now = NOW + timedelta(days=days)
    demo.seed(now=now)
    tomorrow = (now.astimezone(CLINIC) + timedelta(days=1)).date()
    friday = tomorrow + timedelta(days=(4 - tomorrow.weekday()) % 7)
    luis, ana = Customer(name="Luis Fernández"), Customer(name="Ana Martínez")

    services.look_up_appointment(appointment_id="2", caller=luis)
    book("10:00", tomorrow, now=now)
    for appointment_id, caller in [("1", Customer(name="Juan Pérez")), ("3", ana)]:
        move(appointment_id, "15:00", friday, caller=caller, now=now)
    cancel("3", caller=ana, now=now)


def test_the_demo_appointments_hold_their_times() -> None:
    demo.seed(now=NOW)
    two = services.get_appointment(appointment_id="2")

    assert taken(two.starts_at.astimezone(CLINIC).date()) == {"2"}
    assert taken(services.get_appointment(appointment_id="5").starts_at.date()) == set()
