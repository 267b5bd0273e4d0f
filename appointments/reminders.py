"""Reminders: each open appointment gets one e-mail `EMAIL_REMINDER_HOURS` before it starts.

They are derived from the appointments, again and again, and not stored when one is booked: so those of
the earlier system get theirs, a moved one is reminded by its new time, and a changed setting counts for
all. A reminder's id contains the start, so the outbox has each only once.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from appointments import repository
from appointments.domain import Appointment, AppointmentQuery, AppointmentStatus, TimeInterval
from appointments.mail_events import RECORD_TYPE, MailEvent
from common.timestamps import MILLISECOND, to_iso
from notifications.services import are_emails_sent, enqueue, list_messages_of, new_message

PAGE_SIZE = 100
ANNOUNCEMENTS = frozenset({MailEvent.BOOKED.value, MailEvent.MOVED.value})
_decided: dict[tuple[str, str], datetime] = {}
"""The appointments and starts that this process has decided on, and their starts: they aren't read again."""


def enqueue_reminders(now: datetime) -> int:
    """Add the reminders that are due and not in the outbox yet; return how many.

    An appointment that was booked or moved within these hours has no reminder: its patient has just got
    a mail about it.
    """
    hours = timedelta(hours=settings.EMAIL_REMINDER_HOURS)
    if not hours or not are_emails_sent():
        return 0
    for decided in [key for key, start in _decided.items() if start <= now]:
        del _decided[decided]
    return sum(_enqueue_reminder(each, hours, now) for each in _starting_within(hours, now))


def forget_decisions() -> None:
    """Read all appointments again at the next time."""
    _decided.clear()


def _starting_within(hours: timedelta, now: datetime) -> Iterator[Appointment]:
    """Yield the open appointments that start within these hours, but those that wait for their patient's confirmation."""
    interval = TimeInterval(start=now, end=now + hours + MILLISECOND)  # its end is not in it
    for status in (AppointmentStatus.SCHEDULED, AppointmentStatus.CONFIRMED):
        query, cursor = AppointmentQuery(status=status), None
        while True:
            page = repository.list_appointments(query, interval, limit=PAGE_SIZE, cursor=cursor)
            yield from (
                each for each in page.items if each.starts_at > now and not each.is_reserved
            )
            cursor = page.cursor
            if cursor is None:
                break


def _enqueue_reminder(appointment: Appointment, hours: timedelta, now: datetime) -> bool:
    start = to_iso(appointment.starts_at)
    key = (appointment.id, start)
    if key in _decided:
        return False
    is_new = not _was_announced_since(appointment, appointment.starts_at - hours) and enqueue(
        new_message(
            record_type=RECORD_TYPE,
            record_id=appointment.id,
            event=MailEvent.REMINDER.value,
            version=start,
            recipient=appointment.patient_email,
            content={"starts_at": start, "doctor_name": appointment.doctor_name},
            now=now,
        )
    )
    _decided[key] = appointment.starts_at
    return is_new


def _was_announced_since(appointment: Appointment, instant: datetime) -> bool:
    """Whether the patient was told of this start after `instant`."""
    if appointment.created_at is not None and appointment.created_at >= instant:
        return True
    start = to_iso(appointment.starts_at)
    return any(
        each.event in ANNOUNCEMENTS
        and each.created_at >= instant
        and each.content.get("starts_at") == start
        for each in list_messages_of(record_type=RECORD_TYPE, record_id=appointment.id)
    )
