"""Write the bookings of all appointments into the days of their doctors and patients.

The earlier system has no such days (ADR 0005), so a new appointment could overlap one of its own.
Afterwards every open appointment has its booking, and every booking has its appointment.

Two appointments of one doctor at one time, which the earlier system could store, both stay and are both
booked, so that nobody books over either; they are reported. Whoever moves or cancels one of them ends it.

Repeat it after `CLINIC_TIME_ZONE` changed: a doctor's day is a local day.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import batched
from typing import override
from zoneinfo import ZoneInfo

from appointments.domain import Appointment, CalendarDay, CalendarKind, TimeInterval
from appointments.repository import (
    appointment_from_raw,
    calendar_day_from_raw,
    calendar_day_key,
    calendar_day_to_raw,
)
from common.dynamodb.bulk import Key
from maintenance.calendar_days import DayId, days_of, stored_day
from maintenance.data_migrations.base import Context, ItemChange, Migration, Report
from maintenance.inspection.kinds import APPOINTMENT, CALENDAR_DAYS, calendar_day_problems
from maintenance.inspection.records import overlapping_bookings

TABLE = "appointments"
DAYS_PER_READ = 20

type Booking = tuple[str, TimeInterval]
"""An appointment's id and its time."""


class DoctorDays(Migration):
    """See the module."""

    name = "0002_doctor_days"
    description = "Book every open appointment in the days of its doctor and patient"

    @override
    def plan(self, context: Context, report: Report) -> Iterator[ItemChange]:
        wanted, booked = _scan(context)
        differing = [
            day for day in {**wanted, **booked} if wanted.get(day, set()) != booked.get(day, set())
        ]
        for days in batched(sorted(differing), DAYS_PER_READ):
            yield from _plan_days(context, report, {day: wanted.get(day, set()) for day in days})
        _report_overlaps(wanted, report)


def _scan(context: Context) -> tuple[dict[DayId, set[Booking]], dict[DayId, set[Booking]]]:
    """Return the bookings that each day should have, and those it has."""
    wanted: dict[DayId, set[Booking]] = defaultdict(set)
    booked: dict[DayId, set[Booking]] = defaultdict(set)
    for item in context.source.scan(TABLE):
        if APPOINTMENT.matches(item) and not APPOINTMENT.problems(item):
            appointment = appointment_from_raw(item)
            for day in days_of(appointment, context.time_zone):
                wanted[day].add((appointment.id, appointment.interval))
        elif any(kind.matches(item) and not kind.problems(item) for kind in CALENDAR_DAYS):
            stored = calendar_day_from_raw(item)
            booked[stored.calendar, stored.day] = set(stored.bookings.items())
    return wanted, booked


def _plan_days(
    context: Context, report: Report, days: dict[DayId, set[Booking]]
) -> Iterator[ItemChange]:
    """Yield the changes of days that seem to need one.

    The days are read first and their appointments after them. A change of an appointment writes its day
    in the same transaction. So one that comes after the day was read fails the day's condition, and one
    that came before is seen here.
    """
    keys = {day: calendar_day_key(*day) for day in days}
    stored = context.source.get_many(TABLE, keys.values())
    before = {}
    for day, key in keys.items():
        if problems := calendar_day_problems(stored[key]) if key in stored else []:
            report.add_problem(f"{key[0]}: {', '.join(problems)}")
        else:
            before[day] = stored_day(day, stored.get(key))
    ids = {each for day in before for each, _ in days[day]}
    ids |= {each for calendar_day in before.values() for each in calendar_day.bookings}
    appointments = _read_appointments(context, ids)
    for day, calendar_day in before.items():
        bookings = _bookings_on(day, calendar_day, appointments, context.time_zone)
        if bookings != calendar_day.bookings:
            after = replace(calendar_day, bookings=bookings, revision=calendar_day.revision + 1)
            yield ItemChange(
                table=TABLE,
                before=stored.get(keys[day]),
                after=calendar_day_to_raw(after),
                reason=f"{calendar_day.calendar.kind}'s day written",
            )


def _read_appointments(context: Context, ids: Iterable[str]) -> dict[str, Appointment | None]:
    """Return the appointments that exist, by id; None for one that can't be read."""
    keys: list[Key] = [APPOINTMENT.model.key(each) for each in sorted(ids)]
    return {
        key[0].partition("#")[2]: None if APPOINTMENT.problems(item) else appointment_from_raw(item)
        for key, item in context.source.get_many(TABLE, keys).items()
    }


def _bookings_on(
    day: DayId,
    calendar_day: CalendarDay,
    appointments: Mapping[str, Appointment | None],
    time_zone: ZoneInfo,
) -> dict[str, TimeInterval]:
    """Return the bookings that a day should have; an unreadable appointment's stays as it is."""
    bookings = {}
    for appointment_id, appointment in appointments.items():
        if appointment is None:
            if appointment_id in calendar_day.bookings:
                bookings[appointment_id] = calendar_day.bookings[appointment_id]
        elif day in days_of(appointment, time_zone):
            bookings[appointment_id] = appointment.interval
    return bookings


def _report_overlaps(wanted: dict[DayId, set[Booking]], report: Report) -> None:
    pairs = {
        pair
        for (calendar, day), bookings in wanted.items()
        if calendar.kind is CalendarKind.DOCTOR
        for pair in overlapping_bookings(
            CalendarDay(calendar=calendar, day=day, bookings=dict(bookings))
        )
    }
    for first, second in sorted(pairs):
        report.add_problem(f"appointments {first} and {second} are at the same time")
