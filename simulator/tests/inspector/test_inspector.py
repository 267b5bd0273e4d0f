"""The inspector page and the recorded scenes of a running simulator."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_sonic_simulator.scenes import load_scenes
from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from support.events import answer, closing, opening, prompt_start, typed
from support.raw_client import RawClient

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def inspected(
    tmp_path_factory: pytest.TempPathFactory, records: Path
) -> Iterator[RunningSimulator]:
    folder = tmp_path_factory.mktemp("inspected")
    options = ("--hearing", "text", "--inspector-port", "0", "--record", str(records))
    with run_simulator(folder, *options) as running:
        yield running


async def get(
    simulator: RunningSimulator, path: str, *, host: str = "127.0.0.1", method: str = "GET"
) -> tuple[str, str]:
    """Return the status line and the body."""
    assert simulator.inspector_port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.inspector_port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    async with asyncio.timeout(60):
        answered = (await reader.read()).decode()
    writer.close()
    head, _, body = answered.partition("\r\n\r\n")
    return head.splitlines()[0], body


async def entries(simulator: RunningSimulator) -> list[dict[str, Any]]:
    status, body = await get(simulator, "/events?follow=0")
    assert status == "HTTP/1.1 200 OK"
    return [json.loads(line) for line in body.splitlines()]


async def look_up_order(client: RawClient) -> None:
    stream = client.open()
    await stream.send(*opening(tools=("consultarOrder",)))
    await stream.send(*typed("t1", "Consultá el pedido 1, DNI 12345678"))
    use = await stream.until("toolUse")
    await stream.send(*answer("r1", use["toolUseId"], '{"say": "Tu pedido está en camino."}'))
    await stream.until("contentEnd", type="AUDIO", stopReason="END_TURN")
    await stream.send(*closing())
    await stream.end()
    await stream.until("completionEnd")
    assert await stream.next_message() is None


async def test_page_is_served_to_this_machine_only(inspected: RunningSimulator) -> None:
    status, body = await get(inspected, "/")
    assert status == "HTTP/1.1 200 OK"
    assert "<canvas" in body
    assert (await get(inspected, "/", host="localhost:1"))[0] == "HTTP/1.1 200 OK"
    assert (await get(inspected, "/", host="evil.example"))[0].startswith("HTTP/1.1 421")


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/other", "GET", "404"), ("/", "POST", "405")]
)
async def test_other_requests_are_refused(
    inspected: RunningSimulator, path: str, method: str, status: str
) -> None:
    assert (await get(inspected, path, method=method))[0].split()[1] == status


async def test_conversation_is_in_the_journal_from_opened_to_closed(
    inspected: RunningSimulator,
) -> None:
    async with RawClient(inspected.url, inspected.ca_file) as client:
        await look_up_order(client)
    found = await entries(inspected)
    label = found[-1]["session"]
    of_session = [entry for entry in found if entry["session"] == label]
    assert of_session[0]["kind"] == "opened"
    assert (of_session[-1]["kind"], of_session[-1]["ended"]) == ("closed", "client")
    events = [entry.get("event") for entry in of_session]
    assert events.index("textInput") < events.index("toolUse") < events.index("toolResult")
    assert {"level_out"} <= {entry["kind"] for entry in of_session}


async def test_broken_rule_is_in_the_journal_with_its_reason(
    inspected: RunningSimulator,
) -> None:
    async with RawClient(inspected.url, inspected.ca_file) as client:
        stream = client.open()
        await stream.send(prompt_start())
        await stream.error_of_last_event()
    rules = [entry for entry in await entries(inspected) if entry["kind"] == "rule"]
    assert "promptStart when NEW" in str([rule["reason"] for rule in rules])


async def test_refused_request_is_in_the_journal(inspected: RunningSimulator) -> None:
    async with RawClient(inspected.url, inspected.ca_file) as client:
        await client.open(keys=("other", "local")).refusal()
    refused = [entry for entry in await entries(inspected) if entry["kind"] == "refused"]
    assert refused[-1]["event"] == "403 UnrecognizedClientException"


async def test_follower_receives_entries_as_they_come(inspected: RunningSimulator) -> None:
    assert inspected.inspector_port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", inspected.inspector_port)
    writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with RawClient(inspected.url, inspected.ca_file) as client, asyncio.timeout(60):
        await client.open(keys=("follower", "local")).refusal()
        while b'"refused"' not in await reader.readline():
            pass
    writer.close()


async def test_recorded_scene_can_be_read_again(inspected: RunningSimulator, records: Path) -> None:
    async with RawClient(inspected.url, inspected.ca_file) as client:
        await look_up_order(client)
    scene = load_scenes(records)[-1]
    (step,) = scene.steps
    assert step.say == "Consultá el pedido 1, DNI 12345678"
    assert step.tools is not None
    assert [(call.name, dict(call.arguments)) for call in step.tools] == [
        ("consultarOrder", {"orderId": "1", "dni": "12345678"})
    ]
    assert step.texts == ("Tu pedido está en camino.",)
