"""Tools that hang, fail, run in parallel, or finish after the customer hung up."""

import asyncio
from contextlib import suppress

import pytest
from django.conf import settings

import conversations.services
import orders.services
from common import clock
from conversations.domain import ToolCall, ToolOutcome
from conversations.errors import ConversationNotFoundError
from nova_sonic_simulator.testing import RunningSimulator
from tests.faults.rows import Row
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, ProxyState
from tests.fixtures.site import Site
from tests.fixtures.voice_clients import VoiceClient, open_client

pytestmark = [pytest.mark.wire]

LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"
CANCEL = "Cancela el pedido número 2 para Juan Pérez"
BOTH = [
    {"name": "consultarOrder", "arguments": {"orderId": "1", "dni": "12345678"}},
    {
        "name": "consultarTurno",
        "arguments": {"appointmentId": "2", "patientName": "Luis Fernández"},
    },
]


def finished(client: VoiceClient) -> list[tuple[str, str]]:
    return [
        (e["name"], e["outcome"])
        for e in client.events
        if e["type"] == "tool" and e["phase"] == "finished"
    ]


async def test_two_tool_calls_run_in_parallel(
    faulty_site: Site, faults: RunningSimulator, proxy: DynamoDBProxy, row: Row
) -> None:
    row("two tools at once", "hears one answer to both", kept="both results", within_s=8)
    await faults.command("script", when="las dos cosas", say=["Acá están."], tools=BOTH)
    async with open_client(faulty_site.ws_url) as client:
        proxy.state, proxy.delay_s, proxy.operation = ProxyState.DELAY, 0.5, "GetItem"
        with row.measured():
            await client.send(type="text", text="las dos cosas")
            await client.until("tool", phase="finished")
            await client.until("tool", phase="finished")
            phases = [e["phase"] for e in client.events if e["type"] == "tool"]
            assert phases == ["started", "started", "finished", "finished"]
            await client.until("turn")
        assert sorted(finished(client)) == [("consultarOrder", "ok"), ("consultarTurno", "ok")]
    newest = (await faults.sessions())[-1]
    assert len(newest["tool_results"]) == 2


@pytest.mark.parametrize(
    ("fault", "tool"),
    [
        ("unknown tool", {"name": "borrarTodo", "arguments": {}}),
        ("tool with wrong arguments", {"name": "consultarOrder", "arguments": {"pedido": 1}}),
    ],
)
async def test_tool_call_that_cannot_run_gets_a_result(
    faulty_site: Site, faults: RunningSimulator, row: Row, fault: str, tool: dict[str, object]
) -> None:
    row(fault, "hears that it can't be done", kept="the call", within_s=5)
    await faults.command("script", when="algo raro", say=[], tools=[tool])
    async with open_client(faulty_site.ws_url) as client:
        with row.measured():
            await client.converse("algo raro")
        assert finished(client)[0][1] in {"failed", "refused"}
        await client.converse(LOOK_UP)


async def test_tool_that_hangs_is_cancelled_at_its_deadline(
    faulty_site: Site, proxy: DynamoDBProxy, row: Row
) -> None:
    row("tool hangs", "hears «un momento», then that it took too long", kept="the call", within_s=7)
    async with open_client(faulty_site.ws_url) as client:
        proxy.state, proxy.operation = ProxyState.HANG, "GetItem"
        with row.measured():
            await client.converse(LOOK_UP)
        assert finished(client) == [("consultarOrder", "failed")]
        proxy.reset()
        await client.converse(LOOK_UP)
        assert finished(client)[-1] == ("consultarOrder", "ok")


async def test_tool_that_raises_is_reported_as_failed(
    faulty_site: Site, proxy: DynamoDBProxy, row: Row
) -> None:
    row("tool raises", "hears that there was a problem", kept="the call", within_s=5)
    async with open_client(faulty_site.ws_url) as client:
        proxy.state, proxy.operation = ProxyState.CORRUPT, "GetItem"
        with row.measured():
            await client.converse(LOOK_UP)
        assert finished(client) == [("consultarOrder", "failed")]
        proxy.reset()
        await client.converse(LOOK_UP)


async def test_result_after_hang_up_is_stored(
    faulty_site: Site, proxy: DynamoDBProxy, row: Row
) -> None:
    row("result after hang-up", "is gone", kept="the effect, and that it was done", within_s=8)
    async with open_client(faulty_site.ws_url) as client:
        proxy.operation, proxy.body_part = "TransactWriteItems", settings.ORDERS_TABLE
        proxy.state, proxy.delay_s = ProxyState.DELAY, 0.5
        await client.send(type="text", text=CANCEL)
        while not proxy.affected:  # it has begun to take effect
            await client.audio_within(0.02)
        call_id = client.token.partition(".")[0]
        with row.measured():
            await client.send(type="end")
            assert await client.until_closed() == 1000
            runs = await stored_tool_calls(call_id)
            while orders.services.get_order(order_id="2").status != "cancelled":  # noqa: ASYNC110 -- another process's
                await asyncio.sleep(0.02)
        assert [(run.name, run.outcome) for run in runs] == [
            ("cancelarOrder", ToolOutcome.CANCELLED)
        ]


async def stored_tool_calls(call_id: str) -> list[ToolCall]:
    """Wait until the call is stored as ended, and return its tool calls."""
    async with asyncio.timeout(60):
        while True:
            with suppress(ConversationNotFoundError):  # it is not stored yet
                transcript = await asyncio.to_thread(
                    conversations.services.get_transcript, call_id=call_id, now=clock.now()
                )
                if transcript.conversation.ended_at is not None:
                    return list(transcript.tool_calls)
            await asyncio.sleep(0.05)
