"""The clinic as the settings describe it: its zone, its hours, its doctors, and what these are free for."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings

from appointments import repository
from appointments.domain import (
    Appointment,
    DoctorDay,
    day_of,
    days_of,
    doctor_key,
    doctors_meant,
    span_of_day,
)
from appointments.errors import DoctorNotFoundError
from appointments.opening_hours import OpeningHours, free_starts, nearest
from common.contact import clean_name

DAYS_TO_LOOK_AHEAD = 7


def zone() -> ZoneInfo:
    """Return the clinic's time zone."""
    return ZoneInfo(settings.CLINIC_TIME_ZONE)


def hours() -> OpeningHours:
    """Return when the clinic is open."""
    return _parsed(settings.CLINIC_OPENING_HOURS)


_parsed = cache(OpeningHours.parse)


def doctor(said: str) -> str:
    """Return the one name under which this doctor is stored.

    Raises:
        DoctorNotFoundError: nobody, or more than one, of the doctors is meant.

    """
    tidy = clean_name(said, field="doctor_name")
    known = settings.CLINIC_DOCTORS
    if not doctor_key(tidy):
        raise DoctorNotFoundError(doctors=list(known))
    if not known:
        return tidy
    match doctors_meant(tidy, known):
        case [one]:
            return one
        case meant:
            raise DoctorNotFoundError(doctors=meant or list(known))


def doctor_days(*appointments: Appointment) -> list[DoctorDay]:
    """Return the days that these versions of an appointment touch, each of its own doctor."""
    touched: dict[str, set[date]] = {}
    for appointment in appointments:
        key = doctor_key(appointment.doctor_name)
        touched.setdefault(key, set()).update(days_of(appointment.span, zone()))
    return [day for key, days in touched.items() for day in repository.doctor_days(key, days)]


def offers(doctor_name: str, day: date, duration_min: int, *, now: datetime) -> list[datetime]:
    """Return the free starts of a doctor on the clinic's `day`, in the clinic's time."""
    touched = days_of(span_of_day(day, zone()), zone())
    days = repository.doctor_days(doctor_key(doctor_name), touched)
    starts = free_starts(day, days, hours=hours(), duration_min=duration_min, now=now, zone=zone())
    return list(starts)


def alternatives(wanted: Appointment, *, now: datetime) -> list[datetime]:
    """Return up to three free starts near the wanted one, on its day or the next that has any."""
    day = max(day_of(wanted.starts_at, zone()), day_of(now, zone()))
    for candidate in _days_from(day):
        if starts := offers(wanted.doctor_name, candidate, wanted.duration_min, now=now):
            return nearest(starts, wanted.starts_at)
    return []


def _days_from(day: date) -> Iterable[date]:
    return (day + timedelta(days=ahead) for ahead in range(DAYS_TO_LOOK_AHEAD + 1))
