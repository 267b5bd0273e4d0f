"""Reserved appointments: the worker cancels those that nobody has confirmed in time.

A reserved appointment is a scheduled one with `reserved_until`; its time is booked like any other's. Confirming
it is an ordinary change of the appointment, as is cancelling it here: both are written on the condition that the
appointment has the version that was read. So of a link, staff and several workers at once the first one wins, and
the others decide again on what is stored then.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.conf import settings

from appointments import clinic, repository, services
from appointments.domain import Appointment, AppointmentStatus, ReservationEnd
from appointments.mail_events import RECORD_TYPE, MailEvent
from common.dynamodb.retries import retry_on_conflict
from common.errors import BusyError, StaleVersionError, UnavailableError
from common.record_changes import EXPIRY
from common.timestamps import to_iso, truncate_to_ms
from notifications.domain import UNFINISHED, Message, MessageStatus
from notifications.services import are_emails_sent, list_messages_of

logger = logging.getLogger(__name__)

MAX_ENDED = 200
"""So many reservations one pass looks at; the next one follows within a minute."""
ANNOUNCEMENTS = frozenset({MailEvent.RESERVED.value, MailEvent.MOVED.value})
"""The e-mails with a link that confirms a reserved appointment."""


def end_reservations(now: datetime) -> int:
    """Cancel the reserved appointments that nobody has confirmed in time, and return how many.

    Their times are offered to the waiting list, and their patients get an e-mail. Several processes may do this at
    once: each appointment is cancelled once.
    """
    now = truncate_to_ms(now)
    ended = repository.list_ended_reservations(now=now, limit=MAX_ENDED)
    return sum(_end_or_log(each, now=now) for each in ended)


def _end_or_log(end: ReservationEnd, *, now: datetime) -> bool:
    try:
        return retry_on_conflict(partial(_end_reservation, end, now=now))
    except (BusyError, StaleVersionError):
        return False  # others are changing it: the next pass looks again
    except UnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 -- one that can't be read must not stop the others
        fields = {"appointment_id": end.appointment_id, "error": type(error).__name__}
        logger.error("reservation not ended", extra=fields)  # noqa: TRY400 -- the traceback may quote a patient
        return False


def _end_reservation(end: ReservationEnd, *, now: datetime) -> bool:
    """Cancel a reserved appointment whose time to confirm is over; return whether it was cancelled.

    One that has begun, or that nobody can confirm because no e-mails are sent any more, becomes an ordinary one.
    """
    before = repository.get_appointment(end.appointment_id)
    if before is None or before.reserved_until != end.until:
        # It was confirmed, cancelled, deleted, or has another end.
        repository.delete_reservation_end(end)
        return False
    writes = [repository.remove_reservation_end(end)]
    announcements = _announcements_of(before)
    is_ordinary = before.starts_at <= now or not are_emails_sent()
    later = None if is_ordinary else _later_end(announcements, now=now)
    if is_ordinary or later is not None:
        after = replace(before, reserved_until=later)
        services.store_changes(before, after, None, writes=writes, now=now)
        return False
    after = before.with_status(AppointmentStatus.CANCELLED)
    # Where no announcement could be delivered, another e-mail would only fail as well.
    is_reachable = not announcements or any(
        each.status is not MessageStatus.FAILED for each in announcements
    )
    services.store_changes(before, after, EXPIRY, writes=writes, is_announced=is_reachable, now=now)
    return True


def _announcements_of(appointment: Appointment) -> list[Message]:
    """Return the e-mails that have the link to confirm the appointment as it is now."""
    return [
        each
        for each in list_messages_of(record_type=RECORD_TYPE, record_id=appointment.id)
        if each.event in ANNOUNCEMENTS
        and each.recipient == appointment.patient_email
        and each.content.get("starts_at") == to_iso(appointment.starts_at)
    ]


def _later_end(announcements: Sequence[Message], *, now: datetime) -> datetime | None:
    """Return a later end, if the patient had too little time since the link was sent; None if they had enough.

    They have `confirmation_grace` from when the mail server accepted the latest e-mail. While one may still be
    delivered, the reservation waits, too.
    """
    grace = clinic.confirmation_grace()
    sent_at = [each.sent_at for each in announcements if each.sent_at is not None]
    if sent_at:
        end = max(sent_at) + grace
        return end if end > now else None
    return now + grace if any(map(_is_undelivered, announcements)) else None


def _is_undelivered(message: Message) -> bool:
    """Whether the patient has perhaps no link through a fault of ours: it waits, is uncertain, or the server was away.

    An address that the mail server refuses is the booking's own fault: nobody can confirm it.
    """
    if message.status is MessageStatus.FAILED:
        is_tried_out = message.attempts >= settings.EMAIL_MAX_ATTEMPTS
        return is_tried_out and not message.is_recipient_refused
    return message.status in {*UNFINISHED, MessageStatus.UNCERTAIN}
