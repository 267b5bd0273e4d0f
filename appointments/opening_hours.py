"""When the clinic is open, and which starts it offers. Pure.

Written as people write it: `Mon-Fri 08:00-12:00, Mon-Fri 16:00-20:00, Sat 09:00-13:00`. A day that
isn't named is closed; `Mon-Sun 00:00-24:00` never closes. Hours are the clinic's local time.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from appointments.domain import DoctorDay, Span, all_free, days_of, span_of

OFFERED_EVERY = timedelta(minutes=30)
MAX_ALTERNATIVES = 3
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT_MIN = 24 * 60
_PART = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When the clinic is open: for each weekday, from Monday on, minutes since midnight."""

    by_weekday: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def parse(cls, text: str) -> "OpeningHours":
        """Return the hours that `text` says.

        Raises:
            ValueError: it says none; the message names the part.

        """
        week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
        for part in text.split(","):
            for weekday, hours in _read(part.strip()):
                week[weekday].append(hours)
        return cls(tuple(tuple(sorted(hours)) for hours in week))

    def spans_on(self, day: date, zone: ZoneInfo) -> list[Span]:
        """Return the times on the clinic's `day` at which it is open."""
        hours = self.by_weekday[day.weekday()]
        return [
            Span(start=_instant(day, opens, zone), end=_instant(day, closes, zone))
            for opens, closes in hours
        ]

    def allow(self, span: Span, zone: ZoneInfo) -> bool:
        """Whether the clinic is open for all of `span`, over midnight too."""
        covered_to = span.start
        for day in days_of(span, zone):
            for opened in self.spans_on(day, zone):
                if opened.start <= covered_to < opened.end:
                    covered_to = opened.end
        return covered_to >= span.end


def _read(part: str) -> Iterator[tuple[int, tuple[int, int]]]:
    match = _PART.fullmatch(part.lower())
    if match is None or not {match[1], match[2] or match[1]} <= set(DAYS):
        raise ValueError(f"{part!r} isn't like 'Mon-Fri 08:00-20:00'")
    first, last = DAYS.index(match[1]), DAYS.index(match[2] or match[1])
    opens, closes = int(match[3]) * 60 + int(match[4]), int(match[5]) * 60 + int(match[6])
    clocks_exist = int(match[4]) < 60 and int(match[6]) < 60 and closes <= MIDNIGHT_MIN
    if not (first <= last and opens < closes and clocks_exist):
        raise ValueError(f"{part!r} ends before it begins")
    for weekday in range(first, last + 1):
        yield weekday, (opens, closes)


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    if minute == MIDNIGHT_MIN:
        return datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone).astimezone(UTC)
    return datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone).astimezone(UTC)


def free_starts(
    day: date,
    days: Sequence[DoctorDay],
    *,
    hours: OpeningHours,
    duration_min: int,
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[datetime]:
    """Yield the starts on the clinic's `day` that may be offered, in the clinic's time.

    `days` must hold all the days on which an appointment of that length could touch.
    """
    length = timedelta(minutes=duration_min)
    for opened in hours.spans_on(day, zone):
        start = opened.start
        while start + length <= opened.end:
            if start > now and all_free(days, span_of(start, duration_min)):
                yield start.astimezone(zone)
            start += OFFERED_EVERY


def nearest(starts: Iterable[datetime], wanted: datetime) -> list[datetime]:
    """Return up to three of `starts`, those nearest to `wanted`, in order of time."""
    by_distance = sorted(starts, key=lambda start: abs(start - wanted))
    return sorted(by_distance[:MAX_ALTERNATIVES])
