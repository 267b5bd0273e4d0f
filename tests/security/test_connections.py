"""Connections: half-open ones are closed in time, and their number is limited."""

import asyncio
import functools
import logging
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from prometheus_client import REGISTRY

from common.limit_log import LimitLog
from novasonic.http_protocol import (
    RESERVED_DESCRIPTORS,
    ConnectionLimits,
    LimitedHTTPProtocol,
    max_connections,
)
from tests.fixtures.frame_server import HANDSHAKE, UpperCase, client_frame, serving
from tests.fixtures.loop_clock import LoopClock, loop_clock

pytestmark = pytest.mark.wire

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD_TIMEOUT_S = 1000
READ_TIMEOUT_S = 5000
KEEP_ALIVE_S = 1_000_000
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Respond to any request at once, and carry WebSockets."""
    if scope["type"] == "websocket":
        await UpperCase()(scope, receive, send)
        return
    headers = [(b"content-length", b"4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hola"})


@asynccontextmanager
async def limited_server(
    app: Any = hello, *, per_process: int = 100, per_address: int | None = None
) -> AsyncIterator[int]:
    limits = ConnectionLimits(
        per_process=per_process,
        per_address=per_address,
        head_timeout_s=HEAD_TIMEOUT_S,
        read_timeout_s=READ_TIMEOUT_S,
    )
    http: Any = functools.partial(LimitedHTTPProtocol, limits=limits)
    options: Any = {"timeout_keep_alive": KEEP_ALIVE_S, "ws_ping_interval": None}
    async with serving(app, http=http, **options) as port:
        yield port


class Client:
    """A connection that sends any bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self, request: bytes = HEAD) -> bytes:
        """Send a request, and return the response; empty if the connection is closed."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            async with asyncio.timeout(60):
                self.writer.write(request)
                head = await self.reader.readuntil(b"\r\n\r\n")
                return head + (await self.reader.readexactly(4) if b"200 OK" in head else b"")
        return b""

    async def is_closed_by_head_timeout(self, clock: LoopClock, *, sent: bytes = b"") -> bool:
        """Let time jump by half of what a head may take, again and again; send `sent` each time."""
        for _ in range(100):
            self.writer.write(sent)
            await asyncio.sleep(0.01)  # the server reads it, and runs its timers
            if self.is_closed:
                return True
            clock.jump(HEAD_TIMEOUT_S / 2)
        return False

    @property
    def is_closed(self) -> bool:
        return self.reader.at_eof() or self.reader.exception() is not None


@asynccontextmanager
async def client(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
async def test_head_that_does_not_come_closes_its_connection(sent: bytes) -> None:
    with loop_clock() as clock:
        async with limited_server() as port, client(port) as half_open:
            half_open.writer.write(sent)
            assert await half_open.is_closed_by_head_timeout(clock)


@pytest.mark.parametrize("request_head", [HEAD, POST])
async def test_byte_after_the_response_does_not_extend_its_time(request_head: bytes) -> None:
    with loop_clock() as clock:
        async with limited_server() as port, client(port) as half_open:
            assert (await half_open.answer(request_head)).endswith(b"hola")
            assert await half_open.is_closed_by_head_timeout(clock, sent=b"G")


async def test_head_that_trickles_does_not_extend_its_time() -> None:
    with loop_clock() as clock:
        async with limited_server() as port, client(port) as slow:
            assert await slow.is_closed_by_head_timeout(clock, sent=b"G")


async def test_kept_connection_serves_requests_after_the_time_of_a_head() -> None:
    with loop_clock() as clock:
        async with limited_server() as port, client(port) as kept:
            for _ in range(2):
                assert (await kept.answer()).endswith(b"hola")
                clock.jump(2 * HEAD_TIMEOUT_S)
                await asyncio.sleep(0.01)
            assert (await kept.answer()).endswith(b"hola")


@pytest.mark.parametrize("sent_before", [b"", HEAD])
async def test_websocket_outlives_the_time_of_a_head(sent_before: bytes) -> None:
    with loop_clock() as clock:
        async with limited_server() as port, client(port) as upgraded:
            if sent_before:
                assert (await upgraded.answer(sent_before)).endswith(b"hola")
            assert b"101" in await upgraded.answer(HANDSHAKE)
            for _ in range(4):
                clock.jump(HEAD_TIMEOUT_S / 2)
                await asyncio.sleep(0.01)  # the server runs its timers
            async with asyncio.timeout(60):
                upgraded.writer.write(client_frame(0x81, b"hola"))
                assert await upgraded.reader.readexactly(6) == b"\x81\x04HOLA"


class Endless:
    """An application whose response ends when the client has gone."""

    def __init__(self) -> None:
        self.sent_parts = 0
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del scope
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send_parts(send))
            assert (await receive())["type"] == "http.disconnect"
            sending.cancel()
        self.ended.set()

    async def _send_parts(self, send: Any) -> None:
        while True:
            await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
            self.sent_parts += 1
            await asyncio.sleep(0)

    async def until_blocked(self) -> None:
        """Wait until the client's unread data fills all buffers."""
        sent = -1
        while sent != self.sent_parts or not sent:
            sent = self.sent_parts
            await asyncio.sleep(0.1)


async def test_client_that_reads_nothing_is_cut() -> None:
    app = Endless()
    with loop_clock() as clock:
        async with limited_server(app) as port, client(port) as slow:
            transport: Any = slow.writer.transport
            transport.pause_reading()
            slow.writer.write(HEAD)
            await app.until_blocked()
            clock.jump(READ_TIMEOUT_S / 2)
            await asyncio.sleep(0.05)  # the server runs its timers
            assert not app.ended.is_set()
            for _ in range(100):
                clock.jump(READ_TIMEOUT_S)
                await asyncio.sleep(0.01)
                if app.ended.is_set():
                    return
    raise AssertionError("the connection was not cut")


async def test_client_that_reads_is_not_cut() -> None:
    app = Endless()
    with loop_clock() as clock:
        async with limited_server(app) as port, client(port) as reading:
            reading.writer.write(HEAD)
            for _ in range(4):
                await app.until_blocked()
                clock.jump(READ_TIMEOUT_S * 3 / 4)
                sent = app.sent_parts
                while app.sent_parts == sent:
                    await reading.reader.read(1024 * 1024)
            assert not app.ended.is_set()


async def test_connection_beyond_the_limit_of_an_address_is_refused() -> None:
    before = refused_connections("address")
    async with limited_server(per_address=3) as port, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client(port)) for _ in range(3)]
        for each in clients:
            assert (await each.answer()).endswith(b"hola")
        async with client(port) as fourth:
            assert await fourth.answer() == b""
        clients[0].writer.transport.abort()
        async with asyncio.timeout(60):
            while not await answers(port):
                pass  # the server has not noticed yet that a client has gone
    assert refused_connections("address") > before


def refused_connections(limit: str) -> float:
    return REGISTRY.get_sample_value("nova_connections_refused_total", {"limit": limit}) or 0.0


async def answers(port: int) -> bool:
    async with client(port) as another:
        return (await another.answer()).endswith(b"hola")


async def test_connections_of_a_process_are_limited_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="novasonic.http_protocol")
    async with limited_server(per_process=3) as port, AsyncExitStack() as stack:
        first = await stack.enter_async_context(client(port))
        assert b"101" in await first.answer(HANDSHAKE)  # a WebSocket counts
        for _ in range(2):
            each = await stack.enter_async_context(client(port))
            assert (await each.answer()).endswith(b"hola")
        for _ in range(5):
            assert not await answers(port)
    assert [record.message for record in caplog.records] == ["connection refused"]


def test_refusals_are_logged_once_and_then_counted(caplog: pytest.LogCaptureFixture) -> None:
    log = LimitLog(logging.getLogger("limits"), "refused")
    for now in (0.0, 1.0, 9.9, 10.0, 19.9):
        log.report("address", now=now)
    log.report("process", now=19.9)
    logged = [(vars(record)["limit"], vars(record)["refused"]) for record in caplog.records]
    assert logged == [("address", 1), ("address", 3), ("process", 1)]


async def test_websocket_is_not_counted_as_a_connection_of_its_address() -> None:
    async with limited_server(per_address=1) as port, client(port) as first:
        assert b"101" in await first.answer(HANDSHAKE)
        assert await answers(port)


def test_connections_are_fewer_than_the_descriptors_of_the_process() -> None:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert max_connections(10**9) == descriptors - RESERVED_DESCRIPTORS
    assert max_connections(5) == 5
