"""Limits on request bodies while they are received, for all paths: their size and their duration.

Django receives a whole body before it looks at the request, and stores a large one on the disk.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils.translation import gettext_lazy as _

from novasonic.refusals import send_refusal

logger = logging.getLogger(__name__)

_REFUSALS = {
    408: ("body_too_slow", _("The body took too long to arrive.")),
    413: ("body_too_large", _("The body is too large.")),
}
"""Code and text of the error, by status."""

type ASGIApp = Callable[..., Awaitable[None]]


class _BodyRefusedError(Exception):
    """The body of a request is not received to its end; the argument is the response's status."""


class BodyLimit:
    """ASGI middleware that answers 413 to a body that is too long, and 408 to one that is too slow.

    It closes the connection after either, without receiving the rest.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or refuse its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check_size(_declared_bytes(scope))
            await self._app(scope, self._limited(receive), send)
        except _BodyRefusedError as refusal:
            (status,) = refusal.args
            logger.info("request body refused", extra={"status": status, "path": scope["path"]})
            code, text = _REFUSALS[status]
            await send_refusal(scope, send, status, code=code, text=text)

    def _limited(self, receive: Any) -> Any:
        """Return ASGI's `receive`, with the limits for the messages that bring a body."""
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        received_bytes, is_complete = 0, False

        async def limited_receive() -> Any:
            nonlocal received_bytes, is_complete
            if is_complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise _BodyRefusedError(408) from None
            received_bytes += len(message.get("body", b""))
            self._check_size(received_bytes)
            is_complete = not message.get("more_body", False)
            return message

        return limited_receive

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise _BodyRefusedError(413)


def _declared_bytes(scope: Any) -> int:
    """Return the length that a request declares; 0 if it declares none."""
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0
