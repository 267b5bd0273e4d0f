"""One address for two servers: calls and their tickets go to `voice`, everything else to `site`.

In AWS the load balancer does this, on a server of one's own nginx (docs/deploy.md). A local run has neither,
so this router stands in for them, and sends the same headers `X-Forwarded-For` and `X-Forwarded-Proto`.

The head of the first request decides where a connection goes; then bytes are copied both ways. So each
connection carries one request: the server is asked to close it after the response.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable

MAX_HEAD_BYTES = 64 * 1024
"""Longest request line and headers, without the empty line behind them."""

HEAD_TIMEOUT_S = 60.0
"""Browsers open connections some time before they use them."""

_COPY_BYTES = 64 * 1024
_VOICE_PATHS = (b"/voice/", b"/health", b"/ready", b"/metrics")
"""The last three say more of `voice`; both have them."""

_REPLACED = {b"connection", b"x-forwarded-proto"}
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_HEAD_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class HTTPRouter:
    """Routes connections to two servers on 127.0.0.1."""

    def __init__(self, *, voice_port: int, site_port: int) -> None:
        self._voice_port = voice_port
        self._site_port = site_port

    @contextlib.asynccontextmanager
    async def listening(self, listeners: Iterable[socket.socket]) -> AsyncIterator[None]:
        """Accept connections on these sockets for as long as the block lasts.

        Connections that are open at its end close with their server or their client.
        """
        servers = [
            await asyncio.start_server(self._carry, sock=listener, limit=MAX_HEAD_BYTES)
            for listener in listeners
        ]
        try:
            yield
        finally:
            for server in servers:
                server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        # Either side may vanish at any time; a client may also send no request at all.
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            try:
                async with asyncio.timeout(HEAD_TIMEOUT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                is_voice, forwarded = _route(head, client=writer.get_extra_info("peername")[0])
                await self._forward(is_voice, forwarded, reader, writer)
            except asyncio.LimitOverrunError:
                writer.write(_HEAD_TOO_LONG)
            finally:
                writer.close()
                await writer.wait_closed()

    async def _forward(
        self,
        is_voice: bool,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        port = self._voice_port if is_voice else self._site_port
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.write(_BAD_GATEWAY)
            return
        try:
            to_server.write(head)
            async with asyncio.TaskGroup() as tasks:
                upload = tasks.create_task(_copy(reader, to_server))
                await _copy(from_server, writer)
                upload.cancel()
        finally:
            to_server.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy bytes until `source` ends, and then end that direction of `target`."""
    # A vanished side ends this direction; the other side learns it by the end.
    with contextlib.suppress(OSError):
        while data := await source.read(_COPY_BYTES):
            target.write(data)
            await target.drain()
        target.write_eof()


def _route(head: bytes, *, client: str) -> tuple[bool, bytes]:
    """Return whether a request is for `voice`, and its head as it is passed on."""
    request_line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    headers = [(line.partition(b":")[0].strip().lower(), line) for line in lines]
    is_websocket = any(
        name == b"upgrade" and line.partition(b":")[2].strip().lower() == b"websocket"
        for name, line in headers
    )
    path = request_line.split(b" ")[1:2] or [b""]
    kept = [line for name, line in headers if name not in _REPLACED]
    added = [
        b"Connection: " + (b"upgrade" if is_websocket else b"close"),
        b"X-Forwarded-For: " + client.encode(),
        b"X-Forwarded-Proto: http",
    ]
    is_voice = is_websocket or path[0].startswith(_VOICE_PATHS)
    return is_voice, b"\r\n".join([request_line, *kept, *added, b"", b""])
