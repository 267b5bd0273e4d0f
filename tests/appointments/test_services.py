"""Looking up, moving, cancelling and listing appointments, on the stand-in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from appointments import demo, models, repository, services
from appointments.domain import Appointment, AppointmentStatus
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentNotFoundError,
    SlotTakenError,
)
from common.errors import (
    IdentityMissingError,
    InvalidFieldError,
    StaleVersionError,
)
from common.identity.verification import Caller, Customer, Staff
from tests.appointments.calendar import ANA, CLINIC, LATER, MONDAY, NOW, TUESDAY, at, book, taken

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


# --- Looking up


def test_a_patient_finds_their_appointment_by_name() -> None:
    booked = book()

    found = services.look_up_appointment(
        appointment_id=booked.id, caller=Customer(name="ana martinez"), now=NOW
    )
    assert found == booked


def test_not_found_and_not_theirs_are_answered_alike() -> None:
    booked = book()

    def answer(appointment_id: str, caller: Caller) -> tuple[object, ...]:
        with pytest.raises(AppointmentNotFoundError) as caught:
            services.look_up_appointment(appointment_id=appointment_id, caller=caller, now=NOW)
        error = caught.value
        return type(error), error.code, error.message, error.data | {"appointment_id": "…"}

    stranger = Customer(name="Juan Pérez")
    assert answer(booked.id, stranger) == answer("1", stranger) == answer("1", ANA)


def test_who_says_nothing_of_themselves_learns_nothing() -> None:
    for appointment_id in [book().id, "1"]:
        with pytest.raises(IdentityMissingError):
            services.look_up_appointment(appointment_id=appointment_id, caller=Customer(), now=NOW)


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
        move(booked.id, "12:00", date(2099, 11, 30), now=after)


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


def test_a_day_is_the_clinics_day(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 00:00-24:00"
    first = book("00:00")
    last = book("23:59", duration_min=5)
    book("23:00", date(2099, 11, 22))
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


@pytest.mark.parametrize("day", [date.min, date(1899, 12, 31), date(2201, 1, 1), date.max])
def test_a_year_without_appointments_has_no_free_times(day: date) -> None:
    with pytest.raises(InvalidFieldError):
        services.free_slots(doctor_name="Dr. Rodríguez", day=day, duration_min=30, now=NOW)


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

    services.look_up_appointment(appointment_id="2", caller=luis, now=now)
    book("10:00", tomorrow, now=now)
    for appointment_id, caller in [("1", Customer(name="Juan Pérez")), ("3", ana)]:
        move(appointment_id, "15:00", friday, caller=caller, now=now)
    cancel("3", caller=ana, now=now)


def test_the_demo_appointments_hold_their_times() -> None:
    demo.seed(now=NOW)
    two = services.get_appointment(appointment_id="2")

    assert taken(two.starts_at.astimezone(CLINIC).date()) == {"2"}
    assert taken(services.get_appointment(appointment_id="5").starts_at.date()) == set()
