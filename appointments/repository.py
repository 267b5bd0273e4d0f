"""Reads and writes of appointments in DynamoDB, one function for each access pattern.

Arguments and results are domain values; the PynamoDB rows stay in this module.

An appointment is always written in one transaction with the `CalendarDay`s whose bookings it changes.
Each item has its own condition. If a day has changed since it was read, the write raises `BusyError`
(read again and decide again); if the appointment has changed, it raises `StaleVersionError`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

from pynamodb.expressions.condition import Condition

from appointments import models
from appointments.domain import (
    Appointment,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
    Calendar,
    CalendarDay,
    CalendarKind,
    Hold,
    ReservationEnd,
    TimeInterval,
)
from appointments.waiting_list.repository import ENTRY_UNCHANGED
from common.dynamodb.idempotency import add_token, find_created_id
from common.dynamodb.index_queries import EARLIEST, LATEST, IndexQuery, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction, Write
from common.errors import BusyError, StaleVersionError
from common.idempotency import IdempotentRequest
from common.ids import is_id
from common.record_changes import changes_from_json, changes_to_json
from common.timestamps import from_iso, to_iso
from notifications.domain import Message
from notifications.services import enqueue

ID_IS_FREE = "id is free"
VERSION_UNCHANGED = "version unchanged"
DAY_UNCHANGED = "day unchanged"
RESERVATIONS = f"{models.ReservationItem.key_prefix}#clinic"
RESERVATION_PREFIX = "UNTIL#"
RESERVATION_LIFETIME = timedelta(days=30)
"""How long the end of a reservation stays stored if no worker runs."""


def get_appointment(appointment_id: str) -> Appointment | None:
    """Return the appointment with this id, read consistently, or None."""
    row = models.Appointment.find(appointment_id) if is_id(appointment_id) else None
    return None if row is None else _appointment(row)


def list_appointments(
    query: AppointmentQuery,
    interval: TimeInterval | None,
    *,
    limit: int,
    cursor: str | None = None,
) -> Page[Appointment]:
    """Return up to `limit` appointments in order of time, and the cursor of the next page.

    Args:
        query: Patient, doctor, status and order; its days are ignored in favour of `interval`.
        interval: The interval in which the appointments start, or None for any time.
        limit: The largest number of appointments.
        cursor: The cursor of the page before, or None.

    Raises:
        InvalidCursorError: the cursor wasn't made by this list.

    """
    index_query = _index_query(query, interval)
    page = read_page(index_query, models.Appointment, limit=limit, cursor=cursor)
    return page.map(_appointment)


def _index_query(query: AppointmentQuery, interval: TimeInterval | None) -> IndexQuery:
    """Return the part of an index that answers `query`.

    A patient's or doctor's appointments stand in one partition, which the other conditions filter;
    all others are merged from a partition a status.
    """
    conditions: list[Condition] = []
    if query.patient_email is not None:
        index, partitions = "PatientEmailDateIndex", [query.patient_email]
        if query.doctor_name is not None:
            conditions.append(models.Appointment.doctor_name == query.doctor_name)
    elif query.dni is not None:
        index, partitions = "DniDateIndex", [query.dni]
    elif query.doctor_name is not None:
        index, partitions = "DoctorDateIndex", [query.doctor_name]
    else:
        statuses = [query.status] if query.status else list(AppointmentStatus)
        index, partitions = "StatusDateIndex", [each.value for each in statuses]
    if query.status is not None and index != "StatusDateIndex":
        conditions.append(models.Appointment.status == query.status.value)
    return IndexQuery(
        table=models.Appointment,
        index=index,
        partitions=partitions,
        first=to_iso(interval.start) if interval else EARLIEST,
        last=to_iso(interval.end - timedelta.resolution) if interval else LATEST,
        ascending=not query.latest_first,
        filter_condition=reduce(and_, conditions) if conditions else None,
    )


def list_calendar_days(wanted: Iterable[tuple[Calendar, date]]) -> list[CalendarDay]:
    """Return the bookings of each calendar and day, read consistently, a hundred in one request."""
    keys = {calendar_day_key(calendar, day): (calendar, day) for calendar, day in wanted}
    rows = {row.pk: row for row in models.DoctorDay.batch_get([*keys], consistent_read=True)}
    return [
        _calendar_day(rows[pk], calendar, day)
        if pk in rows
        else CalendarDay(calendar=calendar, day=day)
        for (pk, _), (calendar, day) in keys.items()
    ]


def get_created_appointment_id(request: IdempotentRequest) -> str | None:
    """Return the id of the appointment that an earlier attempt of this request created, or None.

    Raises:
        IdempotencyConflictError: the token was used for another request.

    """
    return find_created_id(request, models.AppointmentToken)


def add_appointment(
    appointment: Appointment,
    calendar_days: Iterable[CalendarDay],
    request: IdempotentRequest,
    messages: Iterable[Message] = (),
    *,
    writes: Iterable[Write] = (),
) -> None:
    """Store a new appointment, its calendar days with its booking, its idempotency token and messages.

    `writes` are made in the same transaction.

    Raises:
        BusyError: a day has changed, the id is taken, or another attempt was stored first.

    """
    transaction = Transaction()
    _put_new(transaction, appointment)
    _put_calendar_days(transaction, calendar_days)
    _enqueue(transaction, messages)
    _add_writes(transaction, writes)
    add_token(transaction, request, models.AppointmentToken, created_id=appointment.id)
    transaction.commit(on_conflict=BusyError(reason="contention"))


def add_appointments(
    appointments: Iterable[Appointment], calendar_days: Iterable[CalendarDay]
) -> bool:
    """Store several new appointments and their calendar days, all or none.

    Return whether all their ids were free and the days unchanged.
    """
    transaction = Transaction()
    for appointment in appointments:
        _put_new(transaction, appointment)
    _put_calendar_days(transaction, calendar_days)
    return transaction.try_commit()


def update_appointment(
    appointment: Appointment,
    calendar_days: Iterable[CalendarDay],
    *,
    messages: Iterable[Message] = (),
    unchanged_since: datetime | None,
    writes: Iterable[Write] = (),
) -> None:
    """Store a new version of an appointment whose stored `updated_at` is `unchanged_since`.

    `calendar_days` are the days whose bookings it changes, as they are with the new version; `messages`
    are stored with it, and `writes` are made in the same transaction.

    Raises:
        StaleVersionError: the stored appointment has another version, or none is stored.
        BusyError: one of the days has changed.

    """
    transaction = Transaction()
    unchanged = _has_version(unchanged_since)
    transaction.update_item(_row(appointment), condition=unchanged, name=VERSION_UNCHANGED)
    _put_calendar_days(transaction, calendar_days)
    _enqueue(transaction, messages)
    _add_writes(transaction, writes)
    _commit_change(transaction)


def delete_appointment(
    appointment: Appointment,
    calendar_days: Iterable[CalendarDay],
    *,
    unchanged_since: datetime | None,
    writes: Iterable[Write] = (),
) -> None:
    """Delete an appointment whose stored `updated_at` is `unchanged_since`.

    `calendar_days` are its days without its booking. Its idempotency token stays, so that a late retry
    of the request doesn't create it again.

    Raises:
        StaleVersionError: the stored appointment has another version, or none is stored.
        BusyError: one of the days has changed.

    """
    transaction = Transaction()
    unchanged = _has_version(unchanged_since)
    transaction.delete_item(_row(appointment), condition=unchanged, name=VERSION_UNCHANGED)
    _put_calendar_days(transaction, calendar_days)
    _add_writes(transaction, writes)
    _commit_change(transaction)


def update_calendar_days(
    calendar_days: Iterable[CalendarDay], *, writes: Iterable[Write] = ()
) -> None:
    """Store calendar days whose holds change, and make `writes` in the same transaction.

    Raises:
        BusyError: one of the days, or what `writes` change, has changed.

    """
    transaction = Transaction()
    _put_calendar_days(transaction, calendar_days)
    _add_writes(transaction, writes)
    _commit_change(transaction)


# --- Ends of reservations


def list_ended_reservations(*, now: datetime, limit: int) -> list[ReservationEnd]:
    """Return up to `limit` reservations that have ended, the longest ended first, by one consistent query."""
    up_to_now = models.ReservationItem.sk <= f"{RESERVATION_PREFIX}{to_iso(now)}"
    items = models.ReservationItem.query(RESERVATIONS, up_to_now, limit=limit, consistent_read=True)
    return [ReservationEnd(appointment_id=item.appointment_id, until=item.until) for item in items]


def add_reservation_end(end: ReservationEnd) -> Write:
    """Return the write that stores the end of a reservation."""
    return lambda transaction: transaction.put_item(_reservation_row(end))


def remove_reservation_end(end: ReservationEnd) -> Write:
    """Return the write that removes the end of a reservation, if it is there."""
    return lambda transaction: transaction.delete_item(_reservation_row(end))


def delete_reservation_end(end: ReservationEnd) -> None:
    """Remove the end of a reservation, if it is there."""
    transaction = Transaction()
    _add_writes(transaction, [remove_reservation_end(end)])
    transaction.commit()


def is_empty() -> bool:
    """Whether the table holds no item of any kind."""
    return models.Appointment.is_empty()


def delete_all() -> None:
    """Delete every item of any kind from the table."""
    models.Appointment.delete_all_items()


# --- Parts of transactions


def _commit_change(transaction: Transaction) -> None:
    transaction.commit(
        on_conflict={
            VERSION_UNCHANGED: StaleVersionError(),
            DAY_UNCHANGED: BusyError(reason="contention"),
            ENTRY_UNCHANGED: BusyError(reason="contention"),
        }
    )


def _add_writes(transaction: Transaction, writes: Iterable[Write]) -> None:
    for add_to in writes:
        add_to(transaction)


def _has_version(updated_at: datetime | None) -> Condition:
    version = models.Appointment.updated_at
    # The earlier system's appointments have no version: they exist without an `updatedAt`.
    is_unversioned = version.does_not_exist() & models.Appointment.pk.exists()
    condition: Condition = is_unversioned if updated_at is None else version == updated_at
    return condition


def _put_new(transaction: Transaction, appointment: Appointment) -> None:
    is_free = models.Appointment.pk.does_not_exist()
    transaction.put_item(_row(appointment), condition=is_free, name=ID_IS_FREE)


def _enqueue(transaction: Transaction, messages: Iterable[Message]) -> None:
    for message in messages:
        enqueue(message, transaction=transaction)


def _put_calendar_days(transaction: Transaction, calendar_days: Iterable[CalendarDay]) -> None:
    for day in calendar_days:
        row = _calendar_day_row(replace(day, revision=day.revision + 1))
        is_new = type(row).pk.does_not_exist()
        unchanged = type(row).revision == day.revision if day.revision else is_new
        transaction.put_item(row, condition=unchanged, name=DAY_UNCHANGED)


# --- Items as DynamoDB sends them, for maintenance


def appointment_from_raw(item: Mapping[str, Any]) -> Appointment:
    """Return the appointment that an item in DynamoDB JSON stores.

    Raises:
        ValueError, TypeError: a value isn't one that an appointment can have.

    """
    return _appointment(models.Appointment.from_raw_data(dict(item)))


def appointment_to_raw(appointment: Appointment) -> dict[str, Any]:
    """Return the item in DynamoDB JSON that stores an appointment."""
    return _row(appointment).serialize()


def calendar_day_key(calendar: Calendar, day: date) -> tuple[str, str]:
    """Return PK and SK of the item that stores a calendar day."""
    return _calendar_model(calendar).key(_calendar_day_id(calendar, day))


def calendar_day_from_raw(item: Mapping[str, Any]) -> CalendarDay:
    """Return the calendar day that an item in DynamoDB JSON stores.

    Raises:
        ValueError, TypeError: the item stores none.

    """
    prefix, key, day = item["PK"]["S"].split("#")
    calendar = Calendar(_CALENDAR_KINDS[prefix], key)
    row = _calendar_model(calendar).from_raw_data(dict(item))
    return _calendar_day(row, calendar, date.fromisoformat(day))


def calendar_day_to_raw(day: CalendarDay) -> dict[str, Any]:
    """Return the item in DynamoDB JSON that stores a calendar day, with its revision as it is."""
    return _calendar_day_row(day).serialize()


# --- Rows and values


def _row(appointment: Appointment) -> models.Appointment:
    return models.Appointment(
        *models.Appointment.key(appointment.id),
        id=appointment.id,
        patient_name=appointment.patient_name,
        patient_email=appointment.patient_email,
        doctor_name=appointment.doctor_name,
        date=appointment.starts_at,
        appointment_date=appointment.starts_at,
        duration=appointment.duration_min,
        type=appointment.kind.value,
        notes=appointment.notes or None,
        dni=appointment.dni,
        phone=appointment.phone,
        reserved_until=appointment.reserved_until,
        changes=changes_to_json(appointment.changes),
        code=appointment.code,
        status=appointment.status.value,
        created_at=appointment.created_at,
        updated_at=appointment.updated_at,
    )


def _appointment(row: models.Appointment) -> Appointment:
    # A server of an older version changes the status and leaves this attribute as it is.
    is_scheduled = row.status == AppointmentStatus.SCHEDULED.value
    return Appointment(
        id=row.id,
        patient_name=row.patient_name,
        patient_email=row.patient_email,
        doctor_name=row.doctor_name,
        starts_at=row.appointment_date,
        duration_min=int(row.duration),
        kind=AppointmentKind(row.type),
        status=AppointmentStatus(row.status),
        notes=row.notes or "",
        dni=row.dni,
        phone=row.phone,
        reserved_until=row.reserved_until if is_scheduled else None,
        changes=changes_from_json(row.changes),
        code=row.code,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _reservation_row(end: ReservationEnd) -> models.ReservationItem:
    return models.ReservationItem(
        RESERVATIONS,
        f"{RESERVATION_PREFIX}{to_iso(end.until)}#{end.appointment_id}",
        appointment_id=end.appointment_id,
        until=end.until,
        expires_at=end.until + RESERVATION_LIFETIME,
    )


def is_reservation_end(item: Mapping[str, Any]) -> bool:
    """Whether an item in DynamoDB JSON stores the end of a reservation."""
    return bool(item["PK"]["S"] == RESERVATIONS)


def reservation_end_from_raw(item: Mapping[str, Any]) -> ReservationEnd:
    """Return the end of a reservation that an item in DynamoDB JSON stores, for maintenance.

    Raises:
        ValueError, TypeError: the item stores none.

    """
    row = models.ReservationItem.from_raw_data(dict(item))
    return ReservationEnd(appointment_id=row.appointment_id, until=row.until)


_CALENDAR_KINDS = {
    models.DoctorDay.key_prefix: CalendarKind.DOCTOR,
    models.PatientDay.key_prefix: CalendarKind.PATIENT,
}


def _calendar_model(calendar: Calendar) -> type[models.DoctorDay]:
    return models.DoctorDay if calendar.kind is CalendarKind.DOCTOR else models.PatientDay


def _calendar_day_id(calendar: Calendar, day: date) -> str:
    return f"{calendar.key}#{day.isoformat()}"


def _calendar_day(row: models.DoctorDay, calendar: Calendar, day: date) -> CalendarDay:
    bookings = {
        appointment_id: _interval_from_text(text) for appointment_id, text in row.slots.items()
    }
    holds = {entry_id: _hold_from_text(text) for entry_id, text in (row.holds or {}).items()}
    return CalendarDay(
        calendar=calendar, day=day, bookings=bookings, holds=holds, revision=int(row.revision)
    )


def _calendar_day_row(day: CalendarDay) -> models.DoctorDay:
    model = _calendar_model(day.calendar)
    return model(
        *model.key(_calendar_day_id(day.calendar, day.day)),
        slots={
            appointment_id: _interval_to_text(booked)
            for appointment_id, booked in day.bookings.items()
        },
        holds={entry_id: _hold_to_text(hold) for entry_id, hold in day.holds.items()} or None,
        revision=day.revision,
    )


def _interval_to_text(interval: TimeInterval) -> str:
    return f"{to_iso(interval.start)}/{to_iso(interval.end)}"


def _interval_from_text(text: str) -> TimeInterval:
    start, _, end = text.partition("/")
    return TimeInterval(start=from_iso(start), end=from_iso(end))


def _hold_to_text(hold: Hold) -> str:
    return f"{_interval_to_text(hold.interval)}/{to_iso(hold.until)}"


def _hold_from_text(text: str) -> Hold:
    interval, _, until = text.rpartition("/")
    return Hold(interval=_interval_from_text(interval), until=from_iso(until))
