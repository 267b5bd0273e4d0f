"""Limits on request bodies while they are received, for all paths: their size, their duration, their sum.

Django receives a whole body before it looks at the request, and stores a large one on the disk.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils.translation import gettext_lazy as _

from common import client_address
from common.networks import network_of
from novasonic.refusals import send_refusal

logger = logging.getLogger(__name__)

MAX_TOTAL_BYTES = 32 * 1024 * 1024
"""Of all bodies at once, in a process."""
MAX_ADDRESS_BYTES = 4 * 1024 * 1024
"""Of all bodies of an address at once."""
UNCOUNTED_BYTES = 16 * 1024
"""So much of each body does not count, so that large bodies leave room for ordinary requests."""

_REFUSALS = {
    408: ("body_too_slow", _("The body took too long to arrive.")),
    413: ("body_too_large", _("The body is too large.")),
    429: ("too_many_at_once", _("Too many requests at once. Try again in a moment.")),
    503: ("overloaded", _("Too many requests at once. Try again in a moment.")),
}
RETRY_AFTER_S = 1
"""Code and text of the error, by status."""

type ASGIApp = Callable[..., Awaitable[None]]


class _BodyRefusedError(Exception):
    """The body of a request is not received to its end; the argument is the response's status."""


class _Body:
    """What was received of one body, counted until its request is answered."""

    def __init__(self, limit: "BodyLimit", address: str) -> None:
        self._limit = limit
        self._address = address
        self._received_bytes = self._counted_bytes = 0

    def add(self, size_bytes: int) -> None:
        """Count a part of the body. Raises _BodyRefusedError."""
        self._received_bytes += size_bytes
        self._limit.check_size(self._received_bytes)
        counted = max(0, self._received_bytes - UNCOUNTED_BYTES)
        self._limit.count(self._address, counted - self._counted_bytes)
        self._counted_bytes = counted

    def remove(self) -> None:
        """Uncount the body."""
        self._limit.uncount(self._address, self._counted_bytes)
        self._counted_bytes = 0


class BodyLimit:
    """ASGI middleware that refuses bodies while they are received.

    A body that is too long is answered with 413, one that is too slow with 408. If the bodies of an address
    are together too long, one more part of them is answered with 429, and with 503 if those of all are. The
    connection is closed after each of these, without receiving the rest.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        timeout_s: float,
        max_total_bytes: int = MAX_TOTAL_BYTES,
        max_address_bytes: int = MAX_ADDRESS_BYTES,
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._max_total_bytes = max_total_bytes
        self._max_address_bytes = max_address_bytes
        self._total_bytes = 0
        self._bytes_of_addresses: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or refuse its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self, network_of(client_address.address_of_scope(scope)))
        try:
            self.check_size(_declared_bytes(scope))
            await self._app(scope, self._limited(receive, body), send)
        except _BodyRefusedError as refusal:
            (status,) = refusal.args
            logger.info("request body refused", extra={"status": status, "path": scope["path"]})
            code, text = _REFUSALS[status]
            retry_after_s = RETRY_AFTER_S if status in {429, 503} else None
            await send_refusal(
                scope, send, status, code=code, text=text, retry_after_s=retry_after_s
            )
        finally:
            body.remove()

    def _limited(self, receive: Any, body: _Body) -> Any:
        """Return ASGI's `receive`, with the limits for the messages that bring a body."""
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        is_complete = False

        async def limited_receive() -> Any:
            nonlocal is_complete
            if is_complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise _BodyRefusedError(408) from None
            body.add(len(message.get("body", b"")))
            is_complete = not message.get("more_body", False)
            return message

        return limited_receive

    def check_size(self, size_bytes: int) -> None:
        """Refuse a body that is too long. Raises _BodyRefusedError."""
        if size_bytes > self._max_bytes:
            raise _BodyRefusedError(413)

    def count(self, address: str, size_bytes: int) -> None:
        """Count bytes of an address's bodies. Raises _BodyRefusedError if there are too many."""
        if not size_bytes:
            return
        if self._bytes_of_addresses[address] + size_bytes > self._max_address_bytes:
            raise _BodyRefusedError(429)
        if self._total_bytes + size_bytes > self._max_total_bytes:
            raise _BodyRefusedError(503)
        self._bytes_of_addresses[address] += size_bytes
        self._total_bytes += size_bytes

    def uncount(self, address: str, size_bytes: int) -> None:
        """Uncount bytes of an address's bodies: the request is answered."""
        self._total_bytes -= size_bytes
        self._bytes_of_addresses[address] -= size_bytes
        if self._bytes_of_addresses[address] <= 0:
            del self._bytes_of_addresses[address]


def _declared_bytes(scope: Any) -> int:
    """Return the length that a request declares; 0 if it declares none."""
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0
