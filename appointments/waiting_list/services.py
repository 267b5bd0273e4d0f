"""The operations on the waiting list, called by the admin, the REST API, the pages of offers and the worker.

Besides the errors in its docstring, each may raise `UnavailableError` if DynamoDB fails.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from appointments import availability, clinic
from appointments import repository as appointment_repository
from appointments import services as appointment_services
from appointments.domain import (
    Appointment,
    Calendar,
    CalendarDay,
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
    Wanted,
)
from appointments.waiting_list.offers import find_offer_message, is_surely_unsent, offer_time
from common.contact import clean_dni, clean_email, clean_name
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.dynamodb.transactions import Write
from common.errors import InvalidFieldError
from common.ids import speakable_id
from common.record_changes import LINK
from common.timestamps import to_iso, truncate_to_ms
from notifications.domain import MessageStatus


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

    The professional that is wanted may be named in any way that refers to one.

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
        if entry.wanted == cleaned:
            return entry
    if len(entries) >= MAX_OPEN_ENTRIES:
        raise WaitingListFullError(limit=MAX_OPEN_ENTRIES)

    def attempt() -> WaitingEntry:
        entry = WaitingEntry.new(cleaned, entry_id=speakable_id(), now=truncate_to_ms(now))
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
        if before.wanted == wanted:
            return before
        if not before.is_waiting(now=now):
            raise WaitingEntryClosedError(status=before.status.value)
        after = before.with_wanted(_clean(wanted, now=now), now=now)
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
        if before.status is WaitingStatus.OFFERED and before.offer is not None:
            _release(before, after, before.offer, now=now)
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
        offer = _live_offer(before, number, now=now)
        after = before.waiting_again(now=now)
        _release(before, after, offer, now=now)
        return after

    return retry_on_conflict(attempt)


def continue_offers(now: datetime) -> int:
    """End the offers that nobody can answer any more, and return how many there were.

    A time goes to the next patient if its hold ended without an answer, also if the patient has been offered
    another time since, or at once if the e-mail with the offer failed for good. If the hold ended before the e-mail was sent, nobody has refused the time: it is free
    for everybody, and not offered to the next, who would not get an e-mail either.

    Several processes may do this at once: each time is offered to one patient.
    """
    ended = 0
    for entry in repository.list_entries():
        if entry.oldest_unanswered_offer() is not None:
            while retry_on_conflict(partial(_end_offer, entry.id, now=now)):
                ended += 1
    return ended


def _end_offer(entry_id: str, *, now: datetime) -> bool:
    """End the oldest offer of an entry if nobody can answer it; return whether it ended."""
    before = repository.get_entry(entry_id)
    offer = before.oldest_unanswered_offer() if before else None
    if before is None or offer is None:
        return False
    message = find_offer_message(before, offer, now=now)
    is_unsent = message is not None and is_surely_unsent(message)
    is_failed = message is not None and is_unsent and message.status is MessageStatus.FAILED
    if offer.held_until > now and not is_failed:
        return False
    is_passed_on = is_failed or not is_unsent
    if offer in before.replaced_offers:
        after = before.without_replaced_offer(offer, now=now)
    else:
        after = before.waiting_again(is_refused=is_passed_on, now=now)
    _release(before, after, offer, is_passed_on=is_passed_on, now=now)
    return True


def _live_offer(entry: WaitingEntry, number: int, *, now: datetime) -> Offer:
    offer = entry.live_offer(now=now)
    if offer is None or offer.number != number:
        raise OfferOverError
    return offer


def _release(
    before: WaitingEntry,
    after: WaitingEntry,
    offer: Offer,
    *,
    is_passed_on: bool = True,
    now: datetime,
) -> None:
    """Store `after` in place of `before`, and pass the time of an offer that ends on to the next patient.

    If the time is not passed on, it is free.
    """
    calendar = Calendar.of_doctor(offer.doctor_name)
    wanted = [(calendar, day) for day in local_days(offer.interval, clinic.time_zone())]
    days = availability.read_calendar_days(wanted, now=now)
    if offer == before.offer:  # the hold of a replaced offer has ended by itself
        days = [day.without_hold(before.id) for day in days]
    freed = FreedTime(doctor_name=offer.doctor_name, starts_at=offer.starts_at)
    offered = offer_time(freed if is_passed_on else None, days, except_for={before.id}, now=now)
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
    return replace(
        wanted,
        patient_name=clean_name(wanted.patient_name, field="patient_name"),
        patient_email=clean_email(wanted.patient_email, field="patient_email"),
        dni=clean_dni(wanted.dni),
        doctor_name=doctor_name,
        specialty=specialty,
    )
