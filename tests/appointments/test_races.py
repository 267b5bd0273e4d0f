"""Many at once: no two appointments of a doctor ever share time."""

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
from appointments.domain import Appointment, AppointmentKind
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
def never_closed(settings: Settings) -> None:
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 00:00-24:00"


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
    """Call `run(n)` on `count` threads at one moment; return the results, None where refused."""
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
    return services.list_appointments(limit=500)


def assert_nothing_overlaps() -> None:
    holding = [a for a in stored() if a.holds_its_time]
    for a, b in combinations(holding, 2):
        assert not (a.doctor_name == b.doctor_name and a.span.overlaps(b.span)), (a, b)


def assert_guards_agree() -> None:
    """What the guard items of those days hold is what the appointments say."""
    guards = repository.doctor_days("sosa", [MONDAY, MONDAY + timedelta(days=1)])
    held = {(holder, span) for guard in guards for holder, span in guard.taken.items()}
    assert held == {(a.id, a.span) for a in stored() if a.holds_its_time}


def test_of_fifty_who_want_one_time_one_gets_it() -> None:
    won = [a for a in race(50, lambda n: book(TEN, token=n)) if a]

    assert len(won) == 1
    assert stored() == won


def test_of_thirty_whose_times_overlap_one_gets_it() -> None:
    minutes = [timedelta(minutes=n) for n in range(30)]
    won = [a for a in race(30, lambda n: book(TEN + minutes[n], token=n, duration_min=60)) if a]

    assert len(won) == 1
    assert stored() == won


def test_of_many_who_want_one_time_over_midnight_one_gets_it() -> None:
    late = MIDNIGHT - timedelta(minutes=15)
    won = [a for a in race(30, lambda n: book(late, token=n)) if a]

    assert len(won) == 1
    assert_guards_agree()


def test_twenty_who_want_different_times_of_one_day_all_get_them() -> None:
    won = race(20, lambda n: book(TEN + n * timedelta(minutes=15), token=n, duration_min=15))

    assert all(won)
    assert len(stored()) == 20
    assert_guards_agree()


def test_of_many_tries_of_one_request_all_get_the_one_appointment() -> None:
    """None may hear that the time is taken: it was taken by their own request."""
    won = race(30, lambda _: book(TEN, token="same"))

    assert all(won)
    assert stored() == [won[0]]


def test_two_appointments_that_swap_times_never_overlap() -> None:
    first, second = book(TEN, token=1), book(TEN + timedelta(hours=1), token=2)
    start_of = {first.id: second.starts_at, second.id: first.starts_at}

    def move(number: int) -> Appointment:
        mine = (first, second)[number % 2]
        return services.move_appointment(
            appointment_id=mine.id, caller=Staff(), starts_at=start_of[mine.id], now=NOW
        )

    race(10, move)

    assert_nothing_overlaps()
    assert_guards_agree()


def test_a_cancelled_time_goes_to_one_of_those_who_wait_for_it() -> None:
    held = book(TEN, token="held")

    def run(number: int) -> Appointment:
        if number == 0:
            return services.cancel_appointment(appointment_id=held.id, caller=Staff(), now=NOW)
        return book(TEN, token=number)

    race(20, run)

    assert len([a for a in stored() if a.holds_its_time]) <= 1
    assert_guards_agree()


STEPS = st.integers(0, 12).map(lambda n: TEN + n * timedelta(minutes=20))
DURATIONS = st.sampled_from([20, 30, 60])


class Calendar(RuleBasedStateMachine):
    """One doctor's calendar: whatever is done, nothing overlaps and the guards agree."""

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
        self.change(pick, services.move_appointment, starts_at=starts_at)

    @rule(pick=st.integers(0, 50))
    def cancel(self, pick: int) -> None:
        self.change(pick, services.cancel_appointment)

    def change(self, pick: int, verb: Callable[..., Appointment], **arguments: Any) -> None:
        if self.ids:
            chosen = self.ids[pick % len(self.ids)]
            try:
                verb(appointment_id=chosen, caller=Staff(), now=NOW, **arguments)
            except (SlotTakenError, AppointmentClosedError, ConflictError):
                return

    @invariant()
    def nothing_overlaps(self) -> None:
        assert_nothing_overlaps()
        assert_guards_agree()


def test_whatever_is_done_to_a_calendar_nothing_overlaps() -> None:
    health = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_machine(
        Calendar,
        settings=hypothesis_settings(
            max_examples=6, stateful_step_count=10, deadline=None, suppress_health_check=health
        ),
    )
