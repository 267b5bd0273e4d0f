"""All reads and writes of counts of creations."""

from collections.abc import Collection, Mapping
from datetime import datetime

from common.creations.models import CreationCount
from common.dynamodb.transactions import Transaction
from common.errors import BusyError

UNCHANGED = "unchanged"


def read_counts(subjects: Collection[str]) -> dict[str, int]:
    """Return the current count of each subject, read consistently; 0 where nothing is stored."""
    rows = CreationCount.find_all(subjects)
    return {each: int(rows[each].created) if each in rows else 0 for each in subjects}


def add_one(counts: Mapping[str, int], *, expires_at: datetime) -> None:
    """Store each of the counts plus one.

    Raises:
        BusyError: another creation was counted since the read: read again.

    """
    transaction = Transaction()
    for subject, count in counts.items():
        row = CreationCount(*CreationCount.key(subject), created=count + 1, expires_at=expires_at)
        unchanged = CreationCount.created == count if count else CreationCount.pk.does_not_exist()
        transaction.put_item(row, condition=unchanged, name=UNCHANGED)
    transaction.commit(on_conflict=BusyError(reason="contention"))
