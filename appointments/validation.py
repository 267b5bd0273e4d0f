"""What an appointment may be made of: each part tidied as it is stored, or refused by its name."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

from appointments import clinic
from appointments.domain import (
    LONGEST_MIN,
    MAX_NOTES_LENGTH,
    SHORTEST_MIN,
    AppointmentKind,
    AppointmentStatus,
)
from common.contact import clean_email, clean_name
from common.errors import InvalidFieldError
from common.timestamps import truncate_to_ms

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)


def validate_duration(duration_min: int) -> int:
    """Return a length that an appointment can have, in minutes; refuse others as `duration`."""
    if not SHORTEST_MIN <= duration_min <= LONGEST_MIN:
        raise InvalidFieldError(field="duration")
    return duration_min


def validate_day(day: date) -> date:
    """Return a day of the clinic; refuse, as `date`, years in which nobody has an appointment."""
    # At the very ends of the calendar a day has no neighbour.
    if not FIRST_DAY <= day <= LAST_DAY:
        raise InvalidFieldError(field="date")
    return day


def validate_start(starts_at: datetime) -> datetime:
    """Return a start as it is stored; refuse, as `date`, what no `checked_day` is."""
    if not FIRST_DAY.year <= starts_at.year <= LAST_DAY.year:
        raise InvalidFieldError(field="date")
    return truncate_to_ms(starts_at)


def validate_notes(notes: str) -> str:
    """Return notes without blanks around them; refuse, as `notes`, what is too long."""
    if len(notes) > MAX_NOTES_LENGTH:
        raise InvalidFieldError(field="notes")
    return notes.strip()


CLEANED: Mapping[str, Callable[[Any], Any]] = {
    "patient_name": partial(clean_name, field="patient_name"),
    "patient_email": partial(clean_email, field="patient_email"),
    "doctor_name": clinic.doctor,
    "starts_at": validate_start,
    "duration_min": validate_duration,
    "kind": AppointmentKind,
    "status": AppointmentStatus,
    "notes": validate_notes,
}
"""What makes each of the changes what is stored, or refuses it."""
