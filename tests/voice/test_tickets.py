"""One-use tickets: worth one call, for a minute, on any server."""

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import signing

from common.errors import UnavailableError
from voice.gateway.tickets import LASTS, TicketError, TicketVerifier, new_ticket

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Register:
    """What all servers together know of used tickets."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.asked: list[dict[str, Any]] = []

    def claim(self, *, nonce: str, expires_at: datetime, now: datetime) -> bool:
        self.asked.append({"expires_at": expires_at, "now": now})
        is_new = nonce not in self.used
        self.used.add(nonce)
        return is_new


class Earlier(signing.TimestampSigner):
    """Signs as if it were so many seconds ago."""

    def __init__(self, *, ago_s: int) -> None:
        super().__init__(salt="voice.tickets")
        self._ago_s = ago_s

    def timestamp(self) -> str:
        return signing.b62_encode(int(time.time()) - self._ago_s)


async def take(booth: TicketVerifier, ticket: str) -> None:
    await booth.take(ticket, now=NOW)


async def test_a_ticket_is_worth_one_call() -> None:
    booth, ticket = TicketVerifier(Register().claim), new_ticket()
    await take(booth, ticket)
    with pytest.raises(TicketError, match="used before"):
        await take(booth, ticket)


async def test_another_server_knows_that_it_is_used() -> None:
    register, ticket = Register(), new_ticket()
    await take(TicketVerifier(register.claim), ticket)
    with pytest.raises(TicketError, match="another server"):
        await take(TicketVerifier(register.claim), ticket)
    assert register.asked[0] == {"expires_at": NOW + LASTS, "now": NOW}


async def test_taken_twice_at_once_it_is_worth_one_call() -> None:
    booth, ticket = TicketVerifier(Register().claim), new_ticket()
    taken = await asyncio.gather(take(booth, ticket), take(booth, ticket), return_exceptions=True)
    assert [type(result) for result in taken].count(TicketError) == 1


async def test_no_two_are_alike() -> None:
    booth = TicketVerifier(Register().claim)
    for _ in range(3):
        await take(booth, new_ticket())


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
async def test_what_this_site_did_not_issue_is_none(ticket: str) -> None:
    register = Register()
    with pytest.raises(TicketError):
        await take(TicketVerifier(register.claim), ticket)
    assert register.asked == []


async def test_a_changed_one_is_none() -> None:
    ticket = new_ticket()
    forged = ticket.replace(ticket[0], "0" if ticket[0] != "0" else "1", 1)
    with pytest.raises(TicketError):
        await take(TicketVerifier(Register().claim), forged)


@pytest.mark.parametrize(("ago_s", "is_good"), [(55, True), (62, False)])
async def test_it_lasts_a_minute(ago_s: int, is_good: bool) -> None:
    """Its age is judged by the clock of the signature, which is the process's own."""
    booth, ticket = TicketVerifier(Register().claim), Earlier(ago_s=ago_s).sign("a" * 32)
    if is_good:
        await take(booth, ticket)
        return
    with pytest.raises(TicketError, match="age"):
        await take(booth, ticket)


async def test_without_dynamodb_this_server_alone_remembers() -> None:
    def claim(**_: Any) -> bool:
        raise UnavailableError(reason="down")

    booth, ticket = TicketVerifier(claim), new_ticket()
    await take(booth, ticket)
    with pytest.raises(TicketError, match="used before"):
        await take(booth, ticket)


async def test_a_dynamodb_that_does_not_answer_in_time_is_not_waited_for() -> None:
    answers = threading.Event()

    def claim(**_: Any) -> bool:
        return answers.wait(timeout=20)

    try:
        async with asyncio.timeout(10):
            await take(TicketVerifier(claim, claim_within_s=0.05), new_ticket())
    finally:
        answers.set()
