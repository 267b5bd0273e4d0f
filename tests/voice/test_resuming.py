"""Calls resume after a lost connection, a page reload and a lost server, over real sockets."""

import asyncio
import signal
from datetime import datetime

import pytest
from websockets.exceptions import ConnectionClosed

from common import clock
from conversations import services
from conversations.domain import LEFT_AFTER, Conversation, ConversationState
from tests.fixtures.site import Site, SiteRunner
from tests.fixtures.voice_clients import NUMBERED_TYPES, VoiceClient, open_client, open_socket
from voice.wire.binary import Flag, FrameType

pytestmark = pytest.mark.wire

ORDER_QUESTION = "Consulta el pedido número 1 con DNI 12345678"


def shown_texts(client: VoiceClient) -> list[str]:
    """Return the texts that the captions show in the end, of both sides."""
    shown = {
        (event["turn"], event["segment"]): event["text"]
        for event in client.events
        if event["type"] == "caption"
    }
    return [shown[key] for key in sorted(shown)]


async def stored_conversation(client: VoiceClient, *, is_left: bool) -> Conversation:
    """Return the client's stored conversation once it has, or has not, been left."""
    call_id = client.token.partition(".")[0]
    async with asyncio.timeout(60):
        while True:
            found = await asyncio.to_thread(
                services.get_conversation, call_id=call_id, now=clock.now()
            )
            if (found.left_at is not None) is is_left:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("demo_data")
async def test_call_whose_tab_was_closed_is_left_until_it_is_resumed(site: Site) -> None:
    async with open_client(site.ws_url) as client:
        await client.converse("Hola")
        client.socket.transport.abort()
        left = await stored_conversation(client, is_left=True)
        assert left.left_at is not None
        assert left.state_at(left.left_at + LEFT_AFTER) is ConversationState.LEFT
        async with open_socket(site.ws_url) as socket:
            await client.resume(socket)
            back = await stored_conversation(client, is_left=False)
            assert back.state_at(left.left_at + LEFT_AFTER) is ConversationState.LIVE


async def test_resumed_call_loses_no_frame(site: Site, demo_data: datetime) -> None:
    async with open_client(site.ws_url) as client:
        await client.send(type="text", text=ORDER_QUESTION)
        await client.until("tool", phase="finished")
        client.socket.transport.abort()
        async with open_socket(site.ws_url) as socket:
            resumed = await client.resume(socket)
            assert resumed.event["restored"] is False
            assert resumed.sequence == client.frames.sequence
            await client.until("turn")
        numbers = [f.sequence for f in client.received if f.kind in NUMBERED_TYPES]
        assert numbers == list(range(len(numbers)))
        position = 0
        for frame in [f for f in client.received if f.kind is FrameType.AUDIO_OUT]:
            assert frame.position == position
            position += len(frame.payload) // 2


async def test_reloaded_page_gets_the_conversation_again(site: Site, demo_data: datetime) -> None:
    async with open_client(site.ws_url) as client:
        await client.converse("Hola")
        before = shown_texts(client)
        reloaded = VoiceClient(client.socket, site.ws_url)
        reloaded.token, reloaded.position = client.token, client.position
        async with open_socket(site.ws_url) as socket:
            resumed = await reloaded.resume(socket, has_lost_state=True)
            reloaded.frames.sequence = resumed.sequence
            await reloaded.converse("Consulta la cita número 2 para Luis Fernández")
        assert shown_texts(reloaded)[: len(before)] == before
        assert [event["turn"] for event in reloaded.events if event["type"] == "turn"] == [2]


async def test_second_connection_of_a_call_replaces_the_first(site: Site) -> None:
    async with open_client(site.ws_url) as client, open_socket(site.ws_url) as socket:
        before = client.socket
        await client.resume(socket)
        assert await VoiceClient(before, site.ws_url).until_closed() == 4409
        await client.converse("Hola")


@pytest.mark.parametrize("token", ["", "no.call", "x" * 200])
async def test_resume_of_an_unknown_call_is_refused(site: Site, token: str) -> None:
    async with open_socket(site.ws_url) as socket:
        client = VoiceClient(socket, site.ws_url)
        client.token = token
        with pytest.raises(ConnectionClosed) as closed:
            await client.resume(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404
        assert client.events[0]["code"] == "unknown_call"


async def test_resume_of_an_ended_call_is_refused(site: Site) -> None:
    async with open_client(site.ws_url) as client:
        await client.send(type="end")
        assert await client.until_closed() == 1000
        async with open_socket(site.ws_url) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await client.resume(socket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4404


async def test_suspended_call_is_restored_from_the_store(
    run_site: SiteRunner, demo_data: datetime
) -> None:
    with run_site(CALL_RESUME_S="0.2", LOGLEVEL="INFO") as site:
        async with open_client(site.ws_url) as client:
            await client.converse(ORDER_QUESTION)
            before = shown_texts(client)
            client.socket.transport.abort()
            await site.until_logged("call ended")
            async with open_socket(site.ws_url) as socket:
                resumed = await client.resume(socket)
                assert resumed.event["restored"] is True
                await client.converse("Hola")
            assert shown_texts(client)[: len(before)] == before


async def test_call_of_a_killed_server_is_restored_on_another(
    run_site: SiteRunner, demo_data: datetime
) -> None:
    with run_site() as site, run_site() as other:
        async with open_client(site.ws_url) as client:
            await client.converse(ORDER_QUESTION)
            site.process.send_signal(signal.SIGKILL)
            async with open_socket(other.ws_url) as socket:
                resumed = await client.resume(socket)
                assert resumed.event["restored"] is True
                events = await client.converse("Consulta la cita número 2 para Luis Fernández")
            assert [e["turn"] for e in events if e["type"] == "turn"] == [1, 2]
            resent = [f for f in client.received if f.flags & Flag.RESENT]
            assert not resent
