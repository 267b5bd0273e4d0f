"""The item that stores which record a request created (see `common.idempotency`)."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from common.dynamodb.tables import EXPIRES_AT, Table
from common.dynamodb.transactions import Transaction
from common.errors import IdempotencyConflictError
from common.idempotency import IdempotentRequest

TOKEN_IS_FREE = "token is free"  # noqa: S105 -- the name of a condition


class IdempotencyToken(Table):
    """Which record a request created, so that the same request does not create a second one."""

    key_prefix = "TOKEN"

    created_id = UnicodeAttribute(attr_name="createdId")
    request_hash = UnicodeAttribute(attr_name="requestHash")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)


def find_created_id(request: IdempotentRequest, tokens: type[IdempotencyToken]) -> str | None:
    """Return the id of the record that an earlier attempt of this request created, or None.

    Raises:
        IdempotencyConflictError: another request was sent with the same token.

    """
    token = tokens.find(request.token_hash)
    # DynamoDB deletes expired items hours late.
    if token is None or token.expires_at <= request.received_at:
        return None
    if token.request_hash != request.request_hash:
        raise IdempotencyConflictError
    return token.created_id


def add_token(
    transaction: Transaction,
    request: IdempotentRequest,
    tokens: type[IdempotencyToken],
    *,
    created_id: str,
) -> None:
    """Add to `transaction` that this request creates `created_id`, unless another attempt was first."""
    token = tokens(
        *tokens.key(request.token_hash),
        created_id=created_id,
        request_hash=request.request_hash,
        expires_at=request.expires_at,
    )
    is_free = tokens.pk.does_not_exist() | (tokens.expires_at <= request.received_at)
    transaction.put_item(token, condition=is_free, name=TOKEN_IS_FREE)
