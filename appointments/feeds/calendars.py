"""Appointments as an iCalendar file (RFC 5545) by the `icalendar` library.

The same appointments always give the same bytes, so that a client that has them gets no body again.
"""

from collections.abc import Iterable
from datetime import UTC, timedelta

from django.urls import reverse
from icalendar import Calendar, Event

from appointments.domain import Appointment, AppointmentStatus
from appointments.labels import KIND_LABELS, state_label
from common.site_address import site_url

REFRESH = timedelta(minutes=15)
PRODUCT = "-//Nova Sonic Server//Appointments//ES"


def calendar_file(name: str, appointments: Iterable[Appointment]) -> bytes:
    """Return the file of a professional's appointments, in the active language.

    It says when and what, never who: a calendar's provider stores it, and whoever knows its address reads it.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", REFRESH)
    for appointment in appointments:
        calendar.add_component(_event(appointment))
    file: bytes = calendar.to_ical()
    return file


def _event(appointment: Appointment) -> Event:
    kind = KIND_LABELS[appointment.kind]
    status = str(state_label(appointment)).lower()
    is_scheduled = appointment.status is AppointmentStatus.SCHEDULED
    record_path = reverse("admin:appointments_appointment_change", args=[appointment.id])
    event = Event()
    event.add("uid", f"appointment-{appointment.id}@nova-sonic")
    event.add("dtstamp", appointment.updated_at or appointment.created_at or appointment.starts_at)
    event.add("dtstart", appointment.starts_at.astimezone(UTC))
    event.add("duration", timedelta(minutes=appointment.duration_min))
    event.add("summary", f"{kind} ({status}) · {appointment.id}")
    event.add("status", "TENTATIVE" if is_scheduled else "CONFIRMED")
    event.add("url", site_url() + record_path)
    return event
