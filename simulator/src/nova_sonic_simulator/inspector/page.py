"""The inspector: a page on this machine that shows all sessions, and the journal as JSON lines.

    GET /               the page
    GET /events         the journal's entries, one JSON object a line, then each later one as it comes
    GET /events?follow=0  the entries so far

Only the loopback interface is served, and only under its own names: a site in the same browser that resolves
to 127.0.0.1 must not read what customers said.
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from urllib.parse import urlsplit

from nova_sonic_simulator.inspector.journal import Entry, Journal

logger = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 16_384
REQUEST_TIMEOUT_S = 5.0
MAX_WAITING_ENTRIES = 10_000
"""A follower that is further behind is disconnected."""
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
HEADERS = (
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'\r\n"
    "Connection: close\r\n\r\n"
)


@asynccontextmanager
async def inspector_page(journal: Journal, bound: socket.socket) -> AsyncIterator[None]:
    """Serve the page on a bound socket while the context is active."""
    html = files(__package__).joinpath("page.html").read_bytes()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _answer(reader, writer, journal, html)
            await writer.drain()
        except (
            ConnectionError,
            TimeoutError,
            asyncio.LimitOverrunError,
            asyncio.IncompleteReadError,
        ) as error:
            logger.info("inspector client disconnected", extra={"reason": repr(error)})
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, sock=bound, limit=MAX_REQUEST_BYTES)
    try:
        yield
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, journal: Journal, html: bytes
) -> None:
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *lines = head.split("\r\n")
    method, _, rest = request.partition(" ")
    url = urlsplit(rest.partition(" ")[0])
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    if urlsplit(f"//{headers.get('host', '')}").hostname not in LOCAL_NAMES:
        _send(
            writer, "421 Misdirected Request", "text/plain", b"Open it as 127.0.0.1 or localhost.\n"
        )
    elif method != "GET":
        _send(writer, "405 Method Not Allowed", "text/plain", b"Only GET.\n")
    elif url.path == "/":
        _send(writer, "200 OK", "text/html; charset=utf-8", html)
    elif url.path == "/events":
        _send(writer, "200 OK", "application/x-ndjson", b"")
        await _send_entries(reader, writer, journal, is_following=url.query != "follow=0")
    else:
        _send(writer, "404 Not Found", "text/plain", b"/ or /events.\n")


def _send(writer: asyncio.StreamWriter, status: str, content_type: str, body: bytes) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{HEADERS}".encode() + body)


async def _send_entries(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    journal: Journal,
    *,
    is_following: bool,
) -> None:
    for entry in journal.entries:
        writer.write(_line(entry))
    if not is_following:
        return
    queue: asyncio.Queue[Entry] = asyncio.Queue(MAX_WAITING_ENTRIES)
    overflowed = asyncio.Event()

    def receive(entry: Entry) -> None:
        try:
            queue.put_nowait(entry)
        except asyncio.QueueFull:
            overflowed.set()

    unfollow = journal.follow(receive)
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await writer.drain()
        while not gone.done() and not overflowed.is_set():
            following = asyncio.ensure_future(queue.get())
            await asyncio.wait({following, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                return
            writer.write(_line(following.result()))
            await writer.drain()
    finally:
        gone.cancel()
        unfollow()


def _line(entry: Entry) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
