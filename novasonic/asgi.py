"""The process's entry: HTTP, WebSocket, health, and what happens at start and end."""

import logging
import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "novasonic.settings")
django_app = get_asgi_application()

# These need Django to be set up.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from common.dynamodb.client import run_in_thread  # noqa: E402
from common.dynamodb.tables import check_tables  # noqa: E402
from common.errors import UnavailableError  # noqa: E402
from novasonic.health import HealthMiddleware  # noqa: E402
from voice.calls import configuration  # noqa: E402
from voice.calls.registry import call_registry  # noqa: E402
from voice.gateway.origins import PageOriginValidator  # noqa: E402
from voice.gateway.routing import websocket_urlpatterns  # noqa: E402
from voice.sonic.errors import TransportError  # noqa: E402

logger = logging.getLogger(__name__)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 -- ASGI's
    """Warm what makes a first call slow; at the end close what is open."""
    while (message := await receive())["type"] == "lifespan.startup":
        await _warm()
        await send({"type": "lifespan.startup.complete"})
    await call_registry().close()
    await configuration.transport().close()
    await send({"type": f"{message['type']}.complete"})


async def _warm() -> None:
    """Open connections beforehand. What is not reachable yet is only reported: /ready tells."""
    try:
        await run_in_thread(check_tables)
        await configuration.transport().warm()
    except (UnavailableError, TransportError) as error:
        logger.warning("not ready yet", extra={"error": str(error)})


application = HealthMiddleware(
    ProtocolTypeRouter(
        {
            "http": django_app,
            "websocket": PageOriginValidator(
                URLRouter(websocket_urlpatterns), settings.WS_ALLOWED_ORIGINS
            ),
            "lifespan": lifespan,
        }
    )
)
