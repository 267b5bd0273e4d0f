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

from django.conf import settings

from appointments import clinic, repository
from appointments.domain import (
    MOVES,
    Appointment,
    AppointmentChanges,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
    DoctorDay,
    Span,
    all_free,
    doctor_key,
    doctors_meant,
    rewritten,
    span_of_day,
)
from appointments.errors import (
    AppointmentAlreadyCancelledError,
    AppointmentClosedError,
    AppointmentInThePastError,
    AppointmentNotFoundError,
    AppointmentStatusError,
    OutsideOpeningHoursError,
    SlotTakenError,
)
from appointments.parts import (
    CLEANED,
    FIRST_DAY,
    LAST_DAY,
    checked_duration,
    checked_notes,
    checked_start,
)
from common.changes import given
from common.contact import clean_email, clean_name
from common.errors import IdentityMissingError
from common.idempotency import Claim, claim
from common.identity import Caller, says_something
from common.ids import speakable_id
from common.instants import to_ms
from common.paging import Page
from common.proofs import admits
from common.races import refuse_if_stale, settle

MANY = 500


def list_appointments(*, limit: int = 100) -> list[Appointment]:
    """Return up to `limit` appointments, the latest in time first."""
    query = AppointmentQuery(latest_first=True)
    return find_appointments(query=query, limit=limit).items


def appointments_on(*, day: date) -> list[Appointment]:
    """Return the appointments that start on the clinic's `day`, in order of time."""
    found: list[Appointment] = []
    page = find_appointments(query=AppointmentQuery(day=day), limit=MANY)
    while True:
        found += page.items
        if page.cursor is None:
            return found
        page = find_appointments(query=AppointmentQuery(day=day), cursor=page.cursor, limit=MANY)


def find_appointments(
    *, query: AppointmentQuery, cursor: str | None = None, limit: int = 100
) -> Page[Appointment]:
    """Return up to `limit` of the appointments that match, in order of time.

    The page's cursor, given back with the same query, goes on from there, whatever was stored
    meanwhile. It shows keys: a door that hands it out seals it (`common.cursors`). Where a patient
    or doctor is asked for besides something else, a page may be short and yet not the last.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    tidy = _tidied(query)
    return repository.appointments_matching(tidy, _span(tidy), limit=limit, cursor=cursor)


def count_appointments(*, query: AppointmentQuery, up_to: int = 1000) -> int:
    """Return how many appointments match, by counting in the index; `up_to` means that many or more."""
    tidy = _tidied(query)
    return repository.number_of_appointments(tidy, _span(tidy), up_to=up_to)


def _tidied(query: AppointmentQuery) -> AppointmentQuery:
    """Return the query with the names as they are stored; a doctor nobody knows stays as said."""
    if query.patient_email is not None:
        query = replace(query, patient_email=query.patient_email.strip().lower())
    if query.doctor_name is not None:
        meant = doctors_meant(query.doctor_name, settings.CLINIC_DOCTORS)
        query = replace(query, doctor_name=meant[0] if len(meant) == 1 else query.doctor_name)
    return query


def _span(query: AppointmentQuery) -> Span | None:
    first, last = query.day or query.date_from, query.day or query.date_to
    if first is None and last is None:
        return None
    zone = clinic.zone()
    return Span(
        start=span_of_day(first or FIRST_DAY, zone).start,
        end=span_of_day(last or LAST_DAY, zone).end,
    )


def get_appointment(*, appointment_id: str) -> Appointment:
    """Return an appointment, for somebody who may see all.

    Raises:
        AppointmentNotFoundError: there is none.

    """
    appointment = repository.appointment_by_id(appointment_id)
    if appointment is None:
        raise AppointmentNotFoundError(appointment_id=appointment_id)
    return appointment


def look_up_appointment(*, appointment_id: str, caller: Caller, now: datetime) -> Appointment:
    """Return the caller's appointment. Wrong proofs are counted, see `common.proofs`.

    Raises:
        IdentityMissingError: the caller gave no name.
        AppointmentNotFoundError: there is none, it isn't theirs, or it is locked after wrong proofs.

    """
    if not says_something(caller):
        raise IdentityMissingError
    there = repository.appointment_by_id(appointment_id)
    proven = there is not None and there.belongs_to(caller)
    may_go_on = admits(caller, kind="appointment", record_id=appointment_id, proven=proven, now=now)
    if there is None or not may_go_on:
        raise AppointmentNotFoundError(appointment_id=appointment_id)
    return there


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
        OutsideOpeningHoursError: the clinic is closed then.
        DoctorNotFoundError: nobody, or more than one, of the doctors is meant.
        SlotTakenError: the doctor has another appointment then.
        IdempotencyConflictError: the token came with another appointment before.
        AppointmentNotFoundError: the token's appointment was deleted meanwhile.

    """
    wanted = Appointment(
        id="",
        patient_name=clean_name(patient_name, field="patient_name"),
        patient_email=clean_email(patient_email, field="patient_email"),
        doctor_name=clinic.doctor(doctor_name),
        starts_at=checked_start(starts_at),
        duration_min=checked_duration(duration_min),
        kind=kind,
        status=AppointmentStatus.SCHEDULED,
        notes=checked_notes(notes),
        created_at=to_ms(now),
        updated_at=to_ms(now),
    )
    request = replace(wanted, created_at=None, updated_at=None)
    this_request = claim(token=token, request={"appointment": str(request)}, now=now)
    return settle(lambda: _book(wanted, this_request, now=now))


def _book(wanted: Appointment, this_request: Claim, *, now: datetime) -> Appointment:
    # The days are read before the token: if what takes the time is an earlier try of this very
    # request, its token was stored with it, and is seen.
    days = clinic.doctor_days(wanted)
    if made := repository.appointment_made_by(this_request):
        return get_appointment(appointment_id=made)
    _refuse_an_impossible_time(wanted, now)
    _refuse_if_taken(wanted, days, now)
    booked = replace(wanted, id=speakable_id())
    repository.add_appointment(booked, rewritten(days, booked, clinic.zone()), this_request)
    return booked


def move_appointment(
    *, appointment_id: str, caller: Caller, starts_at: datetime, now: datetime
) -> Appointment:
    """Move the caller's appointment, same doctor and length, and return it.

    Raises:
        IdentityMissingError, AppointmentNotFoundError: as for looking it up.
        AppointmentClosedError: it is cancelled, completed or over.
        AppointmentInThePastError, OutsideOpeningHoursError: nobody can have the new time.
        SlotTakenError: the doctor has another appointment then.
        StaleVersionError: others kept changing it.

    """

    def attempt() -> Appointment:
        before = look_up_appointment(appointment_id=appointment_id, caller=caller, now=now)
        _refuse_if_closed(before, now)
        after = before.moved(checked_start(starts_at), now=now)
        _refuse_an_impossible_time(after, now)
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
        before = look_up_appointment(appointment_id=appointment_id, caller=caller, now=now)
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
    doctor = clinic.doctor(doctor_name)
    return clinic.offers(doctor, day, checked_duration(duration_min), now=now)


# --- What staff do


def update_appointment(
    *,
    appointment_id: str,
    changes: AppointmentChanges,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> Appointment:
    """Change some of an appointment, for staff, and return it.

    `unchanged_since` is the `updated_at` on which the change was decided; None takes what is there.

    Raises:
        AppointmentNotFoundError: there is none.
        StaleVersionError: it was changed since; its data tells the current version.
        AppointmentStatusError: the status can't follow the present one.
        AppointmentClosedError: its time is to change, but it is cancelled, completed or over.
        AppointmentInThePastError, OutsideOpeningHoursError, SlotTakenError: nobody can have that time.
        InvalidFieldError, DoctorNotFoundError: it can't be an appointment.

    """

    def attempt() -> Appointment:
        before = get_appointment(appointment_id=appointment_id)
        refuse_if_stale(before.updated_at, unchanged_since)
        after = _changed(before, changes, now=now)
        if _has_other_time(before, after):
            _refuse_if_closed(before, now)
            _refuse_an_impossible_time(after, now)
        return _change(before, after, now)

    return settle(attempt)


def delete_appointment(*, appointment_id: str, unchanged_since: datetime | None = None) -> None:
    """Delete an appointment, for staff, and give its time back.

    Raises:
        AppointmentNotFoundError: there is none.
        StaleVersionError: it was changed since; its data tells the current version.

    """

    def attempt() -> None:
        there = get_appointment(appointment_id=appointment_id)
        refuse_if_stale(there.updated_at, unchanged_since)
        days = [day.without(there.id) for day in clinic.doctor_days(there)]
        repository.delete_appointment(there, days, unchanged_since=there.updated_at)

    settle(attempt)


def _changed(before: Appointment, changes: AppointmentChanges, *, now: datetime) -> Appointment:
    new = given(changes)
    if new.get("doctor_name") == before.doctor_name:
        del new["doctor_name"]  # they may have left the clinic
    new = {name: CLEANED[name](value) for name, value in new.items()}
    status = new.pop("status", before.status)
    if status is not before.status and not before.may_become(status):
        allowed = sorted(each.value for each in MOVES[before.status])
        raise AppointmentStatusError(
            status=before.status.value, wanted=status.value, allowed=allowed
        )
    return replace(before, **new).becoming(status, now=now)


def _has_other_time(before: Appointment, after: Appointment) -> bool:
    return (before.span, before.doctor_name) != (after.span, after.doctor_name)


# --- One change of an appointment that is there


def _change(before: Appointment, after: Appointment, now: datetime) -> Appointment:
    days = clinic.doctor_days(before, after)
    if after.holds_its_time and _has_other_time(before, after):
        _refuse_if_taken(after, days, now)
    repository.change_appointment(
        after, rewritten(days, after, clinic.zone()), unchanged_since=before.updated_at
    )
    return after


# --- Rules


def _refuse_an_impossible_time(wanted: Appointment, now: datetime) -> None:
    if wanted.starts_at <= now:
        raise AppointmentInThePastError(starts_at=wanted.starts_at)
    if not clinic.hours().allow(wanted.span, clinic.zone()):
        raise OutsideOpeningHoursError(
            opening_hours=settings.CLINIC_OPENING_HOURS,
            alternatives=clinic.alternatives(wanted, now=now),
        )


def _refuse_if_closed(appointment: Appointment, now: datetime) -> None:
    if not appointment.holds_its_time or appointment.starts_at <= now:
        raise AppointmentClosedError(appointment_id=appointment.id, status=appointment.status.value)


def _refuse_if_taken(wanted: Appointment, days: Iterable[DoctorDay], now: datetime) -> None:
    theirs = [day for day in days if day.doctor == doctor_key(wanted.doctor_name)]
    if not all_free(theirs, wanted.span, except_for=wanted.id):
        raise SlotTakenError(
            doctor=wanted.doctor_name, alternatives=clinic.alternatives(wanted, now=now)
        )
