"""`/health` and `/ready`, answered before Django: load balancers send the wrong Host header.

`/health` says that the process lives. `/ready` says that it can serve: the tables answer, AWS
credentials are found and a connection to Bedrock stands. It starts no session there, and it tells
strangers only what is missing; why is in the log.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from common import dynamo
from common.errors import UnavailableError
from voice import process
from voice.sonic.errors import TransportError

logger = logging.getLogger(__name__)

READY_TIMEOUT_S = 3.0

type ASGIApp = Callable[..., Awaitable[None]]


async def ready_problems() -> list[str]:
    """Return what keeps this process from serving; empty when nothing does."""
    problems = []
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await dynamo.in_thread(dynamo.warm)
    except (UnavailableError, TimeoutError) as error:
        problems.append("DynamoDB")
        logger.warning("not ready: DynamoDB", extra={"error": str(error) or "no answer in time"})
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await process.transport().warm()
    except (TransportError, TimeoutError) as error:
        problems.append("Nova Sonic")
        logger.warning("not ready: Nova Sonic", extra={"error": str(error) or "no answer in time"})
    return problems


class HealthMiddleware:
    """ASGI middleware that answers the two paths and passes everything else on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or pass on."""
        path = scope.get("path") if scope["type"] == "http" else None
        if path == "/health":
            await _answer(send, 200, {"status": "ok"})
        elif path == "/ready":
            problems = await ready_problems()
            status = "unready" if problems else "ready"
            await _answer(send, 503 if problems else 200, {"status": status, "problems": problems})
        else:
            await self._app(scope, receive, send)


async def _answer(send: Any, status: int, body: dict[str, Any]) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def not_found(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 -- ASGI's
    """Answer 404: what the health port says to every other path."""
    await _answer(send, 404, {"error": "only /health and /ready are served here"})


health_app = HealthMiddleware(not_found)
"""What HEALTH_PORT serves."""
