"""Doctors' days as maintenance sees them: which ones an appointment belongs to, and their items."""

from datetime import date
from zoneinfo import ZoneInfo

from appointments.domain import Appointment, DoctorDay, doctor_key, local_days
from appointments.repository import doctor_day_from_raw
from common.dynamodb.bulk import Item

type DayId = tuple[str, date]
"""A doctor's key and a local day of the clinic."""


def days_of(appointment: Appointment, time_zone: ZoneInfo) -> list[DayId]:
    """Return the doctor's days on which an appointment is booked; none unless it is open."""
    if not appointment.is_open:
        return []
    doctor = doctor_key(appointment.doctor_name)
    return [(doctor, day) for day in local_days(appointment.interval, time_zone)]


def stored_day(day: DayId, item: Item | None) -> DoctorDay:
    """Return the doctor's day that an item stores; an empty one if there is no item."""
    doctor, local_day = day
    return DoctorDay(doctor=doctor, day=local_day) if item is None else doctor_day_from_raw(item)
