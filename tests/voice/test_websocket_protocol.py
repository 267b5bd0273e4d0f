"""Frames go directly between the socket and the application; all else is `websockets`'."""

import asyncio
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.fixtures.frame_server import (
    MAX_BYTES,
    UpperCase,
    client_frame,
    raw_client,
    serving,
    upper_case_client,
)
from voice.gateway.frame_connection import Frame, FrameConnection

pytestmark = pytest.mark.wire


async def test_messages_of_any_size_and_kind_are_echoed_in_order() -> None:
    app = UpperCase()
    messages: list[Frame] = [b"", "", "ñandú", b"a" * 125, b"b" * 126, "c" * 65_535]
    messages += [b"d" * 65_536, b"e" * MAX_BYTES]
    async with upper_case_client(app) as client:
        for message in messages:
            await client.send(message)
        for message in messages:
            assert await client.recv() == message.upper()
    assert app.received == messages
    assert [message["type"] for message in app.asgi_messages] == ["websocket.disconnect"]


async def test_fragments_are_joined_with_control_frames_between() -> None:
    app = UpperCase()
    async with upper_case_client(app) as client:
        await client.send([b"one ", b"two ", b"three"])
        await (await client.ping())
        await client.send(["uno ", "dos"])
        await client.send(b"whole")
        assert [await client.recv() for _ in range(3)] == [b"ONE TWO THREE", "UNO DOS", b"WHOLE"]


async def test_close_of_the_client_reaches_the_application() -> None:
    app = UpperCase()
    async with upper_case_client(app) as client:
        await client.send("hola")
        await client.close(code=4321, reason="bye")
        async with asyncio.timeout(60):
            await app.ended.wait()
    assert app.asgi_messages[-1]["code"] == 4321
    assert app.received == ["hola"]


async def test_message_that_is_too_long_is_refused() -> None:
    async with upper_case_client(UpperCase()) as client:
        await client.send(b"x" * (MAX_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_frames_received_byte_by_byte_are_whole() -> None:
    app = UpperCase()
    async with raw_client(app) as (reader, writer):
        for byte in client_frame(0x82, b"abc") + client_frame(0x81, b"def"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert await reader.readexactly(10) == b"\x82\x03ABC\x81\x03DEF"
    assert app.received == [b"abc", "def"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (client_frame(0x82, b"abc", masked=False), 1002),
        (client_frame(0x89, b"", masked=False), 1002),
        (client_frame(0xC2, b"abc"), 1002),  # a reserved bit
        (client_frame(0x83, b"abc"), 1002),  # a reserved opcode
        (client_frame(0x80, b"abc"), 1002),  # a continuation of nothing
        (client_frame(0x02, b"abc") + client_frame(0x82, b"def"), 1002),  # within a fragment
        (client_frame(0x81, b"\xff"), 1007),
        (client_frame(0x01, b"\xff") + client_frame(0x80, b""), 1007),
        (b"\x82\xff" + struct.pack(">Q", 2**40), 1009),
    ],
)
async def test_invalid_frame_closes_the_connection(data: bytes, code: int) -> None:
    app = UpperCase()
    async with raw_client(app) as (reader, writer):
        writer.write(client_frame(0x82, b"a") + data + client_frame(0x82, b"z"))
        async with asyncio.timeout(60):
            received = await reader.read()
            await app.ended.wait()
    assert received[:3] == b"\x82\x01A"
    assert received[3:4] == b"\x88"
    assert int.from_bytes(received[5:7]) == code
    assert app.received == [b"a"]


async def test_frame_after_a_close_is_ignored() -> None:
    app = UpperCase()
    async with raw_client(app) as (reader, writer):
        close = client_frame(0x88, struct.pack(">H", 1000))
        writer.write(client_frame(0x82, b"a") + close + client_frame(0x82, b"z"))
        async with asyncio.timeout(60):
            await reader.read()
            await app.ended.wait()
    assert app.received == [b"a"]


async def test_paused_connection_reads_nothing_until_it_is_resumed() -> None:
    app = UpperCase()
    app.is_paused_by = lambda frame: frame == b"pause"
    async with upper_case_client(app) as client:
        await client.send(b"pause")
        assert await client.recv() == b"PAUSE"
        await client.send(b"later")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.recv()
        assert app.frames is not None
        app.frames.resume_receiving()
        assert await client.recv() == b"LATER"


async def test_slow_client_makes_the_connection_unwritable_until_it_reads() -> None:
    app = UpperCase()
    async with raw_client(app) as (reader, writer):
        writer.write(client_frame(0x82, b"a"))
        await reader.readexactly(3)
        assert app.frames is not None
        frames = app.frames
        while can_send(frames):
            frames.send_frame(bytes(1_000_000))
            await asyncio.sleep(0)
        assert app.writable_count == 0
        async with asyncio.timeout(60):
            while not app.writable_count:
                await reader.read(1_000_000)
        assert can_send(frames)
        assert app.writable_count == 1


def can_send(frames: FrameConnection) -> bool:
    return frames.is_writable


async def test_frame_sent_after_the_end_is_dropped() -> None:
    app = UpperCase()
    async with upper_case_client(app) as client:
        await client.send("hola")
        await client.recv()
    assert app.frames is not None
    app.frames.send_frame("tarde")


async def test_server_that_stops_closes_with_service_restart() -> None:
    app = UpperCase()
    async with serving(app) as port:
        client = await connect(f"ws://127.0.0.1:{port}/")
        await client.send("hola")
        await client.recv()
    with pytest.raises(ConnectionClosed) as closed:
        await client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
