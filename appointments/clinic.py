"""The clinic as the settings describe it: its time zone, opening hours and slots."""

from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings

from appointments.opening_hours import Hours, OpeningHours, SlotGrid
from common.identity.verification import FactorRule

LONGEST_GRACE = timedelta(minutes=30)


def time_zone() -> ZoneInfo:
    """Return the clinic's time zone."""
    return ZoneInfo(settings.CLINIC_TIME_ZONE)


def opening_hours() -> OpeningHours:
    """Return the clinic's opening hours; a professional may have others."""
    return _parse_opening_hours(settings.CLINIC_OPENING_HOURS)


def initial_doctors() -> list[str]:
    """Return the professionals that there are until staff store others."""
    return list(settings.CLINIC_DOCTORS)


def slot_grid(hours: Hours) -> SlotGrid:
    """Return the times within `hours` at which appointments start."""
    step = timedelta(minutes=settings.CLINIC_SLOT_MINUTES)
    return SlotGrid(hours=hours, step=step, time_zone=time_zone())


def booking_horizon() -> timedelta:
    """Return how far ahead appointments may be booked."""
    return timedelta(days=settings.BOOKING_HORIZON_DAYS)


def confirmation_grace() -> timedelta:
    """Return how long patients have at least to confirm a reserved appointment, once they have the link."""
    half = timedelta(minutes=settings.VOICE_BOOKING_HOLD_MINUTES) / 2
    return min(LONGEST_GRACE, half) if half else LONGEST_GRACE


def allows_patient_overlap() -> bool:
    """Whether a patient may have appointments with two doctors at one time."""
    return bool(settings.PATIENT_OVERLAP == "allow")


def change_rule() -> FactorRule:
    """Return which factors a customer needs to cancel or move an appointment."""
    return FactorRule(settings.APPOINTMENT_PROOF)


def gives_codes() -> bool:
    """Whether a new appointment gets a code that is needed to cancel or move it."""
    return change_rule() is FactorRule.CODE


_parse_opening_hours = cache(OpeningHours.parse)
