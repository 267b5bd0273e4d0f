"""Doing a thing once, however often it's asked for: the claim that a creating request makes.

A client sends the same token with each try of one request. The first try that succeeds stores the
token beside what it made, in the same transaction; later tries find it and get what was made then.
The token outlives the record, so a try that comes after the record was deleted makes no second one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

REMEMBERED_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One request to make something: which request it is, and what it asks for."""

    token_hash: str
    request_hash: str
    made_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When the token may be used for something else."""
        return self.made_at + REMEMBERED_FOR


def claim(*, token: str, request: Mapping[str, object], now: datetime) -> Claim:
    """Return the claim of a request. The token must tell its owner, too, so that none is guessed."""
    return Claim(token_hash=_digest(token), request_hash=_digest(request), made_at=now)


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
