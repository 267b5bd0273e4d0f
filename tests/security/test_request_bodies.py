"""Bodies of requests: refused while they are received if they are too long or too slow."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from django.conf import settings

from novasonic.body_limit import UNCOUNTED_BYTES, BodyLimit
from tests.fixtures.frame_server import serving
from tests.fixtures.site import Site

pytestmark = pytest.mark.wire

MAX_BYTES = 100_000
CHUNK = b"x" * 10_000
COUNTED = 1000
CHUNKED = b"Transfer-Encoding: chunked"


class BodySize:
    """An application that receives the whole body, and answers with its size."""

    def __init__(self) -> None:
        self.received_bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        is_last = False
        while not is_last:
            message = await receive()
            self.received_bytes += len(message.get("body", b""))
            is_last = not message.get("more_body", False)
        body = str(self.received_bytes).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def request(port: int, *headers: bytes) -> AsyncIterator[Streams]:
    """Send the head of a POST, and yield its connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [b"POST /orders HTTP/1.1", b"Host: localhost", *headers, b"", b""]
    writer.write(b"\r\n".join(lines))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def request_to(app: Any, *headers: bytes, timeout_s: float = 30) -> AsyncIterator[Streams]:
    limited = BodyLimit(app, max_bytes=MAX_BYTES, timeout_s=timeout_s)
    async with serving(limited) as port, request(port, *headers) as streams:
        yield streams


async def response_head(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1]), head.lower()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def test_chunked_body_of_the_greatest_size_is_accepted() -> None:
    app = BodySize()
    async with request_to(app, CHUNKED) as (reader, writer):
        writer.write(chunk(CHUNK) * (MAX_BYTES // len(CHUNK)) + b"0\r\n\r\n")
        assert (await response_head(reader))[0] == 200
    assert app.received_bytes == MAX_BYTES


async def test_longer_chunked_body_is_refused_before_its_end() -> None:
    app = BodySize()
    async with request_to(app, CHUNKED) as (reader, writer):
        writer.write(chunk(CHUNK) * (MAX_BYTES // len(CHUNK)) + chunk(b"x"))
        status, head = await response_head(reader)
        assert (status, b"connection: close" in head) == (413, True)
    assert app.received_bytes <= MAX_BYTES


@pytest.mark.parametrize(
    ("length", "status"), [(MAX_BYTES, 200), (MAX_BYTES + 1, 413), (99 * 10**9, 413)]
)
async def test_declared_length_beyond_the_limit_is_refused_at_once(
    length: int, status: int
) -> None:
    async with request_to(BodySize(), b"Content-Length: %d" % length) as (reader, writer):
        writer.write(b"x" * MAX_BYTES if status == 200 else b"x")
        assert (await response_head(reader))[0] == status


@pytest.mark.parametrize("head", [b"Content-Length: 9", CHUNKED])
async def test_body_that_does_not_come_is_refused_with_408(head: bytes) -> None:
    async with request_to(BodySize(), head, timeout_s=0.2) as (reader, writer):
        writer.write(chunk(b"x") if head is CHUNKED else b"x")
        status, lines = await response_head(reader)
        assert (status, b"connection: close" in lines) == (408, True)
        error = json.loads(await reader.read())["error"]
        assert (error["code"], error["message"]) == (
            "body_too_slow",
            "The body took too long to arrive.",
        )


async def test_response_may_take_longer_than_the_body() -> None:
    class Slow(BodySize):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def delayed_send(message: Any) -> None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.4):
                        assert (await receive())["type"] == "http.disconnect"
                await send(message)

            await super().__call__(scope, receive, delayed_send)

    async with request_to(Slow(), b"Content-Length: 1", timeout_s=0.2) as (reader, writer):
        writer.write(b"x")
        assert (await response_head(reader))[0] == 200


class Gate:
    """Bodies that are being received by one `BodyLimit`, of clients with any address."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.app = BodyLimit(
            BodySize(),
            max_bytes=MAX_BYTES,
            timeout_s=1_000_000,
            max_total_bytes=3 * COUNTED,
            max_address_bytes=2 * COUNTED,
        )

    async def post(self, address: str, size_bytes: int = UNCOUNTED_BYTES + COUNTED) -> int:
        """Send so many bytes, and the end of the body later; return the status of the response."""
        parts = [{"type": "http.request", "body": bytes(size_bytes), "more_body": True}]
        answers: list[Any] = []

        async def receive() -> Any:
            if parts:
                return parts.pop()
            await self.may_end.wait()
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            answers.append(message)

        scope = {"type": "http", "path": "/orders", "headers": [], "client": (address, 50_000)}
        await self.app(scope, receive, send)
        return int(answers[0]["status"])


async def test_bodies_of_an_address_are_limited_together() -> None:
    gate = Gate()
    async with asyncio.TaskGroup() as tasks:
        under_way = [tasks.create_task(gate.post("192.0.2.1")) for _ in range(2)]
        await asyncio.sleep(0)
        assert await gate.post("192.0.2.1") == 429
        small = tasks.create_task(gate.post("192.0.2.1", UNCOUNTED_BYTES))
        await asyncio.sleep(0)
        assert not small.done()
        gate.may_end.set()
    assert [task.result() for task in (*under_way, small)] == [200] * 3
    assert await gate.post("192.0.2.1") == 200


async def test_bodies_of_all_are_limited_together() -> None:
    gate = Gate()
    async with asyncio.TaskGroup() as tasks:
        under_way = [tasks.create_task(gate.post(f"192.0.2.{n}")) for n in range(3)]
        await asyncio.sleep(0)
        assert await gate.post("192.0.2.9") == 503
        gate.may_end.set()
    assert [task.result() for task in under_way] == [200] * 3
    assert await gate.post("192.0.2.9") == 200


async def test_endless_anonymous_post_to_the_site_is_refused(site: Site) -> None:
    body = chunk(CHUNK) * (settings.HTTP_MAX_BODY_BYTES // len(CHUNK) + 1)
    async with request(site.port, CHUNKED, b"Accept-Language: es-AR") as (reader, writer):
        writer.write(body)
        status, _ = await response_head(reader)
        answer = json.loads(await reader.read())
    assert (status, answer["error"]["code"]) == (413, "body_too_large")
    assert answer["error"]["message"] == "El contenido es demasiado grande."
