from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from appointments.domain import Span
from appointments.opening_hours import OpeningHours

pytestmark = pytest.mark.pure

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
MONDAY = date(2099, 11, 23)
SUNDAY = date(2099, 11, 29)
HOURS = OpeningHours.parse("Mon-Fri 08:00-12:00, mon-fri 16:00-20:00, Sat 09:00-13:00")
ALWAYS = OpeningHours.parse("Mon-Sun 00:00-24:00")


def span(day: date, start: str, minutes: int) -> Span:
    begins = datetime.combine(day, time.fromisoformat(start), tzinfo=CLINIC)
    return Span(start=begins, end=begins + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("start", "minutes", "allowed"),
    [
        ("08:00", 240, True),
        ("07:59", 30, False),
        ("11:30", 30, True),
        ("11:31", 30, False),
        ("11:00", 360, False),  # over the pause
        ("12:00", 5, False),
        ("16:00", 5, True),
        ("19:55", 5, True),
        ("20:00", 5, False),
    ],
)
def test_an_appointment_is_within_one_opening(start: str, minutes: int, allowed: bool) -> None:
    assert HOURS.allow(span(MONDAY, start, minutes), CLINIC) is allowed


def test_a_day_that_is_not_named_is_closed() -> None:
    assert HOURS.spans_on(SUNDAY, CLINIC) == []
    assert not HOURS.allow(span(SUNDAY, "10:00", 30), CLINIC)


def test_who_never_closes_is_open_over_midnight() -> None:
    assert ALWAYS.allow(span(SUNDAY, "23:45", 480), CLINIC)


def test_a_day_without_its_last_hour_is_not_open_over_midnight() -> None:
    hours = OpeningHours.parse("Mon-Sun 00:00-23:00")

    assert not hours.allow(span(MONDAY, "22:45", 480), CLINIC)


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
def test_hours_that_nobody_can_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isn't like|ends before"):
        OpeningHours.parse(text)
