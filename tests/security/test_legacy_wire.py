"""The legacy wire: off by default, closed to strangers, with its share of the calls; idle connections."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from novasonic.settings import Environment
from tests.fixtures.frame_server import serving
from tests.fixtures.loop_clock import LoopClock, loop_clock
from tests.fixtures.site import Site, SiteRunner
from tests.fixtures.voice_clients import LegacyClient, open_client, open_legacy_client
from voice.gateway.consumers import VoiceConsumer
from voice.gateway.legacy_access import may_connect
from voice.wire.binary import SUBPROTOCOL
from voice.wire.client import ClientFrameEncoder

pytestmark = pytest.mark.wire

TOKEN = "token-of-the-legacy-clients"


def scope(*, peer: str = "198.51.100.7", query: bytes = b"", **headers: str) -> dict[str, Any]:
    encoded = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return {"client": (peer, 50_000), "headers": encoded, "query_string": query}


def test_wire_is_off_by_default() -> None:
    for name in ("LEGACY_CLIENTS", "LEGACY_LOCAL_CLIENTS"):
        assert Environment.model_fields[name].default is False


def test_wire_that_is_off_refuses_everybody(settings: Settings) -> None:
    settings.LEGACY_CLIENTS, settings.LEGACY_LOCAL_CLIENTS = False, True
    settings.LEGACY_TOKEN = TOKEN
    assert not may_connect(scope(origin="https://www.example.com"))
    assert not may_connect(scope(authorization=f"Bearer {TOKEN}"))
    assert not may_connect(scope(peer="127.0.0.1"))


@pytest.mark.parametrize(
    ("client", "is_admitted"),
    [
        (scope(), False),
        (scope(origin=""), False),
        (scope(origin="https://www.example.com"), True),
        (scope(authorization=f"Bearer {TOKEN}"), True),
        (scope(authorization="Bearer "), False),
        (scope(authorization="Bearer another"), False),
        (scope(query=f"token={TOKEN}".encode()), True),
        (scope(query=b"token="), False),
        (scope(query="token=\u00f1".encode()), False),
        (scope(peer="127.0.0.1"), False),
    ],
)
def test_client_needs_an_origin_or_the_token(
    settings: Settings, client: dict[str, Any], is_admitted: bool
) -> None:
    settings.LEGACY_CLIENTS, settings.LEGACY_TOKEN = True, TOKEN
    assert may_connect(client) is is_admitted


def test_empty_token_refuses_everybody(settings: Settings) -> None:
    settings.LEGACY_CLIENTS, settings.LEGACY_TOKEN = True, ""
    for client in (scope(authorization="Bearer "), scope(query=b"token="), scope()):
        assert not may_connect(client)


@pytest.mark.parametrize(
    ("client", "is_admitted"),
    [
        (scope(peer="127.0.0.1"), True),
        (scope(peer="127.0.0.1", x_forwarded_for="198.51.100.7"), False),
        (scope(peer="127.0.0.1", x_forwarded_for="127.0.0.1, 198.51.100.7"), False),
        (scope(peer="127.0.0.1", x_forwarded_for="127.0.0.1"), True),
        (scope(peer="127.0.0.1", x_forwarded_for="::1"), True),
    ],
)
def test_local_client_is_one_that_the_proxy_saw_on_this_machine(
    settings: Settings, client: dict[str, Any], is_admitted: bool
) -> None:
    settings.LEGACY_CLIENTS, settings.LEGACY_LOCAL_CLIENTS, settings.PROXIES = True, True, 1
    assert may_connect(client) is is_admitted


@asynccontextmanager
async def connected(
    settings: Settings, *subprotocols: Subprotocol
) -> AsyncIterator[tuple[ClientConnection, LoopClock]]:
    """Connect to a consumer of this process, whose clock can jump."""
    settings.LEGACY_CLIENTS, settings.LEGACY_TOKEN = True, TOKEN
    with loop_clock() as clock:
        async with (
            serving(VoiceConsumer.as_asgi()) as port,
            connect(
                f"ws://127.0.0.1:{port}/?token={TOKEN}",
                subprotocols=subprotocols or None,
                ping_interval=None,
                close_timeout=1_000_000,
            ) as client,
        ):
            yield client, clock


async def close_code(client: ClientConnection) -> int | None:
    try:
        while True:
            await client.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


async def test_idle_connection_is_closed(settings: Settings) -> None:
    async with connected(settings) as (client, clock):
        clock.jump(settings.CALL_START_TIMEOUT_S - 1)
        await (await client.ping())
        assert client.close_code is None
        clock.jump(2)
        assert await close_code(client) == 4408


async def test_connection_whose_start_is_refused_is_closed(settings: Settings) -> None:
    async with connected(settings, Subprotocol(SUBPROTOCOL)) as (client, clock):
        await client.send(ClientFrameEncoder().event(type="start", voice="nobody"))
        await client.recv()
        clock.jump(settings.CALL_START_TIMEOUT_S + 1)
        assert await close_code(client) == 4408


@pytest.fixture
def one_legacy_call(run_site: SiteRunner) -> Iterator[Site]:
    with run_site(
        LEGACY_CALLS_MAX="1", LEGACY_LOCAL_CLIENTS="false", CALL_START_TIMEOUT_S="5"
    ) as site:
        yield site


async def test_calls_of_the_wire_have_a_share_of_their_own(one_legacy_call: Site) -> None:
    url, origin = one_legacy_call.ws_url, one_legacy_call.url
    with pytest.raises(InvalidStatus) as refused:
        await connect(url)
    assert refused.value.response.status_code == 403
    async with open_legacy_client(url, origin=origin) as first:
        await first.start_session()
        await first.type_text("Hola")
        await first.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        async with open_legacy_client(url, origin=origin) as second:
            await second.start_session()
            assert (await second.until("serverError"))["code"] == "busy"
            assert await close_code(second.socket) == 4429
        async with open_client(url) as binary:
            await binary.send(type="end")
            await binary.until("ended")
        await end_session(first)
        async with asyncio.timeout(60):
            while not await is_admitted(url, origin):
                pass  # the first call is still being stored
        assert await close_code(first.socket) == 4408  # no call on it since


async def is_admitted(url: str, origin: str) -> bool:
    async with open_legacy_client(url, origin=origin) as client:
        await client.start_session()
        await client.type_text("Hola")
        try:
            await client.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        except ConnectionClosed:
            return False
        return True


async def end_session(client: LegacyClient) -> None:
    await client.send("sessionEnd")
    await client.until("serverStatus")
