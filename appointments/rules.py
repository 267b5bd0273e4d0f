"""Business rules of appointments: what status, time, opening hours and other bookings allow."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from appointments import availability, clinic
from appointments.domain import (
    TRANSITIONS,
    Appointment,
    AppointmentStatus,
    CalendarDay,
    CalendarKind,
    exists_on_clock,
    is_free_on_all,
    local_day,
)
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentStatusError,
    AppointmentTooFarError,
    NonexistentTimeError,
    NotASlotError,
    OutsideOpeningHoursError,
    PatientBusyError,
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


def ensure_time_exists(starts_at: datetime, wanted: Appointment, *, now: datetime) -> None:
    """Raise `NonexistentTimeError` if the clocks of the clinic skip the local time `starts_at`.

    Args:
        starts_at: The start as it was requested, with its time zone.
        wanted: The appointment at the instant that follows instead.
        now: The current time.

    """
    if not exists_on_clock(starts_at):
        raise NonexistentTimeError(alternatives=availability.list_alternatives(wanted, now=now))


def ensure_bookable_time(wanted: Appointment, *, is_new_start: bool = True, now: datetime) -> None:
    """Raise unless the wanted time is one of the clinic's: future, not too far, open, a slot.

    Args:
        wanted: The appointment as it is to be stored.
        is_new_start: Whether its start differs from the stored one; an old start may be no slot.
        now: The current time.

    Raises:
        AppointmentInThePastError: it has passed.
        AppointmentTooFarError: it is beyond the booking horizon.
        OutsideOpeningHoursError: the clinic is closed for some of it.
        NotASlotError: appointments don't start then.

    """
    time_zone = clinic.time_zone()
    if wanted.starts_at <= now:
        raise AppointmentInThePastError(starts_at=wanted.starts_at)
    last_day = local_day(now, time_zone) + clinic.booking_horizon()
    if local_day(wanted.starts_at, time_zone) > last_day:
        raise AppointmentTooFarError(last_day=last_day)
    if not clinic.opening_hours().cover(wanted.interval, time_zone):
        raise OutsideOpeningHoursError(
            opening_hours=settings.CLINIC_OPENING_HOURS,
            alternatives=availability.list_alternatives(wanted, now=now),
        )
    if is_new_start and not clinic.slot_grid().has_start(wanted.starts_at):
        raise NotASlotError(
            step_minutes=settings.CLINIC_SLOT_MINUTES,
            alternatives=availability.list_alternatives(wanted, now=now),
        )


def ensure_slot_free(
    wanted: Appointment, calendar_days: Iterable[CalendarDay], *, now: datetime
) -> None:
    """Raise unless doctor and patient are free at the wanted time.

    Raises:
        SlotTakenError: the doctor has another appointment then.
        PatientBusyError: the patient has, which the setting `PATIENT_OVERLAP` may allow.

    """
    busy = {
        day.calendar.kind
        for day in calendar_days
        if day.calendar in wanted.calendars
        and not is_free_on_all([day], wanted.interval, except_for=wanted.id)
    }
    if CalendarKind.DOCTOR in busy:
        raise SlotTakenError(
            doctor=wanted.doctor_name,
            alternatives=availability.list_alternatives(wanted, now=now),
        )
    if CalendarKind.PATIENT in busy and not clinic.allows_patient_overlap():
        raise PatientBusyError(alternatives=availability.list_alternatives(wanted, now=now))


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
