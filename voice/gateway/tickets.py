"""One-use tickets: who may open a call over the binary wire, for a minute.

A ticket is signed, names nobody, and is worth one call. The page asks for one over HTTP, where origin
and address are checked; the WebSocket takes it once. That it is used is noted in DynamoDB, for all
processes; where DynamoDB does not answer in time, this process alone remembers, since a customer who
can't call is worse than a ticket that was used twice within its minute.
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

LASTS = timedelta(seconds=60)
CLAIM_WITHIN_S = 1.0
_SALT = "voice.tickets"
_REMEMBERED = 10_000

type Claim = Callable[..., bool]
"""Notes that a ticket is used; False if it was before. Keywords: nonce, expires_at, now."""


class TicketError(Exception):
    """The ticket is missing, forged, too old, or was used before."""


def new_ticket() -> str:
    """Return a ticket."""
    return signing.TimestampSigner(salt=_SALT).sign(ids.opaque_id())


class TicketVerifier:
    """Takes tickets."""

    def __init__(self, claim: Claim, *, claim_within_s: float = CLAIM_WITHIN_S) -> None:
        self._claim = claim
        self._claim_within_s = claim_within_s
        self._used: OrderedDict[str, None] = OrderedDict()

    async def take(self, ticket: str, *, now: datetime) -> None:
        """Take a ticket.

        Raises:
            TicketError: it is none, or no longer one.

        """
        try:
            nonce = signing.TimestampSigner(salt=_SALT).unsign(ticket, max_age=LASTS)
        except signing.BadSignature as error:
            raise TicketError(str(error)) from error
        if nonce in self._used:
            raise TicketError("used before")
        self._used[nonce] = None
        if len(self._used) > _REMEMBERED:
            self._used.popitem(last=False)
        if not await self._claimed(nonce, now):
            raise TicketError("used before, on another server")

    async def _claimed(self, nonce: str, now: datetime) -> bool:
        try:
            async with asyncio.timeout(self._claim_within_s):
                return await run_in_thread(
                    self._claim, nonce=nonce, expires_at=now + LASTS, now=now
                )
        except (UnavailableError, TimeoutError):
            logger.warning("a ticket was taken without DynamoDB")
            return True
