"""The clinic's opening hours, and the start times they allow. Pure.

Opening hours are written as in `Mon-Fri 08:00-12:00, Mon-Fri 16:00-20:00, Sat 09:00-13:00`, in the
clinic's local time. A day that isn't named is closed; `Mon-Sun 00:00-24:00` never closes.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from appointments.domain import CalendarDay, TimeInterval, is_free_on_all, local_days

MAX_ALTERNATIVES = 3
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_PER_DAY = 24 * 60
_WEEKDAY = "|".join(WEEKDAYS)
_PART = re.compile(
    rf"(?P<first>{_WEEKDAY})(?:-(?P<last>{_WEEKDAY}))? "
    r"(?P<open_hour>\d\d):(?P<open_minute>[0-5]\d)-(?P<close_hour>\d\d):(?P<close_minute>[0-5]\d)"
)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """By weekday, Monday first: the opening and closing times, as minutes since midnight."""

    by_weekday: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def parse(cls, text: str) -> "OpeningHours":
        """Return the opening hours that `text` describes.

        Raises:
            ValueError: a part of the text has another form; the message names the part.

        """
        week: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
        for part in text.split(","):
            for weekday, hours in _parse_part(part.strip()):
                week[weekday].append(hours)
        return cls(tuple(tuple(sorted(hours)) for hours in week))

    def intervals_on(self, day: date, time_zone: ZoneInfo) -> list[TimeInterval]:
        """Return the intervals of a local day in which the clinic is open, in order."""
        return [
            TimeInterval(
                start=_instant(day, opens, time_zone), end=_instant(day, closes, time_zone)
            )
            for opens, closes in self.by_weekday[day.weekday()]
        ]

    def to_text(self) -> str:
        """Return the text that `parse` reads, a part for each interval of a day."""
        return ", ".join(
            f"{WEEKDAYS[weekday].title()} {_clock(opens)}-{_clock(closes)}"
            for weekday, hours in enumerate(self.by_weekday)
            for opens, closes in hours
        )


class Hours(Protocol):
    """When somebody works, or the clinic is open."""

    def intervals_on(self, day: date, time_zone: ZoneInfo) -> list[TimeInterval]:
        """Return the intervals of a local day, in order."""
        ...


def covers(hours: Hours, interval: TimeInterval, time_zone: ZoneInfo) -> bool:
    """Whether the hours contain all of `interval`, over midnight too."""
    covered_until = interval.start
    for day in local_days(interval, time_zone):
        for opening in hours.intervals_on(day, time_zone):
            if opening.start <= covered_until < opening.end:
                covered_until = opening.end
    return covered_until >= interval.end


def union_of(intervals: Iterable[TimeInterval]) -> list[TimeInterval]:
    """Return the time that is in any of `intervals`, as intervals that don't touch, in order."""
    union: list[TimeInterval] = []
    for interval in sorted(intervals, key=lambda each: each.start):
        if union and interval.start <= union[-1].end:
            end = max(union[-1].end, interval.end)
            union[-1] = TimeInterval(start=union[-1].start, end=end)
        else:
            union.append(interval)
    return union


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotGrid:
    """The times at which appointments start: every `step`, counted from each opening time."""

    hours: Hours
    step: timedelta
    time_zone: ZoneInfo

    def has_start(self, start: datetime) -> bool:
        """Whether appointments start at this instant."""
        day = start.astimezone(self.time_zone).date()
        return any(
            opening.start <= start < opening.end
            and (start - opening.start) % self.step == timedelta(0)
            for opening in self.hours.intervals_on(day, self.time_zone)
        )

    def intervals_on(self, day: date, duration_min: int) -> Iterator[TimeInterval]:
        """Yield the intervals that start on a local day and in which an appointment of this length fits.

        Where the hours go on at midnight, an appointment may end on the next day.
        """
        starts = set[datetime]()
        for opening in self.hours.intervals_on(day, self.time_zone):
            steps = -((opening.start - opening.end) // self.step)
            starts.update(opening.start + n * self.step for n in range(steps))
        for start in sorted(starts):
            interval = TimeInterval.starting_at(start, duration_min)
            if covers(self.hours, interval, self.time_zone):
                yield interval


def _parse_part(part: str) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield weekday, opening and closing minute for each day of a part like "Mon-Fri 08:00-20:00"."""
    match = _PART.fullmatch(part.lower())
    if match is None:
        raise ValueError(f"{part!r} isn't like 'Mon-Fri 08:00-20:00'")
    first = WEEKDAYS.index(match["first"])
    last = WEEKDAYS.index(match["last"] or match["first"])
    opens = int(match["open_hour"]) * 60 + int(match["open_minute"])
    closes = int(match["close_hour"]) * 60 + int(match["close_minute"])
    if first > last or opens >= closes:
        raise ValueError(f"{part!r} ends before it begins")
    if closes > MINUTES_PER_DAY:
        raise ValueError(f"{part!r} ends after 24:00")
    for weekday in range(first, last + 1):
        yield weekday, (opens, closes)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _instant(day: date, minute: int, time_zone: ZoneInfo) -> datetime:
    if minute == MINUTES_PER_DAY:
        day, minute = day + timedelta(days=1), 0
    local = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=time_zone)
    return local.astimezone(UTC)


def iter_free_starts(
    day: date,
    calendar_days: Sequence[CalendarDay],
    *,
    grid: SlotGrid,
    duration_min: int,
    now: datetime,
) -> Iterator[datetime]:
    """Yield the future start times at which an appointment fits on a local day.

    Args:
        day: The local day of the start times.
        calendar_days: The bookings on every day that such an appointment could touch.
        grid: When appointments start, and the time zone in which the start times are returned.
        duration_min: The length of the appointment in minutes.
        now: The current time.

    """
    for interval in grid.intervals_on(day, duration_min):
        if interval.start > now and is_free_on_all(calendar_days, interval):
            yield interval.start.astimezone(grid.time_zone)


def nearest_starts(starts: Iterable[datetime], wanted: datetime) -> list[datetime]:
    """Return the three of `starts` that are nearest to `wanted`, or all if fewer, in order of time."""
    by_distance = sorted(starts, key=lambda start: abs(start - wanted))
    return sorted(by_distance[:MAX_ALTERNATIVES])
