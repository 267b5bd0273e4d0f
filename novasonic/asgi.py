"""The ASGI application: HTTP, WebSocket, health, start and shutdown."""

import logging
import os
import sys
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
from novasonic.health import HealthMiddleware
from novasonic.proxy_headers import ProxyHeaderCheck
from voice.calls import configuration
from voice.calls.registry import call_registry
from voice.gateway.origins import PageOriginValidator
from voice.gateway.routing import websocket_urlpatterns
from voice.sonic.errors import TransportError

logger = logging.getLogger(__name__)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 -- ASGI passes it
    """Connect to DynamoDB and Bedrock at start, so that the first call is fast; close at shutdown."""
    while (message := await receive())["type"] == "lifespan.startup":
        await _connect()
        await send({"type": "lifespan.startup.complete"})
    await call_registry().close()
    await configuration.region_pool().close()
    await send({"type": f"{message['type']}.complete"})


async def _connect() -> None:
    """Open the connections. A failure does not stop the start: `/ready` reports it."""
    try:
        await run_in_thread(check_tables)
        await configuration.region_pool().warm()
    except (UnavailableError, TransportError) as error:
        logger.warning("not ready at start", extra={"error": str(error)})


application = HealthMiddleware(
    ProxyHeaderCheck(
        ProtocolTypeRouter(
            {
                "http": django_app,
                "websocket": PageOriginValidator(
                    URLRouter(websocket_urlpatterns), settings.WS_ALLOWED_ORIGINS
                ),
                "lifespan": lifespan,
            }
        ),
        settings.PROXIES,
    )
)
