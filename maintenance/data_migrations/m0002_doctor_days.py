"""Write the bookings of all appointments into their doctors' days.

The earlier system has no doctor's days (ADR 0005), so a new appointment could overlap one of its own.
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

from appointments.domain import Appointment, DoctorDay, TimeInterval
from appointments.repository import (
    appointment_from_raw,
    doctor_day_from_raw,
    doctor_day_key,
    doctor_day_to_raw,
)
from common.dynamodb.bulk import Key
from maintenance.data_migrations.base import Context, ItemChange, Migration, Report
from maintenance.doctor_days import DayId, days_of, stored_day
from maintenance.inspection.kinds import APPOINTMENT, DOCTOR_DAY
from maintenance.inspection.records import overlapping_bookings

TABLE = "appointments"
DAYS_PER_READ = 20

type Booking = tuple[str, TimeInterval]
"""An appointment's id and its time."""


class DoctorDays(Migration):
    """See the module."""

    name = "0002_doctor_days"
    description = "Book every open appointment in its doctor's day"

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
        elif DOCTOR_DAY.matches(item) and not DOCTOR_DAY.problems(item):
            stored = doctor_day_from_raw(item)
            booked[stored.doctor, stored.day] = set(stored.bookings.items())
    return wanted, booked


def _plan_days(
    context: Context, report: Report, days: dict[DayId, set[Booking]]
) -> Iterator[ItemChange]:
    """Yield the changes of days that seem to need one.

    The days are read first and their appointments after them. A change of an appointment writes its day
    in the same transaction. So one that comes after the day was read fails the day's condition, and one
    that came before is seen here.
    """
    keys = {day: doctor_day_key(*day) for day in days}
    stored = context.source.get_many(TABLE, keys.values())
    before = {}
    for day, key in keys.items():
        if problems := DOCTOR_DAY.problems(stored[key]) if key in stored else []:
            report.add_problem(f"{key[0]}: {', '.join(problems)}")
        else:
            before[day] = stored_day(day, stored.get(key))
    ids = {each for day in before for each, _ in days[day]}
    ids |= {each for doctor_day in before.values() for each in doctor_day.bookings}
    appointments = _read_appointments(context, ids)
    for day, doctor_day in before.items():
        bookings = _bookings_on(day, doctor_day, appointments, context.time_zone)
        if bookings != doctor_day.bookings:
            after = replace(doctor_day, bookings=bookings, revision=doctor_day.revision + 1)
            yield ItemChange(
                table=TABLE,
                before=stored.get(keys[day]),
                after=doctor_day_to_raw(after),
                reason="doctor's day written",
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
    doctor_day: DoctorDay,
    appointments: Mapping[str, Appointment | None],
    time_zone: ZoneInfo,
) -> dict[str, TimeInterval]:
    """Return the bookings that a day should have; an unreadable appointment's stays as it is."""
    bookings = {}
    for appointment_id, appointment in appointments.items():
        if appointment is None:
            if appointment_id in doctor_day.bookings:
                bookings[appointment_id] = doctor_day.bookings[appointment_id]
        elif day in days_of(appointment, time_zone):
            bookings[appointment_id] = appointment.interval
    return bookings


def _report_overlaps(wanted: dict[DayId, set[Booking]], report: Report) -> None:
    pairs = {
        pair
        for (doctor, day), bookings in wanted.items()
        for pair in overlapping_bookings(DoctorDay(doctor=doctor, day=day, bookings=dict(bookings)))
    }
    for first, second in sorted(pairs):
        report.add_problem(f"appointments {first} and {second} are at the same time")
