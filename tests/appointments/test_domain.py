from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from itertools import product as pairs
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appointments.domain import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Calendar,
    CalendarDay,
    TimeInterval,
    doctor_key,
    exists_on_clock,
    is_free_on_all,
    local_days,
    update_bookings,
)
from appointments.opening_hours import OpeningHours, SlotGrid, iter_free_starts, nearest_starts
from common.record_changes import LINK, MAX_CHANGES, REST, ChangeOrigin, ChangeWay, RecordChange

pytestmark = pytest.mark.pure

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
SANTIAGO = ZoneInfo("America/Santiago")  # its clocks change at midnight
MONDAY = date(2099, 11, 23)
NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
HOURS = OpeningHours.parse("Mon-Sun 08:00-20:00")


def local(clock: str, day: date = MONDAY, zone: ZoneInfo = CLINIC) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=zone)


def interval(start: str, end: str) -> TimeInterval:
    return TimeInterval(start=local(start), end=local(end))


APPOINTMENT = Appointment(
    id="1",
    patient_name="Juan Pérez",
    patient_email="juan.perez@email.com",
    doctor_name="Dr. Rodríguez",
    starts_at=local("10:00"),
    duration_min=30,
    kind=AppointmentKind.CONSULTATION,
    status=AppointmentStatus.SCHEDULED,
    created_at=NOW,
    updated_at=NOW,
)


# --- Intervals


@pytest.mark.parametrize(
    ("other", "overlaps"),
    [
        (("09:30", "10:00"), False),
        (("09:30", "10:01"), True),
        (("10:10", "10:20"), True),
        (("09:00", "11:00"), True),
        (("10:29", "11:00"), True),
        (("10:30", "11:00"), False),
    ],
)
def test_intervals_overlap_when_sharing_time_not_when_touching(
    other: tuple[str, str], overlaps: bool
) -> None:
    ten = interval("10:00", "10:30")

    assert ten.overlaps(interval(*other)) is overlaps
    assert interval(*other).overlaps(ten) is overlaps


def test_interval_is_in_utc_for_start_in_any_zone() -> None:
    ten = TimeInterval.starting_at(local("10:00"), 30)

    assert ten == TimeInterval(
        start=datetime(2099, 11, 23, 13, tzinfo=UTC), end=datetime(2099, 11, 23, 13, 30, tzinfo=UTC)
    )


# --- Local days


@pytest.mark.parametrize(
    ("start", "minutes", "days"),
    [
        ("00:00", 30, [23]),
        ("23:30", 30, [23]),
        ("23:31", 30, [23, 24]),
        ("23:45", 480, [23, 24]),
    ],
)
def test_interval_is_on_each_local_day_it_shares_time_with(
    start: str, minutes: int, days: list[int]
) -> None:
    interval = TimeInterval.starting_at(local(start), minutes)

    assert [day.day for day in local_days(interval, CLINIC)] == days


def test_interval_of_day_follows_local_time() -> None:
    day = TimeInterval.of_day(MONDAY, CLINIC)

    assert day.start == datetime(2099, 11, 23, 3, tzinfo=UTC)
    assert day.end == datetime(2099, 11, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2099, 4, 4), 25), (date(2099, 9, 6), 23), (date(2099, 9, 7), 24)]
)
def test_day_of_clock_change_has_23_or_25_hours(day: date, hours: int) -> None:
    interval = TimeInterval.of_day(day, SANTIAGO)

    assert interval.end - interval.start == timedelta(hours=hours)


# --- Doctors


@pytest.mark.parametrize(
    "name", ["Dr. Rodríguez", "doctor rodriguez", "RODRÍGUEZ", "Dra Rodríguez", "  dr.rodriguez "]
)
def test_doctor_key_ignores_title_accents_and_capitals(name: str) -> None:
    assert doctor_key(name) == "rodriguez"


# --- Status and owner

ALLOWED = {
    ("scheduled", "confirmed"),
    ("scheduled", "cancelled"),
    ("scheduled", "completed"),
    ("confirmed", "cancelled"),
    ("confirmed", "completed"),
}


@pytest.mark.parametrize(("before", "after"), list(pairs(AppointmentStatus, AppointmentStatus)))
def test_status_change_is_allowed_only_by_transition_table(
    before: AppointmentStatus, after: AppointmentStatus
) -> None:
    appointment = APPOINTMENT.with_status(before)

    assert appointment.can_become(after) is ((before.value, after.value) in ALLOWED)


def test_appointment_owner_has_name_dni_email_and_code() -> None:
    owner = replace(APPOINTMENT, dni="12345678", code="04711").owner

    assert (owner.name, owner.dni, owner.email, owner.code) == (
        APPOINTMENT.patient_name,
        "12345678",
        APPOINTMENT.patient_email,
        "04711",
    )


# --- Reservations


@pytest.mark.parametrize("status", AppointmentStatus)
def test_another_status_ends_a_reservation(status: AppointmentStatus) -> None:
    reserved = replace(APPOINTMENT, reserved_until=NOW)

    assert reserved.is_reserved
    assert not reserved.with_status(status).is_reserved


@pytest.mark.parametrize(("minutes", "is_reserved"), [(1, True), (0, False), (-1, False)])
def test_reservation_ends_before_the_start(minutes: int, *, is_reserved: bool) -> None:
    until = APPOINTMENT.starts_at - timedelta(minutes=minutes)
    reserved = replace(APPOINTMENT, reserved_until=until)

    assert reserved.reserved_no_later_than_start().is_reserved is is_reserved
    assert APPOINTMENT.reserved_no_later_than_start() is APPOINTMENT


VOICE = ChangeOrigin(way=ChangeWay.VOICE, call_id="call-1")


def changes(*kinds: tuple[ChangeOrigin, bool]) -> tuple[RecordChange, ...]:
    """Return changes of these origins; with True it created the record."""
    return tuple(
        RecordChange(at=NOW, origin=origin, fields=() if is_creation else ("starts_at",))
        for origin, is_creation in kinds
    )


@pytest.mark.parametrize(
    ("history", "lacks_confirmation"),
    [
        (changes((VOICE, True)), True),
        (changes((VOICE, True), (VOICE, False), (REST, False)), True),
        (changes((VOICE, True), (LINK, False)), False),  # who moved it by the link has the mailbox
        (changes((LINK, True), (VOICE, False)), False),  # from the waiting list
        (changes((REST, True), (VOICE, False)), False),
        ((), False),  # staff booked it in the admin
        (changes((VOICE, False)), False),
        (changes(*[(VOICE, False)] * (MAX_CHANGES - 1)), False),
        (changes(*[(VOICE, False)] * MAX_CHANGES), True),  # who created it is not known any more
    ],
)
def test_only_unconfirmed_bookings_by_voice_lack_confirmation(
    history: tuple[RecordChange, ...], *, lacks_confirmation: bool
) -> None:
    assert replace(APPOINTMENT, changes=history).lacks_confirmation is lacks_confirmation
    confirmed = APPOINTMENT.with_status(AppointmentStatus.CONFIRMED)
    assert not replace(confirmed, changes=history).lacks_confirmation


# --- Bookings


GRID = SlotGrid(hours=HOURS, step=timedelta(minutes=30), time_zone=CLINIC)
RODRIGUEZ = Calendar.of_doctor("Dr. Rodríguez")


def doctor_day(**bookings: TimeInterval) -> CalendarDay:
    return CalendarDay(calendar=RODRIGUEZ, day=MONDAY, bookings=bookings, revision=3)


def test_open_appointment_books_its_interval() -> None:
    (day,) = update_bookings([doctor_day()], APPOINTMENT, CLINIC)

    assert day.bookings == {"1": APPOINTMENT.interval}
    assert day.revision == 3
    assert not is_free_on_all([day], interval("10:15", "10:20"))
    assert is_free_on_all([day], interval("10:15", "10:20"), except_for="1")


def test_moved_appointment_is_booked_on_new_day_only() -> None:
    tuesday = CalendarDay(calendar=RODRIGUEZ, day=MONDAY + timedelta(days=1))
    moved = APPOINTMENT.with_start(local("10:00") + timedelta(days=1))

    old, new = update_bookings([doctor_day(**{"1": APPOINTMENT.interval}), tuesday], moved, CLINIC)

    assert old.bookings == {}
    assert new.bookings == {"1": moved.interval}


@pytest.mark.parametrize("status", [AppointmentStatus.CANCELLED, AppointmentStatus.COMPLETED])
def test_closed_appointment_has_no_booking(status: AppointmentStatus) -> None:
    closed = APPOINTMENT.with_status(status)

    (day,) = update_bookings([doctor_day(**{"1": APPOINTMENT.interval})], closed, CLINIC)

    assert day.bookings == {}


BOOKED_INTERVALS = st.lists(
    st.tuples(st.integers(0, 23 * 60), st.integers(5, 240)).map(
        lambda pair: TimeInterval.starting_at(local("00:00") + timedelta(minutes=pair[0]), pair[1])
    ),
    max_size=8,
)


@given(BOOKED_INTERVALS, st.integers(5, 480))
def test_free_starts_are_free_and_within_opening_hours(
    booked: list[TimeInterval], duration_min: int
) -> None:
    day = doctor_day(**{str(n): each for n, each in enumerate(booked)})

    for start in iter_free_starts(MONDAY, [day], grid=GRID, duration_min=duration_min, now=NOW):
        wanted = TimeInterval.starting_at(start, duration_min)
        assert not any(wanted.overlaps(each) for each in booked)
        assert wanted.start >= local("08:00")
        assert wanted.end <= local("20:00")


def test_free_starts_of_empty_day_are_every_half_hour() -> None:
    starts = list(iter_free_starts(MONDAY, [doctor_day()], grid=GRID, duration_min=30, now=NOW))

    assert (len(starts), starts[0], starts[-1]) == (24, local("08:00"), local("19:30"))
    assert starts[0].utcoffset() == timedelta(hours=-3)


def test_free_starts_exclude_past_times() -> None:
    now = local("10:00")
    starts = list(iter_free_starts(MONDAY, [doctor_day()], grid=GRID, duration_min=30, now=now))

    assert starts[0] == local("10:30")


def test_free_starts_follow_local_time_on_day_of_clock_change() -> None:
    day = date(2099, 9, 6)
    starts = list(
        iter_free_starts(
            day,
            [],
            grid=replace(GRID, time_zone=SANTIAGO),
            duration_min=60,
            now=NOW.replace(year=2025),
        )
    )

    assert starts[0] == local("08:00", day, SANTIAGO)
    assert starts[-1] == local("19:00", day, SANTIAGO)
    assert all(after - before == timedelta(minutes=30) for before, after in pairwise(starts))


@pytest.mark.parametrize(
    ("wanted", "clocks"),
    [
        ("10:00", ["09:00", "09:30", "10:30"]),
        ("08:00", ["09:00", "09:30", "10:30"]),
        ("20:00", ["10:30", "11:00", "12:00"]),
    ],
)
def test_nearest_starts_are_in_order_of_time(wanted: str, clocks: list[str]) -> None:
    free = [local(clock) for clock in ["09:00", "09:30", "10:30", "11:00", "12:00"]]

    assert nearest_starts(free, local(wanted)) == [local(clock) for clock in clocks]


def test_nearest_starts_of_full_day_are_empty() -> None:
    assert nearest_starts([], local("10:00")) == []


def test_grid_starts_at_each_opening_and_ends_before_closing() -> None:
    opening = datetime(2099, 11, 23, 8, tzinfo=CLINIC)
    assert GRID.has_start(opening)
    assert GRID.has_start(opening + timedelta(hours=11, minutes=30))
    assert not GRID.has_start(opening + timedelta(minutes=29))
    assert not GRID.has_start(opening - timedelta(minutes=30))
    assert not GRID.has_start(opening + timedelta(hours=12))


def test_local_time_that_the_clock_skips_does_not_exist() -> None:
    skipped = datetime(2027, 9, 5, 0, 30, tzinfo=SANTIAGO)
    assert not exists_on_clock(skipped)
    assert exists_on_clock(skipped + timedelta(minutes=30))
    assert exists_on_clock(skipped - timedelta(minutes=31))
    assert exists_on_clock(skipped.replace(tzinfo=UTC))


def test_new_version_is_later_even_if_the_clock_is_not() -> None:
    stored = replace(APPOINTMENT, updated_at=NOW)
    updated = stored.with_new_version(now=NOW - timedelta(hours=1)).updated_at
    assert updated is not None
    assert updated > NOW
