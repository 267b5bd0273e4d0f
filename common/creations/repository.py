"""All reads and writes of counts of creations."""

from collections.abc import Collection, Mapping
from datetime import datetime

from common.creations.models import CreationCount
from common.dynamodb import counts as shared_counts


def read_counts(subjects: Collection[str]) -> dict[str, int]:
    """Return the current count of each subject, read consistently; 0 where nothing is stored."""
    return shared_counts.read_counts(CreationCount, subjects)


def add_one(counts: Mapping[str, int], *, expires_at: datetime) -> None:
    """Store each of the counts plus one.

    Raises:
        BusyError: another creation was counted since the read: read again.

    """
    shared_counts.add_to_counts(
        CreationCount,
        counts,
        dict.fromkeys(counts, 1),
        expires_at=dict.fromkeys(counts, expires_at),
    )
