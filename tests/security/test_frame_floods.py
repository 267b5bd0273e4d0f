"""Floods of WebSocket frames are cut before they cost anything; what is below the limits passes."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.fixtures.frame_server import UpperCase, client_frame, raw_client, serving
from voice.gateway.consumers import REFUSED_FRAME_RATE, VoiceConsumer
from voice.gateway.websocket_protocol import MAX_BYTES_AFTER_CLOSE, OTHER_FRAME_RATE
from voice.wire.binary import HEADER, SUBPROTOCOL, FrameType

pytestmark = pytest.mark.wire

BURST = int(OTHER_FRAME_RATE.burst)
PING, PONG = client_frame(0x89, b""), b"\x8a\x00"
FIRST, NEXT, LAST = (client_frame(first, b"a") for first in (0x01, 0x00, 0x80))


def close_code(received: bytes) -> int:
    assert received[0] == 0x88
    return int.from_bytes(received[2:4])


async def test_pings_within_the_burst_are_answered() -> None:
    async with raw_client(UpperCase()) as (reader, writer):
        writer.write(PING * BURST + client_frame(0x81, b"hola"))
        expected = PONG * BURST + b"\x81\x04HOLA"
        async with asyncio.timeout(60):
            assert await reader.readexactly(len(expected)) == expected


async def test_flood_of_pings_is_closed_with_1008() -> None:
    app = UpperCase()
    async with raw_client(app) as (reader, writer):
        writer.write(PING * 2 * BURST)
        async with asyncio.timeout(60):
            received = await read_to_end(reader)
            await app.ended.wait()
    pongs, close = received.count(PONG), received.replace(PONG, b"")
    assert BURST <= pongs < 2 * BURST
    assert close_code(close) == 1008


async def test_fragments_within_the_burst_are_one_message() -> None:
    app = UpperCase()
    async with raw_client(app) as (reader, writer):
        writer.write(FIRST + NEXT * (BURST - 2) + LAST)
        expected = bytes([0x81, BURST]) + b"A" * BURST
        async with asyncio.timeout(60):
            assert await reader.readexactly(len(expected)) == expected


async def test_flood_of_fragments_is_closed_with_1008() -> None:
    app = UpperCase()
    async with raw_client(app) as (reader, writer):
        writer.write(FIRST + client_frame(0x00, b"") * 2 * BURST)
        async with asyncio.timeout(60):
            received = await read_to_end(reader)
            await app.ended.wait()
    assert close_code(received) == 1008
    assert app.received == []


async def test_client_that_sends_before_the_start_is_not_read_further() -> None:
    app = UpperCase()
    app.may_start.clear()
    message = client_frame(0x82, bytes(100))
    flood = message * (32 * 1024 * 1024 // len(message))
    async with raw_client(app) as (reader, writer):
        writer.write(message)
        writer.write(flood)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await writer.drain()
        assert app.received == []
        app.may_start.set()
        async with asyncio.timeout(60):
            assert await reader.readexactly(4) == b"\x82\x64\x00\x00"
        writer.transport.abort()


async def test_client_that_sends_on_after_the_close_is_cut_off() -> None:
    app = ClosesAtOnce()
    async with raw_client(app) as (_reader, writer):
        message = client_frame(0x82, bytes(100))
        with suppress(ConnectionError):
            async with asyncio.timeout(60):
                while True:
                    writer.write(message * (MAX_BYTES_AFTER_CLOSE // len(message)))
                    await writer.drain()
    assert app.received == []


async def test_flood_of_invalid_events_is_closed_with_1008() -> None:
    """Each costs a log record and an answer: a client that sends nothing else is broken, or hostile."""
    refused = HEADER.pack(FrameType.EVENT, 0, 0, 0, 0, 0) + b'{"type":"nothing"}'
    async with (
        serving(VoiceConsumer.as_asgi()) as port,
        connect(f"ws://127.0.0.1:{port}/", subprotocols=[Subprotocol(SUBPROTOCOL)]) as client,
    ):
        for _ in range(int(REFUSED_FRAME_RATE.burst)):
            await client.send(refused)
            await client.recv()
        assert client.close_code is None
        with suppress(ConnectionClosed):
            while True:
                await client.send(refused)
                await client.recv()
        assert client.close_code == 1008


class ClosesAtOnce(UpperCase):
    """An application that accepts and closes each connection."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4401})
        await receive()


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """Return what the server sends until it closes or resets the connection."""
    received = b""
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            received += data
    return received
