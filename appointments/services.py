"""The operations on appointments, called by the REST API, the admin and the voice tools.

All are synchronous and wait for DynamoDB. The caller passes the time and the idempotency token.
Besides the errors in its docstring, each may raise `UnavailableError` if DynamoDB fails.

No doctor is booked twice for one time, however many requests come at once: each change reads the
calendar days of the doctor and of the patient, decides, and writes on the condition that nothing it read
has changed. If something has, it reads and decides again. So of fifty requests for one time one succeeds,
and the others raise `SlotTakenError`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from appointments import availability, clinic, repository
from appointments.availability import Availability, FreeStartSearch
from appointments.domain import (
    FIRST_DAY,
    LAST_DAY,
    Appointment,
    AppointmentChanges,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
    Calendar,
    DayPart,
    ReservationEnd,
    TimeInterval,
    local_day,
    update_bookings,
)
from appointments.errors import (
    AppointmentNotFoundError,
    DoctorNotFoundError,
    PatientNotFoundError,
)
from appointments.mail_events import messages_about
from appointments.opening_hours import covers
from appointments.rules import (
    change_status,
    ensure_accepts_patient,
    ensure_bookable_time,
    ensure_cancellable,
    ensure_not_closed,
    ensure_not_moved_too_often,
    ensure_slot_free,
    ensure_time_exists,
    reservation_end,
    reservation_end_after_move,
)
from appointments.schedules.domain import Professional, Schedule
from appointments.schedules.services import (
    current_schedule,
    resolve_doctor,
    resolve_professional,
    stored_schedule,
)
from appointments.validation import (
    clean_changes,
    clean_day,
    clean_duration,
    clean_notes,
    clean_query,
    clean_start,
)
from appointments.waiting_list.offers import freed_time, offer_time
from appointments.webhook_events import deletion_events, events_about
from common.contact import clean_dni, clean_email, clean_name, clean_patient_phone
from common.creations.limits import check_limits, count_creation
from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.dynamodb.transactions import Write
from common.idempotency import IdempotentRequest, idempotent_request
from common.identity.attempts import SubjectKind
from common.identity.hidden_fields import check_hidden_change
from common.identity.lockout import verify_or_count_failure
from common.identity.own_records import Contact, find_own_records
from common.identity.verification import Caller, Customer, FactorRule, Staff, factors_to_ask_for
from common.ids import record_ids_for, speakable_code, speakable_id
from common.partial_updates import provided_fields
from common.record_changes import LINK, ChangeOrigin, changed_fields, origin_of, with_change
from common.timestamps import truncate_to_ms
from webhooks.services import writes_about

ALL_APPOINTMENTS = AppointmentQuery(latest_first=True)
DAY_PAGE_SIZE = 500
MAX_OWN_READ = 25
MAX_OWN = 5
"""So many of their coming appointments a customer is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBooking:
    """A booking of a time that is held for an entry of the waiting list.

    Attributes:
        entry_id: The entry, whose hold ends with the booking.
        make_writes: Returns what is stored with the appointment, which has its id then.

    """

    entry_id: str
    make_writes: Callable[[Appointment], Sequence[Write]]


def list_appointments(
    *, query: AppointmentQuery = ALL_APPOINTMENTS, cursor: str | None = None, limit: int = 100
) -> Page[Appointment]:
    """Return up to `limit` appointments that match `query`, in order of time.

    The page's cursor, passed with the same query, returns the next page, whatever was stored
    meanwhile. It contains keys: encrypt it before it leaves the server (`common.rest.cursors`).
    A query for a patient or doctor and something else may return a short page that isn't the last.

    Raises:
        InvalidCursorError: the cursor wasn't made by this list.

    """
    query = _with_stored_doctor(clean_query(query))
    return repository.list_appointments(query, _start_interval(query), limit=limit, cursor=cursor)


def _with_stored_doctor(query: AppointmentQuery) -> AppointmentQuery:
    """Return the query with the doctor's name as it is stored; an unknown one stays as it is."""
    if query.doctor_name is None:
        return query
    matches = current_schedule().find_by_name(query.doctor_name)
    return replace(query, doctor_name=matches[0].name) if len(matches) == 1 else query


def _start_interval(query: AppointmentQuery) -> TimeInterval | None:
    """Return the interval in which the appointments of a query start, or None for any time."""
    first, last = query.day or query.date_from, query.day or query.date_to
    if first is None and last is None:
        return None
    time_zone = clinic.time_zone()
    return TimeInterval(
        start=TimeInterval.of_day(first or FIRST_DAY, time_zone).start,
        end=TimeInterval.of_day(last or LAST_DAY, time_zone).end,
    )


def list_appointments_on(*, day: date) -> list[Appointment]:
    """Return all appointments that start on a local day of the clinic, in order of time."""
    return _list_all(AppointmentQuery(day=day))


def _list_all(query: AppointmentQuery) -> list[Appointment]:
    page = list_appointments(query=query, limit=DAY_PAGE_SIZE)
    appointments = list(page.items)
    while page.cursor is not None:
        page = list_appointments(query=query, cursor=page.cursor, limit=DAY_PAGE_SIZE)
        appointments += page.items
    return appointments


def list_outside_schedule(
    *, doctor_name: str | None = None, day: date | None = None, now: datetime
) -> list[Appointment]:
    """Return open appointments at times that could not be booked now, because the schedule has changed.

    Args:
        doctor_name: The stored name of the doctor whose future appointments to look at; None for all.
        day: The local day to look at; required if there is no name.
        now: The current time.

    """
    time_zone, schedule = clinic.time_zone(), stored_schedule()
    if doctor_name is None:
        assert day is not None
        appointments = list_appointments_on(day=day)
    else:
        query = AppointmentQuery(
            doctor_name=doctor_name, day=day, date_from=None if day else local_day(now, time_zone)
        )
        appointments = _list_all(query)
    return [
        each
        for each in appointments
        if each.is_open
        and each.starts_at > now
        and not covers(schedule.hours_of(each.doctor_name), each.interval, time_zone)
    ]


def list_free_starts(
    *, doctor_name: str, day: date, duration_min: int, now: datetime
) -> list[datetime]:
    """Return a doctor's free start times on a local day of the clinic, in the clinic's time zone.

    Raises:
        DoctorNotFoundError: the name refers to no doctor, or to more than one.
        InvalidFieldError: the day or the duration isn't valid.

    """
    doctor = resolve_doctor(doctor_name)
    return availability.list_free_starts(
        [Calendar.of_doctor(doctor)], doctor, clean_day(day), clean_duration(duration_min), now=now
    )


def find_availability(  # noqa: PLR0913 -- what is searched, by keyword
    *,
    professional: str | None = None,
    specialty: str | None = None,
    first: date | None = None,
    last: date | None = None,
    day_part: DayPart | None = None,
    kind: AppointmentKind = AppointmentKind.CONSULTATION,
    duration_min: int | None = None,
    is_customer: bool = False,
    limit: int = 20,
    now: datetime,
) -> Availability:
    """Return the next free times; each of them could be booked now.

    Args:
        professional: A name that refers to one professional, or a specialty; None for anybody.
        specialty: Whose professionals to look at, if no name is given.
        first: The first local day; by default, and at the earliest, today.
        last: The last local day; by default, and at the latest, the end of the booking horizon.
        day_part: The part of the day, or None for all of it.
        kind: What the appointment is for, which may say how long it is.
        duration_min: The length in minutes, or None for that of the professional.
        is_customer: Whether a customer asks, for whom the professional's length of this type goes first.
        limit: How many times to return at most.
        now: The current time.

    Raises:
        DoctorNotFoundError: name or specialty refers to nobody, or the name to more than one.
        InvalidFieldError: a day or the duration isn't valid.

    """
    schedule = current_schedule()
    today = local_day(now, clinic.time_zone())
    horizon = today + clinic.booking_horizon()
    if duration_min is not None:
        duration_min = clean_duration(duration_min)

    def duration_of(each: Professional) -> int:
        if is_customer and kind in each.durations:
            return each.durations[kind]
        return duration_min or each.duration_of(kind)

    search = FreeStartSearch(
        professionals=_searched_professionals(schedule, professional, specialty),
        first=max(clean_day(first or today), today),
        last=min(clean_day(last or horizon), horizon),
        day_part=day_part,
        duration_of=duration_of,
        limit=limit,
    )
    return availability.find_free_starts(search, schedule, now=now)


def _searched_professionals(
    schedule: Schedule, name: str | None, specialty: str | None
) -> Sequence[Professional]:
    if name:
        name = clean_name(name, field="doctor_name")
        is_known = len(schedule.find_by_name(name)) == 1
        if not is_known and (found := schedule.find_by_specialty(name)):
            return found
        return [resolve_professional(schedule, name)]
    if specialty:
        if found := schedule.find_by_specialty(specialty):
            return found
        raise DoctorNotFoundError(doctors=[each.name for each in schedule.professionals])
    if not schedule.professionals:
        raise DoctorNotFoundError(doctors=[])
    return schedule.professionals


def get_appointment(*, appointment_id: str) -> Appointment:
    """Return the appointment with this id. For callers who may see every appointment.

    Raises:
        AppointmentNotFoundError: no appointment has this id.

    """
    appointment = repository.get_appointment(appointment_id)
    if appointment is None:
        raise AppointmentNotFoundError(appointment_id=appointment_id)
    return appointment


def look_up_appointment(*, appointment_id: str, caller: Caller, now: datetime) -> Appointment:
    """Return the caller's appointment. Failed identity checks are counted (`common.identity.lockout`).

    Args:
        appointment_id: Its number; a customer's may have any form (`common.ids.parse_record_ids`).
        caller: Who asks.
        now: The current time.

    Raises:
        IdentityMissingError: the caller gave no name.
        SecondFactorNeededError, AttemptsExceededError, AttemptTooSoonError: too many failed before.
        AppointmentNotFoundError: no appointment has this id, it isn't the caller's, or the name is
            only near; `data["ask_for"]` lists other factors that the caller could offer.

    """
    return _verified_appointment(appointment_id, caller, FactorRule.NAME, now)


def list_own_appointments(*, caller: Customer, now: datetime) -> list[Appointment]:
    """Return the caller's coming open appointments, the next one first, at most `MAX_OWN`.

    Args:
        caller: Who asks: name, and identity number or whole e-mail address.
        now: The current time.

    Raises:
        ContactNeededError: the caller gave neither an identity number nor an e-mail address.
        IdentityMissingError, AttemptsExceededError, AttemptTooSoonError: as in `look_up_appointment`.
        PatientNotFoundError: nobody of this name has or had an appointment under this contact.

    """

    def find(contact: Contact) -> list[Appointment]:
        query = AppointmentQuery(dni=contact.dni, patient_email=contact.email)
        coming = TimeInterval(start=now, end=TimeInterval.of_day(LAST_DAY, clinic.time_zone()).end)
        # An earlier appointment proves as well who the caller is: the coming ones of this contact may
        # all be somebody else's, for example a child's.
        earlier = TimeInterval(
            start=TimeInterval.of_day(FIRST_DAY, clinic.time_zone()).start, end=now
        )
        latest = replace(query, latest_first=True)
        return [
            *repository.list_appointments(query, coming, limit=MAX_OWN_READ).items,
            *repository.list_appointments(latest, earlier, limit=MAX_OWN_READ).items,
        ]

    found = find_own_records(caller, find, lambda each: each.owner, now=now)
    if not found:
        raise PatientNotFoundError
    return [each for each in found if each.is_open and each.starts_at > now][:MAX_OWN]


def _verified_appointment(
    appointment_id: str, caller: Caller, rule: FactorRule, now: datetime
) -> Appointment:
    ids = record_ids_for(appointment_id, caller)
    appointment = next(filter(None, map(repository.get_appointment, ids)), None)
    is_verified = verify_or_count_failure(
        caller,
        kind=SubjectKind.APPOINTMENT,
        record_id=appointment.id if appointment else ids[-1],
        owner=appointment.owner if appointment else None,
        rule=rule,
        now=now,
    )
    if appointment is None or not is_verified:
        raise AppointmentNotFoundError(
            appointment_id=appointment_id, ask_for=factors_to_ask_for(caller, rule)
        )
    return appointment


def book_appointment(  # noqa: PLR0913 -- the fields of an appointment, all keyword-only
    *,
    patient_name: str,
    patient_email: str,
    doctor_name: str,
    starts_at: datetime,
    duration_min: int,
    kind: AppointmentKind,
    notes: str = "",
    dni: str | None = None,
    phone: str | None = None,
    token: str,
    caller: Caller | None = None,
    origin: ChangeOrigin | None = None,
    held: HeldBooking | None = None,
    is_dry_run: bool = False,
    now: datetime,
) -> Appointment:
    """Book an appointment and return it; with a token used before, return the one it created.

    One that a customer books may be only reserved until the patient confirms it (`reservation_end`).

    Args:
        patient_name: The patient's name.
        patient_email: The patient's e-mail address.
        doctor_name: A name that refers to one doctor.
        starts_at: The start, aware.
        duration_min: The length in minutes; for a customer, the professional's for this type goes first.
        kind: What the appointment is for.
        notes: Notes for the staff.
        dni: The patient's identity number, or None.
        phone: The patient's telephone number, or None.
        token: The idempotency token, the same for each attempt of one request.
        caller: The customer who books, whose appointments are limited; None or staff aren't limited.
        origin: For the record's history; by default the call of `caller`.
        held: The hold on the time, if it is held for this patient.
        is_dry_run: Whether only to check, and to return the appointment as it would be, without an id.
        now: The current time.

    Raises:
        InvalidFieldError: a field isn't valid.
        AppointmentInThePastError, AppointmentTooFarError, NonexistentTimeError, NotASlotError,
            OutsideOpeningHoursError: the time can't be booked.
        DoctorNotFoundError: the name refers to no doctor, or to more than one.
        ClosedDayError, ProfessionalAwayError: the doctor doesn't work then.
        NewPatientsNotAcceptedError: a customer books who is a new patient, and the doctor takes none.
        SlotTakenError, PatientBusyError: doctor or patient has another appointment at that time.
        IdempotencyConflictError: the token was used for another appointment.
        AppointmentNotFoundError: the appointment that the token created was deleted.
        TooManyCreationsError: the caller has reached a limit of `common.creations.limits`.

    """
    doctor_name = clean_name(doctor_name, field="doctor_name")
    professional = resolve_professional(current_schedule(), doctor_name)
    if isinstance(caller, Customer):
        duration_min = professional.durations.get(kind, duration_min)
    wanted = Appointment(
        id="",
        patient_name=clean_name(patient_name, field="patient_name"),
        patient_email=clean_email(patient_email, field="patient_email"),
        doctor_name=professional.name,
        starts_at=clean_start(starts_at),
        duration_min=clean_duration(duration_min),
        kind=kind,
        status=AppointmentStatus.SCHEDULED,
        notes=clean_notes(notes),
        dni=clean_dni(dni),
        phone=clean_patient_phone(phone, field="phone"),
        reserved_until=reservation_end(caller, starts_at, now=now),
        created_at=truncate_to_ms(now),
        updated_at=truncate_to_ms(now),
        changes=with_change((), origin or origin_of(caller), at=truncate_to_ms(now)),
    )
    ensure_time_exists(starts_at, wanted, now=now)
    if isinstance(caller, Customer):
        ensure_accepts_patient(professional, wanted)
    content = {"appointment": str(replace(wanted, created_at=None, updated_at=None))}
    request = idempotent_request(token=token, request=content, now=now)
    return retry_on_conflict(
        lambda: _book_appointment(wanted, request, caller, held, is_dry_run=is_dry_run, now=now)
    )


def _book_appointment(
    wanted: Appointment,
    request: IdempotentRequest,
    caller: Caller | None,
    held: HeldBooking | None,
    *,
    is_dry_run: bool,
    now: datetime,
) -> Appointment:
    # The days are read before the token: if an earlier attempt of this request has booked the time, its
    # token was stored in the same transaction and is found, so the attempt doesn't conflict with itself.
    calendar_days = availability.list_calendar_days(wanted, now=now)
    if created_id := repository.get_created_appointment_id(request):
        return get_appointment(appointment_id=created_id)
    if held is not None:
        calendar_days = [day.without_hold(held.entry_id) for day in calendar_days]
    ensure_bookable_time(wanted, now=now)
    ensure_slot_free(wanted, calendar_days, now=now)
    check_or_count = check_limits if is_dry_run else count_creation
    check_or_count(caller, email=wanted.patient_email, now=now)
    if is_dry_run:
        return wanted
    code = speakable_code() if clinic.gives_codes() else None
    booked = replace(wanted, id=speakable_id(), code=code)
    updated_days = update_bookings(calendar_days, booked, clinic.time_zone())
    messages = messages_about(None, booked, now=now)
    writes = list(held.make_writes(booked)) if held else []
    writes += _writes_of_end(booked)
    writes += writes_about(events_about(None, booked), now=now)
    repository.add_appointment(booked, updated_days, request, messages, writes=writes)
    return booked


def reschedule_appointment(  # noqa: PLR0913 -- the parts of a change, by keyword
    *,
    appointment_id: str,
    caller: Caller,
    starts_at: datetime,
    unchanged_since: datetime | None = None,
    origin: ChangeOrigin | None = None,
    is_dry_run: bool = False,
    now: datetime,
) -> Appointment:
    """Move the caller's appointment to another time, same doctor and length, and return it.

    If `starts_at` is its current start, nothing is written. What a customer moves by voice may be reserved from then
    on (`reservation_end_after_move`).

    Args:
        appointment_id: The appointment to move.
        caller: Who moves it.
        starts_at: The new start, aware.
        unchanged_since: The `updated_at` that the caller saw, or None to move any version.
        origin: For the record's history; by default the call of `caller`.
        is_dry_run: Whether only to check, and to return the appointment as it would be.
        now: The current time.

    Raises:
        IdentityMissingError, AppointmentNotFoundError and the others of `look_up_appointment`;
            `APPOINTMENT_PROOF` says which factors are needed.
        AppointmentClosedError: it is cancelled, completed or has started.
        AppointmentInThePastError, AppointmentTooFarError, NonexistentTimeError, NotASlotError,
            OutsideOpeningHoursError: the new time can't be booked.
        SlotTakenError, PatientBusyError: doctor or patient has another appointment at that time.
        TooManyMovesError: its patient has moved it too often lately.
        StaleVersionError: it has another version, or every attempt met a concurrent change.

    """

    def attempt() -> Appointment:
        appointment = _verified_appointment(appointment_id, caller, clinic.change_rule(), now)
        refuse_if_stale(appointment.updated_at, unchanged_since)
        ensure_not_closed(appointment, now=now)
        ensure_not_moved_too_often(appointment, origin or origin_of(caller), now=now)
        moved = appointment.with_start(clean_start(starts_at))
        if origin == LINK:  # who has it has got the e-mail: that confirms the appointment, too
            moved = replace(moved, reserved_until=None)
        elif moved.starts_at != appointment.starts_at and not appointment.is_reserved:
            # Booked at a time before its end, it counted at once; its new time may leave time to wait.
            moved = replace(
                moved, reserved_until=reservation_end_after_move(moved, caller, now=now)
            )
        ensure_time_exists(starts_at, moved, now=now)
        return store_changes(
            appointment, moved, origin or origin_of(caller), is_dry_run=is_dry_run, now=now
        )

    return retry_on_conflict(attempt)


def cancel_appointment(
    *,
    appointment_id: str,
    caller: Caller,
    unchanged_since: datetime | None = None,
    origin: ChangeOrigin | None = None,
    is_dry_run: bool = False,
    now: datetime,
) -> Appointment:
    """Cancel the caller's appointment, remove its booking, and return it.

    Once it has started, only staff can cancel it: the patient didn't come.

    Args:
        appointment_id: The appointment to cancel.
        caller: Who cancels it.
        unchanged_since: The `updated_at` that the caller saw, or None to cancel any version.
        origin: For the record's history; by default the call of `caller`.
        is_dry_run: Whether only to check, and to return the appointment as it would be.
        now: The current time.

    Raises:
        IdentityMissingError, AppointmentNotFoundError and the others of `look_up_appointment`;
            `APPOINTMENT_PROOF` says which factors are needed.
        AppointmentAlreadyCancelledError: it is cancelled.
        AppointmentClosedError: it is completed, or it has started and the caller is a customer.
        StaleVersionError: it has another version, or every attempt met a concurrent change.

    """

    def attempt() -> Appointment:
        appointment = _verified_appointment(appointment_id, caller, clinic.change_rule(), now)
        refuse_if_stale(appointment.updated_at, unchanged_since)
        ensure_cancellable(appointment)
        if isinstance(caller, Customer):
            ensure_not_closed(appointment, now=now)
        cancelled = appointment.with_status(AppointmentStatus.CANCELLED)
        return store_changes(
            appointment, cancelled, origin or origin_of(caller), is_dry_run=is_dry_run, now=now
        )

    return retry_on_conflict(attempt)


# --- For staff


def update_appointment(  # noqa: PLR0913 -- who changes what, by keyword
    *,
    appointment_id: str,
    changes: AppointmentChanges,
    unchanged_since: datetime | None = None,
    sees_dni: bool = True,
    sees_phone: bool = True,
    origin: ChangeOrigin | None = None,
    now: datetime,
) -> Appointment:
    """Change fields of an appointment and return it; if nothing differs, nothing is written.

    A change of the status to cancelled and of nothing else is `cancel_appointment`; a change of the
    start and of nothing else is `reschedule_appointment`.

    Args:
        appointment_id: The appointment to change.
        changes: The fields to change. The masked form of the stored identity number changes nothing.
        unchanged_since: The `updated_at` that the caller saw, or None to change any version.
        sees_dni: Whether the caller may see identity numbers in full, and so may change one.
        sees_phone: The same for telephone numbers.
        origin: For the record's history; None for changes in the admin, which has its own.
        now: The current time.

    Raises:
        AppointmentNotFoundError: no appointment has this id.
        StaleVersionError: it has another version, named in `data["current_version"]`.
        DniHiddenError: the changes include an identity number, and `sees_dni` is false.
        PhoneHiddenError: the changes include a telephone number, and `sees_phone` is false.
        AppointmentStatusError: the status can't follow the current one.
        AppointmentAlreadyCancelledError, AppointmentClosedError: it can't be cancelled.
        AppointmentClosedError: its time is to change, but it is cancelled, completed or has started.
        AppointmentInThePastError and the others of `reschedule_appointment`: the time can't be booked.
        InvalidFieldError, DoctorNotFoundError: a field isn't valid.

    """
    provided = provided_fields(changes)
    if provided == {"status": AppointmentStatus.CANCELLED}:
        return cancel_appointment(
            appointment_id=appointment_id,
            caller=Staff(),
            unchanged_since=unchanged_since,
            origin=origin,
            now=now,
        )
    if provided.keys() == {"starts_at"}:
        return reschedule_appointment(
            appointment_id=appointment_id,
            caller=Staff(),
            starts_at=provided["starts_at"],
            unchanged_since=unchanged_since,
            origin=origin,
            now=now,
        )

    def attempt() -> Appointment:
        appointment = get_appointment(appointment_id=appointment_id)
        refuse_if_stale(appointment.updated_at, unchanged_since)
        visible = check_hidden_change(provided, "dni", appointment.dni, is_visible=sees_dni)
        visible = check_hidden_change(visible, "phone", appointment.phone, is_visible=sees_phone)
        return store_changes(appointment, _apply_changes(appointment, visible), origin, now=now)

    return retry_on_conflict(attempt)


def _apply_changes(before: Appointment, provided: Mapping[str, Any]) -> Appointment:
    # Values that stay aren't validated: the doctor may have left the clinic.
    differing = {name: value for name, value in provided.items() if value != getattr(before, name)}
    values = clean_changes(differing)
    if "doctor_name" in values:
        values["doctor_name"] = resolve_doctor(values["doctor_name"])
    status = values.pop("status", before.status)
    return change_status(replace(before, **values), status)


def delete_appointment(
    *, appointment_id: str, unchanged_since: datetime | None = None, now: datetime
) -> None:
    """Delete an appointment and its booking. The request that created it can't create it again.

    Its time is offered to the waiting list.

    Raises:
        AppointmentNotFoundError: no appointment has this id.
        StaleVersionError: it has another version, named in `data["current_version"]`.

    """

    def attempt() -> None:
        appointment = get_appointment(appointment_id=appointment_id)
        refuse_if_stale(appointment.updated_at, unchanged_since)
        calendar_days = availability.list_calendar_days(appointment, now=now)
        updated_days = [day.without_booking(appointment.id) for day in calendar_days]
        offered = offer_time(freed_time(appointment, None), updated_days, now=now)
        repository.delete_appointment(
            appointment,
            offered.calendar_days,
            unchanged_since=appointment.updated_at,
            writes=[*offered.writes, *writes_about(deletion_events(appointment), now=now)],
        )

    retry_on_conflict(attempt)


def store_changes(  # noqa: PLR0913 -- what is stored and how, by keyword
    before: Appointment,
    after: Appointment,
    origin: ChangeOrigin | None,
    *,
    writes: Sequence[Write] = (),
    is_announced: bool = True,
    is_dry_run: bool = False,
    now: datetime,
) -> Appointment:
    """Store `after` as a new version and return it; if it equals `before`, write nothing.

    If the time or the doctor differs, the new time must be bookable and free. A time that is freed is offered to
    the waiting list. `writes` are made in the same transaction, and the e-mail is stored if `is_announced`.

    Raises:
        StaleVersionError, BusyError: something has changed since it was read: read and decide again.
        SlotTakenError and the others of `reschedule_appointment`: the new time can't be booked.

    """
    after = after.reserved_no_later_than_start()
    if after == before:
        return before
    is_moved = (before.interval, before.doctor_name) != (after.interval, after.doctor_name)
    if is_moved:
        ensure_not_closed(before, now=now)
        is_new_start = before.starts_at != after.starts_at
        ensure_bookable_time(after, is_new_start=is_new_start, now=now)
    calendar_days = availability.list_calendar_days(before, after, now=now)
    if is_moved and after.is_open:
        ensure_slot_free(after, calendar_days, now=now)
    if is_dry_run:
        return after
    after = after.with_new_version(now=now)
    assert after.updated_at is not None
    changed = changed_fields(before, after)
    changes = with_change(before.changes, origin, changed=changed, at=after.updated_at)
    after = replace(after, changes=changes)
    updated_days = update_bookings(calendar_days, after, clinic.time_zone())
    offered = offer_time(freed_time(before, after), updated_days, now=now)
    repository.update_appointment(
        after,
        offered.calendar_days,
        messages=messages_about(before, after, now=now) if is_announced else [],
        unchanged_since=before.updated_at,
        writes=[
            *offered.writes,
            *writes,
            *_writes_of_end(after, before),
            *writes_about(events_about(before, after), now=now),
        ],
    )
    return after


def _writes_of_end(after: Appointment, before: Appointment | None = None) -> list[Write]:
    """Return the write that stores when the reservation ends, if that is new."""
    until = after.reserved_until
    if until is None or (before is not None and before.reserved_until == until):
        return []
    return [repository.add_reservation_end(ReservationEnd(appointment_id=after.id, until=until))]
