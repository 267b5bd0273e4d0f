"""Calls that are restored count like new ones (issue 14, row 3)."""

import asyncio

import pytest

from tests.fixtures.site import SiteRunner
from tests.fixtures.voice_clients import VoiceClient, open_client, open_socket

pytestmark = pytest.mark.wire


async def resume_until_admitted(client: VoiceClient, url: str) -> None:
    """Resume again and again while the server answers that the call waits."""
    async with asyncio.timeout(60):
        while True:
            async with open_socket(url) as socket:
                client.socket = socket
                await socket.send(resume_frame(client))
                event = (await client.next()).event
                if event["type"] == "resumed":
                    await client.converse("Hola")
                    return
                assert event["type"] == "waiting"


def resume_frame(client: VoiceClient) -> bytes:
    return client.frames.resume(
        client.token, next_sequence=0, generation=0, position=0, has_lost_state=True
    )


async def test_suspended_call_waits_while_its_line_is_in_use(run_site: SiteRunner) -> None:
    with run_site(CALL_RESUME_S="0", CALLS_MAX="1", LOGLEVEL="INFO") as site:
        async with open_client(site.ws_url) as waiting:
            await waiting.converse("Hola")
            waiting.socket.transport.abort()
            await site.until_logged("call ended")
            async with open_client(site.ws_url) as other:
                async with open_socket(site.ws_url) as socket:
                    waiting.socket = socket
                    await socket.send(resume_frame(waiting))
                    answer = await waiting.until("waiting")
                    assert await waiting.until_closed() == 1012
                assert answer["message"].startswith("Todas las líneas están ocupadas.")
                assert 0 < answer["resumeAfterMs"] <= 5000
                await other.send(type="end")
                assert await other.until_closed() == 1000
            await resume_until_admitted(waiting, site.ws_url)
