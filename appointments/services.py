"""What can be done with appointments. The three doors (REST, staff, voice) call these only.

All are synchronous and wait for DynamoDB. The time and the token come from the door. Each raises
`UnavailableError` when DynamoDB doesn't serve, besides what its docstring names.

Theory. Each change is an attempt that reads the doctor's days, decides, and writes on the condition
that nothing it read has changed; if something has, the attempt is made again on what is there now.
So of fifty who want one time at once, one gets it and the others are told that it's taken.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.conf import settings

from appointments import clinic, repository
from appointments.domain import (
    Appointment,
    AppointmentChanges,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
    Span,
    doctors_meant,
    rewritten,
    span_of_day,
)
from appointments.errors import (
    AppointmentNotFoundError,
)
from appointments.rules import (
    refuse_an_impossible_time,
    refuse_if_closed,
    refuse_if_taken,
    refuse_unless_cancellable,
    with_status,
)
from appointments.validation import (
    CLEANED,
    FIRST_DAY,
    LAST_DAY,
    validate_day,
    validate_duration,
    validate_notes,
    validate_start,
)
from common.contact import clean_email, clean_name
from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.errors import IdentityMissingError
from common.idempotency import IdempotentRequest, idempotent_request
from common.identity.lockout import verify_or_count_failure
from common.identity.verification import Caller, Customer, Staff, offers_proof
from common.ids import speakable_id
from common.partial_updates import provided_fields
from common.timestamps import truncate_to_ms

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
    meanwhile. It shows keys: a door that hands it out seals it (`common.rest.cursors`). Where a patient
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
    """Return the caller's appointment. Wrong proofs are counted, see `common.identity.lockout`.

    Raises:
        IdentityMissingError: the caller gave no name.
        AppointmentNotFoundError: there is none, it isn't theirs, or it is locked after wrong proofs.

    """
    if not offers_proof(caller):
        raise IdentityMissingError
    there = repository.appointment_by_id(appointment_id)
    proven = there is not None and there.belongs_to(caller)
    may_go_on = verify_or_count_failure(
        caller, kind="appointment", record_id=appointment_id, proven=proven, now=now
    )
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
        starts_at=validate_start(starts_at),
        duration_min=validate_duration(duration_min),
        kind=kind,
        status=AppointmentStatus.SCHEDULED,
        notes=validate_notes(notes),
        created_at=truncate_to_ms(now),
        updated_at=truncate_to_ms(now),
    )
    request = replace(wanted, created_at=None, updated_at=None)
    this_request = idempotent_request(token=token, request={"appointment": str(request)}, now=now)
    return retry_on_conflict(lambda: _book(wanted, this_request, now=now))


def _book(wanted: Appointment, this_request: IdempotentRequest, *, now: datetime) -> Appointment:
    # The days are read before the token: if what takes the time is an earlier try of this very
    # request, its token was stored with it, and is seen.
    days = clinic.doctor_days(wanted)
    if made := repository.appointment_made_by(this_request):
        return get_appointment(appointment_id=made)
    refuse_an_impossible_time(wanted, now)
    refuse_if_taken(wanted, days, now)
    booked = replace(wanted, id=speakable_id())
    repository.add_appointment(booked, rewritten(days, booked, clinic.zone()), this_request)
    return booked


def move_appointment(
    *,
    appointment_id: str,
    caller: Caller,
    starts_at: datetime,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> Appointment:
    """Move the caller's appointment, same doctor and length, and return it.

    To its own time it needn't be moved: nothing is written. `unchanged_since` is the `updated_at`
    on which the move was decided; None takes what is there.

    Raises:
        IdentityMissingError, AppointmentNotFoundError: as for looking it up.
        AppointmentClosedError: it is cancelled, completed or over.
        AppointmentInThePastError, OutsideOpeningHoursError: nobody can have the new time.
        SlotTakenError: the doctor has another appointment then.
        StaleVersionError: it was changed since, or others kept changing it.

    """

    def attempt() -> Appointment:
        before = look_up_appointment(appointment_id=appointment_id, caller=caller, now=now)
        refuse_if_stale(before.updated_at, unchanged_since)
        refuse_if_closed(before, now)
        return _change(before, before.moved(validate_start(starts_at)), now)

    return retry_on_conflict(attempt)


def cancel_appointment(
    *,
    appointment_id: str,
    caller: Caller,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> Appointment:
    """Cancel the caller's appointment, give its time back, and return it.

    One whose time has come is staff's to cancel: the patient didn't show up. `unchanged_since` is
    the `updated_at` on which it was decided; None takes what is there.

    Raises:
        IdentityMissingError, AppointmentNotFoundError: as for looking it up.
        AppointmentAlreadyCancelledError: it was cancelled before.
        AppointmentClosedError: it is completed, or it is over and the caller a customer.
        StaleVersionError: it was changed since, or others kept changing it.

    """

    def attempt() -> Appointment:
        before = look_up_appointment(appointment_id=appointment_id, caller=caller, now=now)
        refuse_if_stale(before.updated_at, unchanged_since)
        refuse_unless_cancellable(before)
        if isinstance(caller, Customer):
            refuse_if_closed(before, now)
        return _change(before, before.becoming(AppointmentStatus.CANCELLED), now)

    return retry_on_conflict(attempt)


def free_slots(*, doctor_name: str, day: date, duration_min: int, now: datetime) -> list[datetime]:
    """Return the free starts of a doctor on the clinic's `day`, aware, in the clinic's time.

    Raises:
        DoctorNotFoundError: nobody, or more than one, of the doctors is meant.
        InvalidFieldError: nothing lasts that long, or nobody has appointments in that year.

    """
    doctor = clinic.doctor(doctor_name)
    return clinic.offers(doctor, validate_day(day), validate_duration(duration_min), now=now)


# --- What staff do


def update_appointment(
    *,
    appointment_id: str,
    changes: AppointmentChanges,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> Appointment:
    """Change some of an appointment, for staff, and return it; what differs in nothing isn't written.

    Changes that cancel or move, and nothing else, are those verbs, and refused like them.
    `unchanged_since` is the `updated_at` on which the change was decided; None takes what is there.

    Raises:
        AppointmentNotFoundError: there is none.
        StaleVersionError: it was changed since; its data tells the current version.
        AppointmentStatusError: the status can't follow the present one.
        AppointmentAlreadyCancelledError, AppointmentClosedError: it can't be cancelled.
        AppointmentClosedError: its time is to change, but it is cancelled, completed or over.
        AppointmentInThePastError, OutsideOpeningHoursError, SlotTakenError: nobody can have that time.
        InvalidFieldError, DoctorNotFoundError: it can't be an appointment.

    """
    new = provided_fields(changes)
    if new == {"status": AppointmentStatus.CANCELLED}:
        return cancel_appointment(
            appointment_id=appointment_id, caller=Staff(), unchanged_since=unchanged_since, now=now
        )
    if new.keys() == {"starts_at"}:
        return move_appointment(
            appointment_id=appointment_id,
            caller=Staff(),
            starts_at=new["starts_at"],
            unchanged_since=unchanged_since,
            now=now,
        )

    def attempt() -> Appointment:
        before = get_appointment(appointment_id=appointment_id)
        refuse_if_stale(before.updated_at, unchanged_since)
        return _change(before, _changed(before, new), now)

    return retry_on_conflict(attempt)


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

    retry_on_conflict(attempt)


def _changed(before: Appointment, new: Mapping[str, Any]) -> Appointment:
    # What stays isn't judged: a doctor may have left the clinic.
    other = {name: said for name, said in new.items() if said != getattr(before, name)}
    clean = {name: CLEANED[name](said) for name, said in other.items()}
    status = clean.pop("status", before.status)
    return with_status(replace(before, **clean), status)


def _has_other_time(before: Appointment, after: Appointment) -> bool:
    return (before.span, before.doctor_name) != (after.span, after.doctor_name)


# --- One change of an appointment that is there


def _change(before: Appointment, after: Appointment, now: datetime) -> Appointment:
    """Store what an appointment has become, as a new version; where it is as it was, write nothing."""
    if after == before:
        return before
    has_other_time = _has_other_time(before, after)
    if has_other_time:
        refuse_if_closed(before, now)
        refuse_an_impossible_time(after, now)
    days = clinic.doctor_days(before, after)
    if has_other_time and after.holds_its_time:
        refuse_if_taken(after, days, now)
    after = after.renewed(now=now)
    repository.change_appointment(
        after, rewritten(days, after, clinic.zone()), unchanged_since=before.updated_at
    )
    return after
