"""Identify the attempts of one creating request, so that it takes effect once.

A client sends the same token with each attempt of a request. The first attempt that succeeds stores the
token beside the record it creates, in the same transaction. A later attempt finds the token and returns
that record. The token outlives the record, so an attempt after the record was deleted creates no second
one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

TOKEN_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """One attempt of a request to create something, and hashes of its token and its content."""

    token_hash: str
    request_hash: str
    received_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When the token may be used for another request."""
        return self.received_at + TOKEN_LIFETIME


def idempotent_request(
    *, token: str, request: Mapping[str, object], now: datetime
) -> IdempotentRequest:
    """Return the request with its hashes.

    Args:
        token: The client's token; it must also name the client, so that nobody can guess another's.
        request: What is to be created.
        now: When this attempt arrived.

    """
    return IdempotentRequest(
        token_hash=_digest(token), request_hash=_digest(request), received_at=now
    )


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
