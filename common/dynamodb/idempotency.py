"""The item that remembers which record a creating request made (see `common.idempotency`)."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from common.dynamodb.tables import EXPIRES_AT, Table
from common.dynamodb.transactions import Transaction
from common.errors import IdempotencyConflictError
from common.idempotency import Claim

TOKEN_IS_FREE = "token is free"  # noqa: S105 -- the name of a condition


class IdempotencyToken(Table):
    """Remembers which record a request made, so that the same request makes no second one."""

    key_prefix = "TOKEN"

    created_id = UnicodeAttribute(attr_name="createdId")
    request_hash = UnicodeAttribute(attr_name="requestHash")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)


def find_created_id(claim: Claim, tokens: type[IdempotencyToken]) -> str | None:
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


def add_token(
    transaction: Transaction, claim: Claim, tokens: type[IdempotencyToken], *, created_id: str
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
