"""One-use tickets: valid for one call, for a minute, on any server."""

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import signing

from common.errors import UnavailableError
from voice.gateway.tickets import TICKET_LIFETIME, TicketError, TicketVerifier, create_ticket

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


class TicketStore:
    """The used tickets that all servers share."""

    def __init__(self) -> None:
        self.nonces: set[str] = set()
        self.claims: list[dict[str, Any]] = []

    def claim(self, *, nonce: str, expires_at: datetime, now: datetime) -> bool:
        self.claims.append({"expires_at": expires_at, "now": now})
        is_new = nonce not in self.nonces
        self.nonces.add(nonce)
        return is_new


class PastSigner(signing.TimestampSigner):
    """Signs with a timestamp of so many seconds ago."""

    def __init__(self, *, ago_s: int) -> None:
        super().__init__(salt="voice.tickets")
        self._ago_s = ago_s

    def timestamp(self) -> str:
        return signing.b62_encode(int(time.time()) - self._ago_s)


async def use(verifier: TicketVerifier, ticket: str) -> None:
    await verifier.use_ticket(ticket, now=NOW)


async def test_ticket_is_valid_once() -> None:
    verifier, ticket = TicketVerifier(TicketStore().claim), create_ticket()
    await use(verifier, ticket)
    with pytest.raises(TicketError, match="used before"):
        await use(verifier, ticket)


async def test_ticket_used_on_another_server_is_refused() -> None:
    store, ticket = TicketStore(), create_ticket()
    await use(TicketVerifier(store.claim), ticket)
    with pytest.raises(TicketError, match="another server"):
        await use(TicketVerifier(store.claim), ticket)
    assert store.claims[0] == {"expires_at": NOW + TICKET_LIFETIME, "now": NOW}


async def test_ticket_used_twice_at_once_is_valid_once() -> None:
    verifier, ticket = TicketVerifier(TicketStore().claim), create_ticket()
    results = await asyncio.gather(
        use(verifier, ticket), use(verifier, ticket), return_exceptions=True
    )
    assert [type(result) for result in results].count(TicketError) == 1


async def test_tickets_differ() -> None:
    verifier = TicketVerifier(TicketStore().claim)
    for _ in range(3):
        await use(verifier, create_ticket())


@pytest.mark.parametrize(
    "ticket",
    [
        "",
        "no ticket",
        "a:b:c",
        "ñ:ñ:ñ",
        signing.TimestampSigner(salt="another").sign("a" * 32),
        signing.TimestampSigner(key="a" * 50, salt="voice.tickets").sign("a" * 32),
    ],
    ids=["none", "words", "colons", "no ASCII", "another purpose", "another key"],
)
async def test_foreign_ticket_is_refused_without_claiming_it(ticket: str) -> None:
    store = TicketStore()
    with pytest.raises(TicketError):
        await use(TicketVerifier(store.claim), ticket)
    assert store.claims == []


async def test_changed_ticket_is_refused() -> None:
    ticket = create_ticket()
    forged = ticket.replace(ticket[0], "0" if ticket[0] != "0" else "1", 1)
    with pytest.raises(TicketError):
        await use(TicketVerifier(TicketStore().claim), forged)


@pytest.mark.parametrize(("ago_s", "is_valid"), [(55, True), (62, False)])
async def test_ticket_expires_after_a_minute(ago_s: int, is_valid: bool) -> None:
    """The signature has its own clock, the one of the process."""
    verifier, ticket = TicketVerifier(TicketStore().claim), PastSigner(ago_s=ago_s).sign("a" * 32)
    if is_valid:
        await use(verifier, ticket)
        return
    with pytest.raises(TicketError, match="age"):
        await use(verifier, ticket)


async def test_used_ticket_is_remembered_when_dynamodb_is_down() -> None:
    def claim(**_: Any) -> bool:
        raise UnavailableError(reason="down")

    verifier, ticket = TicketVerifier(claim), create_ticket()
    await use(verifier, ticket)
    with pytest.raises(TicketError, match="used before"):
        await use(verifier, ticket)


async def test_ticket_is_accepted_when_dynamodb_is_slow() -> None:
    response = threading.Event()

    def claim(**_: Any) -> bool:
        return response.wait(timeout=60)

    try:
        async with asyncio.timeout(60):
            await use(TicketVerifier(claim, claim_timeout_s=0.05), create_ticket())
    finally:
        response.set()
