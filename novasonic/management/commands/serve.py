"""`manage.py serve`: the production server, uvicorn, with the settings it needs (ADR 0006)."""

import asyncio
import logging
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any, Literal

import uvicorn
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

MAX_FRAME_BYTES = 256 * 1024
GRACEFUL_SHUTDOWN_S = 25


class Command(BaseCommand):
    help = "Serves site, API and WebSocket on HOST:WS_PORT, and health on HEALTH_PORT if set."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--debug", action="store_true", help="log at level DEBUG")

    def handle(self, *_args: Any, debug: bool, **_options: Any) -> None:
        _require_secret_key()
        if debug:
            logging.getLogger().setLevel(logging.DEBUG)
        with suppress(KeyboardInterrupt):  # Ctrl-C, after uvicorn has closed everything
            asyncio.run(_serve(), loop_factory=_loop_factory())


def _require_secret_key() -> None:
    try:
        settings.SECRET_KEY  # noqa: B018 -- Django refuses to give an empty one
    except ImproperlyConfigured:
        message = "DJANGO_SECRET_KEY is not set. `make run` makes one for this machine."
        raise CommandError(message) from None


def _loop_factory() -> Any:
    return uvicorn.Config("", loop="uvloop", log_config=None).get_loop_factory()


async def _serve() -> None:
    """Run the servers until one of them is told to stop."""
    servers = [_server("novasonic.asgi:application", settings.WS_PORT, lifespan="on")]
    if settings.HEALTH_PORT and settings.HEALTH_PORT != settings.WS_PORT:
        servers.append(_server("novasonic.health:health_app", settings.HEALTH_PORT, lifespan="off"))
    async with asyncio.TaskGroup() as tasks:
        for server in servers:
            tasks.create_task(_run(server, servers))


async def _run(server: uvicorn.Server, servers: list[uvicorn.Server]) -> None:
    """Run one server; when it ends, all end."""
    await server.serve()
    for other in servers:
        other.should_exit = True


def _server(app: str, port: int, *, lifespan: Literal["on", "off"]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.HOST,
            port=port,
            lifespan=lifespan,
            ws="websockets-sansio",
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
            log_config=None,  # Django's logging is set up already
            access_log=False,
        )
    )
