"""Appointments as calendar files (RFC 5545), which people open in the calendar of their phone.

The event of an appointment always has the same UID, and a SEQUENCE that is higher in each version, so
that a calendar replaces what it has instead of adding a second event.
"""

import uuid
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, vCalAddress, vText

from appointments import clinic
from appointments.domain import Appointment

PRODUCT = "-//Nova Sonic Server//Turnos//ES"
_NAMESPACE = uuid.UUID("5d9bd7d0-52d5-4a39-8f6b-2f6b7b1f2a11")
_SEQUENCE_UNIT = timedelta(milliseconds=100)
_MAX_SEQUENCE = 2**31 - 1
_FIRST_VERSION = datetime(2025, 1, 1, tzinfo=UTC)
"""From when the versions of an appointment count that doesn't say when it was booked."""


def uid_of(appointment: Appointment) -> str:
    """Return the UID of an appointment's event: the same in all its versions and calendar files."""
    created = "" if appointment.created_at is None else appointment.created_at.isoformat()
    return str(uuid.uuid5(_NAMESPACE, f"{appointment.id} {created}"))


def sequence_of(appointment: Appointment) -> int:
    """Return the SEQUENCE of a version: the tenths of a second since the appointment was booked.

    Two versions within a tenth of a second have the same; then DTSTAMP decides (RFC 5546, section 2.1.5).
    """
    if appointment.updated_at is None:
        return 0
    age = appointment.updated_at - (appointment.created_at or _FIRST_VERSION)
    return max(0, min(-(-age // _SEQUENCE_UNIT), _MAX_SEQUENCE))


def event_of(appointment: Appointment, *, summary: str, description: str = "") -> Event:
    """Return the event of an appointment, at its time in the clinic's zone."""
    event = Event()
    event.add("uid", uid_of(appointment))
    event.add("sequence", sequence_of(appointment))
    event.add("dtstamp", appointment.updated_at or appointment.starts_at)
    time_zone = clinic.time_zone()
    event.add("dtstart", appointment.interval.start.astimezone(time_zone))
    event.add("dtend", appointment.interval.end.astimezone(time_zone))
    event.add("summary", summary)
    if description:
        event.add("description", description)
    event.add("status", _status_of(appointment))
    return event


def _status_of(appointment: Appointment) -> str:
    if not appointment.is_open:
        return "CANCELLED"
    return "TENTATIVE" if appointment.is_reserved else "CONFIRMED"


def invitation(
    appointment: Appointment, *, summary: str, description: str, location: str, organizer: str
) -> tuple[str, bytes]:
    """Return the method (RFC 5546) and the content of the calendar file of a mail to the patient.

    Args:
        appointment: A cancelled one is removed from the patient's calendar.
        summary: The title of the event.
        description: Its text.
        location: Where it is; empty if that isn't known.
        organizer: The address that sends the mail.

    """
    event = event_of(appointment, summary=summary, description=description)
    if location:
        event.add("location", location)
    event.add("organizer", vCalAddress(f"mailto:{organizer}"))
    attendee = vCalAddress(f"mailto:{appointment.patient_email}")
    attendee.params["partstat"] = vText("TENTATIVE" if appointment.is_reserved else "ACCEPTED")
    attendee.params["rsvp"] = vText("FALSE")
    event.add("attendee", attendee)
    method = "REQUEST" if appointment.is_open else "CANCEL"
    return method, calendar_of([event], method=method)


def calendar_of(events: list[Event], *, method: str | None = None) -> bytes:
    """Return a calendar file with these events and the definitions of their time zones."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    if method is not None:
        calendar.add("method", method)
    for event in events:
        calendar.add_component(event)
    if days := [event.decoded("dtstart").date() for event in events]:
        # Only the rules of these days: a zone's whole history is longer than the events.
        calendar.add_missing_timezones(
            first_date=min(days) - timedelta(days=1), last_date=max(days) + timedelta(days=2)
        )
    content: bytes = calendar.to_ical()
    return content
