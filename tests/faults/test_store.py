"""DynamoDB fails during a tool call: the assistant says so, and the call continues."""

import asyncio

import pytest

import conversations.services
import orders.services
from common import clock
from conversations.domain import Transcript
from nova_sonic_simulator.testing import RunningSimulator
from orders.domain import OrderQuery
from tests.faults.rows import Row
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, ProxyState
from tests.fixtures.site import Site
from tests.fixtures.voice_clients import VoiceClient, open_client

pytestmark = [pytest.mark.wire]

LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"
EMAIL = "tardia@example.com"
YERBA = {
    "name": "crearOrder",
    "arguments": {
        "customerName": "Tarde Ía",
        "customerEmail": EMAIL,
        "items": [{"name": "Yerba", "quantity": 1, "price": 1000}],
    },
}


async def outcomes(client: VoiceClient, text: str) -> list[str]:
    """Send a question, wait for the answer, and return the outcomes of its tool calls."""
    before = len(client.events)
    await client.converse(text)
    return [
        e["outcome"]
        for e in client.events[before:]
        if e["type"] == "tool" and e["phase"] == "finished"
    ]


@pytest.mark.parametrize(
    ("state", "experience", "within_s"),
    [
        (ProxyState.DISCONNECT, "hears that it did not work, may ask again", 8),
        (ProxyState.THROTTLE, "hears that it did not work, may ask again", 8),
        (ProxyState.HANG, "hears «un momento», then that it took too long", 6),
        (ProxyState.CORRUPT, "hears that it did not work, may ask again", 5),
    ],
)
async def test_store_failure_during_a_tool_call_is_spoken(
    faulty_site: Site,
    proxy: DynamoDBProxy,
    row: Row,
    state: ProxyState,
    experience: str,
    within_s: float,
) -> None:
    row(
        f"DynamoDB {state} during a tool", experience, kept="the call, the order", within_s=within_s
    )
    async with open_client(faulty_site.ws_url) as client:
        proxy.operation, proxy.state = "GetItem", state
        with row.measured():
            assert await outcomes(client, LOOK_UP) == ["failed"]
        proxy.reset()
        assert await outcomes(client, LOOK_UP) == ["ok"]
    assert orders.services.get_order(order_id="1").status == "pending"


async def test_order_that_times_out_is_placed_once_after_retries(
    faulty_site: Site, faults: RunningSimulator, proxy: DynamoDBProxy, row: Row
) -> None:
    row(
        "DynamoDB answers too late, and the customer has it tried again",
        "hears that it took too long, then that it is done",
        kept="the order, once",
        within_s=12,
    )
    await faults.command("script", when="quiero yerba", say=["Listo."], tools=[YERBA])
    async with open_client(faulty_site.ws_url) as client:
        proxy.operation, proxy.body_part = "TransactWriteItems", EMAIL
        proxy.state, proxy.delay_s = ProxyState.DELAY, 3.5
        with row.measured():
            assert await outcomes(client, "quiero yerba") == ["failed"]
            proxy.reset()
            assert await outcomes(client, "quiero yerba") == ["ok"]
    query = OrderQuery(customer_email=EMAIL)
    assert len(orders.services.list_orders(query=query).items) == 1


async def test_store_failure_at_hang_up_loses_no_utterance(
    faulty_site: Site, proxy: DynamoDBProxy, row: Row
) -> None:
    row(
        "DynamoDB throttles at the end of a call",
        "notices nothing",
        kept="the last words, and how it ended",
        within_s=6,
    )
    async with open_client(faulty_site.ws_url) as client:
        await client.converse("Hola")
        proxy.state = ProxyState.THROTTLE
        await client.send(type="end")
        await client.until("ended")
        with row.measured():
            proxy.reset()
            while not (await asyncio.to_thread(stored_transcript, client)).conversation.is_ended:  # noqa: ASYNC110 -- another process's
                await asyncio.sleep(0.02)
        stored = await asyncio.to_thread(stored_transcript, client)
    assert [each.text for each in stored.utterances if each.speaker == "user"] == ["Hola"]
    assert stored.conversation.reason == "client"


def stored_transcript(client: VoiceClient) -> Transcript:
    call_id, _, _ = client.token.partition(".")
    return conversations.services.get_transcript(call_id=call_id, now=clock.now())


async def test_slow_store_only_delays_the_answer(
    faulty_site: Site, proxy: DynamoDBProxy, row: Row
) -> None:
    row(
        "DynamoDB slow during a tool",
        "hears «un momento», then the answer",
        kept="the answer",
        within_s=6,
    )
    async with open_client(faulty_site.ws_url) as client:
        proxy.state, proxy.delay_s = ProxyState.DELAY, 0.4
        with row.measured():
            assert await outcomes(client, LOOK_UP) == ["ok"]
        said = " ".join(e["text"] for e in client.events if e["type"] == "caption")
        assert "Un momento" in said
        assert "[" not in said


async def test_utterances_during_a_store_outage_are_stored_later(
    faulty_site: Site, proxy: DynamoDBProxy, row: Row
) -> None:
    row(
        "DynamoDB down for a while",
        "notices nothing",
        kept="what was said is kept later",
        within_s=12,
    )
    async with open_client(faulty_site.ws_url) as client:
        proxy.state = ProxyState.DISCONNECT
        with row.measured():
            await client.converse("Hola")
            proxy.reset()
            acknowledged = await client.until_acknowledged(client.frames.sequence - 1)
        assert acknowledged
