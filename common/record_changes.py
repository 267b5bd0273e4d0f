"""How a record says what was changed by voice, over REST and by a link in a message. The admin has a history of its own, in SQL.

The latest `MAX_CHANGES` are stored in the record itself, in the write that they describe, so that each
change is in the history and no other is, also where a server has no SQL database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from common.identity.verification import Caller, Customer
from common.timestamps import from_iso, to_iso

MAX_CHANGES = 20
NOT_NAMED = frozenset({"updated_at", "changes"})
"""The fields that differ in each version."""


class ChangeWay(StrEnum):
    """The interface by which a change came."""

    VOICE = "voice"
    REST = "rest"
    LINK = "link"
    EXPIRY = "expiry"
    """Nobody confirmed it in time, so the server changed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrigin:
    """Where a change came from; `call_id` is that of a change by voice."""

    way: ChangeWay
    call_id: str | None = None


REST = ChangeOrigin(way=ChangeWay.REST)
LINK = ChangeOrigin(way=ChangeWay.LINK)
EXPIRY = ChangeOrigin(way=ChangeWay.EXPIRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """One change; `fields` are the names of those that changed, or empty if it created the record."""

    at: datetime
    origin: ChangeOrigin
    fields: tuple[str, ...] = ()


def origin_of(caller: Caller | None) -> ChangeOrigin | None:
    """Return the call of a customer who speaks; None for all others."""
    if isinstance(caller, Customer) and caller.call_id is not None:
        return ChangeOrigin(way=ChangeWay.VOICE, call_id=caller.call_id)
    return None


def with_change(
    earlier: Sequence[RecordChange],
    origin: ChangeOrigin | None,
    *,
    changed: Iterable[str] = (),
    at: datetime,
) -> tuple[RecordChange, ...]:
    """Return the changes of a record with a new one, if it has an origin; the oldest may be left out."""
    if origin is None:
        return tuple(earlier)
    return (*earlier, RecordChange(at=at, origin=origin, fields=tuple(changed)))[-MAX_CHANGES:]


def changed_fields(before: Any, after: Any) -> list[str]:
    """Return the names of the fields in which two versions of a record differ."""
    names = [field.name for field in fields(before) if field.name not in NOT_NAMED]
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def changes_to_json(changes: Sequence[RecordChange]) -> list[dict[str, Any]] | None:
    """Return the changes as they are stored; None for none."""
    return [
        {
            "at": to_iso(change.at),
            "by": change.origin.way.value,
            "callId": change.origin.call_id,
            "fields": list(change.fields),
        }
        for change in changes
    ] or None


def changes_from_json(stored: Sequence[Mapping[str, Any]] | None) -> tuple[RecordChange, ...]:
    """Return the stored changes."""
    return tuple(
        RecordChange(
            at=from_iso(each["at"]),
            origin=ChangeOrigin(way=ChangeWay(each["by"]), call_id=each["callId"]),
            fields=tuple(each["fields"]),
        )
        for each in stored or ()
    )
