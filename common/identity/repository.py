"""All reads and writes of failed identity checks, and of the addresses of verified callers."""

from collections.abc import Collection, Mapping
from datetime import datetime

from pynamodb.expressions.condition import Condition

from common.dynamodb.index_queries import IndexQuery, read_page
from common.dynamodb.transactions import Transaction
from common.errors import BusyError
from common.identity import models
from common.identity.attempts import FailedAttempts

UNCHANGED = "unchanged"
EXISTS = "exists"


def failed_attempts(subjects: Collection[str]) -> list[FailedAttempts]:
    """Return the current failures of each subject, read consistently; none where nothing is stored."""
    rows = models.FailedAttempts.find_all(subjects)
    return [
        _to_attempts(rows[subject]) if subject in rows else FailedAttempts(subject=subject)
        for subject in subjects
    ]


def replace_attempts(replacements: Mapping[FailedAttempts, FailedAttempts]) -> None:
    """Store the attempts that replace the ones read before.

    Raises:
        BusyError: another failure was counted since the read: read again.

    """
    transaction = Transaction()
    for before, after in replacements.items():
        transaction.put_item(_to_row(after), condition=_is_unchanged(before), name=UNCHANGED)
    transaction.commit(on_conflict=BusyError(reason="contention"))


def locked_attempts(limit: int) -> list[FailedAttempts]:
    """Return the attempts that caused locks, expired or not, the latest first."""
    query = IndexQuery(
        table=models.FailedAttempts,
        index="StatusIndex",
        partitions=[models.FailedAttempts.LOCKED],
    )
    return read_page(query, models.FailedAttempts, limit=limit).map(_to_attempts).items


def delete_attempts(subject: str) -> bool:
    """Delete the failures of a subject; return whether there were any."""
    transaction = Transaction()
    row = models.FailedAttempts(*models.FailedAttempts.key(subject))
    transaction.delete_item(row, condition=models.FailedAttempts.pk.exists(), name=EXISTS)
    return transaction.try_commit()


def known_until(address_hash: str) -> datetime | None:
    """Return until when an address counts as known; None if it doesn't."""
    row = models.KnownAddress.find(address_hash)
    return None if row is None else row.expires_at


def record_known_address(address_hash: str, *, until: datetime) -> None:
    """Store that an address counts as known."""
    models.KnownAddress(*models.KnownAddress.key(address_hash), expires_at=until).save()


def _is_unchanged(before: FailedAttempts) -> Condition:
    row = models.FailedAttempts
    if before.expires_at is None:
        return row.pk.does_not_exist()
    same: Condition = (row.failures == before.failures) & (row.expires_at == before.expires_at)
    return same


def _to_row(attempts: FailedAttempts) -> models.FailedAttempts:
    is_locked = attempts.locked_at is not None
    return models.FailedAttempts(
        *models.FailedAttempts.key(attempts.subject),
        failures=attempts.failures,
        expires_at=attempts.expires_at,
        status=models.FailedAttempts.LOCKED if is_locked else None,
        created_at=attempts.locked_at,
    )


def _to_attempts(row: models.FailedAttempts) -> FailedAttempts:
    expires_at: datetime = row.expires_at
    return FailedAttempts(
        subject=row.pk.partition("#")[2],
        failures=int(row.failures),
        expires_at=expires_at,
        locked_at=row.created_at,
    )
