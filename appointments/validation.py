"""Validation of single fields: each function returns the value as it is stored, or raises.

A field that can't be stored raises `InvalidFieldError`, whose `data["field"]` is the field's name in
the REST API.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

from appointments.domain import (
    FIRST_DAY,
    LAST_DAY,
    MAX_DURATION_MINUTES,
    MAX_NOTES_LENGTH,
    MIN_DURATION_MINUTES,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
)
from common.contact import clean_dni, clean_email, clean_name, clean_patient_phone, clean_text
from common.errors import InvalidFieldError
from common.timestamps import truncate_to_ms


def clean_duration(duration_min: int) -> int:
    """Return the duration in minutes, if an appointment may have it."""
    if not MIN_DURATION_MINUTES <= duration_min <= MAX_DURATION_MINUTES:
        raise InvalidFieldError(field="duration")
    return duration_min


def clean_day(day: date) -> date:
    """Return the day, if appointments may be on it."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise InvalidFieldError(field="date")
    return day


def clean_start(starts_at: datetime) -> datetime:
    """Return the start in UTC, to the millisecond, if appointments may be in its year."""
    if not FIRST_DAY.year <= starts_at.year <= LAST_DAY.year:
        raise InvalidFieldError(field="date")
    return truncate_to_ms(starts_at)


def clean_notes(notes: str) -> str:
    """Return the notes without surrounding spaces."""
    return clean_text(notes, field="notes", max_length=MAX_NOTES_LENGTH)


def clean_query(query: AppointmentQuery) -> AppointmentQuery:
    """Return the query with the patient's e-mail address as it is stored."""
    if query.patient_email is not None:
        query = replace(query, patient_email=query.patient_email.strip().lower())
    return query


_CLEANERS: Mapping[str, Callable[[Any], Any]] = {
    "patient_name": partial(clean_name, field="patient_name"),
    "patient_email": partial(clean_email, field="patient_email"),
    "doctor_name": partial(clean_name, field="doctor_name"),
    "starts_at": clean_start,
    "duration_min": clean_duration,
    "kind": AppointmentKind,
    "status": AppointmentStatus,
    "notes": clean_notes,
    "dni": clean_dni,
    "phone": partial(clean_patient_phone, field="phone"),
}


def clean_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changed fields of an appointment, each as it is stored.

    Raises:
        InvalidFieldError: a value can't be stored.

    """
    return {name: _CLEANERS[name](value) for name, value in changes.items()}
