from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from appointments.domain import TimeInterval
from appointments.opening_hours import OpeningHours, covers, union_of

pytestmark = pytest.mark.pure

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
MONDAY = date(2099, 11, 23)
SUNDAY = date(2099, 11, 29)
HOURS = OpeningHours.parse("Mon-Fri 08:00-12:00, mon-fri 16:00-20:00, Sat 09:00-13:00")
AROUND_THE_CLOCK = OpeningHours.parse("Mon-Sun 00:00-24:00")


def interval(day: date, start: str, minutes: int) -> TimeInterval:
    starts_at = datetime.combine(day, time.fromisoformat(start), tzinfo=CLINIC)
    return TimeInterval(start=starts_at, end=starts_at + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("start", "minutes", "is_covered"),
    [
        ("08:00", 240, True),
        ("07:59", 30, False),
        ("11:30", 30, True),
        ("11:31", 30, False),
        ("11:00", 360, False),  # over the lunch break
        ("12:00", 5, False),
        ("16:00", 5, True),
        ("19:55", 5, True),
        ("20:00", 5, False),
    ],
)
def test_opening_hours_cover_interval_within_one_opening(
    start: str, minutes: int, is_covered: bool
) -> None:
    assert covers(HOURS, interval(MONDAY, start, minutes), CLINIC) is is_covered


def test_day_without_hours_is_closed() -> None:
    assert HOURS.intervals_on(SUNDAY, CLINIC) == []
    assert not covers(HOURS, interval(SUNDAY, "10:00", 30), CLINIC)


def test_union_joins_intervals_that_overlap_or_touch() -> None:
    eight, nine, ten = (interval(MONDAY, start, 60) for start in ("08:00", "09:00", "10:00"))
    noon = interval(MONDAY, "12:00", 120)
    within = interval(MONDAY, "12:30", 15)

    morning = TimeInterval(start=eight.start, end=ten.end)
    assert union_of([noon, ten, eight, nine, within]) == [morning, noon]
    assert union_of([]) == []


def test_hours_around_the_clock_cover_midnight() -> None:
    assert covers(AROUND_THE_CLOCK, interval(SUNDAY, "23:45", 480), CLINIC)


def test_hours_ending_before_midnight_do_not_cover_it() -> None:
    hours = OpeningHours.parse("Mon-Sun 00:00-23:00")

    assert not covers(hours, interval(MONDAY, "22:45", 480), CLINIC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon",
        "Mon 08:00",
        "Lun 08:00-20:00",
        "Mon-Fry 08:00-20:00",
        "Fri-Mon 08:00-20:00",
        "Mon 20:00-08:00",
        "Mon 08:00-08:00",
        "Mon 08:00-24:01",
        "Mon 08:60-09:00",
        "Mon 8:00-9:00",
        "Mon 08:00-20:00;Tue 08:00-20:00",
    ],
)
def test_parse_of_malformed_hours_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"isn't like|ends before|ends after"):
        OpeningHours.parse(text)
