"""Which times are free: the opening hours minus the stored bookings."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from appointments import clinic, repository
from appointments.domain import (
    Appointment,
    Calendar,
    CalendarDay,
    CalendarKind,
    local_day,
    local_days,
)
from appointments.opening_hours import iter_free_starts, nearest_starts

DAYS_TO_LOOK_AHEAD = 7


def list_calendar_days(*versions: Appointment) -> list[CalendarDay]:
    """Return the calendar days that these versions of an appointment share time with, as stored now."""
    days_by_calendar: dict[Calendar, set[date]] = {}
    for appointment in versions:
        days = local_days(appointment.interval, clinic.time_zone())
        for calendar in appointment.calendars:
            days_by_calendar.setdefault(calendar, set()).update(days)
    return [
        calendar_day
        for calendar, days in days_by_calendar.items()
        for calendar_day in repository.list_calendar_days(calendar, days)
    ]


def list_free_starts(
    calendars: Sequence[Calendar], day: date, duration_min: int, *, now: datetime
) -> list[datetime]:
    """Return the start times on a local day that are free in all calendars, in the clinic's zone."""
    # One day is enough: opening hours, and so the appointments within them, end at midnight.
    starts = iter_free_starts(
        day,
        [
            calendar_day
            for calendar in calendars
            for calendar_day in repository.list_calendar_days(calendar, [day])
        ],
        grid=clinic.slot_grid(),
        duration_min=duration_min,
        now=now,
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
        if starts := list_free_starts(calendars, day, wanted.duration_min, now=now):
            return nearest_starts(starts, wanted.starts_at)
    return []
