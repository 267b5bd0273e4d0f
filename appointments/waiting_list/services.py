"""The operations on the waiting list, called by the admin, the REST API, the pages of offers and the worker.

Besides the errors in its docstring, each may raise `UnavailableError` if DynamoDB fails.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from appointments import availability, clinic
from appointments import repository as appointment_repository
from appointments import services as appointment_services
from appointments.domain import (
    Appointment,
    AppointmentKind,
    Calendar,
    CalendarDay,
    DayPart,
    local_day,
    local_days,
)
from appointments.errors import (
    AppointmentTooFarError,
    DoctorNotFoundError,
    OfferOverError,
    WaitingEntryClosedError,
    WaitingEntryNotFoundError,
    WaitingListFullError,
)
from appointments.schedules.services import current_schedule, resolve_professional
from appointments.services import HeldBooking
from appointments.validation import clean_day
from appointments.waiting_list import repository
from appointments.waiting_list.domain import (
    MAX_OPEN_ENTRIES,
    FreedTime,
    Offer,
    WaitingEntry,
    WaitingStatus,
)
from appointments.waiting_list.offers import find_offer_message, is_surely_unsent, offer_time
from common.contact import clean_dni, clean_email, clean_name
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.dynamodb.transactions import Write
from common.errors import InvalidFieldError
from common.ids import speakable_id
from common.record_changes import LINK
from common.timestamps import next_version, to_iso, truncate_to_ms
from notifications.domain import MessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who waits for what; see `WaitingEntry`. `doctor_name` may be any name that refers to one professional."""

    patient_name: str
    patient_email: str
    dni: str | None = None
    doctor_name: str = ""
    specialty: str = ""
    first: date
    last: date
    day_part: DayPart | None = None
    kind: AppointmentKind = AppointmentKind.CONSULTATION


def list_entries() -> list[WaitingEntry]:
    """Return all entries, who waits longest first, and those that ended within two weeks."""
    return repository.list_entries()


def get_entry(*, entry_id: str) -> WaitingEntry:
    """Return the entry with this id.

    Raises:
        WaitingEntryNotFoundError: there is none.

    """
    entry = repository.get_entry(entry_id)
    if entry is None:
        raise WaitingEntryNotFoundError(entry_id=entry_id)
    return entry


def add_entry(*, wanted: Wanted, now: datetime) -> WaitingEntry:
    """Add a patient to the list and return the entry; if they wait for the same already, return that entry.

    Raises:
        InvalidFieldError: a field isn't valid, or the days have passed.
        DoctorNotFoundError: name or specialty refers to nobody, or the name to more than one.
        AppointmentTooFarError: the first day is beyond the booking horizon.
        WaitingListFullError: too many wait.

    """
    cleaned = _clean(wanted, now=now)
    today = local_day(now, clinic.time_zone())
    entries = [
        each for each in repository.list_entries() if each.is_open and not each.is_past(today=today)
    ]
    for entry in entries:
        if _wanted_of(entry) == cleaned:
            return entry
    if len(entries) >= MAX_OPEN_ENTRIES:
        raise WaitingListFullError(limit=MAX_OPEN_ENTRIES)

    def attempt() -> WaitingEntry:
        at = truncate_to_ms(now)
        entry = _with_wanted(
            WaitingEntry(
                id=speakable_id(),
                patient_name="",
                patient_email="",
                first=cleaned.first,
                last=cleaned.last,
                created_at=at,
                updated_at=at,
            ),
            cleaned,
        )
        _store([repository.write_entry(entry, version=None)])
        return entry

    return retry_on_conflict(attempt)


def update_entry(
    *, entry_id: str, wanted: Wanted, unchanged_since: datetime | None = None, now: datetime
) -> WaitingEntry:
    """Change who waits for what and return the entry, which keeps its place.

    Raises:
        WaitingEntryNotFoundError: there is no such entry.
        StaleVersionError: it has another version.
        WaitingEntryClosedError: it has ended, or a time is held for it now.
        InvalidFieldError and the others of `add_entry`.

    """

    def attempt() -> WaitingEntry:
        before = get_entry(entry_id=entry_id)
        refuse_if_stale(before.updated_at, unchanged_since)
        if _wanted_of(before) == wanted:
            return before
        if not before.is_waiting(now=now):
            raise WaitingEntryClosedError(status=before.status.value)
        changed = _with_wanted(before, _clean(wanted, now=now))
        after = replace(changed, updated_at=next_version(before.updated_at, now))
        _store([repository.write_entry(after, version=before.updated_at)])
        return after

    return retry_on_conflict(attempt)


def withdraw_entry(
    *, entry_id: str, unchanged_since: datetime | None = None, now: datetime
) -> WaitingEntry:
    """End the wait of a patient and return the entry; a time that is held for it goes to the next.

    Raises:
        WaitingEntryNotFoundError: there is no such entry.
        StaleVersionError: it has another version.
        WaitingEntryClosedError: the patient has booked.

    """

    def attempt() -> WaitingEntry:
        before = get_entry(entry_id=entry_id)
        refuse_if_stale(before.updated_at, unchanged_since)
        if before.status is WaitingStatus.WITHDRAWN:
            return before
        if not before.can_become(WaitingStatus.WITHDRAWN):
            raise WaitingEntryClosedError(status=before.status.value)
        after = before.withdrawn(now=now)
        if before.status is WaitingStatus.OFFERED:
            _release(before, after, now=now)
        else:
            _store([repository.write_entry(after, version=before.updated_at)])
        return after

    return retry_on_conflict(attempt)


# --- Offers


def accept_offer(*, entry_id: str, number: int, now: datetime) -> Appointment:
    """Book the offered time for the patient and return the appointment; if they have accepted, return it.

    Raises:
        WaitingEntryNotFoundError: there is no such entry.
        OfferOverError: the time is not held for them any more.
        SlotTakenError, PatientBusyError and the others of `book_appointment`.

    """
    entry = get_entry(entry_id=entry_id)
    if entry.appointment_id is not None and entry.offer and entry.offer.number == number:
        return appointment_services.get_appointment(appointment_id=entry.appointment_id)
    offer = _live_offer(entry, number, now=now)

    def make_writes(booked: Appointment) -> list[Write]:
        current = get_entry(entry_id=entry_id)
        _live_offer(current, number, now=now)
        after = current.booked(booked.id, now=now)
        return [repository.write_entry(after, version=current.updated_at)]

    return appointment_services.book_appointment(
        patient_name=entry.patient_name,
        patient_email=entry.patient_email,
        doctor_name=offer.doctor_name,
        starts_at=offer.starts_at,
        duration_min=offer.duration_min,
        kind=entry.kind,
        dni=entry.dni,
        token=f"waiting list {entry.id} {to_iso(entry.created_at)} {number}",
        origin=LINK,
        held=HeldBooking(entry_id=entry.id, make_writes=make_writes),
        now=now,
    )


def refuse_offer(*, entry_id: str, number: int, now: datetime) -> WaitingEntry:
    """Give an offered time to the next, and return the entry of the patient, who waits for another one.

    Raises:
        WaitingEntryNotFoundError: there is no such entry.
        OfferOverError: the time is not held for them any more.

    """

    def attempt() -> WaitingEntry:
        before = get_entry(entry_id=entry_id)
        _live_offer(before, number, now=now)
        after = before.waiting_again(now=now)
        _release(before, after, now=now)
        return after

    return retry_on_conflict(attempt)


def continue_offers(now: datetime) -> int:
    """End the offers that nobody can answer any more, and return how many there were.

    A time goes to the next patient if its hold ended without an answer, or at once if the e-mail with the
    offer failed for good. If the hold ended before the e-mail was sent, nobody has refused the time: it is free
    for everybody, and not offered to the next, who would not get an e-mail either.

    Several processes may do this at once: each time is offered to one patient.
    """
    entries = repository.list_readable_entries()
    offered = [each.id for each in entries if each.status is WaitingStatus.OFFERED]
    ended = 0
    for done, entry_id in enumerate(offered):
        # A new offer would replace a lapsed one, whose time would then be offered to nobody.
        remaining = offered[done:]
        ended += retry_on_conflict(partial(_continue_offer, entry_id, remaining, now=now))
    return ended


def _continue_offer(entry_id: str, except_for: Collection[str], *, now: datetime) -> bool:
    """End the offer of an entry if nobody can answer it; return whether it ended."""
    before = repository.get_entry(entry_id)
    if before is None or before.status is not WaitingStatus.OFFERED:
        return False
    message = find_offer_message(before, now=now)
    unsent = message if message is not None and is_surely_unsent(message) else None
    is_failed = unsent is not None and unsent.status is MessageStatus.FAILED
    if not is_failed and not before.has_lapsed_offer(now=now):
        return False
    if unsent is not None and not is_failed:
        _release(
            before, before.waiting_again(is_refused=False, now=now), is_passed_on=False, now=now
        )
    else:
        _release(before, before.waiting_again(now=now), except_for=except_for, now=now)
    return True


def _live_offer(entry: WaitingEntry, number: int, *, now: datetime) -> Offer:
    offer = entry.live_offer(now=now)
    if offer is None or offer.number != number:
        raise OfferOverError
    return offer


def _release(
    before: WaitingEntry,
    after: WaitingEntry,
    *,
    except_for: Collection[str] = (),
    is_passed_on: bool = True,
    now: datetime,
) -> None:
    """Store `after`, which holds no time, and offer the time that `before` held to the next patient.

    The next patient is none of those with an id in `except_for`. If the time is not passed on, it is free.
    """
    assert before.offer is not None
    offer = before.offer
    calendar = Calendar.of_doctor(offer.doctor_name)
    wanted = [(calendar, day) for day in local_days(offer.interval, clinic.time_zone())]
    days = [day.without_hold(before.id) for day in availability.read_calendar_days(wanted, now=now)]
    freed = FreedTime(doctor_name=offer.doctor_name, starts_at=offer.starts_at)
    offered = offer_time(
        freed if is_passed_on else None, days, except_for={before.id, *except_for}, now=now
    )
    write = repository.write_entry(after, version=before.updated_at)
    _store([write, *offered.writes], offered.calendar_days)


def _store(writes: Sequence[Write], calendar_days: Sequence[CalendarDay] = ()) -> None:
    appointment_repository.update_calendar_days(calendar_days, writes=writes)


# --- Values


def _clean(wanted: Wanted, *, now: datetime) -> Wanted:
    schedule = current_schedule()
    today = local_day(now, clinic.time_zone())
    last_bookable = today + clinic.booking_horizon()
    doctor_name, specialty = wanted.doctor_name.strip(), " ".join(wanted.specialty.split())
    if doctor_name:
        cleaned = clean_name(doctor_name, field="doctor_name")
        doctor_name, specialty = resolve_professional(schedule, cleaned).name, ""
    elif specialty and not schedule.find_by_specialty(specialty):
        raise DoctorNotFoundError(doctors=[each.name for each in schedule.professionals])
    if not today <= clean_day(wanted.last) or wanted.last < clean_day(wanted.first):
        raise InvalidFieldError(field="last")
    if wanted.first > last_bookable:
        raise AppointmentTooFarError(last_day=last_bookable)
    return Wanted(
        patient_name=clean_name(wanted.patient_name, field="patient_name"),
        patient_email=clean_email(wanted.patient_email, field="patient_email"),
        dni=clean_dni(wanted.dni),
        doctor_name=doctor_name,
        specialty=specialty,
        first=wanted.first,
        last=wanted.last,
        day_part=wanted.day_part,
        kind=wanted.kind,
    )


def _wanted_of(entry: WaitingEntry) -> Wanted:
    return Wanted(
        patient_name=entry.patient_name,
        patient_email=entry.patient_email,
        dni=entry.dni,
        doctor_name=entry.doctor_name,
        specialty=entry.specialty,
        first=entry.first,
        last=entry.last,
        day_part=entry.day_part,
        kind=entry.kind,
    )


def _with_wanted(entry: WaitingEntry, wanted: Wanted) -> WaitingEntry:
    return replace(
        entry,
        patient_name=wanted.patient_name,
        patient_email=wanted.patient_email,
        dni=wanted.dni,
        doctor_name=wanted.doctor_name,
        specialty=wanted.specialty,
        first=wanted.first,
        last=wanted.last,
        day_part=wanted.day_part,
        kind=wanted.kind,
    )
