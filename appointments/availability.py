"""Which times are free: the schedule minus the stored bookings."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appointments import clinic, repository
from appointments.domain import (
    Appointment,
    Calendar,
    CalendarDay,
    CalendarKind,
    DayPart,
    FreeStart,
    local_day,
    local_days,
)
from appointments.opening_hours import iter_free_starts, nearest_starts
from appointments.schedules.domain import Professional, Schedule, WorkingHours, iter_days
from appointments.schedules.services import current_schedule

DAYS_TO_LOOK_AHEAD = 7
CALENDAR_DAYS_PER_REQUEST = 100
"""So many items DynamoDB returns at once."""
MAX_REQUESTS = 6
"""How many requests for calendar days one search makes."""


def list_calendar_days(*versions: Appointment, now: datetime) -> list[CalendarDay]:
    """Return the calendar days that these versions of an appointment share time with, as stored now."""
    days = {
        (calendar, day)
        for appointment in versions
        for day in local_days(appointment.interval, clinic.time_zone())
        for calendar in appointment.calendars
    }
    return read_calendar_days(sorted(days), now=now)


def read_calendar_days(
    wanted: Iterable[tuple[Calendar, date]], *, now: datetime
) -> list[CalendarDay]:
    """Return calendar days as stored now, with the holds that have not ended."""
    return [day.with_live_holds(now=now) for day in repository.list_calendar_days(wanted)]


def list_free_starts(
    calendars: Sequence[Calendar],
    doctor_name: str,
    day: date,
    duration_min: int,
    *,
    now: datetime,
) -> list[datetime]:
    """Return a doctor's start times on a local day that are free in all calendars, in the clinic's zone."""
    hours = current_schedule().hours_of(doctor_name)
    days = _days_touched(hours, day)
    if not days:
        return []
    calendar_days = read_calendar_days(
        [(calendar, each) for calendar in calendars for each in days], now=now
    )
    return _free_starts(hours, day, calendar_days, duration_min, now)


def _days_touched(hours: WorkingHours, day: date) -> list[date]:
    """Return the days on which appointments that start on `day` are booked; none if there are none."""
    intervals = hours.intervals_on(day, clinic.time_zone())
    if not intervals:
        return []
    # Where the hours go on at midnight, an appointment may end on the next day.
    following = day + timedelta(days=1)
    next_intervals = hours.intervals_on(following, clinic.time_zone())
    goes_on = next_intervals and intervals[-1].end >= next_intervals[0].start
    return [day, following] if goes_on else [day]


def _free_starts(
    hours: WorkingHours,
    day: date,
    calendar_days: Sequence[CalendarDay],
    duration_min: int,
    now: datetime,
) -> list[datetime]:
    starts = iter_free_starts(
        day, calendar_days, grid=clinic.slot_grid(hours), duration_min=duration_min, now=now
    )
    return list(starts)


def list_alternatives(wanted: Appointment, *, now: datetime) -> list[datetime]:
    """Return up to three free start times near the wanted one.

    They are on its day, or on the first of the following seven days that has any.
    """
    time_zone = clinic.time_zone()
    calendars = [
        calendar
        for calendar in wanted.calendars
        if calendar.kind is CalendarKind.DOCTOR or not clinic.allows_patient_overlap()
    ]
    first = max(local_day(wanted.starts_at, time_zone), local_day(now, time_zone))
    for days_ahead in range(DAYS_TO_LOOK_AHEAD + 1):
        day = first + timedelta(days=days_ahead)
        if starts := list_free_starts(
            calendars, wanted.doctor_name, day, wanted.duration_min, now=now
        ):
            return nearest_starts(starts, wanted.starts_at)
    return []


# --- Searches


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeStartSearch:
    """What a search looks for.

    Attributes:
        professionals: Whose times; all in the order in which those of one instant are returned.
        first: The first local day.
        last: The last local day.
        day_part: The part of the day in which the times are, or None for all of it.
        duration_of: Returns the length of the appointment with a professional, in minutes.
        limit: How many times to return at most.

    """

    professionals: Sequence[Professional]
    first: date
    last: date
    day_part: DayPart | None
    duration_of: Callable[[Professional], int]
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """The free times that a search found, in order, and how far it looked.

    Attributes:
        free_starts: The free times.
        last: The last day that was to be searched.
        searched_until: The last day that was searched; before `last` if there are enough times, or if
            there was too much to read. It may have more times than `limit` left room for, so a search
            for more begins on this day.

    """

    free_starts: tuple[FreeStart, ...]
    last: date
    searched_until: date

    @property
    def is_complete(self) -> bool:
        """Whether all days were searched."""
        return self.searched_until >= self.last


def find_free_starts(search: FreeStartSearch, schedule: Schedule, *, now: datetime) -> Availability:
    """Return the next free times, at most `limit`; it makes `MAX_REQUESTS` requests at most."""
    found: list[FreeStart] = []
    searched_until = search.first - timedelta(days=1)
    for number, days in enumerate(_batches(search, schedule)):
        if number == MAX_REQUESTS:
            break
        keys = {
            (Calendar.of_doctor(professional.name), each)
            for day in days
            for professional in search.professionals
            for each in _days_touched(schedule.hours_of(professional.name), day)
        }
        stored = {
            (each.calendar, each.day): each
            for each in (read_calendar_days(sorted(keys), now=now) if keys else ())
        }
        for day in days:
            found += sorted(
                _free_on(search, schedule, day, stored, now),
                key=lambda free: free.starts_at,
            )
            searched_until = day
            if len(found) >= search.limit:
                return Availability(
                    free_starts=tuple(found[: search.limit]),
                    last=search.last,
                    searched_until=searched_until,
                )
    return Availability(free_starts=tuple(found), last=search.last, searched_until=searched_until)


def _batches(search: FreeStartSearch, schedule: Schedule) -> Iterator[list[date]]:
    """Yield the days of a search, as many as one request answers; days without work cost nothing."""
    batch: list[date] = []
    size = 0
    for day in iter_days(search.first, search.last):
        added = sum(
            len(_days_touched(schedule.hours_of(each.name), day)) for each in search.professionals
        )
        if batch and size + added > CALENDAR_DAYS_PER_REQUEST:
            yield batch
            batch, size = [], 0
        batch.append(day)
        size += added
    if batch:
        yield batch


def _free_on(
    search: FreeStartSearch,
    schedule: Schedule,
    day: date,
    stored: dict[tuple[Calendar, date], CalendarDay],
    now: datetime,
) -> Iterator[FreeStart]:
    for professional in search.professionals:
        hours = schedule.hours_of(professional.name)
        calendar = Calendar.of_doctor(professional.name)
        calendar_days = [stored[calendar, each] for each in _days_touched(hours, day)]
        duration_min = search.duration_of(professional)
        for start in _free_starts(hours, day, calendar_days, duration_min, now):
            if search.day_part is None or search.day_part.includes(start.hour):
                yield FreeStart(
                    doctor_name=professional.name, starts_at=start, duration_min=duration_min
                )
