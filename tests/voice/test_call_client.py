"""The terminal client resumes its call when the connection breaks."""

from datetime import datetime
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.fixtures.site import Site
from voice.cli import client
from voice.cli.turns import TypedText

pytestmark = pytest.mark.wire

QUESTION = "Consulta el pedido número 1 con DNI 12345678"


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[ClientConnection]:
    """The connections that clients of this test open."""
    opened: list[ClientConnection] = []

    async def recorded_connect(*args: Any, **kwargs: Any) -> ClientConnection:
        opened.append(await connect(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr(client, "connect", recorded_connect)
    return opened


async def test_input_after_a_broken_connection_is_answered(
    site: Site, demo_data: datetime, sockets: list[ClientConnection]
) -> None:
    call_client = client.CallClient(site.ws_url, rate_hz=16_000, on_event=lambda _: None)
    async with call_client.connected():
        await call_client.run_turn(TypedText("Hola"), timeout_s=60)
        for _ in range(3):
            sockets[-1].transport.abort()
            turn = await call_client.run_turn(TypedText(QUESTION), timeout_s=60)
            assert turn.transcripts == [QUESTION]
            assert [event["name"] for event in turn.tool_events] == ["consultarOrder"]
            assert turn.first_audio_ms is not None
    assert len(sockets) == 4
