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
    DoctorDay,
    Span,
    all_free,
    days_of,
    doctor_key,
    doctors_meant,
    rewritten,
    span_of,
    span_of_day,
)
from appointments.opening_hours import OpeningHours, free_starts, nearest
from common.identity.verification import Caller, Customer, Staff

pytestmark = pytest.mark.pure

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
SANTIAGO = ZoneInfo("America/Santiago")  # its clocks change at midnight
MONDAY = date(2099, 11, 23)
NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
HOURS = OpeningHours.parse("Mon-Sun 08:00-20:00")


def local(clock: str, day: date = MONDAY, zone: ZoneInfo = CLINIC) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=zone)


def span(start: str, end: str) -> Span:
    return Span(start=local(start), end=local(end))


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


# --- Spans


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
def test_spans_overlap_when_they_share_time_and_not_when_they_touch(
    other: tuple[str, str], overlaps: bool
) -> None:
    ten = span("10:00", "10:30")

    assert ten.overlaps(span(*other)) is overlaps
    assert span(*other).overlaps(ten) is overlaps


def test_a_span_is_in_utc_whatever_zone_it_was_said_in() -> None:
    said = span_of(local("10:00"), 30)

    assert said == Span(
        start=datetime(2099, 11, 23, 13, tzinfo=UTC), end=datetime(2099, 11, 23, 13, 30, tzinfo=UTC)
    )


# --- Days


@pytest.mark.parametrize(
    ("start", "minutes", "days"),
    [
        ("00:00", 30, [23]),
        ("23:30", 30, [23]),
        ("23:31", 30, [23, 24]),
        ("23:45", 480, [23, 24]),
    ],
)
def test_an_appointment_is_held_by_each_day_that_it_touches(
    start: str, minutes: int, days: list[int]
) -> None:
    touched = days_of(span_of(local(start), minutes), CLINIC)

    assert [day.day for day in touched] == days


def test_a_day_is_the_clinics_and_not_utcs() -> None:
    day = span_of_day(MONDAY, CLINIC)

    assert day.start == datetime(2099, 11, 23, 3, tzinfo=UTC)
    assert day.end == datetime(2099, 11, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2099, 4, 4), 25), (date(2099, 9, 6), 23), (date(2099, 9, 7), 24)]
)
def test_a_day_on_which_the_clocks_change_has_its_own_length(day: date, hours: int) -> None:
    whole = span_of_day(day, SANTIAGO)

    assert whole.end - whole.start == timedelta(hours=hours)


# --- Doctors


@pytest.mark.parametrize(
    "said", ["Dr. Rodríguez", "doctor rodriguez", "RODRÍGUEZ", "Dra Rodríguez", "  dr.rodriguez "]
)
def test_titles_accents_and_capitals_make_no_other_doctor(said: str) -> None:
    assert doctor_key(said) == "rodriguez"


KNOWN = ["Dr. Martín Rodríguez", "Dra. Ana Gómez", "Dr. Luis Gómez", "Dr. Sosa"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Dr. Rodríguez", ["Dr. Martín Rodríguez"]),
        ("Rodríguez Martín", ["Dr. Martín Rodríguez"]),
        ("Dr. Gómez", ["Dra. Ana Gómez", "Dr. Luis Gómez"]),
        ("ana gomez", ["Dra. Ana Gómez"]),
        ("doctor sosa", ["Dr. Sosa"]),
        ("Dr. Juan Sosa", []),
        ("Dr. House", []),
        ("doctor", []),
        ("", []),
    ],
)
def test_a_doctor_is_meant_by_the_whole_name_or_by_words_of_it(said: str, meant: list[str]) -> None:
    assert doctors_meant(said, KNOWN) == meant


def test_a_whole_name_goes_before_a_part_of_one() -> None:
    assert doctors_meant("Dr. Gómez", ["Dra. Ana Gómez", "Dra. Gómez"]) == ["Dra. Gómez"]


# --- What may become of it

ALLOWED = {
    ("scheduled", "confirmed"),
    ("scheduled", "cancelled"),
    ("scheduled", "completed"),
    ("confirmed", "cancelled"),
    ("confirmed", "completed"),
}


@pytest.mark.parametrize(("before", "after"), list(pairs(AppointmentStatus, AppointmentStatus)))
def test_an_appointment_moves_only_as_the_table_says(
    before: AppointmentStatus, after: AppointmentStatus
) -> None:
    appointment = APPOINTMENT.becoming(before)

    assert appointment.may_become(after) is ((before.value, after.value) in ALLOWED)


@pytest.mark.parametrize(
    ("caller", "theirs"),
    [
        (Staff(), True),
        (Customer(name="juan perez"), True),
        (Customer(name="Ana Martínez"), False),
        (Customer(name="Ana Martínez", dni="12345678"), False),
        (Customer(), False),
    ],
)
def test_an_appointment_belongs_to_whose_name_it_bears(caller: Caller, theirs: bool) -> None:
    assert APPOINTMENT.belongs_to(caller) is theirs


# --- What is taken and what is free


def a_day(**taken: Span) -> DoctorDay:
    return DoctorDay(doctor="rodriguez", day=MONDAY, taken=taken, revision=3)


def test_a_stored_appointment_takes_its_time() -> None:
    (day,) = rewritten([a_day()], APPOINTMENT, CLINIC)

    assert day.taken == {"1": APPOINTMENT.span}
    assert day.revision == 3
    assert not all_free([day], span("10:15", "10:20"))
    assert all_free([day], span("10:15", "10:20"), except_for="1")


def test_a_moved_appointment_leaves_its_old_day_and_enters_the_new() -> None:
    tuesday = DoctorDay(doctor="rodriguez", day=MONDAY + timedelta(days=1))
    moved = APPOINTMENT.moved(local("10:00") + timedelta(days=1))

    old, new = rewritten([a_day(**{"1": APPOINTMENT.span}), tuesday], moved, CLINIC)

    assert old.taken == {}
    assert new.taken == {"1": moved.span}


@pytest.mark.parametrize("status", [AppointmentStatus.CANCELLED, AppointmentStatus.COMPLETED])
def test_a_closed_appointment_takes_no_time_however_it_is_edited(status: AppointmentStatus) -> None:
    closed = APPOINTMENT.becoming(status)

    (day,) = rewritten([a_day(**{"1": APPOINTMENT.span})], closed, CLINIC)

    assert day.taken == {}


OFFERS = st.lists(
    st.tuples(st.integers(0, 23 * 60), st.integers(5, 240)).map(
        lambda given: span_of(local("00:00") + timedelta(minutes=given[0]), given[1])
    ),
    max_size=8,
)


@given(OFFERS, st.integers(5, 480))
def test_what_is_offered_is_free_and_within_hours(taken: list[Span], duration_min: int) -> None:
    day = a_day(**{str(n): each for n, each in enumerate(taken)})

    for start in free_starts(
        MONDAY, [day], hours=HOURS, duration_min=duration_min, now=NOW, zone=CLINIC
    ):
        wanted = span_of(start, duration_min)
        assert not any(wanted.overlaps(each) for each in taken)
        assert wanted.start >= local("08:00")
        assert wanted.end <= local("20:00")


def test_an_empty_day_is_offered_in_half_hours() -> None:
    starts = list(
        free_starts(MONDAY, [a_day()], hours=HOURS, duration_min=30, now=NOW, zone=CLINIC)
    )

    assert (len(starts), starts[0], starts[-1]) == (24, local("08:00"), local("19:30"))
    assert starts[0].utcoffset() == timedelta(hours=-3)


def test_what_has_passed_is_not_offered() -> None:
    now = local("10:00")
    starts = list(
        free_starts(MONDAY, [a_day()], hours=HOURS, duration_min=30, now=now, zone=CLINIC)
    )

    assert starts[0] == local("10:30")


def test_the_day_the_clocks_change_is_offered_by_its_own_hours() -> None:
    day = date(2099, 9, 6)
    starts = list(
        free_starts(
            day, [], hours=HOURS, duration_min=60, now=NOW.replace(year=2025), zone=SANTIAGO
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
def test_the_alternatives_are_the_nearest_in_order_of_time(wanted: str, clocks: list[str]) -> None:
    free = [local(clock) for clock in ["09:00", "09:30", "10:30", "11:00", "12:00"]]

    assert nearest(free, local(wanted)) == [local(clock) for clock in clocks]


def test_a_full_day_has_no_alternatives() -> None:
    assert nearest([], local("10:00")) == []
