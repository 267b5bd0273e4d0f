"""`/health`, `/ready` and `/metrics`, served before Django, which refuses a load balancer's Host header.

- `/health`: the process is alive.
- `/ready`: the process can serve: it accepts calls, the tables respond, AWS credentials exist and
  Bedrock can be connected to. It opens no session there. A process of the site alone needs only the
  tables. The response says what is missing; the log says why.
- `/metrics`: for Prometheus, with the bearer token METRICS_TOKEN; closed where none is set.
"""

import asyncio
import hmac
import json
import logging
import threading
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

_metrics_lock = threading.Lock()

type ASGIApp = Callable[..., Awaitable[None]]


async def readiness_problems(*, needs_sonic: bool = True) -> list[str]:
    """Return why this process can't serve; an empty list if it can."""
    problems = ["draining"] if call_registry().admission.is_draining else []
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            # The site has no calls, so the client of calls is not what serves its requests.
            await (run_in_thread(check_tables) if needs_sonic else asyncio.to_thread(check_tables))
    except (UnavailableError, TimeoutError) as error:
        problems.append("DynamoDB")
        _log_problem("DynamoDB", error)
    if not needs_sonic:
        return problems
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await configuration.region_pool().warm()
    except (TransportError, TimeoutError) as error:
        problems.append("Nova Sonic")
        _log_problem("Nova Sonic", error)
    return problems


def _log_problem(service: str, error: Exception) -> None:
    fields = {"service": service, "error": str(error) or "timed out"}
    logger.warning("not ready", extra=fields)


class HealthMiddleware:
    """ASGI middleware that serves the three paths and passes all other requests on."""

    def __init__(self, app: ASGIApp, *, needs_sonic: bool = True) -> None:
        """Wrap `app`; `needs_sonic` says whether it can't serve without Nova Sonic."""
        self._app = app
        self._needs_sonic = needs_sonic
        self._readiness_check: asyncio.Task[list[str]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the request, or pass it on."""
        path = scope["path"].removesuffix("/") if scope["type"] == "http" else None
        if path == "/health":
            await _send_json(send, 200, {"status": "ok"})
        elif path == "/ready":
            await _send_readiness(send, await self._readiness_problems())
        elif path == "/metrics":
            await _send_metrics(scope, send)
        else:
            await self._app(scope, receive, send)

    async def _readiness_problems(self) -> list[str]:
        """Return the result of a check, which all requests share that arrive during it."""
        if self._readiness_check is None or self._readiness_check.done():
            self._readiness_check = asyncio.create_task(  # noqa: TID251 -- it outlives a request that is cancelled
                readiness_problems(needs_sonic=self._needs_sonic)
            )
        return await asyncio.shield(self._readiness_check)


async def _send_readiness(send: Any, problems: list[str]) -> None:
    body = {
        "status": "unready" if problems else "ready",
        "problems": problems,
        "calls": call_registry().admission.calls,
    }
    await _send_json(send, 503 if problems else 200, body)


async def _send_metrics(scope: Any, send: Any) -> None:
    authorization = dict(scope["headers"]).get(b"authorization", b"")
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    if not settings.METRICS_TOKEN:
        await _send_json(send, 403, {"error": "set METRICS_TOKEN to open this path"})
    elif not hmac.compare_digest(authorization, expected):
        await _send_json(send, 401, {"error": "a bearer token is needed"})
    else:
        metrics.TASKS.set(len(asyncio.all_tasks()))
        await _send(send, 200, CONTENT_TYPE_LATEST, await asyncio.to_thread(_metrics_text))


def _metrics_text() -> bytes:
    with _metrics_lock:  # many requests at once occupy one thread at a time, and calls go on
        return generate_latest()


async def _send_json(send: Any, status: int, body: dict[str, Any]) -> None:
    await _send(send, status, "application/json", json.dumps(body).encode())


async def _send(send: Any, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def not_found(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 -- ASGI passes them
    """Respond with 404, for paths that HEALTH_PORT or this part of the server does not have."""
    await _send_json(send, 404, {"error": "this path is not served here"})


def build_health_application(*, needs_sonic: bool) -> ASGIApp:
    """Return the ASGI application on HEALTH_PORT."""
    return HealthMiddleware(not_found, needs_sonic=needs_sonic)
