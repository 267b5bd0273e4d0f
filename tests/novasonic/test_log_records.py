"""What a server logs during calls: each record has the ids to follow a call, and no personal data."""

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nova_sonic_simulator.testing import RunningSimulator
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, ProxyState, running_proxy
from tests.fixtures.site import Site, running_site
from tests.fixtures.voice_clients import VoiceClient, open_client
from voice.cloudwatch import UNITS

pytestmark = [pytest.mark.wire]

PERSONAL = [
    "Ximena",
    "Zorrilla",
    "ximena",
    "zorrilla.ximena",
    "32987654",
    "32.987.654",
    "5555-9876",
]
ORDER = {
    "name": "crearOrder",
    "arguments": {
        "customerName": "Ximena Zorrilla",
        "customerEmail": "zorrilla.ximena@example.com",
        "customerDni": "32987654",
        "items": [{"name": "Yerba", "quantity": 1, "price": 1000}],
        "unknownArgument": "Ximena",
    },
}
LOOK_UP = "Consulta el pedido número 1 con DNI 32987654"


@pytest.fixture
def proxy(dynamodb: str) -> Iterator[DynamoDBProxy]:
    with running_proxy(dynamodb) as running:
        yield running


@pytest.fixture
def logging_site(
    tmp_path: Path, clean_simulator: RunningSimulator, proxy: DynamoDBProxy, demo_data: datetime
) -> Iterator[Site]:
    environ = {
        "DYNAMODB_ENDPOINT_URL": proxy.url,
        "BEDROCK_ENDPOINT_URL": clean_simulator.url,
        "BEDROCK_CA_FILE": str(clean_simulator.ca_file),
        "LOG_FORMAT": "json",
        "LOGLEVEL": "DEBUG",
        "METRICS_NAMESPACE": "NovaSonic/test",
        "TOOL_DEADLINE_S": "2",
    }
    with running_site(tmp_path, environ) as site:
        yield site


def records(site: Site) -> list[dict[str, Any]]:
    """Return the log; every line must be a JSON object."""
    return [json.loads(line) for line in site.log.read_text().splitlines()]


async def send_personal_data(client: VoiceClient, proxy: DynamoDBProxy) -> None:
    """Say personal data in every way in which it can reach the server, in order and in error."""
    await client.converse("Soy Ximena Zorrilla, DNI 32.987.654, teléfono 5555-9876", LOOK_UP)
    await client.converse("quiero yerba")
    proxy.operation, proxy.state = "GetItem", ProxyState.DISCONNECT
    await client.converse(LOOK_UP)
    proxy.reset()
    await client.send(type="text", text=["Ximena"])
    await client.send(type="unknown", text="Ximena Zorrilla")
    await client.until("error")


async def test_log_of_a_call_has_ids_and_metrics_and_no_personal_data(
    logging_site: Site, proxy: DynamoDBProxy, clean_simulator: RunningSimulator
) -> None:
    await clean_simulator.command("script", when="quiero yerba", say=["Listo."], tools=[ORDER])
    async with open_client(logging_site.ws_url) as client:
        await send_personal_data(client, proxy)
        await clean_simulator.command("drop_all", action={"kind": "abort"})
        await client.converse("Hola")
        await client.send(type="end")
        await client.until("ended")
    url = f"{logging_site.url}/orders/?customerEmail=zorrilla.ximena%40example.com"
    await asyncio.to_thread(urllib.request.urlopen, url)
    await logging_site.until_logged("call ended")
    logging_site.process.terminate()
    await asyncio.to_thread(logging_site.process.wait, 10)

    text = logging_site.log.read_text()
    for personal in PERSONAL:
        lines = [line for line in text.splitlines() if personal in line]
        assert not lines, lines[0]
    call_id = client.token.partition(".")[0]
    by_event = {record["event"]: record for record in records(logging_site)}
    for event in ("call started", "session opened", "session lost", "call ended", "frame refused"):
        assert by_event[event]["call_id"] == call_id, event
    assert by_event["frame refused"]["connection_id"]
    failures = [r for r in records(logging_site) if r["event"] == "dynamodb unavailable"]
    # Logged on threads. The leases of the process belong to no call.
    assert {record["call_id"] for record in failures if "call_id" in record} == {call_id}
    assert any("tool_call_id" in record for record in failures)
    logged = {name for record in records(logging_site) for name in UNITS if name in record}
    # Browsers report when a reply is heard; errors are published if there are any.
    assert logged == set(UNITS) - {"HeardLatency", "CallErrors", "LoginFailures"}


def test_request_has_its_id_in_log_and_response(logging_site: Site, proxy: DynamoDBProxy) -> None:
    proxy.state = ProxyState.DISCONNECT
    request = urllib.request.Request(
        f"{logging_site.url}/orders/1", headers={"X-Request-Id": "from-the-proxy-1"}
    )
    with pytest.raises(urllib.error.HTTPError) as unavailable:
        urllib.request.urlopen(request)
    with unavailable.value as response:
        assert response.headers["X-Request-Id"] == "from-the-proxy-1"
    by_event = {record["event"]: record for record in records(logging_site)}
    for event in ("dynamodb unavailable", "Service Unavailable: /orders/1"):
        assert by_event[event]["request_id"] == "from-the-proxy-1"


@pytest.mark.parametrize("given", [None, "no spaces", "x" * 129])
def test_request_without_a_usable_id_gets_a_new_one(site: Site, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given}
    request = urllib.request.Request(f"{site.url}/orders/", headers=headers)
    with urllib.request.urlopen(request) as response:
        assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-Id"])
