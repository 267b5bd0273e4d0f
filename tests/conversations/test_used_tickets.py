"""Claim one-use tickets."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from conversations import services
from tests.conversations.stored_calls import NOW, at, raw_items

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def test_ticket_is_claimed_once() -> None:
    ticket: dict[str, Any] = {"nonce": "n0nce", "expires_at": at(60)}

    assert services.claim_ticket(**ticket, now=NOW)
    assert not services.claim_ticket(**ticket, now=at(1))
    assert services.claim_ticket(nonce="another", expires_at=at(60), now=NOW)


def test_concurrent_claims_of_a_ticket_have_one_winner() -> None:
    def claim(_number: int) -> bool:
        return services.claim_ticket(nonce="one", expires_at=at(60), now=NOW)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(claim, range(8))).count(True) == 1


@pytest.mark.parametrize(("now", "may"), [(at(59.999), True), (at(60), False)])
def test_expired_ticket_is_refused(now: datetime, may: bool) -> None:
    assert services.claim_ticket(nonce="n", expires_at=at(60), now=now) is may


@pytest.mark.parametrize("nonce", ["", "a b", "x" * 65, "ñ"])
def test_malformed_ticket_is_refused_and_not_stored(nonce: str) -> None:
    assert not services.claim_ticket(nonce=nonce, expires_at=at(60), now=NOW)
    assert raw_items() == []
