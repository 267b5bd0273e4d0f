"""What can be done with appointments. The three doors (REST, staff, voice) call these only.

All are synchronous and wait for DynamoDB. The time and the token come from the door. Each raises
`UnavailableError` when DynamoDB doesn't serve, besides what its docstring names.

Theory. Each change is an attempt that reads the doctor's days, decides, and writes on the condition
that nothing it read has changed; if something has, the attempt is made again on what is there now.
So of fifty who want one time at once, one gets it and the others are told that it's taken.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from appointments import repository
from appointments.domain import (
    LONGEST_MIN,
    SHORTEST_MIN,
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    DoctorDay,
    Span,
    all_free,
    day_of,
    days_of,
    doctor_key,
    doctors_meant,
    free_starts,
    nearest,
    rewritten,
    span_of_day,
)
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentNotFoundError,
    DoctorNotFoundError,
    SlotTakenError,
)
from common.contact import clean_email, clean_name
from common.errors import IdentityMissingError, InvalidFieldError
from common.idempotency import Claim, claim
from common.identity import Caller, says_something
from common.ids import speakable_id
from common.instants import to_ms
from common.races import settle


def list_appointments(*, limit: int = 100) -> list[Appointment]:
    """Return up to `limit` appointments, the latest in time first."""
    return repository.latest_appointments(limit)


def appointments_on(*, day: date) -> list[Appointment]:
    """Return the appointments that start on the clinic's `day`, in order of time."""
    return repository.appointments_within(span_of_day(day, _zone()))


def get_appointment(*, appointment_id: str) -> Appointment:
    """Return an appointment, for somebody who may see all.

    Raises:
        AppointmentNotFoundError: there is none.

    """
    appointment = repository.appointment_by_id(appointment_id)
    if appointment is None:
        raise AppointmentNotFoundError(appointment_id=appointment_id)
    return appointment


def look_up_appointment(*, appointment_id: str, caller: Caller) -> Appointment:
    """Return the caller's appointment.

    Raises:
        IdentityMissingError: the caller gave no name.
        AppointmentNotFoundError: there is none, or it isn't theirs.

    """
    if not says_something(caller):
        raise IdentityMissingError
    appointment = get_appointment(appointment_id=appointment_id)
    if not appointment.belongs_to(caller):
        raise AppointmentNotFoundError(appointment_id=appointment_id)
    return appointment


def book_appointment(  # noqa: PLR0913 -- an appointment has that many parts, all named
    *,
    patient_name: str,
    patient_email: str,
    doctor_name: str,
    starts_at: datetime,
    duration_min: int,
    kind: AppointmentKind,
    notes: str = "",
    token: str,
    now: datetime,
) -> Appointment:
    """Book a time and return the appointment; the same token again returns what it became since.

    Raises:
        InvalidFieldError, AppointmentInThePastError: it can't be an appointment.
        DoctorNotFoundError: nobody, or more than one, of the doctors is meant.
        SlotTakenError: the doctor has another appointment then.
        IdempotencyConflictError: the token came with another appointment before.
        AppointmentNotFoundError: the token's appointment was deleted meanwhile.

    """
    wanted = Appointment(
        id="",
        patient_name=clean_name(patient_name, field="patient_name"),
        patient_email=clean_email(patient_email, field="patient_email"),
        doctor_name=_doctor(doctor_name),
        starts_at=to_ms(starts_at),
        duration_min=_checked_duration(duration_min),
        kind=kind,
        status=AppointmentStatus.SCHEDULED,
        notes=notes.strip(),
        created_at=to_ms(now),
        updated_at=to_ms(now),
    )
    request = replace(wanted, created_at=None, updated_at=None)
    this_request = claim(token=token, request={"appointment": str(request)}, now=now)
    return settle(lambda: _book(wanted, this_request, now=now))


def _book(wanted: Appointment, this_request: Claim, *, now: datetime) -> Appointment:
    # The days are read before the token: if what takes the time is an earlier try of this very
    # request, its token was stored with it, and is seen.
    days = _days(wanted.doctor_name, [wanted.span])
    if made := repository.appointment_made_by(this_request):
        return get_appointment(appointment_id=made)
    _refuse_the_past(wanted.starts_at, now)
    _refuse_if_taken(wanted, days, now)
    booked = replace(wanted, id=speakable_id())
    repository.add_appointment(booked, rewritten(days, booked, _zone()), this_request)
    return booked


def move_appointment(
    *, appointment_id: str, caller: Caller, starts_at: datetime, now: datetime
) -> Appointment:
    """Move the caller's appointment, same doctor and length, and return it.

    Raises:
        IdentityMissingError, AppointmentNotFoundError: as for looking it up.
        AppointmentClosedError: it is cancelled, completed or over.
        AppointmentInThePastError: the new time has passed.
        SlotTakenError: the doctor has another appointment then.
        StaleVersionError: others kept changing it.

    """

    def attempt() -> Appointment:
        before = look_up_appointment(appointment_id=appointment_id, caller=caller)
        _refuse_if_closed(before, now)
        after = before.moved(to_ms(starts_at), now=now)
        _refuse_the_past(after.starts_at, now)
        return _change(before, after, now)

    return settle(attempt)


def cancel_appointment(*, appointment_id: str, caller: Caller, now: datetime) -> Appointment:
    """Cancel the caller's appointment, give its time back, and return it.

    Raises:
        IdentityMissingError, AppointmentNotFoundError: as for looking it up.
        AppointmentAlreadyCancelledError: it was cancelled before.
        AppointmentClosedError: it is completed or over.
        StaleVersionError: others kept changing it.

    """

    def attempt() -> Appointment:
        before = look_up_appointment(appointment_id=appointment_id, caller=caller)
        if before.status is AppointmentStatus.CANCELLED:
            raise AppointmentAlreadyCancelledError(appointment_id=appointment_id)
        _refuse_if_closed(before, now)
        return _change(before, before.becoming(AppointmentStatus.CANCELLED, now=now), now)

    return settle(attempt)


def free_slots(*, doctor_name: str, day: date, duration_min: int, now: datetime) -> list[datetime]:
    """Return the free starts of a doctor on the clinic's `day`, aware, in the clinic's time.

    Raises:
        DoctorNotFoundError: nobody, or more than one, of the doctors is meant.
        InvalidFieldError: nothing lasts that long.

    """
    return _offers(_doctor(doctor_name), day, _checked_duration(duration_min), now)


# --- One change of an appointment that is there


def _change(before: Appointment, after: Appointment, now: datetime) -> Appointment:
    days = _days(before.doctor_name, [before.span, after.span])
    if after.holds_its_time:
        _refuse_if_taken(after, days, now)
    repository.change_appointment(
        after, rewritten(days, after, _zone()), unchanged_since=before.updated_at
    )
    return after


# --- Rules


def _refuse_the_past(starts_at: datetime, now: datetime) -> None:
    if starts_at <= now:
        raise AppointmentInThePastError(starts_at=starts_at)


def _refuse_if_closed(appointment: Appointment, now: datetime) -> None:
    if not appointment.holds_its_time or appointment.starts_at <= now:
        raise AppointmentClosedError(appointment_id=appointment.id, status=appointment.status.value)


def _refuse_if_taken(wanted: Appointment, days: Iterable[DoctorDay], now: datetime) -> None:
    if all_free(days, wanted.span, except_for=wanted.id):
        return
    day = day_of(wanted.starts_at, _zone())
    starts = _offers(wanted.doctor_name, day, wanted.duration_min, now)
    raise SlotTakenError(doctor=wanted.doctor_name, alternatives=nearest(starts, wanted.starts_at))


def _checked_duration(duration_min: int) -> int:
    if not SHORTEST_MIN <= duration_min <= LONGEST_MIN:
        raise InvalidFieldError(field="duration")
    return duration_min


def _doctor(said: str) -> str:
    """Return the one name under which this doctor is stored."""
    tidy = clean_name(said, field="doctor_name")
    known = settings.CLINIC_DOCTORS
    if not doctor_key(tidy):
        raise DoctorNotFoundError(doctors=list(known))
    if not known:
        return tidy
    match doctors_meant(tidy, known):
        case [one]:
            return one
        case meant:
            raise DoctorNotFoundError(doctors=meant or list(known))


# --- The clinic


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.CLINIC_TIME_ZONE)


def _days(doctor_name: str, spans: Iterable[Span]) -> list[DoctorDay]:
    touched = [day for span in spans for day in days_of(span, _zone())]
    return repository.doctor_days(doctor_key(doctor_name), touched)


def _offers(doctor_name: str, day: date, duration_min: int, now: datetime) -> list[datetime]:
    days = _days(doctor_name, [span_of_day(day, _zone())])
    return list(free_starts(day, days, duration_min=duration_min, now=now, zone=_zone()))
