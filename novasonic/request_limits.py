"""Limits on the requests that are under way at once, so that some leave room for others.

Each request that Django serves has a thread, and most wait for DynamoDB or SQL. More of them than the
process can serve would only make all of them slow, and calls with them. So they are refused at once:
429 if the client's address has its share, 503 if the process is full.

REST and the staff's pages are limited apart, and so are static files, which wait for each other instead:
a page loads many at once. A request is under way from when its body has arrived, so that clients that send
none do not stop others; `BodyLimit`, around this middleware, bounds the body. And it is under way until its
response is complete, not until a slow client has read it. Paths under `/voice/` never wait for DynamoDB in
Django; they have limits of their own.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from django.utils.translation import gettext_lazy as _
from prometheus_client import Counter as Metric

from common import client_address
from common.limit_log import LimitLog
from common.networks import network_of
from novasonic.refusals import send_refusal

REQUESTS_REFUSED = Metric(
    "nova_requests_refused",
    "HTTP requests refused because too many were under way, by limit: process, address.",
    ["limit"],
)
STATIC_FILES_AT_ONCE = 16
RETRY_AFTER_S = 1
_REFUSALS = {"process": (503, "overloaded"), "address": (429, "too_many_at_once")}
"""Status and code of the error, by the limit."""

logger = logging.getLogger(__name__)

type ASGIApp = Callable[..., Awaitable[None]]


class RequestLimit:
    """ASGI middleware that refuses requests beyond the number that may be under way."""

    def __init__(
        self, app: ASGIApp, *, per_process: int, per_address: int, script_name: str = ""
    ) -> None:
        self._app = app
        self._per_process = per_process
        self._per_address = per_address
        self._script_name = script_name
        self._under_way: Counter[str] = Counter()
        self._static_files = asyncio.Semaphore(STATIC_FILES_AT_ONCE)
        self._log = LimitLog(logger, "request refused")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or refuse it."""
        path = scope["path"].removeprefix(self._script_name) if scope["type"] == "http" else None
        if path is None or path.startswith("/voice/"):
            await self._app(scope, receive, send)
            return
        body = await _received_body(receive)
        if body is None:
            return
        replaying_receive = _replaying(body, receive)
        if path.startswith("/static/"):
            await self._serve_static_file(scope, replaying_receive, send)
        else:
            kind = "pages" if path.startswith(("/admin/", "/api-auth/")) else "rest"
            await self._serve_bounded(kind, scope, replaying_receive, send)

    async def _serve_static_file(self, scope: Any, receive: Any, send: Any) -> None:
        """Wait for the files before this one, until their responses start: a client may never read one."""
        async with AsyncExitStack() as slot:
            await slot.enter_async_context(self._static_files)

            async def releasing_send(message: Any) -> None:
                await slot.aclose()  # does nothing the second time
                await send(message)

            await self._app(scope, receive, releasing_send)

    async def _serve_bounded(self, kind: str, scope: Any, receive: Any, send: Any) -> None:
        of_address = f"{kind} {network_of(client_address.address_of_scope(scope))}"
        if self._under_way[kind] >= self._per_process:
            await self._refuse("process", scope, send)
        elif self._under_way[of_address] >= self._per_address:
            await self._refuse("address", scope, send)
        else:
            response: list[Any] = []

            async def collecting_send(message: Any) -> None:
                response.append(message)

            self._under_way.update((kind, of_address))
            try:
                await self._app(scope, receive, collecting_send)
            finally:
                self._under_way[kind] -= 1
                self._under_way[of_address] -= 1
                if not self._under_way[of_address]:
                    del self._under_way[of_address]
            # Django has released its thread, and has had the whole response in memory anyway.
            for message in response:
                await send(message)

    async def _refuse(self, limit: str, scope: Any, send: Any) -> None:
        REQUESTS_REFUSED.labels(limit).inc()
        self._log.report(limit, now=asyncio.get_running_loop().time())
        status, code = _REFUSALS[limit]
        await send_refusal(
            scope,
            send,
            status,
            code=code,
            text=_("Too many requests at once. Try again in a moment."),
            retry_after_s=RETRY_AFTER_S,
        )


async def _received_body(receive: Any) -> bytes | None:
    """Receive the body of a request; return None if the client disconnects before its end."""
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
    return None


def _replaying(body: bytes, receive: Any) -> Any:
    """Return ASGI's `receive`, which returns a body that has been received, and then what follows."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying_receive() -> Any:
        return unread.pop() if unread else await receive()

    return replaying_receive
