"""What stands against a wish for an appointment: its state, the clock, the clinic's hours, another."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from appointments import clinic
from appointments.domain import (
    MOVES,
    Appointment,
    AppointmentStatus,
    DoctorDay,
    all_free,
    doctor_key,
)
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentStatusError,
    OutsideOpeningHoursError,
    SlotTakenError,
)


def with_status(appointment: Appointment, status: AppointmentStatus) -> Appointment:
    """Return the appointment with a status that may follow its own, or is its own.

    Raises:
        AppointmentAlreadyCancelledError, AppointmentClosedError: it can't be cancelled.
        AppointmentStatusError: another status can't follow.

    """
    if status is appointment.status:
        return appointment
    if status is AppointmentStatus.CANCELLED:
        refuse_unless_cancellable(appointment)
    if not appointment.may_become(status):
        allowed = sorted(each.value for each in MOVES[appointment.status])
        raise AppointmentStatusError(
            status=appointment.status.value, wanted=status.value, allowed=allowed
        )
    return appointment.becoming(status)


def refuse_unless_cancellable(appointment: Appointment) -> None:
    """Refuse to cancel what is cancelled (`AppointmentAlreadyCancelledError`) or completed (…Closed…)."""
    if appointment.status is AppointmentStatus.CANCELLED:
        raise AppointmentAlreadyCancelledError(appointment_id=appointment.id)
    if not appointment.may_become(AppointmentStatus.CANCELLED):
        raise AppointmentClosedError(appointment_id=appointment.id, status=appointment.status.value)


def refuse_if_closed(appointment: Appointment, now: datetime) -> None:
    """Refuse what is cancelled, completed or over, by `AppointmentClosedError`."""
    if not appointment.holds_its_time or appointment.starts_at <= now:
        raise AppointmentClosedError(appointment_id=appointment.id, status=appointment.status.value)


def refuse_an_impossible_time(wanted: Appointment, now: datetime) -> None:
    """Refuse a time that nobody can have: `AppointmentInThePastError`, `OutsideOpeningHoursError`."""
    if wanted.starts_at <= now:
        raise AppointmentInThePastError(starts_at=wanted.starts_at)
    if not clinic.hours().allow(wanted.span, clinic.zone()):
        raise OutsideOpeningHoursError(
            opening_hours=settings.CLINIC_OPENING_HOURS,
            alternatives=clinic.alternatives(wanted, now=now),
        )


def refuse_if_taken(wanted: Appointment, days: Iterable[DoctorDay], now: datetime) -> None:
    """Refuse a time that another appointment of the doctor has, by `SlotTakenError`."""
    theirs = [day for day in days if day.doctor == doctor_key(wanted.doctor_name)]
    if not all_free(theirs, wanted.span, except_for=wanted.id):
        raise SlotTakenError(
            doctor=wanted.doctor_name, alternatives=clinic.alternatives(wanted, now=now)
        )
