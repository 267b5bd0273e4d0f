"""The terminal's telephone keeps its call, and loses nothing of it, where its line breaks."""

from datetime import datetime

import pytest

from tests.fixtures.site import Site
from voice.cli.client import CallClient
from voice.cli.lines import Typed

pytestmark = pytest.mark.wire

LONG = "Consulta el pedido número 1 con DNI 12345678"


class Shaky(CallClient):
    """One whose line can be cut."""

    def cut(self) -> None:
        assert self._socket is not None
        self._socket.transport.abort()


async def test_what_is_said_while_there_is_no_line_is_answered(
    site: Site, demo_data: datetime
) -> None:
    telephone = Shaky(site.ws_url, rate_hz=16_000, on_event=lambda event: None)
    async with telephone.calling():
        await telephone.say(Typed("Hola"), timeout_s=20)
        for _ in range(3):
            telephone.cut()
            turn = await telephone.say(Typed(LONG), timeout_s=20)
            assert turn.heard == [LONG]
            assert [tool["name"] for tool in turn.tools] == ["consultarOrder"]
            assert turn.first_audio_ms is not None
