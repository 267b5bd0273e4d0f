"""Five appointments to try the assistant on.

1 is Juan Pérez's, 2 Luis Fernández's, 3 Ana Martínez's: all more than a week ahead of the moment
of seeding, each with another doctor. Whatever the day, Dr. Rodríguez is free at 10:00, and everybody
at 15:00.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from appointments import repository
from appointments.domain import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    DoctorDay,
    days_of,
    doctor_key,
)
from common.timestamps import truncate_to_ms

RECORDS = (
    # id, patient, doctor, days ahead, the clinic's time, kind, status
    ("1", "Juan Pérez", "Dra. Gómez", 9, time(11, 30), "consultation", "scheduled"),
    ("2", "Luis Fernández", "Dr. Rodríguez", 10, time(16, 30), "follow-up", "confirmed"),
    ("3", "Ana Martínez", "Dr. Sosa", 12, time(9), "routine", "scheduled"),
    ("4", "María García", "Dra. Fernández", -7, time(12), "consultation", "completed"),
    ("5", "Juan Pérez", "Dr. Rodríguez", 11, time(17, 30), "emergency", "cancelled"),
)
EMAILS = {
    "Juan Pérez": "juan.perez@email.com",
    "Luis Fernández": "luis.fernandez@email.com",
    "Ana Martínez": "ana.martinez@email.com",
    "María García": "maria.garcia@email.com",
}
DURATION_MIN = 30


def seed(*, now: datetime, fresh: bool = False) -> int:
    """Store the demo appointments if there are none at all; return how many were stored.

    `fresh` empties the table first.
    """
    if fresh:
        repository.delete_all_records()
    elif not repository.has_no_records():
        return 0
    zone = ZoneInfo(settings.CLINIC_TIME_ZONE)
    appointments = list(demo_appointments(now, zone))
    stored = repository.add_appointments(appointments, _doctor_days(appointments, zone))
    return len(appointments) if stored else 0


def demo_appointments(now: datetime, zone: ZoneInfo) -> Iterator[Appointment]:
    """Yield the appointments, as they are if seeded at `now`."""
    today, made_at = now.astimezone(zone).date(), truncate_to_ms(now)
    for appointment_id, patient, doctor, days_ahead, clock, kind, status in RECORDS:
        day = today + timedelta(days=days_ahead)
        yield Appointment(
            id=appointment_id,
            patient_name=patient,
            patient_email=EMAILS[patient],
            doctor_name=doctor,
            starts_at=truncate_to_ms(datetime.combine(day, clock, tzinfo=zone)),
            duration_min=DURATION_MIN,
            kind=AppointmentKind(kind),
            status=AppointmentStatus(status),
            created_at=made_at,
            updated_at=made_at,
        )


def _doctor_days(appointments: Iterable[Appointment], zone: ZoneInfo) -> Iterable[DoctorDay]:
    guards: dict[tuple[str, date], DoctorDay] = {}
    for appointment in appointments:
        doctor = doctor_key(appointment.doctor_name)
        for day in days_of(appointment.span, zone) if appointment.holds_its_time else ():
            guard = guards.get((doctor, day), DoctorDay(doctor=doctor, day=day))
            guards[doctor, day] = guard.having(appointment.id, appointment.span)
    return guards.values()
