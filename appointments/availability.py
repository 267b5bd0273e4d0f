"""Which times of a doctor are free: the opening hours minus the stored bookings."""

from datetime import date, datetime, timedelta

from appointments import clinic, repository
from appointments.domain import (
    Appointment,
    DoctorDay,
    doctor_key,
    local_day,
    local_days,
)
from appointments.opening_hours import iter_free_starts, nearest_starts

DAYS_TO_LOOK_AHEAD = 7


def list_doctor_days(*versions: Appointment) -> list[DoctorDay]:
    """Return the doctor days that these versions of an appointment share time with, as stored now."""
    days_by_doctor: dict[str, set[date]] = {}
    for appointment in versions:
        days = local_days(appointment.interval, clinic.time_zone())
        days_by_doctor.setdefault(doctor_key(appointment.doctor_name), set()).update(days)
    return [
        doctor_day
        for doctor, days in days_by_doctor.items()
        for doctor_day in repository.list_doctor_days(doctor, days)
    ]


def list_free_starts(
    doctor_name: str, day: date, duration_min: int, *, now: datetime
) -> list[datetime]:
    """Return a doctor's free start times on a local day, in the clinic's time zone."""
    # One day is enough: opening hours, and so the appointments within them, end at midnight.
    starts = iter_free_starts(
        day,
        repository.list_doctor_days(doctor_key(doctor_name), [day]),
        opening_hours=clinic.opening_hours(),
        duration_min=duration_min,
        now=now,
        time_zone=clinic.time_zone(),
    )
    return list(starts)


def list_alternatives(wanted: Appointment, *, now: datetime) -> list[datetime]:
    """Return up to three free start times near the wanted one.

    They are on its day, or on the first of the following seven days that has any.
    """
    time_zone = clinic.time_zone()
    first = max(local_day(wanted.starts_at, time_zone), local_day(now, time_zone))
    for days_ahead in range(DAYS_TO_LOOK_AHEAD + 1):
        day = first + timedelta(days=days_ahead)
        if starts := list_free_starts(wanted.doctor_name, day, wanted.duration_min, now=now):
            return nearest_starts(starts, wanted.starts_at)
    return []
