"""One-use tickets: a client needs one to start a call over the binary wire.

A ticket is signed, names nobody, is valid for a minute and for one call. The page requests one over
HTTP, where origin and address are checked; the WebSocket verifies it. DynamoDB stores that it was
used, for all processes. If DynamoDB does not answer in time, only this process remembers it: a
customer who can't call is worse than a ticket that is used twice within its minute.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from django.core import signing

from common import ids
from common.dynamodb.client import run_in_thread
from common.errors import UnavailableError

logger = logging.getLogger(__name__)

TICKET_LIFETIME = timedelta(seconds=60)
CLAIM_TIMEOUT_S = 1.0
_SALT = "voice.tickets"
_MAX_REMEMBERED = 10_000

type ClaimTicket = Callable[..., bool]
"""Stores that a ticket is used; returns False if it was used before.

Keyword arguments: nonce, expires_at, now.
"""


class TicketError(Exception):
    """The ticket is missing, forged or expired, or was used before."""


def create_ticket() -> str:
    """Return a new ticket."""
    return signing.TimestampSigner(salt=_SALT).sign(ids.opaque_id())


class TicketVerifier:
    """Verify tickets, each once."""

    def __init__(self, claim: ClaimTicket, *, claim_timeout_s: float = CLAIM_TIMEOUT_S) -> None:
        self._claim = claim
        self._claim_timeout_s = claim_timeout_s
        self._used_nonces: OrderedDict[str, None] = OrderedDict()

    async def use_ticket(self, ticket: str, *, now: datetime) -> None:
        """Verify a ticket and mark it as used.

        Raises:
            TicketError: it is not valid, or not any more.

        """
        try:
            nonce = signing.TimestampSigner(salt=_SALT).unsign(ticket, max_age=TICKET_LIFETIME)
        except signing.BadSignature as error:
            raise TicketError(str(error)) from error
        if nonce in self._used_nonces:
            raise TicketError("used before")
        self._used_nonces[nonce] = None
        if len(self._used_nonces) > _MAX_REMEMBERED:
            self._used_nonces.popitem(last=False)
        if not await self._claim_in_store(nonce, now):
            raise TicketError("used before, on another server")

    async def _claim_in_store(self, nonce: str, now: datetime) -> bool:
        expires_at = now + TICKET_LIFETIME
        try:
            async with asyncio.timeout(self._claim_timeout_s):
                return await run_in_thread(self._claim, nonce=nonce, expires_at=expires_at, now=now)
        except (UnavailableError, TimeoutError):
            logger.warning("ticket accepted without DynamoDB")
            return True
