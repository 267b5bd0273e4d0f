"""Reads and writes of failed identity checks."""

from collections.abc import Mapping
from datetime import datetime

from pynamodb.expressions.condition import Condition

from common.dynamodb.indexes import Listing, read_page
from common.dynamodb.transactions import ConditionsFailedError, Transaction
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
        transaction.put(_attempts_row(after), only_if=_unchanged(before), named=UNCOUNTED)
    try:
        transaction.commit()
    except ConditionsFailedError as error:
        raise BusyError(reason="contention") from error


def locked_attempts(limit: int) -> list[Attempts]:
    """Return the attempts that made locks, over or not, the latest first."""
    partitions = [models.Attempts.LOCKED]
    listing = Listing(table=models.Attempts, index="StatusIndex", partitions=partitions)
    rows, _ = read_page(listing, models.Attempts, limit=limit)
    return [_attempts(row) for row in rows]


def forget_attempts(subject: str) -> bool:
    """Delete the failures on a subject; return whether there were any."""
    transaction = Transaction()
    row = models.Attempts(*models.Attempts.key(subject))
    transaction.delete(row, only_if=models.Attempts.pk.exists(), named=IS_THERE)
    try:
        transaction.commit()
    except ConditionsFailedError:
        return False
    return True


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
