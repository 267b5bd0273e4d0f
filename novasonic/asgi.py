"""The ASGI applications: HTTP, WebSocket, health, start and shutdown; of both parts or of one.

The parts are *voice*, which carries calls and issues the tickets for them, and *site*: page, staff admin and
REST API. In processes of their own, a heavy page of the site cannot delay the audio of calls.
"""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "novasonic.settings")
try:
    django_app = get_asgi_application()
except ImproperlyConfigured as error:
    sys.exit(str(error))  # one line for each broken variable, as `serve` prints them

# These imports need Django to be set up.
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings

from common.dynamodb.client import run_in_thread
from common.dynamodb.tables import check_tables
from common.errors import UnavailableError
from novasonic.body_limit import BodyLimit
from novasonic.health import HealthMiddleware, not_found
from novasonic.proxy_headers import ProxyHeaderCheck
from novasonic.request_limits import RequestLimit
from novasonic.script_name import strip_script_name
from voice.calls import configuration
from voice.calls.registry import call_registry
from voice.gateway.origins import PageOriginValidator
from voice.gateway.routing import reject_connection, websocket_urlpatterns
from voice.sonic.errors import TransportError

logger = logging.getLogger(__name__)

VOICE_PATHS = "/voice/"
"""The HTTP paths of the voice part begin so; load balancers route by it (terraform/alb.tf)."""

type ASGIApp = Callable[..., Awaitable[None]]


class Part(StrEnum):
    """A part of the server that can run in a process of its own."""

    VOICE = "voice"
    SITE = "site"


def build_application(only: Part | None = None) -> ASGIApp:
    """Return the application of one part, or of both."""
    calls = strip_script_name(URLRouter(websocket_urlpatterns), settings.SCRIPT_NAME)
    websocket = PageOriginValidator(calls, settings.WS_ALLOWED_ORIGINS)
    router = ProtocolTypeRouter(
        {
            "http": django_app if only is None else _paths_of(only),
            "websocket": reject_connection if only is Part.SITE else websocket,
            "lifespan": _lifespan(only),
        }
    )
    bounded = RequestLimit(
        router,
        per_process=settings.HTTP_REQUESTS_MAX,
        per_address=settings.HTTP_REQUESTS_PER_ADDRESS,
        script_name=settings.SCRIPT_NAME.rstrip("/"),
    )
    limited = BodyLimit(
        ProxyHeaderCheck(bounded, settings.PROXIES),
        max_bytes=settings.HTTP_MAX_BODY_BYTES,
        timeout_s=settings.HTTP_BODY_TIMEOUT_S,
    )
    return HealthMiddleware(limited, needs_sonic=only is not Part.SITE)


def _paths_of(part: Part) -> ASGIApp:
    """Return an application that serves the HTTP paths of one part."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(settings.SCRIPT_NAME.rstrip("/"))
        is_of_voice = path.startswith(VOICE_PATHS)
        if is_of_voice is (part is Part.VOICE):
            await django_app(scope, receive, send)
        else:
            await not_found(scope, receive, send)

    return serve


def _lifespan(only: Part | None) -> ASGIApp:
    """Return an application that opens connections at start, and closes them at shutdown."""

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 -- ASGI passes it
        while (message := await receive())["type"] == "lifespan.startup":
            await _connect(only)
            gc.collect()
            gc.freeze()  # what lives for good is not searched again: that would halt calls for 0.1 s
            await send({"type": "lifespan.startup.complete"})
        await call_registry().close()
        await configuration.region_pool().close()
        await send({"type": f"{message['type']}.complete"})

    return lifespan


async def _connect(only: Part | None) -> None:
    """Connect to DynamoDB and Bedrock, and read the prompts, so that the first call and request are fast.

    A failure does not stop the start: `/ready` reports it.
    """
    try:
        if only is not Part.VOICE:
            await asyncio.to_thread(check_tables)
        if only is not Part.SITE:
            await run_in_thread(check_tables)
            configuration.read_documents()
            await configuration.region_pool().warm()
    except (UnavailableError, TransportError) as error:
        logger.warning("not ready at start", extra={"error": str(error)})


application = build_application()
"""Both parts in one process, for servers that are given a module (`daphne novasonic.asgi:application`)."""
