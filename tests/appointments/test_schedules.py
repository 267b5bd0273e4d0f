"""Professionals, special days and the working hours they make: the pure part."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appointments.domain import (
    AppointmentKind,
    Calendar,
    CalendarDay,
    DayPart,
    TimeInterval,
    is_free_on_all,
)
from appointments.opening_hours import OpeningHours, SlotGrid, covers, iter_free_starts
from appointments.schedules.domain import (
    Leave,
    Professional,
    Schedule,
    SpecialDay,
    iter_days,
    sort_professionals,
)
from appointments.schedules.texts import (
    format_day_hours,
    format_leaves,
    parse_day_hours,
    parse_leaves,
)

pytestmark = pytest.mark.pure

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
MONDAY = date(2099, 11, 23)
TUESDAY = date(2099, 11, 24)
CHRISTMAS = date(2099, 12, 25)
ANA = Professional(name="Dra. Ana Gómez", specialty="Cardiología", aliases=("Anita",))
LUIS = Professional(name="Dr. Luis Gómez", specialty="Clínica médica")
MARTIN = Professional(
    name="Dr. Martín Rodríguez",
    specialty="Pediatría",
    hours=OpeningHours.parse("Mon 22:00-24:00, Tue 00:00-02:00"),
)
SOSA = Professional(name="Dr. Sosa", leave=(Leave(first=MONDAY, last=TUESDAY, reason="congreso"),))


def schedule(
    *professionals: Professional, special_days: Mapping[date, SpecialDay] | None = None
) -> Schedule:
    return Schedule(
        professionals=professionals or (ANA, LUIS, MARTIN, SOSA),
        opening_hours=OpeningHours.parse("Mon-Fri 08:00-20:00"),
        special_days=special_days or {},
        holiday_name=lambda day: "Navidad" if day == CHRISTMAS else None,
    )


def interval(day: date, clock: str, minutes: int = 30) -> TimeInterval:
    starts_at = datetime.combine(day, time.fromisoformat(clock), tzinfo=CLINIC)
    return TimeInterval.starting_at(starts_at, minutes)


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("Dr. Rodríguez", [MARTIN]),
        ("Rodríguez Martín", [MARTIN]),
        ("Dr. Gómez", [ANA, LUIS]),
        ("ana gomez", [ANA]),
        ("la doctora Ana Gómez", [ANA]),
        ("anita", [ANA]),
        ("doctor sosa", [SOSA]),
        ("Dr. Juan Sosa", []),
        ("Dr. House", []),
        ("doctor", []),
        ("", []),
    ],
)
def test_name_finds_professionals(name: str, matches: list[Professional]) -> None:
    assert schedule().find_by_name(name) == matches


def test_whole_name_excludes_names_that_contain_it() -> None:
    both = Professional(name="Dra. Gómez")

    assert schedule(ANA, both).find_by_name("Dr. Gómez") == [both]


def test_stored_name_finds_its_professional_whatever_others_have() -> None:
    suarez = Professional(name="Dra. Suárez")
    alias = Professional(name="Dra. Paz", aliases=("Suárez",))
    cruz = Professional(name="Dr. Cruz")
    de_la_cruz = Professional(name="Dra. De la Cruz")
    everybody = schedule(suarez, alias, cruz, de_la_cruz)

    for each in everybody.professionals:
        assert everybody.find_by_name(each.name) == [each]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("cardiólogo", [ANA]),
        ("una cardióloga", [ANA]),
        ("pediatra", [MARTIN]),
        ("clínico", [LUIS]),
        ("dentista", []),
        ("con", []),
    ],
)
def test_specialty_finds_professionals(text: str, matches: list[Professional]) -> None:
    assert schedule().find_by_specialty(text) == matches


def test_professionals_are_sorted_by_name_without_title() -> None:
    assert sort_professionals([SOSA, MARTIN, ANA, LUIS]) == (ANA, LUIS, MARTIN, SOSA)
    assert [ANA.id, SOSA.id] == ["ana-gomez", "sosa"]


def test_professional_without_hours_has_those_of_clinic() -> None:
    hours = schedule().hours_of("Dra. Ana Gómez")

    assert covers(hours, interval(MONDAY, "08:00"), CLINIC)
    assert not covers(hours, interval(MONDAY, "20:00"), CLINIC)


def test_unknown_name_has_hours_of_clinic() -> None:
    assert covers(schedule().hours_of("Dr. House"), interval(MONDAY, "08:00"), CLINIC)


def test_leave_has_no_hours_and_ends_after_its_last_day() -> None:
    hours = schedule().hours_of("Dr. Sosa")

    assert [
        bool(hours.intervals_on(day, CLINIC)) for day in iter_days(MONDAY, date(2099, 11, 25))
    ] == [
        False,
        False,
        True,
    ]
    assert not SOSA.is_away(MONDAY - timedelta(days=1))


def test_hours_across_midnight_cover_and_start_on_the_day_they_begin() -> None:
    hours = schedule().hours_of("Dr. Martín Rodríguez")
    grid = SlotGrid(hours=hours, step=timedelta(minutes=30), time_zone=CLINIC)

    assert covers(hours, interval(MONDAY, "23:30", 60), CLINIC)
    starts = [each.start.astimezone(CLINIC) for each in grid.intervals_on(MONDAY, 60)]
    assert [f"{start:%H:%M}" for start in starts] == ["22:00", "22:30", "23:00", "23:30"]
    assert len(list(grid.intervals_on(TUESDAY, 60))) == 3


def test_holiday_closes_clinic_unless_staff_open_it() -> None:
    opened = SpecialDay(day=CHRISTMAS, is_open=True, reason="guardia")
    closed = SpecialDay(day=MONDAY, is_open=False, reason="mudanza")

    assert schedule().closure_on(CHRISTMAS) == "Navidad"
    assert schedule().closure_on(MONDAY) is None
    changed = schedule(special_days={CHRISTMAS: opened, MONDAY: closed})
    assert changed.closure_on(CHRISTMAS) is None
    assert changed.closure_on(MONDAY) == "mudanza"
    assert changed.hours_of("Dra. Ana Gómez").intervals_on(MONDAY, CLINIC) == []


def test_duration_is_that_of_type_or_half_an_hour() -> None:
    long = Professional(name="Dr. Paz", durations={AppointmentKind.ROUTINE: 60})

    assert long.duration_of(AppointmentKind.ROUTINE) == 60
    assert long.duration_of(AppointmentKind.CONSULTATION) == 30


@pytest.mark.parametrize(
    ("part", "hours"),
    [(DayPart.MORNING, {0, 11}), (DayPart.AFTERNOON, {12, 19}), (DayPart.EVENING, {20, 23})],
)
def test_day_part_includes_its_hours(part: DayPart, hours: set[int]) -> None:
    assert {hour for hour in (0, 11, 12, 19, 20, 23) if part.includes(hour)} == hours


# --- What the search offers and what the rules allow

QUARTER = timedelta(minutes=15)
PARTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 95), st.integers(1, 32)), min_size=1, max_size=6
)
WEEK = [MONDAY + timedelta(days=n) for n in range(7)]


def weekly_hours(parts: list[tuple[int, int, int]]) -> OpeningHours:
    """Return hours from weekday, first quarter of an hour and length in quarters; no two overlap."""
    week: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for weekday, first, length in parts:
        opens, closes = 15 * first, min(15 * (first + length), 24 * 60)
        if all(closes <= start or end <= opens for start, end in week[weekday]):
            week[weekday].append((opens, closes))
    return OpeningHours(tuple(tuple(sorted(each)) for each in week))


@settings(max_examples=60)
@given(
    parts=PARTS,
    duration_min=st.sampled_from([15, 30, 45, 90, 480]),
    step_min=st.sampled_from([15, 20, 30]),
    away=st.sampled_from(WEEK),
    closed=st.sampled_from(WEEK),
    booked=st.lists(st.tuples(st.integers(0, 7 * 96), st.integers(1, 8)), max_size=4),
    zone=st.sampled_from([CLINIC, ZoneInfo("America/Santiago")]),
)
def test_exactly_the_times_that_the_rules_allow_are_offered(
    parts: list[tuple[int, int, int]],
    duration_min: int,
    step_min: int,
    away: date,
    closed: date,
    booked: list[tuple[int, int]],
    zone: ZoneInfo,
) -> None:
    ana = replace(ANA, hours=weekly_hours(parts), leave=(Leave(first=away, last=away),))
    special = {closed: SpecialDay(day=closed, is_open=False)}
    hours = schedule(ana, special_days=special).hours_of(ana.name)
    grid = SlotGrid(hours=hours, step=timedelta(minutes=step_min), time_zone=zone)
    midnight = datetime.combine(MONDAY, time(), tzinfo=zone).astimezone(UTC)
    now = midnight + timedelta(hours=5)
    bookings = {
        str(n): TimeInterval.starting_at(midnight + first * QUARTER, 15 * length)
        for n, (first, length) in enumerate(booked)
    }
    calendar = CalendarDay(calendar=Calendar.of_doctor(ana.name), day=MONDAY, bookings=bookings)

    offered = [
        start
        for day in WEEK
        for start in iter_free_starts(
            day, [calendar], grid=grid, duration_min=duration_min, now=now
        )
    ]

    def is_allowed(start: datetime) -> bool:
        """Return what `appointments.rules` checks of a new start."""
        wanted = TimeInterval.starting_at(start, duration_min)
        return (
            start > now
            and covers(hours, wanted, zone)
            and grid.has_start(start)
            and is_free_on_all([calendar], wanted)
        )

    minutes = (midnight + timedelta(minutes=5 * n) for n in range(7 * 24 * 12))
    assert offered == [start for start in minutes if is_allowed(start)]


# --- Hours and leave as staff write them


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("8-12", "8:00-12:00"),
        ("16:00 a 20:30, 8:00-12:00", "8:00-12:00, 16:00-20:30"),
        ("22–24", "22:00-24:00"),
        ("8.30-9, 9-10,", "8:30-9:00, 9:00-10:00"),
        (" ", ""),
    ],
)
def test_hours_of_day_are_parsed_and_formatted(text: str, shown: str) -> None:
    assert format_day_hours(parse_day_hours(text)) == shown
    assert parse_day_hours(shown) == parse_day_hours(text)


@pytest.mark.parametrize("text", ["8", "12-8", "8-8", "8-25", "8:60-9", "lunes", "8-12, 11-13"])
def test_wrong_hours_of_day_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_day_hours(text)


def test_leave_is_parsed_and_formatted() -> None:
    text = "24/12/2099-3/1/2100 vacaciones\n8/3/2100"

    leaves = parse_leaves(f"\n{text}\n ")

    assert leaves == (
        Leave(first=date(2099, 12, 24), last=date(2100, 1, 3), reason="vacaciones"),
        Leave(first=date(2100, 3, 8), last=date(2100, 3, 8)),
    )
    assert format_leaves(leaves) == "24/12/2099-3/1/2100 vacaciones\n8/3/2100-8/3/2100"


@pytest.mark.parametrize("text", ["mañana", "31/2/2099", "3/1/2100-24/12/2099", "24/12"])
def test_wrong_leave_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_leaves(text)


def test_opening_hours_text_is_parsed_again() -> None:
    hours = OpeningHours.parse("Mon-Tue 08:00-12:00, Sat 09:30-24:00")

    assert hours.to_text() == "Mon 08:00-12:00, Tue 08:00-12:00, Sat 09:30-24:00"
    assert OpeningHours.parse(hours.to_text()) == hours
