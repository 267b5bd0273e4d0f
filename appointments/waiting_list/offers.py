"""To whom a freed time is offered, and the hold that reserves it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from appointments import availability, clinic
from appointments.domain import (
    Appointment,
    Calendar,
    CalendarDay,
    TimeInterval,
    is_free_on_all,
    local_day,
    local_days,
)
from appointments.opening_hours import covers
from appointments.schedules.domain import Professional, Schedule
from appointments.schedules.services import current_schedule
from appointments.waiting_list import repository
from appointments.waiting_list.domain import FreedTime, Offer, WaitingEntry, order_candidates
from common.dynamodb.transactions import Transaction, Write
from common.timestamps import to_iso
from notifications.domain import Message, MessageStatus
from notifications.errors import MessageNotFoundError
from notifications.services import are_emails_sent, enqueue, get_message, new_message

RECORD_TYPE = "waiting-entry"
"""How the outbox names entries of the waiting list."""
MAY_HAVE_ARRIVED = frozenset({MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.UNCERTAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTime:
    """A freed time that is to be offered: who gets it, and what is to be stored with the change that frees it.

    `entry` is None if it is offered to nobody.
    """

    entry: WaitingEntry | None
    calendar_days: list[CalendarDay]
    writes: tuple[Write, ...] = ()


def hold_duration() -> timedelta:
    """Return for how long a freed time is held for one patient."""
    return timedelta(minutes=settings.WAITING_HOLD_MINUTES)


def freed_time(before: Appointment, after: Appointment | None) -> FreedTime | None:
    """Return the time that a change of an appointment frees, or None.

    Args:
        before: The appointment as it was.
        after: As it is to be, or None if it is deleted.

    """
    if not before.is_open:
        return None
    was = before.doctor_name, before.starts_at
    if after is not None and after.is_open and was == (after.doctor_name, after.starts_at):
        return None
    return FreedTime(doctor_name=before.doctor_name, starts_at=before.starts_at)


def offer_time(
    freed: FreedTime | None,
    calendar_days: Sequence[CalendarDay],
    *,
    except_for: Collection[str] = (),
    now: datetime,
) -> OfferedTime:
    """Offer a freed time to the one who waits longest of those whom it fits.

    Args:
        freed: The time; None: nothing is offered.
        calendar_days: The days that are to be stored, without the booking or hold that ends.
        except_for: The ids of entries that don't get it, such as the one that had the time until now.
        now: The current time.

    Returns:
        The same days with the hold, and the write of the entry that has the offer.

    """
    days = list(calendar_days)
    # Who reads the mail needs the time of the hold to answer, before the appointment begins.
    if freed is None or freed.starts_at <= now + hold_duration():
        return OfferedTime(entry=None, calendar_days=days)
    schedule = current_schedule()
    professional = schedule.professional(freed.doctor_name)
    if professional is None and schedule.professionals:
        return OfferedTime(entry=None, calendar_days=days)  # they work here no longer
    professional = professional or Professional(name=freed.doctor_name)
    candidates = order_candidates(
        repository.list_entries(),
        except_for=except_for,
        today=local_day(now, clinic.time_zone()),
        now=now,
    )
    for entry in candidates:
        duration_min = professional.duration_of(entry.kind)
        interval = TimeInterval.starting_at(freed.starts_at, duration_min)
        if (
            _fits(entry, freed, schedule)
            and _is_bookable(freed.doctor_name, interval, days, schedule)
            and _is_patient_free(entry, interval, now)
        ):
            offered = entry.offered(freed, duration_min, held_until=now + hold_duration(), now=now)
            return OfferedTime(
                entry=offered,
                calendar_days=_with_hold(days, offered),
                writes=(
                    repository.write_entry(offered, version=entry.updated_at),
                    _enqueue_offer(offered, now=now),
                ),
            )
    return OfferedTime(entry=None, calendar_days=days)


def find_offer_message(entry: WaitingEntry, offer: Offer, *, now: datetime) -> Message | None:
    """Return the e-mail that makes an offer; None if there is none, so that staff make the offer."""
    if not are_emails_sent():
        return None
    try:
        return get_message(message_id=_offer_message(entry, offer, now=now).id)
    except MessageNotFoundError:
        return None


def is_surely_unsent(message: Message) -> bool:
    """Whether the patient can't have got a message."""
    return message.sent_at is None and message.status not in MAY_HAVE_ARRIVED


def _enqueue_offer(entry: WaitingEntry, *, now: datetime) -> Write:
    """Return the write of the e-mail that makes the offer."""
    assert entry.offer is not None
    message = _offer_message(entry, entry.offer, now=now)

    def add_to(transaction: Transaction) -> None:
        enqueue(message, transaction=transaction)

    return add_to


def _offer_message(entry: WaitingEntry, offer: Offer, *, now: datetime) -> Message:
    return new_message(
        record_type=RECORD_TYPE,
        record_id=entry.id,
        event="offer",
        version=f"{to_iso(entry.created_at)}-{offer.number}",
        recipient=entry.patient_email,
        content={"number": str(offer.number)},
        now=now,
    )


def _fits(entry: WaitingEntry, freed: FreedTime, schedule: Schedule) -> bool:
    local_start = freed.starts_at.astimezone(clinic.time_zone())
    specialists = [each.name for each in schedule.find_by_specialty(entry.specialty)]
    return entry.fits(freed, local_start, specialists)


def _is_bookable(
    doctor_name: str, interval: TimeInterval, days: Sequence[CalendarDay], schedule: Schedule
) -> bool:
    """Whether the professional works then, and has nothing else. The days must be all that the time touches."""
    hours = schedule.hours_of(doctor_name)
    of_doctor = [day for day in days if day.calendar == Calendar.of_doctor(doctor_name)]
    touched = local_days(interval, clinic.time_zone())
    return (
        {*touched} <= {day.day for day in of_doctor}
        and covers(hours, interval, clinic.time_zone())
        and clinic.slot_grid(hours).has_start(interval.start)
        and is_free_on_all(of_doctor, interval)
    )


def _is_patient_free(entry: WaitingEntry, interval: TimeInterval, now: datetime) -> bool:
    if clinic.allows_patient_overlap():
        return True
    calendar = Calendar.of_patient(entry.patient_name, entry.patient_email)
    wanted = [(calendar, day) for day in local_days(interval, clinic.time_zone())]
    return is_free_on_all(availability.read_calendar_days(wanted, now=now), interval)


def _with_hold(days: Sequence[CalendarDay], entry: WaitingEntry) -> list[CalendarDay]:
    assert entry.offer is not None
    offer = entry.offer
    calendar = Calendar.of_doctor(offer.doctor_name)
    touched = local_days(offer.interval, clinic.time_zone())
    return [
        day.with_hold(entry.id, offer.hold)
        if day.calendar == calendar and day.day in touched
        else day
        for day in days
    ]
