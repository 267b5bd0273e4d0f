"""Hours of a day and leave as staff write them: `8:00-12:00, 16-20`; `24/12/2026-3/1/2027 vacaciones`."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from appointments.opening_hours import MINUTES_PER_DAY
from appointments.schedules.domain import Leave

_HOURS = re.compile(
    r"(?P<open_hour>\d{1,2})(?:[:.](?P<open_minute>[0-5]\d))?\s*(?:-|–|a)\s*"
    r"(?P<close_hour>\d{1,2})(?:[:.](?P<close_minute>[0-5]\d))?"
)
_DATE = r"(\d{1,2})/(\d{1,2})/(\d{4})"
_LEAVE = re.compile(rf"{_DATE}(?:\s*(?:-|–|a|al)\s*{_DATE})?(?:\s+(?P<reason>.*))?")
MAX_LENGTH = 4000


def parse_day_hours(text: str) -> tuple[tuple[int, int], ...]:
    """Return the intervals of a day, in minutes since midnight; none if the text is empty.

    Raises:
        ValueError: a part has another form, ends before it begins, or overlaps another; the message is
            that part.

    """
    intervals = sorted(_parse_interval(part.strip()) for part in text.split(",") if part.strip())
    for before, after in pairwise(intervals):
        if after[0] < before[1]:
            raise ValueError(format_day_hours([after]))
    return tuple(intervals)


def _parse_interval(part: str) -> tuple[int, int]:
    match = _HOURS.fullmatch(part)
    if match is None:
        raise ValueError(part)
    opens = int(match["open_hour"]) * 60 + int(match["open_minute"] or 0)
    closes = int(match["close_hour"]) * 60 + int(match["close_minute"] or 0)
    if opens >= closes or closes > MINUTES_PER_DAY:
        raise ValueError(part)
    return opens, closes


def format_day_hours(intervals: Sequence[tuple[int, int]]) -> str:
    """Return the intervals as `parse_day_hours` reads them: `8:00-12:00, 16:00-20:00`."""
    return ", ".join(f"{_clock(opens)}-{_clock(closes)}" for opens, closes in intervals)


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


def parse_leaves(text: str) -> tuple[Leave, ...]:
    """Return the leave that `text` describes, a line each: first day, last day, reason.

    Raises:
        ValueError: a line has another form, or ends before it begins; the message is that line.

    """
    return tuple(_parse_leave(line.strip()) for line in text.splitlines() if line.strip())


def _parse_leave(line: str) -> Leave:
    match = _LEAVE.fullmatch(line)
    if match is None:
        raise ValueError(line)
    day, month, year, last_day, last_month, last_year, reason = match.groups()
    try:
        first = date(int(year), int(month), int(day))
        last = date(int(last_year), int(last_month), int(last_day)) if last_year else first
    except ValueError:
        raise ValueError(line) from None
    if last < first:
        raise ValueError(line)
    return Leave(first=first, last=last, reason=reason or "")


def format_leaves(leaves: Sequence[Leave]) -> str:
    """Return the leave as `parse_leaves` reads it."""
    return "\n".join(
        f"{_date(each.first)}-{_date(each.last)} {each.reason}".rstrip() for each in leaves
    )


def _date(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"
