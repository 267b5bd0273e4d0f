"""Five demo appointments, and two patients of the waiting list.

Appointments 1 (Juan Pérez), 2 (Luis Fernández) and 3 (Ana Martínez) are more than a week after the
time of seeding, each with another doctor. On every day Dr. Rodríguez is free at 10:00, and every
doctor at 15:00, so that the example sentences of the product work for a week. María García waits for a
time like that of appointment 1: when it is cancelled, she is offered it.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from appointments import clinic, repository
from appointments.domain import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Calendar,
    CalendarDay,
    DayPart,
    local_day,
    local_days,
)
from appointments.information.services import shared_cache as shared_information
from appointments.schedules.cache import shared_cache
from appointments.waiting_list.domain import WaitingEntry, Wanted
from appointments.waiting_list.repository import write_entry
from common.timestamps import truncate_to_ms

RECORDS = (
    # id, patient, doctor, days from now, local time, kind, status
    ("1", "Juan Pérez", "Dra. Gómez", 9, time(11, 30), "consultation", "scheduled"),
    ("2", "Luis Fernández", "Dr. Rodríguez", 10, time(16, 30), "follow-up", "confirmed"),
    ("3", "Ana Martínez", "Dr. Sosa", 12, time(9), "routine", "scheduled"),
    ("4", "María García", "Dra. Fernández", -7, time(12), "consultation", "completed"),
    ("5", "Juan Pérez", "Dr. Rodríguez", 11, time(17, 30), "emergency", "cancelled"),
)
PATIENTS = {
    "Juan Pérez": ("juan.perez@email.com", "12345678", "+541145551230"),
    "María García": ("maria.garcia@email.com", "23456789", "+5491145551231"),
    "Luis Fernández": ("luis.fernandez@email.com", "34567890", "+543514555123"),
    "Ana Martínez": ("ana.martinez@email.com", "45678901", "+5493414555124"),
}
"""E-mail address, identity number and telephone number; the demo orders have the first two, too."""
WAITING = (
    # id, patient, doctor, first and last of the days from now, part of the day, hours of waiting
    ("900001", "María García", "Dra. Gómez", 8, 12, None, 30),
    ("900002", "Luis Fernández", "", 2, 20, DayPart.AFTERNOON, 3),
)
DURATION_MIN = 30


def seed(*, now: datetime, fresh: bool = False) -> int:
    """Store the demo appointments if the table is empty; return how many were stored.

    Args:
        now: The current time, to which the dates are relative.
        fresh: Whether to empty the table first.

    """
    if fresh:
        repository.delete_all()
        shared_cache.clear()
        shared_information.clear()
    elif not repository.is_empty():
        return 0
    time_zone = clinic.time_zone()
    appointments = list(demo_appointments(now, time_zone))
    is_stored = repository.add_appointments(appointments, _calendar_days(appointments, time_zone))
    return len(appointments) if is_stored else 0


def seed_waiting_list(*, now: datetime) -> int:
    """Store the patients who wait; return how many."""
    today = local_day(now, clinic.time_zone())
    entries = []
    for entry_id, patient, doctor, first, last, day_part, hours in WAITING:
        email, dni, _phone = PATIENTS[patient]
        wanted = Wanted(
            patient_name=patient,
            patient_email=email,
            dni=dni,
            doctor_name=doctor,
            first=today + timedelta(days=first),
            last=today + timedelta(days=last),
            day_part=day_part,
        )
        since = truncate_to_ms(now - timedelta(hours=hours))
        entries.append(WaitingEntry.new(wanted, entry_id=entry_id, now=since))
    writes = [write_entry(entry, version=None) for entry in entries]
    repository.update_calendar_days([], writes=writes)
    return len(entries)


def demo_appointments(now: datetime, time_zone: ZoneInfo) -> Iterator[Appointment]:
    """Yield the demo appointments with dates relative to `now`."""
    today, created_at = local_day(now, time_zone), truncate_to_ms(now)
    for appointment_id, patient, doctor, days_from_now, clock, kind, status in RECORDS:
        email, dni, phone = PATIENTS[patient]
        day = today + timedelta(days=days_from_now)
        yield Appointment(
            id=appointment_id,
            patient_name=patient,
            patient_email=email,
            dni=dni,
            phone=phone,
            doctor_name=doctor,
            starts_at=truncate_to_ms(datetime.combine(day, clock, tzinfo=time_zone)),
            duration_min=DURATION_MIN,
            kind=AppointmentKind(kind),
            status=AppointmentStatus(status),
            created_at=created_at,
            updated_at=created_at,
        )


def _calendar_days(
    appointments: Iterable[Appointment], time_zone: ZoneInfo
) -> Iterable[CalendarDay]:
    """Return new calendar days with the bookings of all open appointments."""
    calendar_days: dict[tuple[Calendar, date], CalendarDay] = {}
    for appointment in appointments:
        if not appointment.is_open:
            continue
        for calendar in appointment.calendars:
            for day in local_days(appointment.interval, time_zone):
                calendar_day = calendar_days.get(
                    (calendar, day), CalendarDay(calendar=calendar, day=day)
                )
                booked = calendar_day.with_booking(appointment.id, appointment.interval)
                calendar_days[calendar, day] = booked
    return calendar_days.values()
