"""Example times and bookings: by default Ana Martínez sees Dr. Rodríguez on Monday at 10:00."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from appointments import repository, services
from appointments.domain import Appointment, AppointmentKind, Calendar
from common.identity.verification import Customer

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
NOW = datetime(2099, 11, 22, 15, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
MONDAY = date(2099, 11, 23)
TUESDAY = date(2099, 11, 24)
ANA = Customer(name="Ana Martínez", dni="45678901")


def at(clock: str, day: date = MONDAY) -> datetime:
    """Return the instant of a local time such as "10:00"."""
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=CLINIC)


def book(clock: str = "10:00", day: date = MONDAY, **changes: Any) -> Appointment:
    arguments: dict[str, Any] = {
        "patient_name": "Ana Martínez",
        "patient_email": "ana@email.com",
        "doctor_name": "Dr. Rodríguez",
        "starts_at": at(clock, day),
        "duration_min": 30,
        "kind": AppointmentKind.CONSULTATION,
        "dni": "45678901",
        "token": f"{day} {clock} {sorted(changes.items(), key=str)}",
        "now": NOW,
    }
    return services.book_appointment(**(arguments | changes))


def booked_ids(day: date = MONDAY, doctor: str = "rodriguez") -> set[str]:
    """Return the ids of the appointments that are booked with a doctor on a day."""
    (doctor_day,) = repository.list_calendar_days([(Calendar.of_doctor(doctor), day)])
    return set(doctor_day.bookings)
