"""Every read and write of appointments, one function for each way in.

An appointment is never written without the `DoctorDay`s whose time it takes or gives back: the two
are one transaction, and each part has its own condition. A day that changed meanwhile is a lost
race (`BusyError`: read again and decide anew); an appointment that did is `StaleVersionError`.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import reduce
from operator import and_

from pynamodb.expressions.condition import Condition

from appointments import models
from appointments.domain import (
    Appointment,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
    DoctorDay,
    Span,
)
from common.dynamodb.idempotency import add_token, find_created_id
from common.dynamodb.index_queries import EARLIEST, LATEST, IndexQuery, count_items, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction
from common.errors import BusyError, StaleVersionError
from common.idempotency import IdempotentRequest
from common.ids import is_id
from common.timestamps import from_iso, to_iso

ID_IS_FREE = "id is free"
UNCHANGED = "unchanged"
DAY_UNCHANGED = "day unchanged"


def appointment_by_id(appointment_id: str) -> Appointment | None:
    """Return the appointment as it is now, or None."""
    row = models.Appointment.find(appointment_id) if is_id(appointment_id) else None
    return None if row is None else _appointment(row)


def appointments_matching(
    query: AppointmentQuery, span: Span | None, *, limit: int, cursor: str | None = None
) -> Page[Appointment]:
    """Return up to `limit` appointments that start in `span`, by time, and the cursor of what follows.

    The query's days are the caller's business: `span` is what counts.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    page = read_page(_index_query(query, span), models.Appointment, limit=limit, cursor=cursor)
    return page.map(_appointment)


def number_of_appointments(query: AppointmentQuery, span: Span | None, *, up_to: int) -> int:
    """Return how many appointments match, counted up to `up_to`."""
    return count_items(_index_query(query, span), up_to=up_to)


def _index_query(query: AppointmentQuery, span: Span | None) -> IndexQuery:
    """Return where the appointments stand by time: of a patient, of a doctor, of a status, or of all."""
    status, doctor = models.Appointment.status, models.Appointment.doctor_name
    conditions: list[Condition] = []
    if query.patient_email is not None:
        index, partitions = "PatientEmailDateIndex", [query.patient_email]
        conditions += [] if query.doctor_name is None else [doctor == query.doctor_name]
        conditions += [] if query.status is None else [status == query.status.value]
    elif query.doctor_name is not None:
        index, partitions = "DoctorDateIndex", [query.doctor_name]
        conditions += [] if query.status is None else [status == query.status.value]
    else:
        statuses = [query.status] if query.status else list(AppointmentStatus)
        index, partitions = "StatusDateIndex", [each.value for each in statuses]
    return IndexQuery(
        table=models.Appointment,
        index=index,
        partitions=partitions,
        first=to_iso(span.start) if span else EARLIEST,
        last=to_iso(span.end - timedelta.resolution) if span else LATEST,
        ascending=not query.latest_first,
        filter_condition=reduce(and_, conditions) if conditions else None,
    )


def doctor_days(doctor: str, days: Iterable[date]) -> list[DoctorDay]:
    """Return what is taken of a doctor on `days`, as it is now."""
    return [_doctor_day(doctor, day) for day in sorted(set(days))]


def appointment_made_by(request: IdempotentRequest) -> str | None:
    """Return the id of the appointment that this request made already, or None.

    Raises:
        IdempotencyConflictError: the token was used for another request.

    """
    return find_created_id(request, models.AppointmentToken)


def add_appointment(
    appointment: Appointment, days: Iterable[DoctorDay], request: IdempotentRequest
) -> None:
    """Store a new appointment, its days as they are with it, and the request that made it.

    Raises:
        BusyError: a day changed, the id is taken, or another try was quicker: look again.

    """
    transaction = Transaction()
    _put_new(transaction, appointment)
    _put_days(transaction, days)
    add_token(transaction, request, models.AppointmentToken, created_id=appointment.id)
    transaction.commit(on_conflict=BusyError(reason="contention"))


def add_appointments(appointments: Iterable[Appointment], days: Iterable[DoctorDay]) -> bool:
    """Store some appointments with ids of their own and their days, all or none.

    Return whether the ids were free and the days unchanged.
    """
    transaction = Transaction()
    for appointment in appointments:
        _put_new(transaction, appointment)
    _put_days(transaction, days)
    return transaction.try_commit()


def change_appointment(
    appointment: Appointment, days: Iterable[DoctorDay], *, unchanged_since: datetime | None
) -> None:
    """Store a new version of an appointment, and the days it leaves and enters.

    Raises:
        StaleVersionError: the appointment was changed or deleted meanwhile.
        BusyError: one of the days was.

    """
    transaction = Transaction()
    unchanged = _has_version(unchanged_since)
    transaction.update(_row(appointment), condition=unchanged, name=UNCHANGED)
    _put_days(transaction, days)
    _commit_change(transaction)


def delete_appointment(
    appointment: Appointment, days: Iterable[DoctorDay], *, unchanged_since: datetime | None
) -> None:
    """Delete an appointment, and store the days without it. The token that made it stays.

    Raises:
        StaleVersionError: the appointment was changed or deleted meanwhile.
        BusyError: one of the days was.

    """
    transaction = Transaction()
    unchanged = _has_version(unchanged_since)
    transaction.delete(_row(appointment), condition=unchanged, name=UNCHANGED)
    _put_days(transaction, days)
    _commit_change(transaction)


def has_no_records() -> bool:
    """Whether the table is empty."""
    return models.Appointment.is_empty()


def delete_all_records() -> None:
    """Empty the table."""
    models.Appointment.delete_all_items()


# --- Conditions and parts of transactions


def _commit_change(transaction: Transaction) -> None:
    transaction.commit(
        on_conflict={
            UNCHANGED: StaleVersionError(),
            DAY_UNCHANGED: BusyError(reason="contention"),
        }
    )


def _has_version(updated_at: datetime | None) -> Condition:
    version = models.Appointment.updated_at
    # The earlier system's appointments have no version, but they do have a key.
    unversioned = version.does_not_exist() & models.Appointment.pk.exists()
    has_it: Condition = unversioned if updated_at is None else version == updated_at
    return has_it


def _put_new(transaction: Transaction, appointment: Appointment) -> None:
    is_free = models.Appointment.pk.does_not_exist()
    transaction.put(_row(appointment), condition=is_free, name=ID_IS_FREE)


def _put_days(transaction: Transaction, days: Iterable[DoctorDay]) -> None:
    for day in days:
        row = models.DoctorDay(
            *_day_key(day.doctor, day.day),
            slots={holder: _interval(span) for holder, span in day.taken.items()},
            revision=day.revision + 1,
        )
        is_new = models.DoctorDay.pk.does_not_exist()
        unchanged = models.DoctorDay.revision == day.revision if day.revision else is_new
        transaction.put(row, condition=unchanged, name=DAY_UNCHANGED)


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
        status=appointment.status.value,
        created_at=appointment.created_at,
        updated_at=appointment.updated_at,
    )


def _appointment(row: models.Appointment) -> Appointment:
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
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _day_key(doctor: str, day: date) -> tuple[str, str]:
    return models.DoctorDay.key(f"{doctor}#{day.isoformat()}")


def _doctor_day(doctor: str, day: date) -> DoctorDay:
    row = models.DoctorDay.find(f"{doctor}#{day.isoformat()}")
    if row is None:
        return DoctorDay(doctor=doctor, day=day)
    return DoctorDay(doctor=doctor, day=day, taken=dict(_spans(row)), revision=int(row.revision))


def _spans(row: models.DoctorDay) -> Iterator[tuple[str, Span]]:
    for holder, interval in row.slots.items():
        start, _, end = interval.partition("/")
        yield holder, Span(start=from_iso(start), end=from_iso(end))


def _interval(span: Span) -> str:
    return f"{to_iso(span.start)}/{to_iso(span.end)}"
