"""Few callers can't keep all lines (issue 14, row 2)."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

import orders.demo
import orders.services
from common.identity import lockout
from common.identity.models import KnownAddress
from common.identity.verification import Customer
from orders.errors import OrderNotFoundError
from tests.fixtures.site import SiteRunner
from tests.fixtures.voice_clients import VoiceClient, open_client

ADDRESS = "192.0.2.1"
NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
ORDER_QUESTION = "Consulta el pedido número 1 con DNI 12345678"


async def start_refusal(url: str) -> str:
    """Return the code with which a new call is refused; the ticket would be the second refusal."""
    async with open_client(url, start=False) as client:
        await client.send(type="start", ticket="any")
        return str((await client.until("error"))["code"])


@pytest.mark.wire
@pytest.mark.usefixtures("demo_data")
async def test_known_caller_gets_a_line_and_a_new_silent_call_ends(run_site: SiteRunner) -> None:
    limits = {"CALLS_MAX": "5", "CALLS_RESERVED": "1", "CALLS_BUSY_PERCENT": "100"}
    with run_site(**limits, CALL_IDLE_BUSY_S="1") as site:
        async with AsyncExitStack() as calls:
            oldest, *silent = [
                await calls.enter_async_context(open_client(site.ws_url)) for _ in range(4)
            ]
            assert await start_refusal(site.ws_url) == "busy"

            await oldest.converse(ORDER_QUESTION)  # a verified caller
            newest = await calls.enter_async_context(open_client(site.ws_url))
            assert await first_end_reason(silent[-1], newest) == "idle"
            async with asyncio.timeout(60):  # its line is free when its end is stored
                while await start_refusal(site.ws_url) == "busy":
                    pass
            await oldest.converse("Hola")
            assert not [event for event in oldest.events if event["type"] == "ended"]


async def first_end_reason(*clients: VoiceClient) -> str:
    """Return why the first of the calls ends."""
    async with asyncio.TaskGroup() as tasks:
        ends = [tasks.create_task(client.until("ended")) for client in clients]
        done, pending = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in pending:
            end.cancel()
    return str(done.pop().result()["reason"])


@pytest.fixture
def juan(empty_tables: str) -> Customer:
    orders.demo.seed(now=NOW)
    return Customer(name="Juan Pérez", dni="12345678", address=ADDRESS)


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_address_is_known_for_some_days_after_a_verification(
    settings: Settings, juan: Customer
) -> None:
    settings.KNOWN_CALLER_DAYS = 30
    wrong = replace(juan, dni="99999999")
    with pytest.raises(OrderNotFoundError):
        orders.services.look_up_order(order_id="1", caller=wrong, now=NOW)
    assert not lockout.is_known_address(ADDRESS, now=NOW)

    orders.services.look_up_order(order_id="1", caller=juan, now=NOW)
    assert lockout.is_known_address(ADDRESS, now=NOW + timedelta(days=30, seconds=-1))
    assert not lockout.is_known_address(ADDRESS, now=NOW + timedelta(days=30))
    assert not lockout.is_known_address("192.0.2.2", now=NOW)


@pytest.mark.store
def test_known_address_is_stored_once_a_day(
    settings: Settings, juan: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KNOWN_CALLER_DAYS = 30
    home, office, day = juan, replace(juan, address="192.0.2.2"), timedelta(days=1)

    def is_written(caller: Customer, now: datetime) -> bool:
        """Whether a verified tool call stores the address, which was deleted before."""
        assert caller.address
        if row := KnownAddress.find(lockout.hash_address(caller.address)):
            row.delete()
        orders.services.look_up_order(order_id="1", caller=caller, now=now)
        return lockout.is_known_address(caller.address, now=now)

    assert is_written(home, NOW)
    assert not is_written(home, NOW + day - timedelta(seconds=1))
    assert is_written(office, NOW)
    assert is_written(home, NOW + day)
    assert not is_written(home, NOW + day)
    assert not is_written(office, NOW)

    monkeypatch.setattr(lockout, "MAX_REMEMBERED_ADDRESSES", 2)
    assert is_written(replace(juan, address="192.0.2.3"), NOW)
    assert not is_written(home, NOW + day)  # it was stored later than the office
    assert is_written(office, NOW)


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_no_address_is_known_where_none_is_stored(settings: Settings, juan: Customer) -> None:
    settings.KNOWN_CALLER_DAYS = 0
    orders.services.look_up_order(order_id="1", caller=juan, now=NOW)
    settings.KNOWN_CALLER_DAYS = 30
    assert not lockout.is_known_address(ADDRESS, now=NOW)
