"""Reads and writes of entries in DynamoDB."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from appointments.information.domain import Entry
from appointments.information.models import InformationItem
from common.dynamodb.transactions import Transaction
from common.errors import StaleVersionError

PARTITION = f"{InformationItem.key_prefix}#business"
PREFIX = "ENTRY#"


def read_all() -> list[Entry]:
    """Return all entries by one consistent query, the oldest first."""
    items = InformationItem.query(PARTITION, consistent_read=True)
    return sorted(map(_entry, items), key=lambda each: (str(each.created_at), each.id))


def store(entry: Entry, *, version: datetime | None) -> None:
    """Store an entry whose stored `updated_at` is `version`, or a new one.

    Raises:
        StaleVersionError: another version is stored.

    """
    is_new = InformationItem.pk.does_not_exist()
    unchanged = is_new if version is None else InformationItem.updated_at == version
    transaction = Transaction()
    transaction.put_item(_item(entry), condition=unchanged)
    transaction.commit(on_conflict=StaleVersionError())


def delete(entry: Entry) -> None:
    """Delete an entry, if this version is stored.

    Raises:
        StaleVersionError: another version is stored.

    """
    transaction = Transaction()
    unchanged = InformationItem.updated_at == entry.updated_at
    transaction.delete_item(_item(entry), condition=unchanged)
    transaction.commit(on_conflict=StaleVersionError())


def entry_from_raw(item: Mapping[str, Any]) -> Entry:
    """Return the entry that an item in DynamoDB JSON stores, for maintenance."""
    return _entry(InformationItem.from_raw_data(dict(item)))


def _item(entry: Entry) -> InformationItem:
    return InformationItem(
        PARTITION,
        f"{PREFIX}{entry.id}",
        title=entry.title,
        text=entry.text,
        keywords=entry.keywords or None,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
    )


def _entry(item: InformationItem) -> Entry:
    return Entry(
        id=item.sk.removeprefix(PREFIX),
        title=item.title,
        text=item.text,
        keywords=item.keywords or "",
        created_at=item.created_at,
        updated_at=item.updated_at,
    )
