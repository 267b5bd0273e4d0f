"""Reads and writes of failed identity checks."""

from collections.abc import Mapping
from datetime import datetime

from pynamodb.expressions.condition import Condition

from common.dynamodb.index_queries import IndexQuery, read_page
from common.dynamodb.transactions import Transaction
from common.errors import BusyError
from common.identity import models
from common.identity.attempts import Attempts

UNCOUNTED = "nobody counted meanwhile"
IS_THERE = "is there"


def attempts_on(subject: str) -> Attempts:
    """Return the failures on a subject as they are now, none perhaps."""
    row = models.Attempts.find(subject)
    return Attempts(subject=subject) if row is None else _attempts(row)


def count_failures(changes: Mapping[Attempts, Attempts]) -> None:
    """Store the failures as they are now, given as they were.

    Raises:
        BusyError: another failure was counted meanwhile: look again.

    """
    transaction = Transaction()
    for before, after in changes.items():
        transaction.put(_attempts_row(after), condition=_unchanged(before), name=UNCOUNTED)
    transaction.commit(on_conflict=BusyError(reason="contention"))


def locked_attempts(limit: int) -> list[Attempts]:
    """Return the attempts that made locks, over or not, the latest first."""
    query = IndexQuery(
        table=models.Attempts, index="StatusIndex", partitions=[models.Attempts.LOCKED]
    )
    return read_page(query, models.Attempts, limit=limit).map(_attempts).items


def forget_attempts(subject: str) -> bool:
    """Delete the failures on a subject; return whether there were any."""
    transaction = Transaction()
    row = models.Attempts(*models.Attempts.key(subject))
    transaction.delete(row, condition=models.Attempts.pk.exists(), name=IS_THERE)
    return transaction.try_commit()


def _unchanged(before: Attempts) -> Condition:
    row = models.Attempts
    if before.expires_at is None:
        return row.pk.does_not_exist()
    same: Condition = (row.failures == before.failures) & (row.expires_at == before.expires_at)
    return same


def _attempts_row(attempts: Attempts) -> models.Attempts:
    is_locked = attempts.locked_at is not None
    return models.Attempts(
        *models.Attempts.key(attempts.subject),
        failures=attempts.failures,
        expires_at=attempts.expires_at,
        status=models.Attempts.LOCKED if is_locked else None,
        created_at=attempts.locked_at,
    )


def _attempts(row: models.Attempts) -> Attempts:
    expires_at: datetime = row.expires_at
    return Attempts(
        subject=row.pk.partition("#")[2],
        failures=int(row.failures),
        expires_at=expires_at,
        locked_at=row.created_at,
    )
