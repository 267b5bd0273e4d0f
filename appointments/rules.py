"""Business rules of appointments: what status, time, opening hours and other bookings allow."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from appointments import availability, clinic
from appointments.domain import (
    TRANSITIONS,
    Appointment,
    AppointmentStatus,
    DoctorDay,
    doctor_key,
    is_free_on_all,
)
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentStatusError,
    OutsideOpeningHoursError,
    SlotTakenError,
)


def ensure_cancellable(appointment: Appointment) -> None:
    """Raise unless the appointment can be cancelled.

    Raises:
        AppointmentAlreadyCancelledError: it is cancelled.
        AppointmentClosedError: it is completed.

    """
    if appointment.status is AppointmentStatus.CANCELLED:
        raise AppointmentAlreadyCancelledError(appointment_id=appointment.id)
    if not appointment.can_become(AppointmentStatus.CANCELLED):
        raise AppointmentClosedError(appointment_id=appointment.id, status=appointment.status.value)


def ensure_not_closed(appointment: Appointment, *, now: datetime) -> None:
    """Raise `AppointmentClosedError` if the appointment is cancelled, completed or has started."""
    if not appointment.is_open or appointment.starts_at <= now:
        raise AppointmentClosedError(appointment_id=appointment.id, status=appointment.status.value)


def ensure_bookable_time(wanted: Appointment, *, now: datetime) -> None:
    """Raise unless the wanted time is in the future and within the opening hours.

    Raises:
        AppointmentInThePastError: it has passed.
        OutsideOpeningHoursError: the clinic is closed for some of it.

    """
    if wanted.starts_at <= now:
        raise AppointmentInThePastError(starts_at=wanted.starts_at)
    if not clinic.opening_hours().cover(wanted.interval, clinic.time_zone()):
        raise OutsideOpeningHoursError(
            opening_hours=settings.CLINIC_OPENING_HOURS,
            alternatives=availability.list_alternatives(wanted, now=now),
        )


def ensure_slot_free(
    wanted: Appointment, doctor_days: Iterable[DoctorDay], *, now: datetime
) -> None:
    """Raise `SlotTakenError` if the doctor has another appointment at the wanted time."""
    doctor = doctor_key(wanted.doctor_name)
    days = [day for day in doctor_days if day.doctor == doctor]
    if not is_free_on_all(days, wanted.interval, except_for=wanted.id):
        raise SlotTakenError(
            doctor=wanted.doctor_name,
            alternatives=availability.list_alternatives(wanted, now=now),
        )


def change_status(appointment: Appointment, status: AppointmentStatus) -> Appointment:
    """Return the appointment with a status that may follow the current one, or is the current one.

    Raises:
        AppointmentAlreadyCancelledError, AppointmentClosedError: it can't be cancelled.
        AppointmentStatusError: another status can't follow.

    """
    if status is appointment.status:
        return appointment
    if status is AppointmentStatus.CANCELLED:
        ensure_cancellable(appointment)
    if not appointment.can_become(status):
        allowed = sorted(each.value for each in TRANSITIONS[appointment.status])
        raise AppointmentStatusError(
            status=appointment.status.value, wanted=status.value, allowed=allowed
        )
    return appointment.with_status(status)
