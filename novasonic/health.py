"""`/health`, `/ready` and `/metrics`, answered before Django: load balancers send the wrong Host header.

`/health` says that the process lives. `/ready` says that it can serve: it takes calls, the tables
answer, AWS credentials are found and a connection to Bedrock stands. It starts no session there, and it
tells strangers only what is missing; why is in the log. `/metrics` is for Prometheus, and asks for
METRICS_TOKEN where one is set.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.dynamodb.client import run_in_thread
from common.dynamodb.tables import check_tables
from common.errors import UnavailableError
from voice import metrics
from voice.calls import configuration
from voice.calls.registry import call_registry
from voice.sonic.errors import TransportError

logger = logging.getLogger(__name__)

READY_TIMEOUT_S = 3.0

type ASGIApp = Callable[..., Awaitable[None]]


async def ready_problems() -> list[str]:
    """Return what keeps this process from serving; empty when nothing does."""
    problems = ["draining"] if call_registry().admission.is_draining else []
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await run_in_thread(check_tables)
    except (UnavailableError, TimeoutError) as error:
        problems.append("DynamoDB")
        logger.warning("not ready: DynamoDB", extra={"error": str(error) or "no answer in time"})
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await configuration.transport().warm()
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
            await _answer_ready(send)
        elif path == "/metrics":
            await _answer_metrics(scope, send)
        else:
            await self._app(scope, receive, send)


async def _answer_ready(send: Any) -> None:
    problems = await ready_problems()
    body = {
        "status": "unready" if problems else "ready",
        "problems": problems,
        "calls": call_registry().admission.calls,
    }
    await _answer(send, 503 if problems else 200, body)


async def _answer_metrics(scope: Any, send: Any) -> None:
    given = dict(scope["headers"]).get(b"authorization", b"")
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    if settings.METRICS_TOKEN and not hmac.compare_digest(given, wanted):
        await _answer(send, 401, {"error": "a bearer token is needed"})
        return
    metrics.TASKS.set(len(asyncio.all_tasks()))
    await _send(send, 200, CONTENT_TYPE_LATEST, generate_latest())


async def _answer(send: Any, status: int, body: dict[str, Any]) -> None:
    await _send(send, status, "application/json", json.dumps(body).encode())


async def _send(send: Any, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def not_found(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 -- ASGI's
    """Answer 404: what the health port says to every other path."""
    await _answer(send, 404, {"error": "only /health, /ready and /metrics are served here"})


health_app = HealthMiddleware(not_found)
"""What HEALTH_PORT serves."""
