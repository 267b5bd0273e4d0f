"""Looking up, rescheduling, cancelling and listing appointments, on the local DynamoDB."""

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
from tests.appointments.factories import (
    ANA,
    CLINIC,
    LATER,
    MONDAY,
    NOW,
    TUESDAY,
    at,
    book,
    booked_ids,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


# --- Looking up


def test_look_up_by_patient_name_returns_appointment() -> None:
    booked = book()

    found = services.look_up_appointment(
        appointment_id=booked.id, caller=Customer(name="ana martinez"), now=NOW
    )
    assert found == booked


def test_look_up_of_foreign_and_missing_appointment_raise_same_error() -> None:
    booked = book()

    def error_of(appointment_id: str, caller: Caller) -> tuple[object, ...]:
        with pytest.raises(AppointmentNotFoundError) as caught:
            services.look_up_appointment(appointment_id=appointment_id, caller=caller, now=NOW)
        error = caught.value
        return type(error), error.code, error.message, error.data | {"appointment_id": "…"}

    stranger = Customer(name="Juan Pérez")
    ana = Customer(name="Ana Martínez")
    assert error_of(booked.id, stranger) == error_of("1", stranger) == error_of("1", ana)


def test_caller_without_identity_is_refused_before_any_read() -> None:
    for appointment_id in [book().id, "1"]:
        with pytest.raises(IdentityMissingError):
            services.look_up_appointment(appointment_id=appointment_id, caller=Customer(), now=NOW)


@pytest.mark.parametrize("appointment_id", ["", "1#1", "x" * 3000, "1 "])
def test_get_of_malformed_id_is_not_found(appointment_id: str) -> None:
    with pytest.raises(AppointmentNotFoundError):
        services.get_appointment(appointment_id=appointment_id)


# --- Rescheduling and cancelling


def reschedule(
    appointment_id: str, clock: str, day: date = MONDAY, caller: Caller = ANA, now: datetime = LATER
) -> Appointment:
    return services.reschedule_appointment(
        appointment_id=appointment_id, caller=caller, starts_at=at(clock, day), now=now
    )


def cancel(appointment_id: str, caller: Caller = ANA, now: datetime = LATER) -> Appointment:
    return services.cancel_appointment(appointment_id=appointment_id, caller=caller, now=now)


def test_reschedule_frees_old_slot() -> None:
    booked = book()

    moved = reschedule(booked.id, "11:00", TUESDAY)

    assert services.get_appointment(appointment_id=booked.id) == moved
    assert moved.starts_at == at("11:00", TUESDAY)
    assert (booked_ids(MONDAY), booked_ids(TUESDAY)) == (set(), {booked.id})


def test_reschedule_may_overlap_own_slot(settings: Settings) -> None:
    settings.CLINIC_SLOT_MINUTES = 15
    booked = book()

    assert reschedule(booked.id, "10:15").starts_at == at("10:15")
    assert booked_ids() == {booked.id}


def test_reschedule_to_taken_slot_changes_nothing(settings: Settings) -> None:
    settings.CLINIC_SLOT_MINUTES = 15
    booked, other = book(), book("11:00")

    with pytest.raises(SlotTakenError):
        reschedule(booked.id, "11:15")

    assert services.get_appointment(appointment_id=booked.id) == booked
    assert booked_ids() == {booked.id, other.id}


def test_slot_of_former_doctor_stays_taken(settings: Settings) -> None:
    booked = book()
    book("11:00")
    settings.CLINIC_DOCTORS = ["Dra. Gómez"]

    with pytest.raises(SlotTakenError):
        reschedule(booked.id, "11:00")


def test_reschedule_to_the_past_is_refused() -> None:
    booked = book()

    with pytest.raises(AppointmentInThePastError):
        reschedule(booked.id, "10:00", MONDAY - timedelta(days=2))


def test_cancel_frees_slot() -> None:
    booked = book()

    cancelled = cancel(booked.id)

    assert services.get_appointment(appointment_id=booked.id) == cancelled
    assert cancelled.status is AppointmentStatus.CANCELLED
    assert booked_ids() == set()
    assert book(patient_name="Luis Fernández").starts_at == at("10:00")


def test_cancelled_appointment_cannot_be_cancelled_or_rescheduled() -> None:
    booked = book()
    cancel(booked.id)
    other = book(patient_name="Luis Fernández")

    with pytest.raises(AppointmentAlreadyCancelledError):
        cancel(booked.id)
    with pytest.raises(AppointmentClosedError):
        reschedule(booked.id, "12:00")
    assert booked_ids() == {other.id}


def test_past_appointment_cannot_be_cancelled_or_rescheduled() -> None:
    booked = book()
    after = NOW + timedelta(days=2)

    with pytest.raises(AppointmentClosedError):
        cancel(booked.id, now=after)
    with pytest.raises(AppointmentClosedError):
        reschedule(booked.id, "12:00", date(2099, 11, 30), now=after)


@pytest.mark.parametrize("operation", [lambda i, c: reschedule(i, "12:00", caller=c), cancel])
def test_change_by_another_customer_is_refused(operation: Callable[..., Appointment]) -> None:
    booked = book()

    with pytest.raises(AppointmentNotFoundError):
        operation(booked.id, Customer(name="Juan Pérez", dni="12345678"))
    assert services.get_appointment(appointment_id=booked.id) == booked


def test_staff_can_change_any_appointment() -> None:
    booked = book()

    assert reschedule(booked.id, "12:00", caller=Staff()).starts_at == at("12:00")
    assert cancel(booked.id, caller=Staff()).status is AppointmentStatus.CANCELLED


def test_update_of_changed_appointment_raises_stale_version() -> None:
    read = book()
    cancel(read.id, now=NOW)

    stale = replace(read, notes="…")
    with pytest.raises(StaleVersionError):
        repository.update_appointment(stale, [], unchanged_since=read.updated_at)


def test_appointment_of_earlier_system_can_be_rescheduled() -> None:
    """It has no `updatedAt`, and no doctor day has its booking."""
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

    moved = reschedule("7", "15:00", caller=Customer(name="Ana Martínez", email="ana@email.com"))

    assert services.get_appointment(appointment_id="7") == moved
    assert moved.updated_at == LATER.replace(microsecond=123000)
    assert booked_ids() == {"7"}


def test_update_of_deleted_appointment_does_not_recreate_it() -> None:
    booked = book()
    models.Appointment(*models.Appointment.key(booked.id)).delete()

    for version in (booked.updated_at, None):
        with pytest.raises(StaleVersionError):
            repository.update_appointment(booked, [], unchanged_since=version)


# --- Lists and free times


def test_list_of_day_follows_local_time(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 00:00-24:00"
    first = book("00:00")
    last = book("23:30", duration_min=5)
    book("23:00", date(2099, 11, 22))
    book("00:30", TUESDAY)

    assert services.list_appointments_on(day=MONDAY) == [first, last]


def test_list_of_day_contains_all_statuses_in_order_of_time() -> None:
    late, early = book("11:00"), book("10:00")
    cancelled = cancel(late.id)

    assert services.list_appointments_on(day=MONDAY) == [early, cancelled]


def test_list_is_latest_first_and_ends_at_limit() -> None:
    demo.seed(now=NOW)

    assert [a.id for a in services.list_appointments().items] == ["3", "5", "2", "1", "4"]
    assert [a.id for a in services.list_appointments(limit=2).items] == ["3", "5"]


def test_free_starts_exclude_booked_slots() -> None:
    book("10:00", duration_min=60)

    free = services.list_free_starts(
        doctor_name="Dr. Rodríguez", day=MONDAY, duration_min=60, now=at("08:45")
    )

    assert free[:2] == [at("09:00"), at("11:00")]
    assert free[-1] == at("19:00")


@pytest.mark.parametrize("day", [date.min, date(1899, 12, 31), date(2201, 1, 1), date.max])
def test_free_starts_outside_valid_years_are_refused(day: date) -> None:
    with pytest.raises(InvalidFieldError):
        services.list_free_starts(doctor_name="Dr. Rodríguez", day=day, duration_min=30, now=NOW)


# --- Demo data


def test_seed_of_filled_table_changes_nothing() -> None:
    assert demo.seed(now=NOW) == 5
    before = services.list_appointments().items

    assert demo.seed(now=LATER) == 0
    assert services.list_appointments().items == before
    assert demo.seed(now=NOW, fresh=True) == 5
    assert services.list_appointments().items == before


@pytest.mark.parametrize("days", range(7))
def test_example_sentences_work_on_every_day_of_seeding(days: int) -> None:
    now = NOW + timedelta(days=days)
    demo.seed(now=now)
    tomorrow = (now.astimezone(CLINIC) + timedelta(days=1)).date()
    friday = tomorrow + timedelta(days=(4 - tomorrow.weekday()) % 7)
    luis, juan = Customer(name="Luis Fernández"), Customer(name="Juan Pérez", dni="12345678")

    services.look_up_appointment(appointment_id="2", caller=luis, now=now)
    book("10:00", tomorrow, now=now)
    for appointment_id, caller in [("1", juan), ("3", ANA)]:
        reschedule(appointment_id, "15:00", friday, caller=caller, now=now)
    cancel("3", caller=ANA, now=now)


def test_demo_appointments_are_booked_unless_cancelled() -> None:
    demo.seed(now=NOW)
    two = services.get_appointment(appointment_id="2")

    assert booked_ids(two.starts_at.astimezone(CLINIC).date()) == {"2"}
    assert booked_ids(services.get_appointment(appointment_id="5").starts_at.date()) == set()
