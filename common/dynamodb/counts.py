"""Counts that processes share: items with a number, added to under the condition that nobody else did."""

from collections.abc import Collection, Mapping
from datetime import datetime

from pynamodb.attributes import NumberAttribute, TTLAttribute

from common.dynamodb.tables import EXPIRES_AT, Table
from common.dynamodb.transactions import Transaction
from common.errors import BusyError

UNCHANGED = "unchanged"


class CountTable(Table):
    """A kind of item that counts something of a subject; `amount` has its stored name in each model."""

    amount: NumberAttribute
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)


def read_counts(table: type[CountTable], subjects: Collection[str]) -> dict[str, int]:
    """Return the current count of each subject, read consistently; 0 where nothing is stored."""
    rows = table.find_all(subjects)
    return {each: int(rows[each].amount) if each in rows else 0 for each in subjects}


def add_to_counts(
    table: type[CountTable],
    counts: Mapping[str, int],
    amounts: Mapping[str, int],
    *,
    expires_at: Mapping[str, datetime],
) -> dict[str, int]:
    """Store each of the counts plus its amount, and return the sums.

    Raises:
        BusyError: one of them has changed since it was read: read again.

    """
    transaction = Transaction()
    sums = {subject: counts[subject] + amount for subject, amount in amounts.items()}
    for subject, total in sums.items():
        row = table(*table.key(subject), amount=total, expires_at=expires_at[subject])
        before = counts[subject]
        unchanged = table.amount == before if before else table.pk.does_not_exist()
        transaction.put_item(row, condition=unchanged, name=UNCHANGED)
    transaction.commit(on_conflict=BusyError(reason="contention"))
    return sums
