"""Reads and writes of the token, which stands in each table beside what it made."""

from common.dynamo import Transaction
from common.errors import IdempotencyConflictError
from common.idempotency import Claim
from common.models import Token

TOKEN_IS_FREE = "token is free"  # noqa: S105 -- the name of a condition


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
