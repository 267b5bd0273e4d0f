"""Reserved appointments: the worker cancels those that nobody has confirmed in time.

A reserved appointment is a scheduled one with `reserved_until`; its time is booked like any other's. Confirming
it is an ordinary change of the appointment, as is cancelling it here: both are written on the condition that the
appointment has the version that was read. So of a link, staff and several workers at once the first one wins, and
the others decide again on what is stored then.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings

from appointments import repository, services
from appointments.domain import Appointment, AppointmentStatus, ReservationEnd
from appointments.mail_events import RECORD_TYPE, MailEvent
from common.dynamodb.retries import retry_on_conflict
from common.errors import BusyError, UnavailableError
from common.record_changes import EXPIRY
from common.timestamps import to_iso, truncate_to_ms
from notifications.domain import UNFINISHED
from notifications.services import list_messages_of

logger = logging.getLogger(__name__)

MAX_ENDED = 200
"""So many reservations one pass looks at; the next one follows within a minute."""
LONGEST_GRACE = timedelta(minutes=30)
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
    except BusyError:
        return False  # others are changing it: the next pass looks again
    except UnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 -- one that can't be read must not stop the others
        fields = {"appointment_id": end.appointment_id, "error": type(error).__name__}
        logger.error("reservation not ended", extra=fields)  # noqa: TRY400 -- the traceback may quote a patient
        return False


def _end_reservation(end: ReservationEnd, *, now: datetime) -> bool:
    """Cancel a reserved appointment whose time to confirm is over; return whether it was cancelled."""
    before = repository.get_appointment(end.appointment_id)
    if before is None or before.reserved_until != end.until:
        repository.delete_reservation_end(
            end
        )  # it was confirmed, cancelled, deleted, or has another end
        return False
    writes = [repository.remove_reservation_end(end)]
    later = _fair_end(before, now=now)
    if later is None:
        after = before.with_status(AppointmentStatus.CANCELLED)
        services.store_changes(before, after, EXPIRY, writes=writes, now=now)
        return True
    after = replace(before, reserved_until=later).reserved_no_later_than_start()
    if after.reserved_until is not None:
        next_end = ReservationEnd(appointment_id=before.id, until=after.reserved_until)
        writes.append(repository.add_reservation_end(next_end))
    services.store_changes(before, after, None, writes=writes, now=now)
    return False


def _fair_end(appointment: Appointment, *, now: datetime) -> datetime | None:
    """Return a later end, if the patient had too little time since the link was sent; None if they had enough.

    They get half of `VOICE_BOOKING_HOLD_MINUTES`, and at most `LONGEST_GRACE`, from when the mail server accepted
    the e-mail. While the e-mail waits, the reservation does, too. An e-mail that was refused for good prolongs
    nothing: nobody can confirm by it, and staff see it.
    """
    duration = timedelta(minutes=settings.VOICE_BOOKING_HOLD_MINUTES)
    grace = min(LONGEST_GRACE, duration / 2) if duration else LONGEST_GRACE
    announcements = [
        each
        for each in list_messages_of(record_type=RECORD_TYPE, record_id=appointment.id)
        if each.event in ANNOUNCEMENTS
        and each.recipient == appointment.patient_email
        and each.content.get("starts_at") == to_iso(appointment.starts_at)
    ]
    sent_at = [each.sent_at for each in announcements if each.sent_at is not None]
    if sent_at:
        end = min(sent_at) + grace
        return end if end > now else None
    is_waiting = any(each.status in UNFINISHED for each in announcements)
    return now + grace if is_waiting else None
