"""Business rules of appointments: what status, time, opening hours and other bookings allow."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NoReturn

from django.conf import settings

from appointments import availability, clinic, repository
from appointments.domain import (
    TRANSITIONS,
    Appointment,
    AppointmentQuery,
    AppointmentStatus,
    CalendarDay,
    CalendarKind,
    exists_on_clock,
    is_free_on_all,
    local_day,
    local_days,
)
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentStatusError,
    AppointmentTooFarError,
    ClosedDayError,
    NewPatientsNotAcceptedError,
    NonexistentTimeError,
    NotASlotError,
    OutsideOpeningHoursError,
    PatientBusyError,
    ProfessionalAwayError,
    SlotTakenError,
    TooManyMovesError,
)
from appointments.opening_hours import covers
from appointments.schedules.domain import Professional
from appointments.schedules.services import current_schedule
from common.identity.verification import Caller, Customer
from common.record_changes import REST, ChangeOrigin
from common.site_address import has_site_url
from common.timestamps import truncate_to_ms
from notifications.services import are_emails_sent

MAX_MOVES = 5
MOVES_PERIOD = timedelta(days=1)
"""So often patients may move one appointment by voice and by links in so much time."""

MAX_EARLIER_APPOINTMENTS = 20
"""So many of a patient's appointments with a professional are read to see whether one took place."""


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


def ensure_not_moved_too_often(
    appointment: Appointment, origin: ChangeOrigin | None, *, now: datetime
) -> None:
    """Raise `TooManyMovesError` if patients have moved the appointment too often; staff may go on.

    Each move writes an e-mail to the address of the appointment, which its caller need not own.
    """
    if origin is None or origin == REST:
        return
    moves = [
        change
        for change in appointment.changes
        if change.origin != REST and "starts_at" in change.fields and change.at > now - MOVES_PERIOD
    ]
    if len(moves) >= MAX_MOVES:
        raise TooManyMovesError(appointment_id=appointment.id)


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
    """Raise unless the doctor could have an appointment then: future, not too far, at work, a slot.

    Args:
        wanted: The appointment as it is to be stored.
        is_new_start: Whether its start differs from the stored one; an old start may be no slot.
        now: The current time.

    Raises:
        AppointmentInThePastError: it has passed.
        AppointmentTooFarError: it is beyond the booking horizon.
        ClosedDayError: the clinic is closed that day.
        ProfessionalAwayError: the doctor is on leave, or doesn't work for some of it.
        OutsideOpeningHoursError: the clinic is closed for some of it.
        NotASlotError: appointments don't start then.

    """
    time_zone = clinic.time_zone()
    if wanted.starts_at <= now:
        raise AppointmentInThePastError(starts_at=wanted.starts_at)
    last_day = local_day(now, time_zone) + clinic.booking_horizon()
    if local_day(wanted.starts_at, time_zone) > last_day:
        raise AppointmentTooFarError(last_day=last_day)
    schedule = current_schedule()
    hours = schedule.hours_of(wanted.doctor_name)
    if not covers(hours, wanted.interval, time_zone):
        _refuse_time(wanted, now=now)
    if is_new_start and not clinic.slot_grid(hours).has_start(wanted.starts_at):
        raise NotASlotError(
            step_minutes=settings.CLINIC_SLOT_MINUTES,
            alternatives=availability.list_alternatives(wanted, now=now),
        )


def _refuse_time(wanted: Appointment, *, now: datetime) -> NoReturn:
    """Raise the error that says why the doctor doesn't work at the wanted time."""
    schedule, time_zone = current_schedule(), clinic.time_zone()
    alternatives = availability.list_alternatives(wanted, now=now)
    for day in local_days(wanted.interval, time_zone):
        reason = schedule.closure_on(day)
        if reason is not None:
            raise ClosedDayError(day=day, reason=reason, alternatives=alternatives)
    if covers(schedule.opening_hours, wanted.interval, time_zone) or (
        (professional := schedule.professional(wanted.doctor_name)) and professional.hours
    ):
        raise ProfessionalAwayError(doctor=wanted.doctor_name, alternatives=alternatives)
    raise OutsideOpeningHoursError(
        opening_hours=settings.CLINIC_OPENING_HOURS, alternatives=alternatives
    )


def ensure_accepts_patient(professional: Professional, wanted: Appointment) -> None:
    """Raise `NewPatientsNotAcceptedError` if the patient is new and the professional takes none.

    A patient isn't new who has or had an appointment with them, under the same e-mail address.
    """
    if professional.accepts_new_patients:
        return
    query = AppointmentQuery(
        patient_email=wanted.patient_email, doctor_name=professional.name, latest_first=True
    )
    page = repository.list_appointments(query, None, limit=MAX_EARLIER_APPOINTMENTS)
    if all(each.status is AppointmentStatus.CANCELLED for each in page.items):
        raise NewPatientsNotAcceptedError(doctor=professional.name)


def reservation_end(
    caller: Caller | None, starts_at: datetime, *, now: datetime
) -> datetime | None:
    """Return until when a new appointment waits for its patient's confirmation; None if it counts at once.

    What a customer books by voice waits `VOICE_BOOKING_HOLD_MINUTES`, if e-mails are sent whose links lead to the
    site (`SITE_URL`). One that starts before that time is over counts at once: there is no time to wait.
    """
    minutes = settings.VOICE_BOOKING_HOLD_MINUTES
    is_confirmable = are_emails_sent() and has_site_url()
    if not minutes or not isinstance(caller, Customer) or not is_confirmable:
        return None
    end = truncate_to_ms(now) + timedelta(minutes=minutes)
    return end if end < starts_at else None


def reservation_end_after_move(
    moved: Appointment, caller: Caller, *, now: datetime
) -> datetime | None:
    """Return until when an appointment that was not reserved waits for its confirmation after a move.

    Without it a caller could book a time that counts at once, and move that to any day.
    """
    return reservation_end(caller, moved.starts_at, now=now) if moved.lacks_confirmation else None


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
