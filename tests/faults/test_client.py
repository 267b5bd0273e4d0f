"""The client fails: its network, its page, a slow reader, a flood of frames, broken frames."""

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed

import orders.services
from orders.domain import OrderStatus
from tests.faults.rows import Row
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, ProxyState
from tests.fixtures.processes import resident_bytes
from tests.fixtures.site import Site
from tests.fixtures.voice_clients import NUMBERED_TYPES, VoiceClient, open_client
from voice.gateway.consumers import ACKNOWLEDGEMENT_INTERVAL_S
from voice.wire.binary import HEADER, FrameType

pytestmark = [pytest.mark.wire]

LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"
CANCEL = "Cancela el pedido número 2 para Juan Pérez"


def assert_whole(client: VoiceClient) -> None:
    """Every frame came once and in order, and the audio is without a gap."""
    counted = [f.sequence for f in client.received if f.kind in NUMBERED_TYPES]
    assert counted == list(range(len(counted)))
    position = 0
    for frame in (f for f in client.received if f.kind is FrameType.AUDIO_OUT):
        assert frame.position == position
        position += len(frame.payload) // 2


async def test_connection_lost_during_a_reply_resumes_it(faulty_site: Site, row: Row) -> None:
    row("browser drops mid-answer", "hears the rest of the answer", kept="every frame", within_s=3)
    async with open_client(faulty_site.ws_url) as client:
        await client.send(type="text", text=LOOK_UP)
        await client.until_audio()
        with row.measured():
            client.socket.transport.abort()
            await client.reconnect()
            await client.until_audio()
        await client.until("turn")
        assert_whole(client)


async def test_connection_lost_during_a_tool_call_resumes_it(
    faulty_site: Site, proxy: DynamoDBProxy, row: Row
) -> None:
    row("browser drops mid-tool", "hears the answer", kept="the tool ran once", within_s=6)
    async with open_client(faulty_site.ws_url) as client:
        proxy.state, proxy.delay_s, proxy.operation = ProxyState.DELAY, 0.4, "TransactWriteItems"
        await client.send(type="text", text=CANCEL)
        await client.until("tool", phase="started")
        with row.measured():
            client.socket.transport.abort()
            await client.reconnect()
            await client.until("tool", phase="finished", outcome="ok")
        await client.until("turn")
        assert_whole(client)
    assert orders.services.get_order(order_id="2").status is OrderStatus.CANCELLED


async def test_reloaded_page_resumes_the_call(faulty_site: Site, row: Row) -> None:
    row(
        "page reloaded mid-answer",
        "reads what was said, hears the rest",
        kept="the conversation",
        within_s=3,
    )
    async with open_client(faulty_site.ws_url) as client:
        await client.send(type="text", text=LOOK_UP)
        await client.until_audio()
        reloaded = VoiceClient(client.socket, faulty_site.ws_url)
        reloaded.token, reloaded.position = client.token, client.position
        with row.measured():
            client.socket.transport.abort()
            resumed = await reloaded.reconnect(has_lost_state=True)
            reloaded.frames.sequence = resumed.sequence
            await reloaded.until_audio()
        client.socket = reloaded.socket
        await reloaded.until("turn")
        assert reloaded.captions[0] == LOOK_UP
        await reloaded.converse("Hola")


async def test_call_opened_twice_moves_to_the_newer_connection(faulty_site: Site, row: Row) -> None:
    row(
        "call opened in two windows",
        "the newer one has it, the other says so",
        kept="the call",
        within_s=3,
    )
    async with open_client(faulty_site.ws_url) as client:
        first = VoiceClient(client.socket, client.url)
        with row.measured():
            await client.reconnect()
            assert await first.until_closed() == 4409
        await client.converse("Hola")


async def test_slow_client_receives_no_more_than_a_window(faulty_site: Site, row: Row) -> None:
    row("slow browser", "hears the answer when it can", kept="the answer; other calls", within_s=6)
    before = resident_bytes(faulty_site.process.pid)
    async with open_client(faulty_site.ws_url) as slow, open_client(faulty_site.ws_url) as other:
        slow.acknowledges = False
        await slow.send(type="text", text=LOOK_UP)
        await slow.until("tool", phase="finished")
        slow.socket.transport.pause_reading()
        with row.measured():
            await other.converse(LOOK_UP, "Consulta la cita número 2 para Luis Fernández")
            slow.socket.transport.resume_reading()
            audio = await slow.audio_within(1.0)
            assert 0 < audio <= 3.2 * 24_000
            slow.acknowledges = True
            await slow.acknowledge_all()
            await slow.until("turn")
        assert_whole(slow)
    assert resident_bytes(faulty_site.process.pid) - before < 32 * 2**20


async def test_flood_of_frames_closes_only_its_connection(faulty_site: Site, row: Row) -> None:
    row(
        "flood of frames",
        "its connection closes; others notice nothing",
        kept="other calls",
        within_s=8,
    )
    async with open_client(faulty_site.ws_url) as other, open_client(faulty_site.ws_url) as client:
        with row.measured():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(flood(client))
                # The server aborts if the flood goes on, and what it had sent may be lost with that.
                assert await client.until_closed() in {4429, None}
            await client.reconnect()  # the call itself has survived its client's manners
            await flood(client, 500)  # and has not forgotten them
            assert await client.until_closed() == 4429
            await client.reconnect()
        await other.converse(LOOK_UP)
        await client.converse("Hola")


async def flood(client: VoiceClient, frames: int = 20_000) -> None:
    frame = HEADER.pack(FrameType.PING, 0, 0, 0, 0, 0) + bytes(1000)
    try:
        for _ in range(frames):
            await client.socket.send(frame)
    except ConnectionClosed:
        return


@pytest.mark.parametrize(
    ("name", "frame", "code"),
    [
        ("oversize frame", bytes(16 + 65_537), 1009),
        ("frame over the server's limit", bytes(300_000), 1009),
        ("malformed frame", b"short", 1008),
        ("frame out of order", HEADER.pack(16, 0, 0, 0, 0, 0) + b'{"type":"end"}', 1008),
    ],
)
async def test_broken_frame_closes_only_its_connection(
    faulty_site: Site, row: Row, name: str, frame: bytes, code: int
) -> None:
    row(name, "comes back to the call", kept="the call; other calls", within_s=4)
    async with open_client(faulty_site.ws_url) as client:
        await client.converse("Hola")
        await client.audio_within(2 * ACKNOWLEDGEMENT_INTERVAL_S)  # an acknowledgement is due again
        with row.measured():
            await client.socket.send(client.frames.audio(bytes(640)))
            await client.socket.send(frame)
            assert await client.until_closed() == code
            await client.reconnect()
        await client.converse("Hola")
