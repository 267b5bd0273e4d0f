"""Bulkheads: requests under way are limited, calls have a DynamoDB client of their own, pages are cheap."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

import orders.demo
from common import clock
from common.dynamodb.client import reset_client, run_in_thread, shared_client
from novasonic.request_limits import STATIC_FILES_AT_ONCE, RequestLimit
from orders import repository
from orders.domain import OrderQuery
from orders.models import Order
from tests.fixtures.frame_server import serving


class SlowSite:
    """An application whose requests wait until they are released."""

    def __init__(self, *, per_process: int = 4, per_address: int = 2) -> None:
        self.under_way: Counter[str] = Counter()
        self.most_under_way = 0
        self.released = asyncio.Event()
        self.app = RequestLimit(self.respond, per_process=per_process, per_address=per_address)

    async def respond(self, scope: Any, receive: Any, send: Any) -> None:
        self.under_way[scope["path"]] += 1
        self.most_under_way = max(self.most_under_way, self.under_way[scope["path"]])
        await self.released.wait()
        self.under_way[scope["path"]] -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def request(
        self, path: str, address: str = "192.0.2.1", **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and JSON of the response."""
        fields = [(name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()]
        scope = {"type": "http", "path": path, "headers": fields, "client": (address, 50_000)}
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        await self.app(scope, receive, send)
        start, body = messages
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], answered, json.loads(body["body"])


@asynccontextmanager
async def waiting(
    site: SlowSite, *requests: tuple[str, str]
) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Have requests under way, by path and address, and release them at the end."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(site.request(*each)) for each in requests]
        await asyncio.sleep(0)
        yield started
        site.released.set()
    assert [task.result()[0] for task in started] == [200] * len(requests)


async def test_address_with_its_share_under_way_is_refused_at_once() -> None:
    site = SlowSite()
    async with waiting(site, ("/orders", "192.0.2.1"), ("/orders", "192.0.2.1")):
        status, headers, body = await site.request("/orders")
        assert (status, headers["retry-after"]) == (429, "1")
        assert body["error"]["code"] == "too_many_at_once"
        _, _, body = await site.request("/orders", accept_language="es-AR")
        assert body["error"]["message"].startswith("Hay demasiadas")
    assert (await site.request("/orders"))[0] == 200


async def test_ipv6_addresses_of_a_network_have_one_share() -> None:
    site = SlowSite()
    async with waiting(site, ("/orders", "2001:db8::1"), ("/orders", "2001:db8::2")):
        assert (await site.request("/orders", "2001:db8::3"))[0] == 429


async def test_request_to_a_full_process_is_refused_at_once() -> None:
    site = SlowSite()
    async with waiting(site, *[("/orders", f"192.0.2.{number}") for number in range(4)]):
        status, headers, body = await site.request("/orders", "192.0.2.9")
        assert (status, headers["retry-after"]) == (503, "1")
        assert body["error"]["code"] == "overloaded"
    assert (await site.request("/orders", "192.0.2.9"))[0] == 200


async def test_requests_of_rest_do_not_stop_pages_tickets_and_files() -> None:
    site = SlowSite(per_process=1, per_address=1)
    paths = ["/orders", "/admin/", "/voice/tickets", "/voice/tickets", "/static/a.js"]
    async with waiting(site, *[(path, "192.0.2.1") for path in paths]):
        assert site.under_way.total() == len(paths)


async def test_static_files_wait_for_each_other() -> None:
    site = SlowSite(per_process=1, per_address=1)
    files = [("/static/a.js", "192.0.2.1")] * (STATIC_FILES_AT_ONCE + 5)
    async with waiting(site, *files):
        assert site.under_way.total() == STATIC_FILES_AT_ONCE
    assert site.most_under_way == STATIC_FILES_AT_ONCE


@pytest.mark.parametrize("path", ["/orders", "/admin/"])
async def test_client_that_reads_nothing_does_not_stop_others(path: str) -> None:
    """A request is over when its response is complete, however slowly the client reads it."""
    site = SlowSite(per_process=1, per_address=1)
    site.released.set()
    is_read, started = asyncio.Event(), asyncio.Event()

    async def blocked_send(message: Any) -> None:
        assert message
        started.set()
        await is_read.wait()

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "path": path, "headers": [], "client": ("192.0.2.1", 50_000)}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(site.app(scope, receive, blocked_send))
        await started.wait()
        assert (await site.request(path))[0] == 200
        is_read.set()


@pytest.mark.wire
@pytest.mark.parametrize("path", [b"/orders", b"/admin/", b"/static/a.js"])
async def test_request_is_under_way_when_its_body_has_arrived(path: bytes) -> None:
    """Clients whose bodies have not arrived do not stop others; each body arrives as it was sent."""

    async def return_body(_scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert not message.get("more_body")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    limited = RequestLimit(return_body, per_process=1, per_address=1)
    head = b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Connection: close\r\nContent-Length: 4\r\n\r\n"
    async with serving(limited) as port, AsyncExitStack() as clients, asyncio.timeout(60):
        connections = []
        for _ in range(STATIC_FILES_AT_ONCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            clients.callback(writer.close)
            writer.write(head + b"ho")
            connections.append((reader, writer))
        for reader, writer in reversed(connections):
            writer.write(b"la")
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"hola" in answer


async def test_request_of_a_client_that_leaves_during_its_body_is_not_served() -> None:
    site = SlowSite()
    messages = iter(
        [{"type": "http.request", "body": b"ho", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> Any:
        return next(messages)

    await site.app({"type": "http", "path": "/orders", "headers": []}, receive, None)
    assert not site.under_way


@pytest.mark.wire
async def test_clients_that_do_not_read_do_not_stop_static_files() -> None:
    async def large_file(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(200):  # 20 MB: more than the buffers between server and client
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})

    site = RequestLimit(large_file, per_process=1, per_address=1)
    async with serving(site) as port, AsyncExitStack() as clients:
        for _ in range(STATIC_FILES_AT_ONCE + 1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            clients.callback(writer.close)
            writer.write(b"GET /static/a.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
            async with asyncio.timeout(60):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.django_db
def test_schema_requested_by_many_at_once_is_the_same_for_all() -> None:
    def read_schema(_number: int) -> tuple[int, bytes]:
        response = Client().get("/api/schema")
        return response.status_code, response.content

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(read_schema, range(16)))
    assert [status for status, _ in answers] == [200]


@pytest.mark.store
async def test_calls_do_not_share_their_client_with_requests(dynamodb: str) -> None:
    reset_client()
    of_calls = await run_in_thread(lambda: id(Order.connection().connection.client))
    of_requests = await asyncio.to_thread(lambda: id(Order.connection().connection.client))
    assert of_calls != of_requests
    assert of_requests == id(shared_client.root().client)
    assert of_calls == await run_in_thread(lambda: id(Order.connection().connection.client))


@pytest.mark.store
async def test_calls_are_served_while_requests_occupy_their_client(empty_tables: str) -> None:
    """Every connection of the requests' client is busy; a tool call still has its own."""
    free, entered = threading.Event(), threading.Semaphore(0)

    def occupy(**_event: Any) -> None:
        entered.release()
        free.wait(120)

    Order.is_empty()
    events = shared_client.root().client.meta.events
    events.register("before-send.dynamodb", occupy)
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(asyncio.to_thread(Order.is_empty))
            for _ in range(4):
                assert await asyncio.to_thread(entered.acquire, timeout=60)
            async with asyncio.timeout(60):
                assert await run_in_thread(Order.is_empty)
            free.set()
    finally:
        free.set()
        events.unregister("before-send.dynamodb", occupy)


@pytest.mark.store
@pytest.mark.parametrize("statuses", [1, 5])
def test_page_of_all_orders_reads_less_than_twice_its_length(
    empty_tables: str, statuses: int
) -> None:
    orders.demo.seed(now=clock.now())
    demo = next(iter(Order.scan(Order.pk.startswith("ORDER#"))))
    every_status = ["pending", "processing", "shipped", "delivered", "cancelled"]
    with Order.batch_write() as batch:
        for number in range(100, 250):
            demo.id = str(number)
            demo.pk, demo.sk = Order.key(demo.id)
            demo.created_at += timedelta(minutes=1)
            demo.status = every_status[number % statuses]
            batch.save(Order(**demo.attribute_values))
    read = 0

    def count(parsed: Any, **_event: Any) -> None:
        nonlocal read
        read += parsed["Count"]

    events = shared_client.root().client.meta.events
    events.register("after-call.dynamodb.Query", count)
    try:
        page = repository.list_orders(OrderQuery(), limit=50)
    finally:
        events.unregister("after-call.dynamodb.Query", count)
    assert len(page.items) == 50
    assert page.cursor is not None
    assert read <= 100
