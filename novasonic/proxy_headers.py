"""A check that the proxies in front send what the setting PROXIES promises.

Django reads the client's scheme from `X-Forwarded-Proto`, `common.client_address` the address from
`X-Forwarded-For`. Without the first, an https-only site redirects each request to itself, for ever.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

PROXY_HEADERS = (b"x-forwarded-proto", b"x-forwarded-for")

type ASGIApp = Callable[..., Awaitable[None]]


class ProxyHeaderCheck:
    """ASGI middleware that logs, once, which header of the proxies a request lacks."""

    def __init__(self, app: ASGIApp, proxies: int) -> None:
        self._app = app
        self._expected = PROXY_HEADERS if proxies else ()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Check the request and pass it on."""
        if self._expected and scope["type"] in {"http", "websocket"}:
            self._check({name for name, _ in scope["headers"]})
        await self._app(scope, receive, send)

    def _check(self, headers: set[bytes]) -> None:
        missing = [name.decode() for name in self._expected if name not in headers]
        if missing:
            self._expected = ()
            fields = {"headers": missing, "remedy": "Let the proxy send them, or set PROXIES=0."}
            logger.warning("proxy headers missing", extra=fields)
