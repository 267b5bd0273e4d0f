"""Which changes of an appointment its patient gets an e-mail about."""

from datetime import datetime
from enum import StrEnum

from appointments.domain import Appointment, AppointmentStatus
from common.record_changes import EXPIRY
from common.timestamps import to_iso
from notifications.domain import Message
from notifications.services import new_message

RECORD_TYPE = "appointment"
"""How the outbox names appointments."""


class MailEvent(StrEnum):
    """What a mail to a patient is about; each has templates of this name in `appointments/mail/`."""

    RESERVED = "reserved"
    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    """It is cancelled, because nobody confirmed it in time."""
    REMINDER = "reminder"


def messages_about(
    before: Appointment | None, after: Appointment, *, now: datetime
) -> list[Message]:
    """Return the messages about a new version of an appointment, which are stored with it.

    Nobody gets a mail about an appointment that has started.
    """
    event = event_of(before, after)
    if event is None or after.starts_at <= now:
        return []
    assert after.updated_at is not None
    content = {"starts_at": to_iso(after.starts_at), "doctor_name": after.doctor_name}
    if event is MailEvent.MOVED and before is not None:
        content["previous_start"] = to_iso(before.starts_at)
    return [
        new_message(
            record_type=RECORD_TYPE,
            record_id=after.id,
            event=event.value,
            version=to_iso(after.updated_at),
            recipient=after.patient_email,
            content=content,
            now=now,
        )
    ]


def event_of(before: Appointment | None, after: Appointment) -> MailEvent | None:
    """Return what happened that the patient should know; None for nothing.

    With a new e-mail address the appointment is announced there as a new one. A reservation that is confirmed
    becomes a booking.
    """
    announcement = MailEvent.RESERVED if after.is_reserved else MailEvent.BOOKED
    if before is None:
        return announcement if after.is_open else None
    if before.is_open and after.status is AppointmentStatus.CANCELLED:
        is_expiry = bool(after.changes) and after.changes[-1].origin == EXPIRY
        return MailEvent.LAPSED if is_expiry else MailEvent.CANCELLED
    if not after.is_open:
        return None
    if before.patient_email != after.patient_email:
        return announcement
    if (before.interval, before.doctor_name) != (after.interval, after.doctor_name):
        return MailEvent.MOVED
    return MailEvent.BOOKED if before.is_reserved and not after.is_reserved else None
