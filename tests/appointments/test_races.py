"""Concurrent requests: no two open appointments of a doctor ever overlap."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from pytest_django.fixtures import Settings

from appointments import repository, services
from appointments.domain import Appointment, AppointmentKind, Calendar
from appointments.errors import AppointmentClosedError, SlotTakenError
from common.dynamodb.tables import registered_tables
from common.errors import ConflictError
from common.identity.verification import Staff

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
MONDAY = date(2099, 11, 23)
TEN = datetime(2099, 11, 23, 13, tzinfo=UTC)  # 10:00 at the clinic
MIDNIGHT = datetime(2099, 11, 24, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def open_around_the_clock(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 00:00-24:00"
    settings.CLINIC_SLOT_MINUTES = 1


def book(starts_at: datetime, *, token: object, duration_min: int = 30) -> Appointment:
    return services.book_appointment(
        patient_name="Ana Martínez",
        patient_email="ana@email.com",
        doctor_name="Dr. Sosa",
        starts_at=starts_at,
        duration_min=duration_min,
        kind=AppointmentKind.ROUTINE,
        token=str(token),
        now=NOW,
    )


def race[T](count: int, run: Callable[[int], T]) -> list[T | None]:
    """Call `run(n)` on `count` threads at once; return the results, None for a conflict."""
    start = threading.Barrier(count)

    def runner(number: int) -> T | None:
        start.wait()
        try:
            return run(number)
        except ConflictError:
            return None

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(runner, range(count)))


def stored() -> list[Appointment]:
    return services.list_appointments(limit=500).items


def assert_no_overlap() -> None:
    open_ones = [a for a in stored() if a.is_open]
    for a, b in combinations(open_ones, 2):
        assert not (a.doctor_name == b.doctor_name and a.interval.overlaps(b.interval)), (a, b)


def assert_doctor_days_match() -> None:
    """The bookings of both days are those of the open appointments."""
    sosa = Calendar.of_doctor("sosa")
    days = repository.list_calendar_days([(sosa, MONDAY), (sosa, MONDAY + timedelta(days=1))])
    bookings = {booking for day in days for booking in day.bookings.items()}
    assert bookings == {(a.id, a.interval) for a in stored() if a.is_open}


def test_fifty_concurrent_bookings_of_one_slot_book_one() -> None:
    won = [a for a in race(50, lambda n: book(TEN, token=n)) if a]

    assert len(won) == 1
    assert stored() == won


def test_thirty_concurrent_overlapping_bookings_book_one() -> None:
    minutes = [timedelta(minutes=n) for n in range(30)]
    won = [a for a in race(30, lambda n: book(TEN + minutes[n], token=n, duration_min=60)) if a]

    assert len(won) == 1
    assert stored() == won


def test_concurrent_bookings_over_midnight_book_one() -> None:
    late = MIDNIGHT - timedelta(minutes=15)
    won = [a for a in race(30, lambda n: book(late, token=n)) if a]

    assert len(won) == 1
    assert_doctor_days_match()


def test_twenty_concurrent_bookings_of_one_day_all_succeed() -> None:
    won = race(20, lambda n: book(TEN + n * timedelta(minutes=15), token=n, duration_min=15))

    assert all(won)
    assert len(stored()) == 20
    assert_doctor_days_match()


def test_concurrent_attempts_of_one_request_return_one_appointment() -> None:
    """None is refused because of a booking of its own request."""
    won = race(30, lambda _: book(TEN, token="same"))

    assert all(won)
    assert stored() == [won[0]]


def test_concurrent_swaps_of_two_slots_never_overlap() -> None:
    first, second = book(TEN, token=1), book(TEN + timedelta(hours=1), token=2)
    start_of = {first.id: second.starts_at, second.id: first.starts_at}

    def move(number: int) -> Appointment:
        mine = (first, second)[number % 2]
        return services.reschedule_appointment(
            appointment_id=mine.id, caller=Staff(), starts_at=start_of[mine.id], now=NOW
        )

    race(10, move)

    assert_no_overlap()
    assert_doctor_days_match()


def test_concurrent_cancel_and_bookings_of_slot_book_at_most_one() -> None:
    booked = book(TEN, token="first")

    def run(number: int) -> Appointment:
        if number == 0:
            return services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=NOW)
        return book(TEN, token=number)

    race(20, run)

    assert len([a for a in stored() if a.is_open]) <= 1
    assert_doctor_days_match()


STEPS = st.integers(0, 12).map(lambda n: TEN + n * timedelta(minutes=20))
DURATIONS = st.sampled_from([20, 30, 60])


class DoctorCalendar(RuleBasedStateMachine):
    """Books, moves and cancels at random with one doctor; checks the bookings after each step."""

    @initialize()
    def empty(self) -> None:
        for table in registered_tables:
            table.delete_all_items()
        self.ids: list[str] = []
        self.count = 0

    @rule(starts_at=STEPS, duration_min=DURATIONS)
    def book(self, starts_at: datetime, duration_min: int) -> None:
        self.count += 1
        try:
            booked = book(starts_at, token=self.count, duration_min=duration_min)
        except SlotTakenError:
            return
        self.ids.append(booked.id)

    @rule(pick=st.integers(0, 50), starts_at=STEPS)
    def move(self, pick: int, starts_at: datetime) -> None:
        self.change(pick, services.reschedule_appointment, starts_at=starts_at)

    @rule(pick=st.integers(0, 50))
    def cancel(self, pick: int) -> None:
        self.change(pick, services.cancel_appointment)

    def change(self, pick: int, operation: Callable[..., Appointment], **arguments: Any) -> None:
        if self.ids:
            chosen = self.ids[pick % len(self.ids)]
            try:
                operation(appointment_id=chosen, caller=Staff(), now=NOW, **arguments)
            except (SlotTakenError, AppointmentClosedError, ConflictError):
                return

    @invariant()
    def no_overlap(self) -> None:
        assert_no_overlap()
        assert_doctor_days_match()


def test_random_operations_never_overlap() -> None:
    slow_checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_machine(
        DoctorCalendar,
        settings=hypothesis_settings(
            max_examples=6, stateful_step_count=10, deadline=None, suppress_health_check=slow_checks
        ),
    )
