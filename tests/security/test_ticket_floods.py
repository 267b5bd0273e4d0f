"""Tickets: an address gets as many as it may start calls."""

from collections.abc import Iterator

import pytest
from django.http import JsonResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from voice.gateway.views import create_ticket, ticket_limiter

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


@pytest.fixture(autouse=True)
def three_tickets_per_minute(settings: Settings) -> Iterator[None]:
    settings.CALL_STARTS_PER_MINUTE = 3
    ticket_limiter.cache_clear()
    yield
    ticket_limiter.cache_clear()


async def request_ticket(address: str) -> JsonResponse:
    request = RequestFactory().post("/voice/tickets", REMOTE_ADDR=address)
    response = await create_ticket(request)
    assert isinstance(response, JsonResponse)
    return response


async def test_ticket_beyond_the_rate_of_an_address_is_refused() -> None:
    answers = [await request_ticket("192.0.2.1") for _ in range(10)]
    assert [answer.status_code for answer in answers] == [201] * 3 + [429] * 7
    assert b'"too_many"' in answers[-1].content
    assert 0 < int(answers[-1]["Retry-After"]) <= 20


async def test_other_address_gets_its_ticket_during_a_flood() -> None:
    for _ in range(10):
        await request_ticket("192.0.2.1")
    assert (await request_ticket("192.0.2.2")).status_code == 201
