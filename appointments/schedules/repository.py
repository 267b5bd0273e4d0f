"""Reads and writes of professionals and special days in DynamoDB."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from pynamodb.expressions.condition import Condition

from appointments.domain import AppointmentKind
from appointments.opening_hours import OpeningHours
from appointments.schedules.domain import Leave, Professional, SpecialDay
from appointments.schedules.models import ScheduleItem
from common.dynamodb.transactions import Transaction
from common.errors import StaleVersionError

PARTITION = f"{ScheduleItem.key_prefix}#clinic"
PROFESSIONAL, DAY = "PROFESSIONAL", "DAY"


def read_all() -> tuple[list[Professional], list[SpecialDay]]:
    """Return all professionals and special days by one consistent query."""
    professionals, days = [], []
    for item in ScheduleItem.query(PARTITION, consistent_read=True):
        value = _value(item)
        if isinstance(value, Professional):
            professionals.append(value)
        else:
            days.append(value)
    return professionals, days


def store(
    values: Iterable[Professional | SpecialDay],
    *,
    versions: Mapping[str, datetime | None],
) -> None:
    """Store professionals or special days, all or none.

    Args:
        values: What to store.
        versions: By sort key, the stored `updated_at` that is replaced; None or absent if none is stored.

    Raises:
        StaleVersionError: another version is stored.

    """
    transaction = Transaction()
    for value in values:
        condition = _has_version(versions.get(sort_key(value)))
        transaction.put_item(_item(value), condition=condition)
    transaction.commit(on_conflict=StaleVersionError())


def delete(
    value: Professional | SpecialDay,
    *,
    new: Iterable[Professional] = (),
    remaining: Professional | None = None,
) -> None:
    """Delete a professional or special day, if this version is stored.

    Args:
        value: What to delete; nothing if it isn't stored.
        new: Who is stored in the same transaction, for the first time.
        remaining: Who must still be stored, so that two deletions at once don't leave nobody.

    Raises:
        StaleVersionError: another version is stored, or `remaining` isn't.

    """
    transaction = Transaction()
    for other in new:
        transaction.put_item(_item(other), condition=_has_version(None))
    if remaining is not None:
        transaction.check_item(_item(remaining), condition=ScheduleItem.pk.exists())
    if value.updated_at is not None:
        transaction.delete_item(
            ScheduleItem(PARTITION, sort_key(value)), condition=_has_version(value.updated_at)
        )
    transaction.commit(on_conflict=StaleVersionError())


def sort_key(value: Professional | SpecialDay) -> str:
    """Return the sort key under which a value is stored."""
    if isinstance(value, Professional):
        return f"{PROFESSIONAL}#{value.id}"
    return f"{DAY}#{value.day.isoformat()}"


def value_from_raw(item: Mapping[str, Any]) -> Professional | SpecialDay:
    """Return the professional or special day that an item in DynamoDB JSON stores, for maintenance.

    Raises:
        ValueError, TypeError, LookupError: the item stores none.

    """
    return _value(ScheduleItem.from_raw_data(dict(item)))


def _has_version(updated_at: datetime | None) -> Condition:
    if updated_at is None:
        is_new: Condition = ScheduleItem.pk.does_not_exist()
        return is_new
    unchanged: Condition = ScheduleItem.updated_at == updated_at
    return unchanged


def _item(value: Professional | SpecialDay) -> ScheduleItem:
    content = (
        _professional_content(value) if isinstance(value, Professional) else _day_content(value)
    )
    return ScheduleItem(
        PARTITION,
        sort_key(value),
        content=content,
        created_at=value.created_at,
        updated_at=value.updated_at,
    )


def _value(item: ScheduleItem) -> Professional | SpecialDay:
    kind, _, key = item.sk.partition("#")
    content = item.content
    if kind == PROFESSIONAL:
        return _professional(item, content)
    if kind == DAY:
        return SpecialDay(
            day=date.fromisoformat(key),
            is_open=content["isOpen"],
            reason=content["reason"],
            created_at=item.created_at,
            updated_at=item.updated_at,
        )
    raise ValueError(f"no kind {kind}")


def _professional(item: ScheduleItem, content: Mapping[str, Any]) -> Professional:
    return Professional(
        name=content["name"],
        specialty=content["specialty"],
        aliases=tuple(content["aliases"]),
        hours=None if content["hours"] is None else OpeningHours.parse(content["hours"]),
        leave=tuple(
            Leave(
                first=date.fromisoformat(each["first"]),
                last=date.fromisoformat(each["last"]),
                reason=each["reason"],
            )
            for each in content["leave"]
        ),
        durations={
            AppointmentKind(kind): int(minutes) for kind, minutes in content["durations"].items()
        },
        accepts_new_patients=content["acceptsNewPatients"],
        feed_nonce=content.get("feedNonce", ""),
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def _professional_content(professional: Professional) -> dict[str, Any]:
    return {
        "name": professional.name,
        "specialty": professional.specialty,
        "aliases": list(professional.aliases),
        "hours": None if professional.hours is None else professional.hours.to_text(),
        "leave": [
            {"first": each.first.isoformat(), "last": each.last.isoformat(), "reason": each.reason}
            for each in professional.leave
        ],
        "durations": {kind.value: minutes for kind, minutes in professional.durations.items()},
        "acceptsNewPatients": professional.accepts_new_patients,
        **({"feedNonce": professional.feed_nonce} if professional.feed_nonce else {}),
    }


def _day_content(day: SpecialDay) -> dict[str, Any]:
    return {"isOpen": day.is_open, "reason": day.reason}
