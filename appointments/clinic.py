"""The clinic as the settings describe it: its time zone, opening hours, slots and doctors."""

from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings

from appointments.domain import doctor_key, match_doctors
from appointments.errors import DoctorNotFoundError
from appointments.opening_hours import OpeningHours, SlotGrid
from common.contact import clean_name
from common.identity.verification import FactorRule


def time_zone() -> ZoneInfo:
    """Return the clinic's time zone."""
    return ZoneInfo(settings.CLINIC_TIME_ZONE)


def opening_hours() -> OpeningHours:
    """Return the clinic's opening hours."""
    return _parse_opening_hours(settings.CLINIC_OPENING_HOURS)


def slot_grid() -> SlotGrid:
    """Return the times at which appointments start."""
    step = timedelta(minutes=settings.CLINIC_SLOT_MINUTES)
    return SlotGrid(opening_hours=opening_hours(), step=step, time_zone=time_zone())


def booking_horizon() -> timedelta:
    """Return how far ahead appointments may be booked."""
    return timedelta(days=settings.BOOKING_HORIZON_DAYS)


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


def resolve_doctor(name: str) -> str:
    """Return the name under which the doctor that `name` refers to is stored.

    If the settings name no doctors, any name with more than a title is a doctor's.

    Raises:
        InvalidFieldError: it can't be a name.
        DoctorNotFoundError: it refers to no doctor of the clinic, or to more than one.

    """
    cleaned = clean_name(name, field="doctor_name")
    doctors = settings.CLINIC_DOCTORS
    if not doctor_key(cleaned):
        raise DoctorNotFoundError(doctors=list(doctors))
    if not doctors:
        return cleaned
    match match_doctors(cleaned, doctors):
        case [doctor]:
            return doctor
        case matches:
            raise DoctorNotFoundError(doctors=matches or list(doctors))
