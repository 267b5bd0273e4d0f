"""Reads and writes of what the rooms share: tokens, beside what they made, and failed attempts."""

from collections.abc import Mapping
from datetime import datetime

from pynamodb.expressions.condition import Condition

from common import models
from common.attempts import Attempts
from common.dynamo import ConditionsFailedError, Transaction
from common.errors import BusyError, IdempotencyConflictError
from common.idempotency import Claim
from common.indexes import Listing, read_page
from common.models import Token

TOKEN_IS_FREE = "token is free"  # noqa: S105 -- the name of a condition
UNCOUNTED = "nobody counted meanwhile"
IS_THERE = "is there"


def made_by(claim: Claim, tokens: type[Token]) -> str | None:
    """Return the id of what this request made already, or None.

    Raises:
        IdempotencyConflictError: another request came with the same token.

    """
    token = tokens.find(claim.token_hash)
    # DynamoDB deletes expired items hours late.
    if token is None or token.expires_at <= claim.made_at:
        return None
    if token.request_hash != claim.request_hash:
        raise IdempotencyConflictError
    return token.created_id


def remember(
    transaction: Transaction, claim: Claim, tokens: type[Token], *, created_id: str
) -> None:
    """Add to `transaction` that this request made `created_id`, if no other try was quicker."""
    token = tokens(
        *tokens.key(claim.token_hash),
        created_id=created_id,
        request_hash=claim.request_hash,
        expires_at=claim.expires_at,
    )
    is_free = tokens.pk.does_not_exist() | (tokens.expires_at <= claim.made_at)
    transaction.put(token, only_if=is_free, named=TOKEN_IS_FREE)


# --- Failed attempts


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
