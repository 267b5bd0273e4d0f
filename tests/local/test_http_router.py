"""The router of a local run, between real sockets and two servers that say what they received."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from local.http_router import MAX_HEAD_BYTES, HTTPRouter
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.wire

type Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def named_server(name: str) -> AsyncIterator[int]:
    """Run a server that answers with its name and the head it receives; give its port.

    Where it is not asked to close, it goes on with all that it receives.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(name.encode() + b"\n" + head)
        if b"Connection: close" not in head:
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**20) as server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def routed(voice_port: int, site_port: int) -> AsyncIterator[int]:
    """Run a router; give its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    router = HTTPRouter(voice_port=voice_port, site_port=site_port)
    async with router.listening([listener]):
        yield int(listener.getsockname()[1])


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with (
        named_server("voice") as voice_port,
        named_server("site") as site_port,
        routed(voice_port, site_port) as router_port,
    ):
        yield router_port


async def send(port: int, request: bytes) -> bytes:
    """Send a request, and return everything until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(60):
        received = await reader.read()
    writer.close()
    return received


@pytest.mark.parametrize(
    ("request_line", "server"),
    [
        (b"GET / HTTP/1.1", b"site"),
        (b"GET /orders?x=/voice/ HTTP/1.1", b"site"),
        (b"POST /voice/tickets HTTP/1.1", b"voice"),
        (b"GET /ready HTTP/1.1", b"voice"),
        (b"nonsense", b"site"),
    ],
)
async def test_path_decides_which_server_receives_a_request(
    port: int, request_line: bytes, server: bytes
) -> None:
    received = await send(port, request_line + b"\r\nHost: localhost\r\n\r\n")
    assert received.startswith(server + b"\n" + request_line + b"\r\n")


async def test_request_is_passed_on_with_headers_of_a_proxy(port: int) -> None:
    head = b"GET / HTTP/1.1\r\nConnection: keep-alive\r\nX-Forwarded-For: 10.0.0.9\r\n\r\n"
    received = await send(port, head)
    assert received == (
        b"site\nGET / HTTP/1.1\r\nX-Forwarded-For: 10.0.0.9\r\nConnection: close\r\n"
        b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n\r\n"
    )


async def test_websocket_goes_to_voice_and_passes_bytes_both_ways(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n")
    async with asyncio.timeout(60):
        assert await reader.readline() == b"voice\n"
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Connection: upgrade\r\n" in head
        frame = bytes(range(256)) * 1_000
        writer.write(frame)
        assert await reader.readexactly(len(frame)) == frame
        writer.write_eof()
        assert await reader.read() == b""
    writer.close()


async def test_dead_server_is_a_bad_gateway() -> None:
    async with routed(free_port(), free_port()) as port:
        assert (await send(port, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize(("bytes_more", "answer"), [(0, b"site\n"), (1, b"HTTP/1.1 431 ")])
async def test_head_has_a_longest_length(port: int, bytes_more: int, answer: bytes) -> None:
    begin, end = b"GET / HTTP/1.1\r\nX: ", b"\r\n\r\n"
    filler = b"x" * (MAX_HEAD_BYTES - len(begin) + bytes_more)
    assert (await send(port, begin + filler + end)).startswith(answer)


async def test_client_that_vanishes_closes_its_connection_to_the_server() -> None:
    ended = asyncio.Event()

    async def until_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()
        writer.close()

    async with (
        await asyncio.start_server(until_end, "127.0.0.1", 0) as server,
        routed(server.sockets[0].getsockname()[1], free_port()) as port,
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
        await writer.drain()
        writer.transport.abort()
        async with asyncio.timeout(60):
            await ended.wait()
