"""Validation of professionals and special days: returns them as they are stored, or raises."""

from collections.abc import Iterable
from dataclasses import replace

from appointments.domain import (
    FIRST_DAY,
    LAST_DAY,
    MAX_DURATION_MINUTES,
    MIN_DURATION_MINUTES,
    AppointmentKind,
    doctor_key,
)
from appointments.schedules.domain import Leave, Professional, SpecialDay
from common.contact import clean_name
from common.errors import InvalidFieldError
from common.text import has_hidden_characters

MAX_ALIASES = 20
MAX_LEAVE = 50
MAX_REASON_LENGTH = 120
MAX_PROFESSIONALS = 90
"""All of them are stored in one transaction when the first is changed."""


def clean_professional(
    professional: Professional, *, others: Iterable[Professional]
) -> Professional:
    """Return the professional as they are stored.

    Raises:
        InvalidFieldError: a field isn't valid, the name is another one's alias, or an alias is another
            one's name or alias.

    """
    others = list(others)
    name = clean_name(professional.name, field="name")
    aliases = {doctor_key(alias) for each in others for alias in each.aliases}
    if doctor_key(name) in {"", *aliases} or len(others) >= MAX_PROFESSIONALS:
        raise InvalidFieldError(field="name")
    return replace(
        professional,
        name=name,
        specialty=_clean_text(professional.specialty, field="specialty"),
        aliases=_clean_aliases(professional, others),
        leave=_clean_leaves(professional),
        durations=_clean_durations(professional),
    )


def clean_special_day(special: SpecialDay) -> SpecialDay:
    """Return the special day as it is stored.

    Raises:
        InvalidFieldError: a field isn't valid.

    """
    if not FIRST_DAY <= special.day <= LAST_DAY:
        raise InvalidFieldError(field="day")
    return replace(special, reason=_clean_text(special.reason, field="reason"))


def _clean_text(text: str, *, field: str) -> str:
    cleaned = " ".join(text.split())
    if len(cleaned) > MAX_REASON_LENGTH or has_hidden_characters(cleaned):
        raise InvalidFieldError(field=field)
    return cleaned


def _clean_aliases(professional: Professional, others: list[Professional]) -> tuple[str, ...]:
    aliases = tuple(clean_name(alias, field="aliases") for alias in professional.aliases)
    keys = [doctor_key(alias) for alias in aliases]
    others_keys = {doctor_key(name) for each in others for name in (each.name, *each.aliases)}
    if len(aliases) > MAX_ALIASES or not all(keys) or others_keys & {*keys}:
        raise InvalidFieldError(field="aliases")
    return tuple(dict.fromkeys(aliases))


def _clean_leaves(professional: Professional) -> tuple[Leave, ...]:
    if len(professional.leave) > MAX_LEAVE:
        raise InvalidFieldError(field="leave")
    return tuple(sorted(map(_clean_leave, professional.leave), key=lambda each: each.first))


def _clean_leave(leave: Leave) -> Leave:
    if not FIRST_DAY <= leave.first <= leave.last <= LAST_DAY:
        raise InvalidFieldError(field="leave")
    return replace(leave, reason=_clean_text(leave.reason, field="leave"))


def _clean_durations(professional: Professional) -> dict[AppointmentKind, int]:
    for minutes in professional.durations.values():
        if not MIN_DURATION_MINUTES <= minutes <= MAX_DURATION_MINUTES:
            raise InvalidFieldError(field="durations")
    return dict(professional.durations)
