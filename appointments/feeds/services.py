"""What a feed shows: the open appointments of one professional, some days back and some weeks ahead."""

from datetime import datetime, timedelta

from appointments import clinic, repository
from appointments.domain import (
    Appointment,
    AppointmentQuery,
    AppointmentStatus,
    TimeInterval,
    local_day,
)
from appointments.feeds.addresses import is_feed_signature
from appointments.schedules.domain import Professional
from appointments.schedules.services import current_schedule

DAYS_BACK, DAYS_AHEAD = 14, 90
MAX_APPOINTMENTS = 2000
_PAGE_SIZE = 500


def find_feed(*, professional_id: str, signature: str) -> Professional | None:
    """Return the professional whose feed has this address; None if no feed has it, or not any more."""
    for professional in current_schedule().professionals:
        if professional.id == professional_id and is_feed_signature(professional, signature):
            return professional
    return None


def list_feed_appointments(*, professional: Professional, now: datetime) -> list[Appointment]:
    """Return the professional's appointments that are not cancelled, in order of time.

    They start between `DAYS_BACK` and `DAYS_AHEAD` local days from today, and are `MAX_APPOINTMENTS` at most.
    """
    time_zone = clinic.time_zone()
    today = local_day(now, time_zone)
    interval = TimeInterval(
        start=TimeInterval.of_day(today - timedelta(days=DAYS_BACK), time_zone).start,
        end=TimeInterval.of_day(today + timedelta(days=DAYS_AHEAD), time_zone).end,
    )
    query = AppointmentQuery(doctor_name=professional.name)
    found: list[Appointment] = []
    cursor: str | None = None
    while len(found) < MAX_APPOINTMENTS:
        page = repository.list_appointments(query, interval, limit=_PAGE_SIZE, cursor=cursor)
        found += [each for each in page.items if each.status is not AppointmentStatus.CANCELLED]
        cursor = page.cursor
        if cursor is None:
            break
    return found[:MAX_APPOINTMENTS]
